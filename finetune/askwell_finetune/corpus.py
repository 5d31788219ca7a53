"""The text that a model of our own learns to read and write: examples as prompts, and documents."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from askwell_interview import find_personal, prompt_for

from .errors import FinetuneError
from .example import Split, read_examples
from .role import roles_from_folder


def examples_as_text(data: Path) -> Iterator[str]:
    """The training examples as a base model's prompts with their questions."""
    path = data / "train.jsonl"
    if not path.is_file():
        raise FinetuneError(f"there is no {path}; make a data set with: askwell-finetune data --out {data}")
    for example in read_examples(path):
        prompt = prompt_for(example.item, example.features, "base", example.opening)
        yield f"{prompt.text}{example.completion}\n"


def documents(data: Path, roles: Path) -> list[str]:
    """Jobs and résumés of the roles that are in training, without personal data."""
    names = roles_of_card(data, "train")
    found = [role for role in roles_from_folder(roles) if role.name in names]
    if not found:
        raise FinetuneError(f"{roles} holds none of the training roles of {data}")
    return [_bare(each.text) for role in found for each in (role.job, *role.resumes)]


def roles_of_card(data: Path, split: Split) -> frozenset[str]:
    """The roles of a split by the data set's card. Raises FinetuneError for a file that is no such card."""
    path = data / "card.json"
    if not path.is_file():
        raise FinetuneError(f"there is no {path}; make a data set with: askwell-finetune data --out {data}")
    try:
        roles = json.loads(path.read_text(encoding="utf-8"))["splits"][split]["roles"]
    except (ValueError, KeyError, TypeError):
        roles = None
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise FinetuneError(f"{path} does not list the {split} roles of a data set; make the set again")
    return frozenset(roles)


def _bare(text: str) -> str:
    return "".join(_between(text, ((span.start, span.end) for span in find_personal(text)))).strip()


def _between(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[str]:
    at = 0
    for start, end in spans:
        yield text[at:start]
        at = end
    yield text[at:]
