"""How firmly a sentence claims a skill: denied, only begun, named, or named as a strength."""

import re
from enum import IntEnum

from .skill import Hit


class Level(IntEnum):
    """What is said of a skill; in order, so that the best of several mentions is their maximum."""

    WEAK = 1
    NAMED = 2
    STRONG = 3


_TROUBLE = (
    r"(?:incident|accident|error|complaint|finding|outage|downtime|mistake|breach|fault|loss|delay|rejection|"
    r"injur|escalation|deviation|discrepanc|penalt|backlog|defect|fine\b|missed|late\b|lost\b)"
)
_NO = (
    r"(?:no(?!t)|not(?! (?:only|just|merely|simply)\b)|never|without|lack(?:s|ing)?(?: of)?|don['’]t|"
    r"haven['’]t|hasn['’]t|didn['’]t|cannot|can['’]t|nor|neither|nothing in|none of|unfamiliar with|"
    r"zero(?! (?:years?|months?)\s*[),;])|(?<![.,])0 (?:years?|yrs?|months?) (?:of|in|with|using)|"
    r"(?:have |has |i['’]ve )?yet to (?:use|work|learn|touch|try|be)|"
    r"(?:hop(?:e|ing)|would (?:like|love)|i['’]d (?:like|love)|want(?:ing|s)?|wish(?:ing)?|keen|eager|"
    r"plan(?:ning)?|looking|interested) (?:to (?:learn|be trained|get into|gain|start|try|study|pick up)|"
    r"in learning))"
)
_BEFORE = re.compile(
    rf"\b{_NO}\b(?! (?:\w+[ -]){{0,3}}?{_TROUBLE})(?:[^.;:!?\n]|(?<=\w)\.(?=\w)){{0,45}}$", re.IGNORECASE
)
_AFTER = re.compile(
    r"^[^.;,!?]{0,25}\b(?:(?:is|are) not (?:required|needed|necessary|essential|among|part of)|"
    r"not (?:required|needed|necessary)|(?:required|needed|necessary)\?? no\b)"
    r"|^(?: experience| knowledge)?\s*[:(–—-]\s*(?:none|no|nil|never)(?: yet| so far)?\s*(?:$|[).,;])"
    r"|^ not yet\s*(?:$|[).,;])"
    r"|^(?: experience)?\s*[:(,–—-]?\s*(?:0|zero) (?:years?|yrs?|months?)\b",
    re.IGNORECASE,
)
# "Not yet: SAP, Excel or Python" denies all that follows in its sentence.
_LABEL = re.compile(
    r"[\s#*_|•-]*(?:not yet|never(?: used)?|(?:(?:skills?|knowledge) )?gaps?|no (?:experience|knowledge)|"
    r"(?:still |want(?:ing)? |would like )?to learn|(?:still )?(?:missing|lacking)|still learning)"
    r"(?:[\s*_]*[:|]|\s[–—-]\s)[\s*_]*",
    re.IGNORECASE,
)
# "No formal training in it, yet I use it daily."
_RETRACTED = re.compile(r"^[^.;]{0,10}, (?:yet|but|though) [^.;,]{0,20}\b(?:it|them)\b", re.IGNORECASE)
_TURN = re.compile(
    r"\b(?:but|however|although|(?<!not )(?<!have )(?<!has )yet(?! to\b)|though|except|while|"
    r"and (?:i|we|strong|good|solid))\b",
    re.IGNORECASE,
)

_KNOWING = r"(?:experience|knowledge|exposure|understanding|use|practice|skills?|grasp|awareness|familiarity)"
_WEAK_BEFORE = re.compile(
    r"(?:\b(?:basic(?! (?:life|food|care|hygiene))|rudimentary|beginner(?:['’]s)?|novice|introductory|"
    r"elementary(?! (?:school|teach|educ|pupil|class))|(?:an )?introduction to|new to|"
    rf"(?:limited|little|minimal|some|brief|theoretical|foundational) (?:\w+ )?{_KNOWING}|exposure to|"
    r"familiar(?:ity)? with|(?:aware|awareness) of|shadow(?:ed|ing)|observed|studied|"
    r"(?:attended|took|taking|doing|enrolled)\b[^.;:,]{0,20} "
    r"(?:course|workshop|seminar|webinar|class)(?:es|s)?|"
    r"(?:currently|still|now|am|also|started|began|just) (?:\w+ )?(?:learning|studying))\b"
    r"|^(?:self-)?learning\b(?! (?:support|management|design|needs)))[^.;!?\n]{0,60}$",
    re.IGNORECASE,
)
_WEAK_AFTER = re.compile(
    r"^\s*(?:[(:–—-]|,(?=[\w ]{3,16}$))\s*(?:very )?(?:basic|beginner|elementary|novice|limited|learning|"
    r"familiar|rudimentary|introductory|rusty|in training|foundation(?:al)?)\b"
    r"|^(?: (?!and\b|or\b)\w+){0,2} (?:is|are) (?:\w+ )?(?:rusty|limited|basic|weak|patchy)\b"
    r"|^(?: \w+){0,2} (?:\()?(?:in progress|underway|ongoing)\b|^ \(not (?:yet )?(?:used )?in production",
    re.IGNORECASE,
)
_STRONG = (
    r"(?:strong|solid|extensive|in-depth|deep|expert|advanced|excellent|proven|outstanding|fluent|"
    r"thorough|proficien(?:t|cy)|command of|confident)"
)
_STRONG_BEFORE = re.compile(rf"\b{_STRONG}\b[^.;:!?\n]{{0,45}}$", re.IGNORECASE)
_STRONG_AFTER = re.compile(rf"^\s*[(:–—-]\s*(?:very )?{_STRONG}\b", re.IGNORECASE)
# How far from a skill what is said of it may stand, in characters: more than the patterns above can span.
_REACH = 100


def negated(text: str, segment_start: int, hit: Hit, segment_end: int) -> bool:
    """Whether the sentence says that the skill is absent, wished for or not asked for."""
    behind = text[hit.end : min(segment_end, hit.end + _REACH)]
    label = _label_end(text, segment_start)
    if label is not None and not _TURN.search(text, label, hit.start):
        return True
    before = _BEFORE.search(text[max(segment_start, hit.start - _REACH) : hit.start])
    if before is not None and not _TURN.search(before.group()):
        return _RETRACTED.search(behind) is None
    return _AFTER.search(behind) is not None


def _label_end(text: str, segment_start: int) -> int | None:
    """Where a label that denies ends: at the segment's head, or cut off right before it as a heading is."""
    if label := _LABEL.match(text, segment_start):
        return label.end()
    line = text.rfind("\n", 0, segment_start) + 1
    cut_off = line < segment_start <= line + _REACH and _LABEL.fullmatch(text, line, segment_start)
    return segment_start if cut_off else None


def level_of(text: str, segment_start: int, hit: Hit, segment_end: int) -> Level:
    """How well the skill is known, or must be; what stands nearest before it counts."""
    behind = text[hit.end : min(segment_end, hit.end + _REACH)]
    before = text[max(segment_start, hit.start - _REACH) : hit.start]
    weak, strong = _WEAK_BEFORE.search(before), _STRONG_BEFORE.search(before)
    if _WEAK_AFTER.search(behind):
        return Level.WEAK
    if _STRONG_AFTER.search(behind) or (strong and not _TURN.search(strong.group())):
        return Level.WEAK if weak and strong and weak.start() > strong.start() else Level.STRONG
    if weak and not _TURN.search(weak.group()) and not re.search(rf"\b{_STRONG}\b", weak.group(), re.I):
        return Level.WEAK
    return Level.NAMED
