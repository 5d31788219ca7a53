"""How the model is to write for one interview request, and the rows that a prompt becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from time import monotonic
from typing import Any

from askwell_interview import Prompt

from ..engine.row import Finish, Options, Priority, Row
from ..errors import NotSupported
from .chat import Turn
from .row_pb import SEED_REFUSED, options_from_sampling, priority_from_pb, suppressed_from_pb
from .served import Served, ServedEngine
from .validate import QUESTION_MAX_NEW_TOKENS, QUESTION_SAMPLING, Checks, Range, is_greedy

# Seconds before the deadline at which the bank takes over: enough to send what is left.
BANK_SHARE, BANK_LIMIT_S = 0.2, 1.0
# What the first round of a question set may take, in seconds and of the time left: two more may follow.
ROUND_S, ROUND_SHARE = 2.0, 0.3
# More candidates hardly better the best of them.
MOST_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Writing:
    """``samples`` for each prompt, 0 for as many as fit. ``deadline_s`` on ``time.monotonic()``'s clock, None
    without one."""

    options: Options
    max_new_tokens: int
    samples: int
    priority: Priority
    tenant: str
    request_id: str
    arrived_s: float
    deadline_s: float | None

    @property
    def bank_at_s(self) -> float | None:
        """When the bank takes over, on ``time.monotonic()``'s clock."""
        if self.deadline_s is None:
            return None
        return self.deadline_s - min(BANK_SHARE * (self.deadline_s - self.arrived_s), BANK_LIMIT_S)


def writing_from_pb(
    request: Any, served: Served, checks: Checks, samples: Range, deadline_s: float | None
) -> Writing:
    """Of a request that has the fields for it. Call it last: raises InvalidRequest with every violation that
    ``checks`` gathered, or NotSupported."""
    checks.caller(request)
    sampling = checks.sampling(request.sampling, served.manifest.vocabulary_size, rules=QUESTION_SAMPLING)
    suppressed = suppressed_from_pb(request.sampling, served, checks)
    max_new_tokens = int(checks.scalar(request, QUESTION_MAX_NEW_TOKENS))
    count = int(checks.scalar(request, samples))
    checks.done()
    if request.sampling.HasField("seed") and not is_greedy(sampling):
        raise NotSupported(SEED_REFUSED)
    return Writing(
        # Beams are scored as a whole; else a candidate's own odds help to choose, and cost next to nothing.
        options=options_from_sampling(sampling, suppressed, logprobs=sampling["num_beams"] == 1),
        max_new_tokens=max_new_tokens,
        samples=count,
        priority=priority_from_pb(request.priority),
        tenant=request.tenant,
        request_id=request.request_id,
        arrived_s=monotonic(),
        deadline_s=deadline_s,
    )


def rows_of(prompt: Prompt, writing: Writing, served: Served) -> list[Row]:
    """One row per sample, one where their number is not chosen yet; no row when the prompt leaves the model
    no room: the bank answers."""
    ids = _encoded(prompt, served)
    if not ids or served.manifest.positions - len(ids) < writing.max_new_tokens:
        return []
    row = Row(
        prompt=ids,
        options=writing.options,
        max_new_tokens=writing.max_new_tokens,
        stops=prompt.stops,
        deadline_s=writing.bank_at_s,
        priority=writing.priority,
        tenant=writing.tenant,
        request_id=writing.request_id,
    )
    # Greedy samples are all alike.
    return [row] * (1 if row.options.greedy else max(1, writing.samples))


def as_many_as_fit(
    rows: Mapping[str, list[Row]], writing: Writing, engine: ServedEngine
) -> dict[str, list[Row]]:
    """The rows of a question set, one for each item: each so many times as the engine is expected to write
    within ``ROUND_S``, and within ``ROUND_SHARE`` of the time left; at least once."""
    budget_s = ROUND_S
    if writing.bank_at_s is not None:
        budget_s = min(budget_s, ROUND_SHARE * (writing.bank_at_s - monotonic()))
    once = [row for item_rows in rows.values() for row in item_rows]
    room = engine.queue_limit // max(1, len(once))
    fitting = (n for n in range(min(MOST_SAMPLES, room), 1, -1) if engine.predicted_s(once * n) <= budget_s)
    samples = 1 if writing.options.greedy else next(fitting, 1)
    return {item: item_rows * samples for item, item_rows in rows.items()}


def _encoded(prompt: Prompt, served: Served) -> tuple[int, ...]:
    """Documents and answers never spell control tokens: neither as chat nor as plain text."""
    if served.chat is None:
        return served.tokenizer.encode(prompt.text, specials=False)
    turns = [Turn(message.role, message.content) for message in prompt.messages]
    return served.chat.encode(turns, served.tokenizer, opening=prompt.opening, field="model")


def log_probabilities_of(finishes: Sequence[Finish]) -> tuple[float | None, ...]:
    """The mean log-probability of each row's tokens, None where the engine told none."""
    return tuple(fmean(finish.logprobs) if finish.logprobs else None for finish in finishes)
