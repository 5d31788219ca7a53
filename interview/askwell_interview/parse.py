"""From what the model wrote after an opening to one question."""

import re

_END = re.compile(r"[?!.](?=[\s\"'”’)*]|$)")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|Dr|Mr|Mrs|Ms|St|No)\.$")
_IMPERATIVE = re.compile(r"(?:^|[.!?:] )(?:Tell|Describe|Give|Walk|Explain|Share|Talk)\b[^.?!]*$")


def question_from_text(opening: str, text: str) -> str | None:
    """The opening and what completes its sentence; None when nothing does.

    What follows the first sentence is dropped: answers, further questions, explanations. The closing mark
    is the one that the opening calls for, since small models mix them up.
    """
    line = text.split("\n", 1)[0].rstrip()
    if line[:1].isalnum():
        line = " " + line
    for match in _END.finditer(line):
        if not _ABBREVIATION.search(line[: match.end()]):
            body = opening + re.sub(r"\s+", " ", line[: match.start()]).rstrip(" ,;:-")
            return body + ("." if _IMPERATIVE.search(opening) else "?")
    return None


def continuation(opening: str, question: str) -> str:
    """What the model added to the opening."""
    return question[len(opening) :].strip(" ?.!") if question.startswith(opening) else question
