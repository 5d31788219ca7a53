"""Whether a text is English, the one language that is understood here."""

import re

# Words that hardly any English sentence does without, save those that its neighbours spell alike: "in", "so".
_SMALL = frozenset(
    re.findall(
        r"\S+",
        "a and the of to on at for with by from is are were be been i my me we our you they it "
        "that this would have had do did not no yes but because when then after as or there what nothing",
    )
)
# What is spoken has one in every four words; notes such as a résumé's have fewer.
SPOKEN, NOTED = 0.2, 0.1
FEW_WORDS = 4


def is_english(text: str, share: float = SPOKEN) -> bool:
    """Whether at least ``share`` of the words are small ones of English. A few words alone may be anything
    that is written in Latin letters."""
    letters = [letter for letter in text if letter.isalpha()]
    if 2 * sum(letter.isascii() for letter in letters) < len(letters):
        return False
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return len(words) <= FEW_WORDS or sum(word in _SMALL for word in words) >= share * len(words)
