"""ctranslate2 used naively: one request at a time, or one batch of whatever waits, padded by nobody."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from peer_protocol import (
    TEMPERATURE,
    TOP_K,
    TOP_P,
    Answer,
    Clock,
    Facts,
    Request,
    Settings,
    available_cores,
    main,
    one_by_one,
    own_process,
)

ONE_BATCH = "one batch"
_DEFAULT_THREADS = 4  # ctranslate2 takes no more on its own, however many cores there are


class CTranslate2:
    def __init__(self, settings: Settings) -> None:
        folder = Path(settings.model)
        ctranslate2.set_log_level(40)  # errors only
        self._generator = ctranslate2.Generator(str(folder), intra_threads=settings.threads or 0)
        self._vocabulary = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        self._whole_batch = settings.way == ONE_BATCH
        self._end_ids = list(settings.end_ids)
        threads = settings.threads or min(_DEFAULT_THREADS, available_cores())
        self.facts = Facts(ctranslate2.__version__, folder.name, self._generator.compute_type, threads)

    def nll(self, window: Sequence[int]) -> float:
        found = self._generator.forward_batch([self._tokens(window)], return_log_probs=True)
        log_probs = np.array(found, dtype=np.float32)[0]
        return -float(log_probs[np.arange(len(window) - 1), list(window[1:])].sum(dtype=np.float64))

    def serve(self, requests: Sequence[Request], clock: Clock) -> list[Answer]:
        if not self._whole_batch:
            return one_by_one(requests, clock, lambda request: self._answers([request], clock)[0])
        answers: list[Answer] = []
        while len(answers) < len(requests):
            clock.wait_until(requests[len(answers)].due_s)
            now_s = clock.now_s()
            answers += self._answers([r for r in requests[len(answers) :] if r.due_s <= now_s], clock)
        return answers

    def _answers(self, requests: Sequence[Request], clock: Clock) -> list[Answer]:
        """One call. It has one length for all: the longest, and who asked for less throws the rest away."""
        length = max(request.new_tokens for request in requests)
        firsts: dict[int, float] = {}

        def note(step: Any) -> bool:
            firsts.setdefault(step.batch_id, clock.now_s())
            return False

        results = self._generator.generate_batch(
            [self._tokens(request.prompt) for request in requests],
            max_length=length,
            min_length=length,
            num_hypotheses=max(request.samples for request in requests),
            sampling_topk=TOP_K,
            sampling_topp=TOP_P,
            sampling_temperature=TEMPERATURE,
            end_token=self._end_ids,
            include_prompt_in_result=False,
            callback=note,
        )
        end_s = clock.now_s()
        answers = []
        for index, (request, result) in enumerate(zip(requests, results, strict=True)):
            written = [ids[: request.new_tokens] for ids in result.sequences_ids]
            answers.append(Answer(firsts.get(index), end_s, [len(ids) for ids in written], written[0]))
        return answers

    def _tokens(self, ids: Sequence[int]) -> list[str]:
        return [self._vocabulary[each] for each in ids]

    def processes(self) -> list[int]:
        return own_process()

    def close(self) -> None:
        del self._generator  # one that ran callbacks may abort a process that ends with it


if __name__ == "__main__":
    main(CTranslate2)
