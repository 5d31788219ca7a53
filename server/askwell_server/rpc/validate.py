"""The rules of the API's fields, as tables shared by every RPC.

Whatever would crash or corrupt the engine (facts/ctranslate2.md, section 0) ends here: NaN and negative
numbers, a top_k beyond the vocabulary or between 1 and twice the beams, token ids without an embedding,
empty prompts, more tokens than the model has positions. ``Checks`` gathers every broken rule of a request,
so that the caller sees all of them at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import InvalidRequest, Violation
from .request_id import LENGTH_LIMIT, is_printable

TENANT_LENGTH_LIMIT = 64
STOP_TOKENS_LIMIT = 16
BATCH_LIMIT = 256
DOCUMENT_BYTES_LIMIT = 4 * 1024 * 1024
ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Range:
    """What an optional scalar may be, and what it is when the caller says nothing."""

    name: str
    low: float
    high: float
    default: float

    def refusal(self, value: float) -> str | None:
        """What is wrong with ``value``; NaN is always wrong."""
        if self.low <= value <= self.high:
            return None
        return f"must be from {self.low:g} to {self.high:.10g}"


@dataclass(frozen=True, slots=True)
class Texts:
    """What a repeated text field may hold: so many texts of so many characters, none empty."""

    name: str
    count: int
    length: int


SAMPLING = (  # a smaller top_p or repetition_penalty is lost, or overflows, in float16
    Range("temperature", 0, 100, default=1.0),
    Range("top_k", 0, 1024, default=50),
    Range("top_p", 0.0001, 1, default=0.95),
    Range("repetition_penalty", 0.01, 10, default=1.0),
    Range("no_repeat_ngram_size", 0, 32, default=0),
    Range("num_beams", 1, 16, default=1),
)
QUESTION_SAMPLING = (replace(SAMPLING[0], default=0.7), *SAMPLING[1:])
NUM_RETURN = Range("num_return", 1, 64, default=1)
TIME_LIMIT = Range("time_limit_ms", 1, 86_400_000, default=0)
STOPS = Texts("stop_sequences", 16, 256)
SUPPRESS = Texts("suppress", 16, 64)
# What needs num_beams 1, and why: a search gives no token away before its end.
BEAMLESS = (
    ("output", "logprobs", "beams are scored as a whole"),
    ("stopping", "stop_token_ids", "beams end at an end of text only"),
    ("stopping", "time_limit_ms", "beams have no text before their end"),
)
QUESTION_COUNT = Range("count", 1, 32, default=8)
QUESTION_MINUTES = Range("minutes", 5, 240, default=0)
QUESTION_MAX_NEW_TOKENS = Range("max_new_tokens", 8, 128, default=48)
QUESTION_NUM_RETURN = Range("num_return", 1, 8, default=0)  # 0: as many as fit
FOLLOW_UP_NUM_RETURN = Range("num_return", 1, 8, default=3)


@dataclass(slots=True)
class Checks:
    """The violations found so far. Field paths are the proto's own names."""

    violations: list[Violation] = field(default_factory=list)

    def refuse(self, path: str, description: str) -> None:
        self.violations.append(Violation(path, description))

    def done(self) -> None:
        """Raises InvalidRequest when anything was refused."""
        if self.violations:
            raise InvalidRequest(self.violations)

    def scalar(self, message: Any, rule: Range, path: str = "") -> float:
        """The field's value, or its default when it is unset or refused."""
        if not message.HasField(rule.name):
            return rule.default
        value: float = getattr(message, rule.name)
        if isinstance(value, float):
            # It holds 32 bits; 0.95 must equal the default 0.95, or equal rows part company.
            value = float(f"{value:.7g}")
        if refusal := rule.refusal(value):
            self.refuse(path + rule.name, refusal)
            return rule.default
        return value

    def known(self, message: Any, name: str, path: str = "") -> bool:
        """Whether an enum field holds a value that the API names; anything else is refused."""
        number = getattr(message, name)
        if number in message.DESCRIPTOR.fields_by_name[name].enum_type.values_by_number:
            return True
        self.refuse(path + name, f"unknown value {number}")
        return False

    def caller(self, message: Any) -> None:
        """Who asks, and how urgently, in a message that tells all of it: id, tenant and priority."""
        self.request_id(message.request_id)
        self._printable("tenant", message.tenant, TENANT_LENGTH_LIMIT)
        self.known(message, "priority")

    def request_id(self, text: str) -> None:
        self._printable("request_id", text, LENGTH_LIMIT)

    def _printable(self, path: str, text: str, limit: int) -> None:
        if not is_printable(text, limit):
            self.refuse(path, f"must be at most {limit} printable ASCII characters")

    def sampling(
        self, message: Any, vocabulary_size: int, rules: Sequence[Range] = SAMPLING
    ) -> dict[str, float]:
        """Every scalar of a Sampling message, each within its range and together safe for the engine."""
        path = "sampling."
        values = {rule.name: self.scalar(message, rule, path) for rule in rules}
        if not message.HasField("top_k"):
            values["top_k"] = min(values["top_k"], vocabulary_size)
        elif values["top_k"] > vocabulary_size:
            self.refuse(path + "top_k", f"must be at most {vocabulary_size}, the model's vocabulary")
        self._beams(values, message.HasField("top_k"), vocabulary_size, path)
        return values

    def _beams(self, values: dict[str, float], top_k_given: bool, vocabulary_size: int, path: str) -> None:
        beams, top_k = values["num_beams"], values["top_k"]
        if beams == 1:
            return
        if 2 * beams > vocabulary_size:
            self.refuse(path + "num_beams", f"must be at most half of the vocabulary of {vocabulary_size}")
        if is_greedy(values) or not 1 < top_k < 2 * beams:
            return
        if top_k_given:
            self.refuse(
                path + "top_k", f"must be 0, or at least {2 * beams:g}, twice num_beams, when sampling"
            )
        else:
            values["top_k"] = 0

    def beamless(self, request: Any, num_beams: float) -> None:
        """Refuse what a search with several beams cannot do."""
        for part, name, why in BEAMLESS:
            if num_beams > 1 and getattr(getattr(request, part), name):
                self.refuse(f"{part}.{name}", f"needs num_beams 1: {why}")

    def texts(self, message: Any, rule: Texts, path: str) -> tuple[str, ...]:
        """Those that keep to the rule: what is too long is not worth tokenizing."""
        path, texts = path + rule.name, getattr(message, rule.name)
        if len(texts) > rule.count:
            self.refuse(path, f"{len(texts)} given; at most {rule.count}")
            return ()
        for index, text in enumerate(texts):
            if not text:
                self.refuse(f"{path}[{index}]", "must not be empty")
            elif len(text) > rule.length:
                self.refuse(f"{path}[{index}]", f"has {len(text)} characters; at most {rule.length}")
        return tuple(text for text in texts if 0 < len(text) <= rule.length)

    def stop_ids(self, ids: Sequence[int], vocabulary_size: int, path: str) -> tuple[int, ...]:
        """The token ids, each once."""
        if len(ids) > STOP_TOKENS_LIMIT:
            self.refuse(path, f"{len(ids)} given; at most {STOP_TOKENS_LIMIT}")
            return ()
        self.token_ids(ids, vocabulary_size, path)
        return tuple(sorted(set(ids)))

    def token_ids(self, ids: Sequence[int], vocabulary_size: int, path: str) -> bool:
        """Whether every id is a token of the model; the first that is not is refused."""
        if not ids or max(ids) < vocabulary_size:
            return True
        index = next(index for index, id in enumerate(ids) if id >= vocabulary_size)
        told = f"{ids[index]} is not below {vocabulary_size}, the vocabulary's size"
        self.refuse(f"{path}[{index}]", told)
        return False

    def document(self, message: Any, path: str, *, required: bool) -> None:
        """Only size and kind; what is inside is read by a domain worker."""
        source = message.WhichOneof("source")
        if source is None:
            if required:
                self.refuse(path, "is required, as text or content")
            return
        body = getattr(message, source)
        size = len(body.encode()) if source == "text" else len(body)
        if not size:
            self.refuse(f"{path}.{source}", "must not be empty")
        elif size > DOCUMENT_BYTES_LIMIT:
            self.refuse(f"{path}.{source}", f"has {size} bytes; at most {DOCUMENT_BYTES_LIMIT} (4 MiB)")
        self.known(message, "media_type", f"{path}.")


def is_greedy(sampling: Mapping[str, float]) -> bool:
    """As ``Options.greedy``, before there are options."""
    return sampling["temperature"] < 0.01 or sampling["top_k"] == 1
