"""The founding script's way: transformers' ``generate`` in float32, one request after the other."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from peer_protocol import (
    TEMPERATURE,
    TOP_K,
    TOP_P,
    Answer,
    Clock,
    Facts,
    Request,
    Settings,
    main,
    one_by_one,
    own_process,
)
from transformers.generation.streamers import BaseStreamer


class _FirstToken(BaseStreamer):
    """Notes when the first new token is there; what comes before it is the prompt."""

    def __init__(self) -> None:
        self.times_s: list[float] = []

    def put(self, value: Any) -> None:
        self.times_s.append(time.perf_counter())

    def end(self) -> None:
        pass


class Transformers:
    def __init__(self, settings: Settings) -> None:
        path = Path(settings.gguf)
        self._model = transformers.AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32
        ).eval()
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self._end_ids = list(settings.end_ids)
        version = f"{transformers.__version__}, torch {torch.__version__}"
        self.facts = Facts(version, f"{path.name} dequantized", "float32", torch.get_num_threads())

    def nll(self, window: Sequence[int]) -> float:
        ids = torch.tensor([list(window)])
        with torch.inference_mode():
            logits = self._model(ids).logits[0, :-1].float()
        return float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))

    def serve(self, requests: Sequence[Request], clock: Clock) -> list[Answer]:
        return one_by_one(requests, clock, lambda request: self._answer(request, clock))

    def _answer(self, request: Request, clock: Clock) -> Answer:
        ids = torch.tensor([list(request.prompt)])
        began_s, start = clock.now_s(), time.perf_counter()
        streamer = _FirstToken()
        with torch.inference_mode():
            found = self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                top_k=TOP_K,
                top_p=TOP_P,
                temperature=TEMPERATURE,
                num_return_sequences=request.samples,
                max_new_tokens=request.new_tokens,
                min_new_tokens=request.new_tokens,
                eos_token_id=self._end_ids,
                pad_token_id=self._end_ids[0],
                streamer=streamer,
            )
        written = [row[len(request.prompt) :].tolist() for row in found]
        first_s = began_s + streamer.times_s[1] - start
        return Answer(first_s, clock.now_s(), [len(row) for row in written], written[0])

    def processes(self) -> list[int]:
        return own_process()

    def close(self) -> None:
        pass


if __name__ == "__main__":
    main(Transformers)
