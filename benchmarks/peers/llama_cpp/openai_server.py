"""llama-cpp-python's OpenAI server, asked over HTTP on the loopback interface.

It has no ``n``, so a request for several texts is several requests. They are sent at once when they are due;
the server holds one lock and takes them in turn, and keeps the last prompt's cache, so that the texts of one
prompt share it. Prompts go as text, and must come out as the same tokens.
"""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from peer_protocol import TEMPERATURE, TOP_K, TOP_P, Answer, Clock, Request

_START_S = 60.0
_REQUEST_S = 900.0
_CONNECTIONS = 256


class OpenAIServer:
    def __init__(self, path: str, threads: int, end_ids: Sequence[int]) -> None:
        """Raises RuntimeError when it does not start."""
        self._port = _free_port()
        self._end_ids = end_ids
        command = [sys.executable, "-m", "llama_cpp.server", "--model", path, "--port", str(self._port)]
        command += ["--n_threads", str(threads), "--n_threads_batch", str(threads)]
        # The logits of every prompt token would be copied; a newer request would end an older stream.
        command += ["--logits_all", "false", "--interrupt_requests", "false", "--verbose", "false"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self._wait()

    def serve(self, requests: Sequence[Request], clock: Clock) -> list[Answer]:
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            asked = [
                [pool.submit(self._one, request, clock) for _ in range(request.samples)]
                for request in requests
            ]
            texts = [[each.result() for each in futures] for futures in asked]
        return [_answer(each) for each in texts]

    def _one(self, request: Request, clock: Clock) -> Answer:
        """A single text is streamed, to know when its first token came."""
        clock.wait_until(request.due_s)
        streamed = request.samples == 1
        body = {
            "prompt": request.text,
            "max_tokens": request.new_tokens,
            "top_k": TOP_K,
            "top_p": TOP_P,
            "min_p": 0.0,
            "temperature": TEMPERATURE,
            "repeat_penalty": 1.0,
            "logit_bias": {str(each): -1000.0 for each in self._end_ids},
            "logit_bias_type": "input_ids",
            "stream": streamed,
        }
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_REQUEST_S)
        try:
            connection.request(
                "POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            if response.status != 200:
                raise RuntimeError(f"the server answers {response.status}: {response.read(200)!r}")
            return _read_stream(response, request, clock) if streamed else _read(response, request, clock)
        finally:
            connection.close()

    def _wait(self) -> None:
        for _ in range(int(_START_S / 0.1)):
            if self.process.poll() is not None:
                raise RuntimeError(f"the OpenAI server ended with code {self.process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"the OpenAI server did not answer within {_START_S:.0f} s")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def _read(response: http.client.HTTPResponse, request: Request, clock: Clock) -> Answer:
    found = json.load(response)
    usage, text = found["usage"], found["choices"][0]["text"]
    if usage["prompt_tokens"] != len(request.prompt):
        raise RuntimeError(
            f"the server made {usage['prompt_tokens']} tokens of a prompt of {len(request.prompt)}"
        )
    return Answer(None, clock.now_s(), [usage["completion_tokens"]], text=text)


def _read_stream(response: http.client.HTTPResponse, request: Request, clock: Clock) -> Answer:
    """A stream tells no usage, but one that ended by its length wrote all it was asked for."""
    first_s: float | None = None
    text, reason, chunks = "", None, 0
    for line in response:
        if not line.startswith(b"data: ") or line.strip() == b"data: [DONE]":
            continue
        choice: dict[str, Any] = json.loads(line[len(b"data: ") :])["choices"][0]
        first_s = first_s or clock.now_s()
        text, reason, chunks = text + choice["text"], choice["finish_reason"] or reason, chunks + 1
    written = request.new_tokens if reason == "length" else chunks
    return Answer(first_s, clock.now_s(), [written], text=text)


def _answer(samples: Sequence[Answer]) -> Answer:
    """One answer of the requests that stood for its samples."""
    counts = [count for each in samples for count in each.counts]
    return Answer(samples[0].first_s, max(each.end_s for each in samples), counts, text=samples[0].text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
