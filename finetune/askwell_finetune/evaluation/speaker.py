"""A converted model that writes and scores, told exactly what the server would tell it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from askwell_bench.generator import load_generator
from askwell_interview import Prompt
from askwell_manifest import read_manifest
from askwell_server.engine.tokenizer import Tokenizer
from askwell_server.model import chat_from_manifest
from askwell_server.rpc.chat import Turn

MAX_NEW_TOKENS = 48
# Rows of a batch that writes, and tokens of one that scores: what two cores do well.
ROWS = 32
BATCH_TOKENS = 4096
# Prompts that begin alike for so many tokens are of one candidate, or of one job.
BEGINNING = 48


class Speaker:
    """One model folder, in this process. ``style``: the prompts' style that the server would choose."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        manifest = read_manifest(folder)
        self.folder = folder
        self._tokenizer = Tokenizer.from_folder(folder, manifest)
        self._chat = chat_from_manifest(manifest)
        self._generator: Any = load_generator(folder, intra_threads=threads)

    @property
    def style(self) -> Any:
        return "chat" if self._chat else "base"

    def write(
        self,
        prompts: Sequence[Prompt],
        seed: int,
        *,
        greedy: bool = False,
        new_tokens: int = MAX_NEW_TOKENS,
    ) -> list[str]:
        """One text for each prompt, up to its line's end, with the server's default sampling.

        CTranslate2 draws from one stream of random numbers: the texts are the same again for the same
        prompts in the same order and the same seed, on the same machine.
        """
        import ctranslate2

        ctranslate2.set_random_seed(seed)
        ends = [self._tokenizer.tokens([id_])[0] for id_ in self._tokenizer.end_ids]
        options = {} if greedy else {"sampling_temperature": 0.7, "sampling_topk": 50, "sampling_topp": 0.95}
        tokens = [self._tokenizer.tokens(self._ids(prompt)) for prompt in prompts]
        texts = [""] * len(prompts)
        for shared, places in _together(tokens):
            results = self._generator.generate_batch(
                [list(tokens[place][shared:]) for place in places],
                static_prompt=list(tokens[places[0]][:shared]),
                max_batch_size=ROWS,
                max_length=new_tokens,
                include_prompt_in_result=False,
                end_token=ends,
                **options,
            )
            for place, each in zip(places, results, strict=True):
                texts[place] = self._tokenizer.decode(each.sequences_ids[0]).split("\n", 1)[0]
        return texts

    def length(self, text: str) -> int:
        """Its tokens."""
        return len(self._tokenizer.encode(text, specials=False))

    def nll(self, prompts: Sequence[Prompt], completions: Sequence[str]) -> list[tuple[float, int]]:
        """For each completion of a prompt: the sum of its tokens' negative log-likelihoods, and how many."""
        whole, lengths = [], []
        for prompt, completion in zip(prompts, completions, strict=True):
            before = self._ids(prompt)
            after = self._ids(prompt, completion)
            same = next(
                (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before)
            )
            whole.append(list(self._tokenizer.tokens(after)))
            lengths.append(len(after) - same)
        scored = self._generator.score_batch(whole, max_batch_size=BATCH_TOKENS, batch_type="tokens")
        return [
            (-float(np.sum(each.log_probs[-length:])), length)
            for each, length in zip(scored, lengths, strict=True)
        ]

    def _ids(self, prompt: Prompt, more: str = "") -> tuple[int, ...]:
        if self._chat is None:
            return self._tokenizer.encode(prompt.text + more, specials=False)
        turns = [Turn(message.role, message.content) for message in prompt.messages]
        return self._chat.encode(turns, self._tokenizer, opening=prompt.opening + more, field="prompt")


def _together(tokens: Sequence[tuple[str, ...]]) -> list[tuple[int, list[int]]]:
    """Places of prompts that begin alike, in order, and how many tokens all of them share: those are computed
    once. One token is left to each prompt."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, each in enumerate(tokens):
        groups.setdefault(each[:BEGINNING], []).append(place)
    return [(_shared([tokens[place][:-1] for place in group]), group) for group in groups.values()]


def _shared(tokens: Sequence[tuple[str, ...]]) -> int:
    """How many tokens all begin with: as many as the first and the last in alphabetical order."""
    first, last = min(tokens), max(tokens)
    return next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
