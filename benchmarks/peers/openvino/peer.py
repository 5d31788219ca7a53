"""OpenVINO GenAI: continuous batching straight from the GGUF file.

Its Q8_0 weights are int8, as ours are; activations are quantized on the fly in groups, other arithmetic runs
in the precision that the CPU plugin prefers, the key-value cache in its own. All that is asked of the plugin
and stated, nothing is changed but two settings that only help it: a fixed cache of 1 GB, and prompts taken in
whole (by default in pieces of 256 tokens). Its cache of earlier prompts stays off, as by default: it
would answer the next round from the last one.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino_genai
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
    own_process,
)

_CACHE_GB = 1
_PROMPT_TOKENS = 2048


class OpenVINO:
    def __init__(self, settings: Settings) -> None:
        path = Path(settings.gguf)
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = _CACHE_GB
        scheduler.max_num_batched_tokens = _PROMPT_TOKENS
        scheduler.enable_prefix_caching = False
        threads = settings.threads or available_cores()
        options = {"INFERENCE_NUM_THREADS": threads}
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(str(path), scheduler, "CPU", options)
        self._next_id = 0
        self.facts = Facts(version("openvino-genai"), path.name, _compute(), threads)

    def nll(self, window: Sequence[int]) -> float:
        """The prompt's own log-probabilities come with ``echo``; the first is of the first token."""
        config = openvino_genai.GenerationConfig(max_new_tokens=1, echo=True, logprobs=1)
        handle = self._add(window, config)
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
        found = handle.read_all()[0].generated_log_probs
        return -float(sum(found[1 : len(window)]))

    def serve(self, requests: Sequence[Request], clock: Clock) -> list[Answer]:
        """Requests join the running batch when they are due. A first token is known where one text is asked
        for: several are handed out only when all are finished."""
        waiting = list(enumerate(requests))
        running: dict[int, tuple[Any, Answer]] = {}
        answers: dict[int, Answer] = {}
        while waiting or running:
            if not running:
                clock.wait_until(waiting[0][1].due_s)
            while waiting and waiting[0][1].due_s <= clock.now_s():
                index, request = waiting.pop(0)
                running[index] = self._add(request.prompt, _config(request)), Answer(None, 0.0, [])
            self._pipeline.step()
            for index, (handle, answer) in list(running.items()):
                finished = handle.get_status() != openvino_genai.GenerationStatus.RUNNING
                if handle.can_read():
                    _read(handle, answer, requests[index].samples, clock)
                if finished:
                    answer.end_s = clock.now_s()
                    answers[index] = running.pop(index)[1]
        return [answers[index] for index in range(len(requests))]

    def _add(self, ids: Sequence[int], config: Any) -> Any:
        self._next_id += 1
        tensor = openvino.Tensor(np.array([ids], dtype=np.int64))
        return self._pipeline.add_request(self._next_id, tensor, config)

    def processes(self) -> list[int]:
        return own_process()

    def close(self) -> None:
        pass


def _read(handle: Any, answer: Answer, samples: int, clock: Clock) -> None:
    if samples > 1:
        outputs = handle.read_all()
        answer.counts = [len(output.generated_ids) for output in outputs]
        answer.ids = list(outputs[0].generated_ids)
        return
    for output in handle.read().values():
        answer.first_s = answer.first_s or clock.now_s()
        answer.ids += output.generated_ids
        answer.counts = [len(answer.ids)]


def _config(request: Request) -> Any:
    return openvino_genai.GenerationConfig(
        max_new_tokens=request.new_tokens,
        min_new_tokens=request.new_tokens,
        ignore_eos=True,
        do_sample=True,
        top_k=TOP_K,
        top_p=TOP_P,
        temperature=TEMPERATURE,
        num_return_sequences=request.samples,
    )


def _compute() -> str:
    """What the CPU plugin computes in, by its own account."""
    ask = openvino.Core().get_property
    precision = ask("CPU", "INFERENCE_PRECISION_HINT").get_type_name()
    cache = ask("CPU", "KV_CACHE_PRECISION").get_type_name()
    group = ask("CPU", "DYNAMIC_QUANTIZATION_GROUP_SIZE")
    return f"{precision}, int8 activations in groups of {group}, {cache} cache"


if __name__ == "__main__":
    main(OpenVINO)
