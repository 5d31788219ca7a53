"""What a prompt shows of the documents, and how much of that a question takes up."""

from dataclasses import dataclass

from askwell_interview import Features, PlanItem, prompt_for
from askwell_interview.data_file import plain_words
from askwell_interview.word import stems

from .example import Example, lean


@dataclass(frozen=True, slots=True)
class Shown:
    """``stems``: of the words in a prompt's last message, which holds the job, what the person did and what
    is asked about; everyday words and the competency itself left out."""

    stems: frozenset[str]

    def taken_up(self, ending: str) -> int:
        """How many of them stand in the ending."""
        return len(self.stems.intersection(stems(ending)))


def shown_by(features: Features, item: PlanItem, opening: str) -> Shown:
    prompt = prompt_for(item, lean(features), "chat", opening)
    words = frozenset(stems(prompt.messages[-1].content)) - frozenset(stems(item.competency))
    return Shown(frozenset(word for word in words if len(word) > 2 and word not in plain_words()))


def unconnected(example: Example) -> bool:
    """Whether the question takes up nothing of its prompt: from such a model learns not to heed what it is
    told."""
    shown = shown_by(example.features, example.item, example.opening)
    return shown.taken_up(example.completion) == 0
