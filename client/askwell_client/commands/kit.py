"""The interview kit: the questions with what an interviewer needs beside them, ready to be printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from askwell_client.commands.screen import shown, words
from askwell_client.interview import Plan, Question, Slot, Trigger

RATINGS = range(1, 6)
# No character data of XML: a Word file with one of them cannot be opened.
_NO_TEXT = {0xFFFE: None, 0xFFFF: None}
_HEARD = {
    Trigger.VAGUE: "If it stays vague",
    Trigger.NO_RESULT: "If no result is told",
    Trigger.WE_NOT_I: "If it is all “we”",
    Trigger.UNSUPPORTED: "If nothing supports it",
    Trigger.STRONG: "If it is strong",
}
ADVICE = (
    "Ask the core questions of every candidate in these words: only their ratings compare candidates. "
    "The probes are for this candidate. Rate each answer before the next question, by its anchors, and "
    "write down what was said."
)


@dataclass(frozen=True, slots=True)
class Page:
    """One question with its place in the kit and the plan's reason for it; ``reason`` may be empty."""

    number: int
    question: Question
    reason: str

    @property
    def facts(self) -> list[str]:
        """What kind of question it is, in a few words each."""
        question = self.question
        facts = [words(question.type), plain(question.competency)]
        if question.slot is Slot.PROBE:
            facts.append(words(question.relation))
        if question.minutes:
            facts.append(f"{question.minutes} min")
        if question.difficulty:
            facts.append(f"difficulty {question.difficulty} of {RATINGS[-1]}")
        return [fact for fact in facts if fact]

    @property
    def evidence(self) -> list[tuple[str, str]]:
        """Which document, and what it says."""
        both = (("Job", self.question.job_evidence), ("Résumé", self.question.resume_evidence))
        return [(which, " ".join(plain(each.quote).split())) for which, each in both if each is not None]

    @property
    def follow_ups(self) -> list[tuple[str, str]]:
        """When to ask, and what."""
        return [(_HEARD.get(f.trigger, "Then"), plain(f.text)) for f in self.question.follow_ups]

    @property
    def anchors(self) -> list[tuple[int, str]]:
        """Every rating, with its anchor where it has one."""
        texts = {anchor.rating: plain(anchor.text) for anchor in self.question.anchors}
        return [(rating, texts.get(rating, "")) for rating in RATINGS]


@dataclass(frozen=True, slots=True)
class Kit:
    title: str
    model: str
    pages: tuple[Page, ...]

    @property
    def minutes(self) -> int:
        return sum(page.question.minutes for page in self.pages)


def kit_from_questions(title: str, model: str, plan: Plan, questions: Sequence[Question]) -> Kit:
    """The kit in the plan's order. ``title`` names the job; the kit names no candidate."""
    order = {item.id: place for place, item in enumerate(plan.items)}
    reasons = {item.id: plain(item.reason) for item in plan.items}
    placed = sorted(questions, key=lambda question: order.get(question.id, len(order)))
    pages = [Page(number, each, reasons.get(each.id, "")) for number, each in enumerate(placed, 1)]
    return Kit(plain(title), plain(model), tuple(pages))


def plain(text: str) -> str:
    """Text that both a browser and Word take."""
    return shown(text).translate(_NO_TEXT)
