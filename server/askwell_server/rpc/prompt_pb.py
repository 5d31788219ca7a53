"""What a request gives to continue, in token ids: text, ids or a conversation."""

import asyncio

from askwell.v1 import generation_pb2 as pb

from ..errors import InvalidRequest
from .chat import Turn
from .served import Served
from .validate import ROLES, Checks

# No tokenizer's tokens are this long on average: longer text cannot fit, so it need not be encoded.
CHARACTERS_PER_POSITION = 64
# Longer text is encoded in a thread, so that other streams go on meanwhile.
INLINE_CHARACTERS = 8192


async def ids_from_text(text: str, served: Served, field: str, checks: Checks) -> tuple[int, ...]:
    """Token ids of plain text, special tokens included where the text spells them."""
    if not _fits(len(text), served, field, checks):
        return ()
    if len(text) <= INLINE_CHARACTERS:
        return served.tokenizer.encode(text, specials=True)
    return await asyncio.to_thread(served.tokenizer.encode, text, specials=True)


async def prompt_from_pb(request: pb.GenerateRequest, served: Served, checks: Checks) -> tuple[int, ...]:
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
        if not checks.token_ids(ids, served.manifest.vocabulary_size, field):
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
