"""An engine and a tokenizer that do what a test tells them, for tests of everything above the engine."""

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

from askwell_manifest import FileRecord, Manifest
from askwell_server.engine.row import Finish, Load, Piece, Reason, Row, Timing, Usage
from askwell_server.errors import AskwellError, QueueFull, Unavailable
from askwell_server.rpc.chat import ChatTemplate
from askwell_server.rpc.served import Served

TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MANIFEST = Manifest(
    name="fake",
    source="nowhere",
    architecture="gptj",
    positions=512,
    vocabulary_size=258,
    quantization="int8_float16",
    weight_range=63,
    prompt_style="chat",
    end_tokens=("<|im_end|>",),
    chat_template=TEMPLATE,
    files={"model.bin": FileRecord("ab" * 32, 1)},
)


@dataclass(frozen=True)
class Script:
    """What one row does: its pieces, and then a finish or an error, after ``held`` is set if given."""

    pieces: tuple[str, ...] = ("Hello", " world")
    reason: Reason = Reason.MAX_TOKENS
    error: AskwellError | None = None
    held: asyncio.Event | None = None


@dataclass
class FakeStream:
    row: Row
    script: Script
    cancelled: bool = False
    finished: bool = False

    async def __aiter__(self) -> AsyncIterator[Piece | Finish]:
        for index, text in enumerate(self.script.pieces):
            await asyncio.sleep(0)
            yield Piece(text, (index + 1,), (-0.5,) if self.row.options.logprobs else ())
        if self.script.held:
            await self.script.held.wait()
        self.finished = True
        if self.script.error:
            raise self.script.error
        count = len(self.script.pieces)
        yield Finish(
            self.script.reason,
            "".join(self.script.pieces),
            token_ids=tuple(range(1, count + 1)),
            logprobs=(-0.5,) * count if self.row.options.logprobs else (),
            timing=Timing(0.1, 0.2, 0.3, 0.4),
            usage=Usage(len(self.row.prompt), count, 3, 2, 4, 1),
        )

    def cancel(self) -> None:
        self.cancelled = not self.finished


@dataclass
class FakeEngine:
    """Admits up to ``queue_limit`` rows in its life and runs ``script(row)`` for each."""

    script: Callable[[Row], Script] = lambda row: Script()
    queue_limit: int = 1024
    ready: bool = True
    samples_fit: int = 2  # as often as it says to write a row quickly
    streams: list[FakeStream] = field(default_factory=list)
    submits: list[int] = field(default_factory=list)
    facts: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(compute_type="int8_float32", devices=("cpu",))
    )

    def submit(self, rows: Sequence[Row]) -> list[FakeStream]:
        if not self.ready:
            raise Unavailable("the model is loading", retry_s=2.0)
        if len(self.streams) + len(rows) > self.queue_limit:
            raise QueueFull("the queue is full", retry_s=1.5)
        admitted = [FakeStream(row, self.script(row)) for row in rows]
        self.streams += admitted
        self.submits.append(len(rows))
        return admitted

    def predicted_s(self, rows: Sequence[Row]) -> float:
        return 0.0 if max(Counter(map(id, rows)).values()) <= self.samples_fit else math.inf

    def load(self) -> Load:
        return Load(2, 1, self.queue_limit, int(self.ready), 1, 0.25, 90.0)


class ByteTokenizer:
    """One token per byte, and two special ones."""

    vocabulary_size = 258
    specials = ("<|im_start|>", "<|im_end|>")

    def encode(self, text: str, *, specials: bool) -> tuple[int, ...]:
        pattern = "(" + "|".join(map(re.escape, self.specials)) + ")"
        pieces = re.split(pattern, text) if specials else [text]
        ids: list[int] = []
        for piece in pieces:
            special = specials and piece in self.specials
            ids += [256 + self.specials.index(piece)] if special else list(piece.encode())
        return tuple(ids)

    def defuse(self, text: str) -> str:
        return text.replace("<|", "<~|")

    def tokens(self, ids: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.specials[id - 256] if id >= 256 else chr(id) for id in ids)


def served_by(engine: FakeEngine, manifest: Manifest = MANIFEST) -> Served:
    template = manifest.chat_template
    chat = ChatTemplate(template, bos_token=None, eos_token="<|im_end|>") if template else None
    return Served(manifest.name, manifest, ByteTokenizer(), chat, engine)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what happens on the other side of a channel."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nothing there to set an event
            await asyncio.sleep(0.005)
