"""llama.cpp through llama-cpp-python: its library with a batch of sequences, or its OpenAI server."""

from collections.abc import Sequence
from pathlib import Path

import llama_cpp
from library import Library
from openai_server import OpenAIServer
from peer_protocol import Answer, Clock, Facts, Request, Settings, available_cores, main, own_process

SERVER = "OpenAI server"


class LlamaCpp:
    def __init__(self, settings: Settings) -> None:
        path = Path(settings.gguf)
        threads = settings.threads or available_cores()
        way = OpenAIServer if settings.way == SERVER else Library
        self._way = way(str(path), threads, settings.end_ids)
        self.facts = Facts(llama_cpp.__version__, path.name, _compute(), threads)

    def nll(self, window: Sequence[int]) -> float | None:
        """The server tells none; the library computes the same."""
        return self._way.nll(window) if isinstance(self._way, Library) else None

    def serve(self, requests: Sequence[Request], clock: Clock) -> list[Answer]:
        return self._way.serve(requests, clock)

    def processes(self) -> list[int]:
        return [self._way.process.pid] if isinstance(self._way, OpenAIServer) else own_process()

    def close(self) -> None:
        if isinstance(self._way, OpenAIServer):
            self._way.close()


def _compute() -> str:
    """The best instruction set that this build uses."""
    used = llama_cpp.llama_print_system_info().decode()
    names = ("AMX_INT8", "AVX512_VNNI", "AVX_VNNI", "AVX512", "AVX2", "NEON")
    found = next((name for name in names if f"{name} = 1" in used), "no vectors")
    return f"8-bit activations, {found}"


if __name__ == "__main__":
    main(LlamaCpp)
