"""Who takes part: each peer in each of its ways, and how its program is started or why it cannot be."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .process import PeerFailed

ASKWELL = "askwell"
REASON = "why-absent.txt"
"""What the build leaves in a peer's .venv when it fails: one line for a person."""

BUILT = "built-from"
"""What the build leaves there when it succeeds; an environment without it is half built."""

Weights = Literal["folder", "shipped", "Q8_0"]


@dataclass(frozen=True, slots=True)
class Variant:
    """A peer in one way of using it, on one kind of weights. ``short``: also part of a short run.
    ``long``: also part of the workloads that take minutes, where a second thread count teaches little."""

    name: str
    way: str
    weights: Weights = "folder"
    threads: int | None = None
    short: bool = True
    long: bool = True


ALL = (
    Variant(ASKWELL, "default settings"),
    Variant("transformers", "generate", "shipped"),
    Variant("llama_cpp", "library", "Q8_0"),
    Variant("llama_cpp", "library", "shipped", short=False),
    Variant("llama_cpp", "OpenAI server", "Q8_0"),
    Variant("llama_cpp", "OpenAI server", "shipped", short=False, long=False),
    Variant("openvino", "continuous batching", "Q8_0"),
    Variant("openvino", "continuous batching", "shipped", short=False),
    Variant("ctranslate2", "one request at a time", long=False),
    Variant("ctranslate2", "one request at a time", threads=1),
    Variant("ctranslate2", "one batch", short=False, long=False),
    Variant("ctranslate2", "one batch", threads=1, short=False),
)
NAMES = tuple(dict.fromkeys(variant.name for variant in ALL))


@dataclass(frozen=True, slots=True)
class Site:
    """Where programs and weights are."""

    peers: Path
    model: Path
    gguf: Path

    @property
    def q8_gguf(self) -> Path:
        return q8_path(self.gguf)

    def title(self, variant: Variant) -> str:
        """The variant as results name it; a GGUF file's quantization stands last in its name."""
        words = [variant.way]
        if variant.weights == "Q8_0" or (variant.weights == "shipped" and variant.name != "transformers"):
            words.append("Q8_0" if variant.weights == "Q8_0" else self.gguf.stem.rpartition(".")[2])
        if variant.threads:
            words.append(f"{variant.threads} thread" + "s" * (variant.threads > 1))
        return ", ".join(words)

    def gguf_for(self, variant: Variant) -> Path:
        return self.q8_gguf if variant.weights == "Q8_0" else self.gguf

    def python(self, variant: Variant) -> Path:
        """The interpreter that runs it. Raises PeerFailed with the reason why there is none."""
        folder = self.peers / variant.name
        environment = folder / ".venv"
        if not (folder / "peer.py").is_file():
            raise PeerFailed(f"there is no {folder / 'peer.py'}")
        if not (folder / "requirements.txt").exists():
            return Path(sys.executable)
        if (environment / REASON).is_file():
            raise PeerFailed((environment / REASON).read_text(encoding="utf-8").strip())
        if not (environment / BUILT).is_file():
            raise PeerFailed("not built; run: make bench-peers")
        gguf = self.gguf_for(variant)
        if variant.weights != "folder" and not gguf.is_file():
            raise PeerFailed(f"there is no {gguf}; run: make bench-peers")
        return environment / "bin" / "python"


def q8_path(gguf: Path) -> Path:
    """Where the build puts the Q8_0 file made from ``gguf``: beside it."""
    return gguf.with_name(gguf.stem.rpartition(".")[0] + ".Q8_0.gguf")
