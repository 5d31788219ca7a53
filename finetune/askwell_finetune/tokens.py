"""An example as token ids: exactly what the server would send, and exactly what the model should answer.

Tokenizer and chat template are read from the checkpoint as the converter reads them, and the prompt is
encoded by the server's own code, so that what training shows the model is what serving will.
"""

from dataclasses import dataclass

from askwell_convert.source import Source
from askwell_convert.tokenizer import end_tokens, model_vocabulary, parse_tokenizer
from askwell_interview import Prompt, prompt_for
from askwell_interview.prompt import Style
from askwell_server.engine.tokenizer import Tokenizer
from askwell_server.rpc.chat import ChatTemplate, Turn

from .errors import FinetuneError
from .example import Example


@dataclass(frozen=True, slots=True)
class Encoded:
    """``prompt`` ends with the opening; ``completion`` ends with what makes the server stop."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        return self.prompt + self.completion


class ExampleEncoder:
    """``style`` is "chat" for a checkpoint with a chat template, otherwise "base".

    Raises FinetuneError when the template does not compile or cannot hold a system message.
    """

    def __init__(self, source: Source) -> None:
        own = source.tokenizer
        self.style: Style = "chat" if own.chat_template else "base"
        vocabulary = model_vocabulary(
            parse_tokenizer(own.json_text, source.label),
            source.plan.vocabulary_size,
            source.plan.padding_token,
            source.label,
        )
        ids = {token: number for number, token in enumerate(vocabulary)}
        ends = end_tokens(own.special.ends, vocabulary, chat=bool(own.chat_template))
        bos_id = ids[own.special.bos] if own.special.add_bos and own.special.bos else None
        self.tokenizer = Tokenizer(own.json_text, vocabulary, tuple(ids[end] for end in ends), bos_id)
        self._chat: ChatTemplate | None = None
        if own.chat_template:
            try:
                self._chat = ChatTemplate(
                    own.chat_template, bos_token=own.special.bos, eos_token=next(iter(ends), None)
                )
            except ValueError as error:
                raise FinetuneError(f"{source.label}: {error}") from None

    def encode(self, example: Example) -> Encoded:
        prompt = prompt_for(example.item, example.features, self.style, example.opening)
        ids = self._prompt_ids(prompt, "")
        # Encoded together where that leaves the prompt as it is: some tokenizers put a space before a text
        # that stands alone. Where the seam would melt into one token, the server has cut it all the same.
        whole = self._prompt_ids(prompt, example.completion + "\n" * (self._chat is None))
        if whole[: len(ids)] == ids:
            completion = whole[len(ids) :]
        else:
            completion = self.tokenizer.encode(
                example.completion + "\n" * (self._chat is None), specials=False
            )
        return Encoded(ids, completion + self._turn_end(prompt))

    def _prompt_ids(self, prompt: Prompt, more: str) -> tuple[int, ...]:
        if self._chat is None:
            return self.tokenizer.encode(prompt.text + more, specials=False)
        turns = [Turn(message.role, message.content) for message in prompt.messages]
        return self._chat.encode(turns, self.tokenizer, opening=prompt.opening + more, field="model")

    def _turn_end(self, prompt: Prompt) -> tuple[int, ...]:
        """The end token that the template closes an answer with; a base model's line has its own end."""
        if self._chat is None:
            return ()
        turns = [Turn(message.role, message.content) for message in prompt.messages]
        start = len(self._chat.encode(turns, self.tokenizer, field="model"))
        answered = self._chat.encode([*turns, Turn("assistant", "x")], self.tokenizer, field="model")
        ends = self.tokenizer.end_ids
        return (next((i for i in answered[start:] if i in ends), ends[0]),)
