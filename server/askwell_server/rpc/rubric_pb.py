"""The rubric of a question: protobuf ↔ domain. It stands flat in the API's Question."""

from typing import Any

from askwell.v1 import interview_pb2 as pb
from askwell_interview import Anchor, FollowUp, Rubric, Trigger

from .validate import Checks, Texts

RATINGS = range(1, 6)
MINUTES_LIMIT = 120
# Characters of each text that a caller gives back, and how many of each kind.
TEXT_LIMIT, COUNT_LIMIT = 500, 12
COVERS, RED_FLAGS = Texts("covers", COUNT_LIMIT, TEXT_LIMIT), Texts("red_flags", COUNT_LIMIT, TEXT_LIMIT)

TRIGGERS = {trigger: pb.FollowUp.Trigger.Value(trigger.name) for trigger in Trigger}


def rubric_to_pb(rubric: Rubric) -> dict[str, Any]:
    """The fields of a ``pb.Question`` that the rubric fills."""
    return {
        "difficulty": rubric.difficulty,
        "minutes": rubric.minutes,
        "anchors": [pb.Anchor(rating=anchor.rating, text=anchor.text) for anchor in rubric.anchors],
        "covers": rubric.covers,
        "red_flags": rubric.red_flags,
        "follow_ups": [
            pb.FollowUp(trigger=TRIGGERS[each.trigger], text=each.text) for each in rubric.follow_ups
        ],
    }


def rubric_from_pb(message: pb.Question, path: str, checks: Checks) -> Rubric:
    """The rubric of a core question that the caller gives back. What is refused stands in ``checks``."""
    if message.difficulty > RATINGS[-1]:
        checks.refuse(path + "difficulty", f"must be at most {RATINGS[-1]}")
    if message.minutes > MINUTES_LIMIT:
        checks.refuse(path + "minutes", f"must be at most {MINUTES_LIMIT}")
    for name in ("anchors", "follow_ups"):
        given = getattr(message, name)
        if len(given) > COUNT_LIMIT:
            checks.refuse(path + name, f"{len(given)} given; at most {COUNT_LIMIT}")
            return Rubric()
        for index, each in enumerate(given):
            if not 0 < len(each.text) <= TEXT_LIMIT:
                checks.refuse(f"{path}{name}[{index}].text", f"must have 1 to {TEXT_LIMIT} characters")
    for index, anchor in enumerate(message.anchors):
        if anchor.rating not in RATINGS:
            checks.refuse(f"{path}anchors[{index}].rating", "must be 1 to 5")
    known = [
        checks.known(each, "trigger", f"{path}follow_ups[{index}].")
        for index, each in enumerate(message.follow_ups)
    ]
    return Rubric(
        difficulty=message.difficulty,
        minutes=message.minutes,
        anchors=tuple(Anchor(anchor.rating, anchor.text) for anchor in message.anchors),
        covers=checks.texts(message, COVERS, path),
        red_flags=checks.texts(message, RED_FLAGS, path),
        follow_ups=tuple(FollowUp(Trigger(each.trigger), each.text) for each in message.follow_ups)
        if all(known)
        else (),
    )
