"""Words that are a tool's name and a plain word: "Go the extra mile" names no language."""

import re

# What follows at a sentence's head, where any word has its capital, if the plain word is meant. The verb:
# "Excel at teamwork", "Go above and beyond"; but "Excel at an advanced level", "Excel in daily use".
_TO_DO = re.compile(
    r" (?:(?:at|in|to|under|within|beyond|through|throughout|over|out|on|off|up|down|into|about|around|above|"
    r"across|ahead|further|home|back|the|an?|this|that|your|their|our|its|"
    r"(?!daily|weekly|monthly)[a-z]+ly)(?![\w-])"
    r"(?! (?:[A-Z]|(?:an? |the )?(?:\w+ )?(?:level|use|standard)\b))|"
    r"with (?:the|an?|your|our)\b|as (?:an?|part)\b)|-(?:to|getters?|live)\b"
)
# The adjective: "Swift response to customers"; but "Swift developer", "Swift and Kotlin".
_SUCH = re.compile(
    r" (?:and|or) [a-z]| (?!(?:and|or|with|for|on|in|using|is|at|since|skills?|basics|experience|knowledge|"
    r"programming|code|coding|development|developers?|engineers?|apps?|applications?|software|packages?|"
    r"projects?|libraries|modules?|certified|certification)\b)[a-z]"
)
# The noun: "Word of mouth", "Rust removal".
_THING = re.compile(
    r" (?:of|prevention|removal|proofing|treatment|repairs?|protection|shows?|theatre|makers?|making|advice|"
    r"counsel|joy|interest|curiosity|creativity|enthusiasm|conversations?|innovation|change|ideas)\b"
)
_PLAIN = {
    **dict.fromkeys(("Excel", "Go", "React", "Zoom", "Slack", "Bash", "Dart"), _TO_DO),
    "Swift": _SUCH,
    **dict.fromkeys(("Rust", "Sage", "Puppet", "Spark", "Word", "Notion"), _THING),
}
_HEAD = re.compile(r"(?:^|[.:!?•\n])[\s\"'“‘(*_-]*$")
# "R$ 90,000"; "Bonvicini R., Rossi M."
_SIGN_OR_INITIAL = re.compile(r"\$|\., [A-Z]")


def is_plain_word(text: str, start: int, end: int) -> bool:
    """Whether what could be a tool's name at ``text[start:end]`` is an everyday word, or an initial."""
    word = text[start:end]
    if word == "R":
        return _SIGN_OR_INITIAL.match(text, end) is not None
    plain = _PLAIN.get(word)
    if plain is None or plain.match(text, end) is None:
        return False
    return _HEAD.search(text[max(0, start - 8) : start]) is not None
