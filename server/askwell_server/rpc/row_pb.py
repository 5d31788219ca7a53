"""Generation messages to rows, and what rows answer to messages."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

from askwell.v1 import generation_pb2 as pb

from ..engine.row import Finish, Options, Piece, Reason, Row
from ..errors import InvalidRequest, NotSupported
from .chat import Turn
from .served import Served
from .validate import NUM_RETURN, ROLES, Checks, Range, is_greedy

DEFAULT_MAX_NEW_TOKENS = 64
SEED_REFUSED = "sampling.seed: the engine keeps no random state per request; leave it unset or be greedy"
# No tokenizer's tokens are this long on average: longer text cannot fit, so it need not be encoded.
CHARACTERS_PER_POSITION = 64
# Longer text is encoded in a thread, so that other streams go on meanwhile.
INLINE_CHARACTERS = 8192
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
    served.answer_to(request.model)
    checks = Checks()
    checks.request_id(request.request_id)
    count = int(checks.scalar(request, NUM_RETURN))
    queue_limit = served.engine.load().queue_limit
    if count > queue_limit:
        checks.refuse("num_return", f"exceeds this server's queue of {queue_limit} rows")
    sampling = checks.sampling(request.sampling, served.manifest.vocabulary_size)
    stops = checks.stops(request.stopping.stop_sequences, "stopping.stop_sequences")
    if request.output.logprobs and sampling["num_beams"] > 1:
        checks.refuse("output.logprobs", "needs num_beams 1: beams are scored as a whole")
    prompt = await _prompt(request, served, checks)
    max_new, min_new = _lengths(request, len(prompt), served.manifest.positions, checks)
    checks.done()
    if request.sampling.HasField("seed") and not is_greedy(sampling):
        raise NotSupported(SEED_REFUSED)
    row = Row(
        prompt=prompt,
        options=options_from_sampling(sampling, min_new_tokens=min_new, logprobs=request.output.logprobs),
        max_new_tokens=max_new,
        stops=stops,
        include_stop=request.stopping.include_stop,
        deadline_s=deadline_s,
        request_id=request.request_id,
    )
    return [row] * count


def options_from_sampling(
    sampling: Mapping[str, float], *, min_new_tokens: int = 0, logprobs: bool = False
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
        min_new_tokens=min_new_tokens,
        logprobs=logprobs,
    )


async def ids_from_text(text: str, served: Served, field: str, checks: Checks) -> tuple[int, ...]:
    """Token ids of plain text, special tokens included where the text spells them."""
    if not _fits(len(text), served, field, checks):
        return ()
    if len(text) <= INLINE_CHARACTERS:
        return served.tokenizer.encode(text, specials=True)
    return await asyncio.to_thread(served.tokenizer.encode, text, specials=True)


async def _prompt(request: pb.GenerateRequest, served: Served, checks: Checks) -> tuple[int, ...]:
    """The prompt's ids, or nothing when it is refused."""
    kind = request.WhichOneof("input")
    if kind is None:
        checks.refuse("input", "one of text, tokens and chat is required")
        return ()
    ids: tuple[int, ...] = ()
    if kind == "text":
        if not request.text:  # not even where the tokenizer would begin with a token of its own
            checks.refuse("text", "must not be empty")
            return ids
        ids = await ids_from_text(request.text, served, "text", checks)
        field = "text"
    elif kind == "tokens":
        field = "tokens.ids"
        if len(request.tokens.ids) >= served.manifest.positions:  # millions would take long to look at
            checks.refuse(field, _too_many(len(request.tokens.ids), served))
            return ids
        ids = tuple(request.tokens.ids)
        size = served.manifest.vocabulary_size
        if ids and max(ids) >= size:
            index = next(index for index, id in enumerate(ids) if id >= size)
            checks.refuse(f"tokens.ids[{index}]", f"{ids[index]} is not below {size}, the vocabulary's size")
            return ()
    else:
        ids = await _chat(request.chat, served, checks)
        field = "chat"
    if not ids and not any(v.field.startswith(field) for v in checks.violations):
        checks.refuse(field, "holds no token")
    elif len(ids) >= served.manifest.positions:
        checks.refuse(field, _too_many(len(ids), served))
        return ()
    return ids


def _too_many(tokens: int, served: Served) -> str:
    return f"has {tokens} tokens; the model takes at most {served.manifest.positions - 1} and one new token"


async def _chat(chat: pb.Chat, served: Served, checks: Checks) -> tuple[int, ...]:
    template = served.chat
    if template is None:
        checks.refuse("chat", f"{served.name} has no chat template; send text")
        return ()
    if not chat.messages:
        checks.refuse("chat.messages", "at least one message is required")
        return ()
    if len(chat.messages) > served.manifest.positions:  # a message is at least one token
        told = f"{len(chat.messages)} given; more than {served.manifest.positions} cannot fit the positions"
        checks.refuse("chat.messages", told)
        return ()
    turns = [Turn(message.role, message.content) for message in chat.messages]
    for index, turn in enumerate(turns):
        if turn.role not in ROLES:
            checks.refuse(f"chat.messages[{index}].role", f"must be one of {', '.join(ROLES)}")
            return ()
    size = sum(len(turn.content) for turn in turns)
    if not _fits(size, served, "chat", checks):
        return ()
    try:
        if size <= INLINE_CHARACTERS:
            return template.encode(turns, served.tokenizer, field="chat")
        return await asyncio.to_thread(template.encode, turns, served.tokenizer, field="chat")
    except InvalidRequest as error:
        checks.violations.extend(error.violations)
        return ()


def _fits(characters: int, served: Served, field: str, checks: Checks) -> bool:
    limit = CHARACTERS_PER_POSITION * served.manifest.positions
    if characters > limit:
        checks.refuse(
            field, f"has {characters} characters; more than {limit} cannot fit the model's positions"
        )
    return characters <= limit


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
        ),
    )


def delta_to_pb(index: int, piece: Piece, output: pb.Output) -> pb.Delta:
    return pb.Delta(
        index=index,
        text=piece.text,
        token_ids=piece.token_ids if output.token_ids else (),
        logprobs=piece.logprobs if output.logprobs else (),
    )
