"""What the model says when it is asked alone: ctranslate2 itself, one row at a time, in this process."""

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from askwell_manifest import read_manifest

from ..generator import load_generator
from .answer import Text
from .logits import Logits, behind, processed
from .request import Asked, Choice

_CONTEXT_TOKENS = 4  # of the prompt, behind which the server's first token is decoded
_STOP_CHARACTERS = 3


@dataclass(frozen=True, slots=True)
class Alone:
    """A greedy continuation by as many tokens as anybody asks for. ``ended``: by an end of text, which is
    not among the tokens."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    ended: bool


class Reference:
    """A generator of one's own over a model folder, for answers and for the logits behind them."""

    def __init__(self, folder: Path, workers: int) -> None:
        from askwell_server.engine.tokenizer import Tokenizer

        manifest = read_manifest(folder)
        self.tokenizer = Tokenizer.from_folder(folder, manifest)
        self._beginning = int(manifest.add_bos)
        self._workers = workers
        self._generator = load_generator(folder, inter_threads=workers, intra_threads=1)

    def answers(self, asked: Iterable[Asked]) -> dict[Choice, Alone]:
        """Every choice once, as long as the longest of its requests."""
        longest: dict[Choice, int] = {}
        for each in asked:
            longest[each.choice] = max(longest.get(each.choice, 0), each.max_new_tokens)
        with ThreadPoolExecutor(self._workers) as pool:
            found = pool.map(self._answer, longest, longest.values())
            return dict(zip(longest, found, strict=True))

    def _answer(self, choice: Choice, new_tokens: int) -> Alone:
        logprobs: list[float] = []

        def note(step: Any) -> bool:
            logprobs.append(step.log_prob)
            return False

        (result,) = self._generator.generate_batch(
            [self._strings(choice.prompt)],
            max_length=new_tokens,
            min_length=min(choice.min_new_tokens, new_tokens),
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=list(self.tokenizer.end_ids),
            repetition_penalty=choice.repetition_penalty,
            no_repeat_ngram_size=choice.no_repeat_ngram_size,
            suppress_sequences=[self._strings(run) for run in self.suppressed(choice)] or None,
            return_scores=True,
            callback=note,
        )
        ids = tuple(result.sequences_ids[0])
        return Alone(ids, tuple(logprobs[: len(ids)]), ended=len(ids) < new_tokens)

    def suppressed(self, choice: Choice) -> tuple[tuple[int, ...], ...]:
        """The runs of tokens that the texts stand for, as they are and after a space."""
        spelled = (text for each in choice.suppress for text in (each, f" {each}"))
        runs = {self.tokenizer.encode(text, specials=False)[self._beginning :] for text in spelled}
        return tuple(sorted(runs - {()}))

    def ending_in(self, asked: Asked, alone: Alone) -> Asked:
        """The request with a stop that its own text will reach, if there is a fit one."""
        ids = alone.token_ids[: asked.max_new_tokens]
        if asked.ending == "token" and ids:
            return replace(asked, stop_token_ids=(ids[int(asked.ending_share * len(ids))],))
        text = "".join(self._pieces(asked, ids))
        start = int(asked.ending_share * len(text))
        stop = text[start : start + _STOP_CHARACTERS]
        # Of a character of several bytes the server may have given away the first: that is no error.
        if asked.ending == "string" and stop and stop.isascii():
            return replace(asked, stop_sequences=(stop,))
        return asked

    def expected(self, asked: Asked, alone: Alone) -> Text:
        """What the request should get."""
        ids, reason = alone.token_ids[: asked.max_new_tokens], "MAX_TOKENS"
        if alone.ended and len(alone.token_ids) < asked.max_new_tokens:
            reason = "EOS"
        ends = [i for i, token in enumerate(ids) if token in asked.stop_token_ids]
        if ends:
            ids, reason = ids[: ends[0]], "STOP_TOKEN"
        pieces = self._pieces(asked, ids)
        text = "".join(pieces)
        for stop in asked.stop_sequences:
            if (start := text.find(stop)) >= 0:
                text = text[: start + len(stop) * asked.include_stop]
                ids, reason = ids[: _begun(pieces, len(text))], "STOP_SEQUENCE"
        return Text(ids, reason, text, alone.logprobs[: len(ids)])

    def gap(self, asked: Asked, alone: Alone, position: int, one: int | None, other: int | None) -> float:
        """How far two tokens lie behind the likeliest after ``position`` tokens; None is an end of text."""
        choice, written = asked.choice, alone.token_ids[:position]
        logits = processed(
            self._logits((*choice.prompt, *written)),
            choice,
            written,
            self.suppressed(choice),
            self.tokenizer.end_ids,
        )
        end = max(self.tokenizer.end_ids, key=lambda token: logits[token])
        return behind(logits, [end if token is None else token for token in (one, other)])

    def _logits(self, ids: Sequence[int]) -> Logits:
        scores = np.array(self._generator.forward_batch([self._strings(ids)]), dtype=np.float64)
        return np.asarray(scores[0, len(ids) - 1, : self.tokenizer.vocabulary_size])

    def _pieces(self, asked: Asked, ids: Sequence[int]) -> list[str]:
        """The text that each token made certain, and what the end made of the rest."""
        from askwell_server.engine.detokenize import Detokenizer

        detokenizer = Detokenizer(self.tokenizer.decode, asked.choice.prompt[-_CONTEXT_TOKENS:])
        return [*(detokenizer.push(token) for token in ids), detokenizer.flush()]

    def _strings(self, ids: Sequence[int]) -> list[str]:
        return list(self.tokenizer.tokens(ids))


def _begun(pieces: Sequence[str], length: int) -> int:
    """How many tokens begin before so many characters."""
    before, count = 0, 0
    for piece in pieces[:-1]:
        if before >= length:
            break
        before += len(piece)
        count += 1
    return count


def mean_log_ratio(one: Logits, other: Logits) -> float:
    """KL divergence in nats of the distribution of ``other`` from that of ``one``."""
    log_one, log_other = (each - _log_sum(each) for each in (one, other))
    return float((np.exp(log_one) * (log_one - log_other)).sum())


def _log_sum(logits: Logits) -> float:
    top = float(logits.max())
    return top + math.log(float(np.exp(logits - top).sum()))
