"""What a model makes of a text, beside what its float32 self makes of it, as a worker."""

from pathlib import Path
from typing import Any

from askwell_convert.certificate import Divergence
from tokenizers import Tokenizer

from ..fidelity import log_probs, text_windows, told
from ..generator import load_generator
from .gpu_worker import serve


class Minds:
    """A model and its two references, read side by side."""

    def __init__(self, model: str, reference: str, device: str, compute_type: str, threads: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(Path(reference) / "tokenizer.json"))
        self._model = _load(model, device, compute_type, threads)
        self._references = {
            "device": _load(reference, device, "float32", threads),
            "cpu": _load(reference, "cpu", "float32", threads),
        }

    def facts(self) -> dict[str, Any]:
        return {"compute_type": self._model.compute_type}

    def compare(self, texts: list[str]) -> dict[str, Any]:
        """Against each reference. Raises ValueError when a figure is no finite number."""
        found = {place: Divergence() for place in self._references}
        for ids in text_windows(self._tokenizer, [Path(text) for text in texts]):
            got = log_probs(self._model, self._tokenizer, ids)
            for place, reference in self._references.items():
                found[place].add(log_probs(reference, self._tokenizer, ids), got, ids[1:])
        return {place: told(divergence.figures()) for place, divergence in found.items()}


def _load(model: str, device: str, compute_type: str, threads: int) -> Any:
    return load_generator(Path(model), device, compute_type=compute_type, intra_threads=threads)


if __name__ == "__main__":
    serve(Minds)
