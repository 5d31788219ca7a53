"""What a prompt shows of the documents, and how much of that a question takes up."""

from dataclasses import dataclass

from askwell_interview import Features, PlanItem, Slot, prompt_for
from askwell_interview.data_file import plain_words
from askwell_interview.word import stems

from .example import Example, lean

# A core question knows the duties alone, a probe what the person did as well. Authored probes that take up
# one word are nearer to their candidate than to others by a cosine of 0.18; with two it is 0.22, three 0.24.
LEAST_TAKEN_UP = {Slot.CORE: 1, Slot.PROBE: 2}


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
    """Whether the question takes up too little of its prompt: from such a model learns not to heed what it is
    told."""
    shown = shown_by(example.features, example.item, example.opening)
    return shown.taken_up(example.completion) < LEAST_TAKEN_UP[example.item.slot]
