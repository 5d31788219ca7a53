"""A conversation as the model's own chat template spells it, in tokens.

Rendered as transformers does, except that what people wrote cannot turn into the template's control tokens: a
résumé that holds ``<|im_end|>`` would otherwise end its own message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..errors import InvalidRequest


class Encoder(Protocol):
    """The part of a tokenizer that a template needs."""

    def encode(self, text: str, *, specials: bool) -> tuple[int, ...]: ...

    def defuse(self, text: str) -> str:
        """The text, spelling no special token any more."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: "system", "user" or "assistant", and what it says."""

    role: str
    content: str


class TemplateRefused(Exception):
    """The template's own ``raise_exception``: the model knows no such conversation."""


class ChatTemplate:
    """A manifest's chat template, compiled once. Raises ValueError for one that does not compile."""

    def __init__(self, source: str, *, bos_token: str | None, eos_token: str | None) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateSyntaxError as error:
            raise ValueError(f"the chat template does not compile: {error}") from None
        self._names = {"bos_token": bos_token or "", "eos_token": eos_token or ""}

    def encode(
        self, turns: Sequence[Turn], encoder: Encoder, *, opening: str = "", field: str
    ) -> tuple[int, ...]:
        """Token ids of the conversation up to the assistant's answer, of which ``opening`` is the start.

        Raises InvalidRequest on ``field`` when the template does not take the conversation.
        """
        harmless = [Turn(turn.role, encoder.defuse(turn.content)) for turn in turns]
        return encoder.encode(self._render(harmless, field) + encoder.defuse(opening), specials=True)

    def _render(self, turns: Sequence[Turn], field: str) -> str:
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            return self._template.render(messages=messages, add_generation_prompt=True, **self._names)
        except TemplateRefused as error:
            raise InvalidRequest.of(field, f"the model's chat template refuses it: {error}") from None
        except Exception as error:  # a template is a program: it may fail in any way
            kind = type(error).__name__
            raise InvalidRequest.of(field, f"the model's chat template cannot render it ({kind})") from None


def _refuse(message: str) -> NoReturn:
    raise TemplateRefused(" ".join(str(message).split())[:200])
