"""Generation messages to rows, and what rows answer to messages."""

from collections.abc import Mapping
from time import monotonic
from typing import Any

from askwell.v1 import generation_pb2 as pb

from ..engine.row import Finish, Options, Piece, Priority, Reason, Row
from ..errors import NotSupported
from .prompt_pb import prompt_from_pb
from .served import Served
from .validate import NUM_RETURN, STOPS, SUPPRESS, TIME_LIMIT, Checks, Range, is_greedy

DEFAULT_MAX_NEW_TOKENS = 64
SEED_REFUSED = "sampling.seed: the engine keeps no random state per request; leave it unset or be greedy"
# Kept for the way back: a row that ends at its deadline still reaches its caller in time.
RETURN_SHARE, RETURN_LIMIT_S = 0.1, 0.1

REASONS: Mapping[Reason, pb.FinishReason.ValueType] = {
    reason: pb.FinishReason.Value(f"FINISH_REASON_{reason.value}") for reason in Reason
}


def deadline_from_context(context: Any) -> float | None:
    """When rows of this call must end, on ``time.monotonic()``'s clock; None without a deadline."""
    remaining: float | None = context.time_remaining()
    if remaining is None:
        return None
    return monotonic() + remaining - min(RETURN_SHARE * remaining, RETURN_LIMIT_S)


async def rows_from_pb(request: pb.GenerateRequest, served: Served, deadline_s: float | None) -> list[Row]:
    """One row per sample. Raises ModelNotFound, InvalidRequest with every violation, or NotSupported."""
    arrived_s = monotonic()
    served.answer_to(request.model)
    checks, vocabulary_size = Checks(), served.manifest.vocabulary_size
    checks.caller(request)
    count = int(checks.scalar(request, NUM_RETURN))
    queue_limit = served.engine.queue_limit
    if count > queue_limit:
        checks.refuse("num_return", f"exceeds this server's queue of {queue_limit} rows")
    sampling = checks.sampling(request.sampling, vocabulary_size)
    suppressed = suppressed_from_pb(request.sampling, served, checks)
    checks.beamless(request, sampling["num_beams"])
    stopping = request.stopping
    stops = checks.texts(stopping, STOPS, "stopping.")
    stop_ids = checks.stop_ids(stopping.stop_token_ids, vocabulary_size, "stopping.stop_token_ids")
    limit_ms = checks.scalar(stopping, TIME_LIMIT, "stopping.")
    prompt = await prompt_from_pb(request, served, checks)
    max_new, min_new = _lengths(request, len(prompt), served.manifest.positions, checks)
    checks.done()
    if request.sampling.HasField("seed") and not is_greedy(sampling):
        raise NotSupported(SEED_REFUSED)
    row = Row(
        prompt=prompt,
        options=options_from_sampling(
            sampling,
            suppressed,
            logprobs=request.output.logprobs,
            reproducible=request.reproducible,
        ),
        max_new_tokens=max_new,
        min_new_tokens=min_new,
        stops=stops,
        include_stop=stopping.include_stop,
        stop_ids=stop_ids,
        deadline_s=deadline_s,
        limit_s=arrived_s + limit_ms / 1000 if limit_ms else None,
        priority=priority_from_pb(request.priority),
        tenant=request.tenant,
        request_id=request.request_id,
    )
    return [row] * count


def priority_from_pb(value: pb.Priority.ValueType) -> Priority:
    """An already checked priority; a request that names none is like any other."""
    return Priority(value) if value else Priority.NORMAL


def suppressed_from_pb(message: pb.Sampling, served: Served, checks: Checks) -> tuple[tuple[int, ...], ...]:
    """The tokens of each text that is never to come, as it stands and after a space.

    In one order whatever the caller's, so that rows which suppress the same can share a batch.
    """
    beginning = int(served.manifest.add_bos)  # encode puts a beginning of text before everything
    runs: set[tuple[int, ...]] = set()
    for text in checks.texts(message, SUPPRESS, "sampling."):
        for spelled in (text, f" {text}"):
            runs.add(served.tokenizer.encode(spelled, specials=False)[beginning:])
    return tuple(sorted(runs - {()}))


def options_from_sampling(
    sampling: Mapping[str, float],
    suppressed: tuple[tuple[int, ...], ...],
    *,
    logprobs: bool = False,
    reproducible: bool = False,
) -> Options:
    """Greedy rows come out equal however they were asked for, so that they can share a batch."""
    greedy = is_greedy(sampling)
    return Options(
        temperature=0.0 if greedy else sampling["temperature"],
        top_k=1 if greedy else int(sampling["top_k"]),
        top_p=1.0 if greedy else sampling["top_p"],
        repetition_penalty=sampling["repetition_penalty"],
        no_repeat_ngram_size=int(sampling["no_repeat_ngram_size"]),
        num_beams=int(sampling["num_beams"]),
        logprobs=logprobs,
        suppressed=suppressed,
        reproducible=reproducible,
    )


def _lengths(
    request: pb.GenerateRequest, prompt_tokens: int, positions: int, checks: Checks
) -> tuple[int, int]:
    """max_new_tokens and min_new_tokens, in what the prompt leaves of the model's positions."""
    stopping, path, room = request.stopping, "stopping.", positions - prompt_tokens
    max_new = int(
        checks.scalar(stopping, Range("max_new_tokens", 1, positions, DEFAULT_MAX_NEW_TOKENS), path)
    )
    if not stopping.HasField("max_new_tokens"):
        max_new = min(max_new, room)
    elif max_new > room:
        told = f"{max_new} and the prompt's {prompt_tokens} tokens exceed the model's {positions} positions"
        checks.refuse(path + "max_new_tokens", told)
    min_new = int(checks.scalar(stopping, Range("min_new_tokens", 0, max_new, 0), path))
    return max_new, min_new


def sample_to_pb(index: int, finish: Finish, output: pb.Output) -> pb.Sample:
    timing, usage = finish.timing, finish.usage
    return pb.Sample(
        index=index,
        text=finish.text,
        finish_reason=REASONS[finish.reason],
        stop_sequence=finish.stop,
        token_ids=finish.token_ids if output.token_ids else (),
        logprobs=finish.logprobs if output.logprobs else (),
        timing=pb.Timing(
            queue_s=timing.queue_s,
            prefill_s=timing.prefill_s,
            decode_s=timing.decode_s,
            first_token_s=timing.first_token_s,
        ),
        usage=pb.Usage(
            prompt_tokens=usage.prompt_tokens,
            new_tokens=usage.new_tokens,
            prefix_tokens=usage.prefix_tokens,
            forced_tokens=usage.forced_tokens,
            batch_size=usage.batch_size,
            batches=usage.batches,
        ),
    )


def delta_to_pb(index: int, piece: Piece, output: pb.Output) -> pb.Delta:
    return pb.Delta(
        index=index,
        text=piece.text,
        token_ids=piece.token_ids if output.token_ids else (),
        logprobs=piece.logprobs if output.logprobs else (),
    )
