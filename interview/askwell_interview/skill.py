"""Skills named in a text: a written list of them, and the lists that documents themselves write."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast

from .data_file import data_lines
from .homograph import is_plain_word

Kind = Literal["tool", "method", "knowledge", "soft", "licence", "duty"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One skill. ``field`` is the professional field; "" for a skill that only the document knows."""

    name: str
    field: str
    kind: Kind
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """``text[start:end]`` names the skill."""

    entry: Entry
    start: int
    end: int


_TOKEN = re.compile(r"\.?[^\W_]+(?:[.'’&][^\W_]+)*[+#]*")
_GAP = re.compile(r"[ \n]?|[ ]?[-‐–/][ ]?|[ ]?&[ ]?")


def _tokens(text: str) -> list[re.Match[str]]:
    return list(_TOKEN.finditer(text))


def _folded(word: str) -> str:
    return word.casefold().replace("’", "'")


def _key(words: list[str]) -> tuple[str, ...]:
    return tuple(_folded(word) for word in words if word.casefold() not in ("and", "&"))


def _variants(key: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The key, and its plural or singular."""
    last = key[-1]
    if len(last) < 4 or not last.isalpha():
        return [key]
    other = last[:-1] if last.endswith("s") and not last.endswith("ss") else last + "s"
    return [key, (*key[:-1], other)]


@dataclass(frozen=True)
class Gazetteer:
    """Spellings by their words. A spelling that needs its capitals stands in ``exact`` beside its key.

    ``reach``: the most words of a key that begins with this one. Most words of a text begin none.
    """

    spellings: dict[tuple[str, ...], Entry]
    exact: dict[tuple[str, ...], dict[str, Entry]]
    longest: int
    reach: dict[str, int]

    def hits(self, text: str) -> list[Hit]:
        """Skills named in ``text``, the longest spelling first at each place, never overlapping."""
        tokens = _tokens(text)
        found: list[Hit] = []
        at = 0
        while at < len(tokens):
            step = self._match(text, tokens, at)
            if step is None:
                at += 1
                continue
            hit, used = step
            if not is_plain_word(text, hit.start, hit.end):
                found.append(hit)
            at += used
        return found

    def _match(self, text: str, tokens: list[re.Match[str]], at: int) -> tuple[Hit, int] | None:
        reach = self.reach.get(_folded(tokens[at].group()), 0)
        if not reach:
            return None
        found = None
        words: list[str] = []
        key: tuple[str, ...] = ()
        for end in range(at, min(at + self.longest, len(tokens))):
            if end > at and not _GAP.fullmatch(text, tokens[end - 1].end(), tokens[end].start()):
                break
            words.append(tokens[end].group())
            if words[-1].casefold() == "and":
                continue
            key = (*key, _folded(words[-1]))
            if len(key) > reach:
                break
            entry = self.spellings.get(key)
            if entry is None and key in self.exact:
                entry = self.exact[key].get(" ".join(words))
            if entry is not None:
                found = Hit(entry, tokens[at].start(), tokens[end].end()), end + 1 - at
        return found


@cache
def gazetteer() -> Gazetteer:
    """The list of data/skills.tsv. The first skill that claims a spelling keeps it."""
    spellings: dict[tuple[str, ...], Entry] = {}
    exact: dict[tuple[str, ...], dict[str, Entry]] = {}
    longest = 1
    for line in data_lines("skills.tsv"):
        name, aliases, field, kind = line.split("\t")
        names = [name, *filter(None, (alias.strip() for alias in aliases.split("|")))]
        entry = Entry(name.lstrip("="), field, cast(Kind, kind), tuple(a.lstrip("=") for a in names[1:]))
        for spelling in names:
            words = [token.group() for token in _tokens(spelling)]
            key = _key(words)
            longest = max(longest, len(words) + 1)
            if spelling.startswith("="):
                exact.setdefault(key, {}).setdefault(" ".join(words), entry)
                continue
            for variant in _variants(key):
                spellings.setdefault(variant, entry)
    reach: dict[str, int] = {}
    for key in (*spellings, *exact):
        reach[key[0]] = max(reach.get(key[0], 0), len(key))
    return Gazetteer(spellings, exact, longest, reach)


_LEAD = re.compile(
    r"^(?:(?:an? |the |some |any |very |our )?(?:strong|good|solid|excellent|proven|basic|sound|"
    r"hands-on|deep|"
    r"practical|working|extensive|great|in-depth|advanced|fluent(?: in)?)\s+)*"
    r"(?:(?:\w+ )?(?:experience|knowledge|understanding|command|skills?|proficiency|familiarity|expertise|"
    r"background|confidence|competence)\s+(?:of|in|with|using|on)\s+|(?:proficient|skilled|"
    r"experienced|competent|"
    r"familiar|confident|expert)\s+(?:in|with|at|using)\s+|(?:using|use of)\s+)",
    re.IGNORECASE,
)
_NOT_A_SKILL = re.compile(
    r"\b(?:you|your|our|we|us|i|my|me|is|are|be|has|have|will|can|who|which|that|this|these|those|"
    r"degree|diploma|"
    r"bachelor\S*|master\S*|phd|years?|months?|yrs?|level|right to|permit|visa|salary|bonus|etc|and|or|with|"
    r"similar|other|various|the|an?|to|as|if|at least|minimum|preferred|required|essential|desirable|plus|"
    r"experience|knowledge|ability|willing\S*|eligib\S*|fluent|native|languages?|english|german|"
    r"french|spanish|"
    r"mandarin|chinese|polish|turkish|arabic|hindi|urdu|punjabi|bengali|tamil|telugu|malayalam|"
    r"gujarati|igbo|yoruba|"
    r"hausa|swahili|portuguese|italian|dutch|russian|ukrainian|romanian|greek|hebrew|persian|farsi|"
    r"japanese|korean|"
    r"vietnamese|thai|tagalog|cantonese|welsh|irish|czech|slovak|hungarian|swedish|danish|norwegian|"
    r"finnish|basic|intermediate|advanced|proficient|good|excellent|strong|responsible|references?|"
    r"expert|beginner|novice|several|some|many|few|further|missing|only|still|"
    r"(?:first|second|third|up|above|below)$|(?!(?:family|assembly|supply|early|elderly|reply)\b)\w+ly$|"
    r"ideally|mainly|preferably|mostly|"
    r"school|no|none|not|of|in|on|at|by|for|from|while|than|mother|notice|yet|sorry|either|more|including|leading|people|licen[cs]es?|"
    r"university|college|present|remote|hybrid|office|full-time|part-time|team|field|role|job|work)\b",
    re.IGNORECASE,
)


def listed_skills(text: str, start: int, end: int, *, bare: bool) -> list[Hit]:
    """Short noun phrases of a list, ``text[start:end]``, that the gazetteer does not know.

    ``bare``: the whole piece is a list of skills. Otherwise only what follows "experience with" and the
    like is taken, since a requirement's sentence may say anything.
    """
    piece = text[start:end]
    lead = _LEAD.match(piece)
    if lead is None and not bare:
        return []
    at = start + (lead.end() if lead else 0)
    found = []
    parts = list(re.finditer(r"(?:(?!\s+(?:and|or)\s)[^,;|•·\n(:/])+", text[at:end]))
    phrases = [re.sub(r"^(?:and|or)\s+", "", part.group().strip(" .*_-")) for part in parts]
    mixed = any(phrase[:1].islower() for phrase in phrases)
    for index, (part, phrase) in enumerate(zip(parts, phrases, strict=True)):
        if not 1 <= len(phrase.split()) <= 3 or not 3 <= len(phrase) <= 40 or _NOT_A_SKILL.search(phrase):
            continue
        if not re.fullmatch(r"[^\W\d_][\w .+#'’&-]*", phrase) or part.group().endswith("-"):
            continue
        if phrase == piece and phrase.isupper() and len(phrase) > 5:
            continue  # a heading
        # In mid-sentence a capital is the name's own; at the head of a list item it may be the item's, and in
        # a list where every item has one it says nothing.
        own_capital = phrase[0].isupper() and (lead is not None or (index > 0 and mixed))
        named = own_capital or any(c.isupper() or c.isdigit() or c in "+#." for c in phrase[1:])
        if not named and " " not in phrase:
            continue  # "above", "food", "flow": a single plain word says too little
        begin = at + part.start() + part.group().index(phrase)
        name = phrase if lead or named else phrase.lower()
        found.append(Hit(Entry(name, "", "knowledge"), begin, begin + len(phrase)))
    return found
