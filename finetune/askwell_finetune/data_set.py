"""The examples of a run as token ids; those that are too long for the model are left out and counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from .errors import FinetuneError
from .example import Split, read_examples
from .tokens import Encoded, ExampleEncoder


@dataclass(frozen=True, slots=True)
class EncodedSplit:
    """``too_long``: how many examples had more tokens than the model has positions."""

    name: str
    examples: Sequence[Encoded]
    too_long: int
    sha256: str


def read_split(folder: Path, name: Split, encoder: ExampleEncoder, positions: int) -> EncodedSplit:
    """Raises FinetuneError when nothing is left of the split, ValueError for a line that is no example."""
    path = folder / f"{name}.jsonl"
    if not path.is_file():
        raise FinetuneError(f"there is no {path}; make a data set with: askwell-finetune data --out {folder}")
    encoded = [encoder.encode(example) for example in read_examples(path)]
    fitting = [each for each in encoded if len(each.ids) <= positions]
    if not fitting:
        why = (
            f"its {len(encoded)} examples are longer than the model's {positions} positions"
            if encoded
            else "it is empty"
        )
        raise FinetuneError(f"{path} has nothing to learn from: {why}")
    return EncodedSplit(name, fitting, len(encoded) - len(fitting), sha256(path.read_bytes()).hexdigest())
