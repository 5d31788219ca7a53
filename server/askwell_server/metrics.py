"""What Prometheus may ask, at ``--metrics-port``. No label holds anything that a client wrote.

Calls and rows are counted as they end; everything of the engine is read when somebody asks, in the event
loop, since nothing of the engine's is meant for other threads.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .engine.row import Finish, Load
from .engine.statistics import Statistics

log = logging.getLogger(__name__)

READ_S = 5.0  # a scrape waits no longer for the event loop
CALL_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250)
WAIT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50)


@dataclass(frozen=True, slots=True)
class Reading:
    """The engine at one moment. During a swap ``statistics`` and the rows of ``load`` are of both engines."""

    model: str
    load: Load
    statistics: Statistics


class Metrics:
    """The server's registry, and what is told of calls and rows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._calls = Counter(
            "askwell_requests", "Calls that ended", ["method", "code"], registry=self.registry
        )
        self._call_s = self._seconds("askwell_request_seconds", "Calls", CALL_BUCKETS_S, ["method"])
        self._first_token_s = self._seconds(
            "askwell_time_to_first_token_seconds", "From a row's admission to its first token", WAIT_BUCKETS_S
        )
        self._queue_s = self._seconds(
            "askwell_queue_seconds", "From a row's admission to its batch", WAIT_BUCKETS_S
        )

    def _seconds(
        self, name: str, told: str, buckets: tuple[float, ...], labels: tuple[str, ...] | list[str] = ()
    ) -> Histogram:
        return Histogram(name, f"{told}, in seconds", labels, buckets=buckets, registry=self.registry)

    def call_ended(self, method: str, code: str, seconds: float) -> None:
        self._calls.labels(method, code).inc()
        self._call_s.labels(method).observe(seconds)

    def row_ended(self, finish: Finish) -> None:
        if finish.usage.new_tokens:
            self._first_token_s.observe(finish.timing.first_token_s)
            self._queue_s.observe(finish.timing.queue_s)


class Exporter:
    """Answers scrapes in a thread of its own until it is closed. Raises OSError where it cannot listen."""

    def __init__(self, host: str, port: int, metrics: Metrics, read: Callable[[], Reading]) -> None:
        collector = EngineCollector(asyncio.get_running_loop(), read)
        metrics.registry.register(collector)
        self._server: WSGIServer
        self._thread: Thread
        self._server, self._thread = start_http_server(port, host, metrics.registry)

    @property
    def port(self) -> int:
        return self._server.server_port

    async def close(self) -> None:
        await asyncio.to_thread(self._server.shutdown)  # a scrape under way may still need this loop
        self._server.server_close()
        self._thread.join()


class EngineCollector(Collector):
    """The engine's figures, asked of the event loop from whatever thread scrapes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, read: Callable[[], Reading]) -> None:
        self._loop = loop
        self._read = read

    def collect(self) -> Iterator[Metric]:
        async def read() -> Reading:
            return self._read()

        asked = asyncio.run_coroutine_threadsafe(read(), self._loop)
        try:
            reading = asked.result(READ_S)
        except TimeoutError:
            asked.cancel()
            log.warning("the metrics lack the engine's: the server did not answer within %g s", READ_S)
            return
        yield from _gauges(reading)
        yield from _counters(reading.statistics)


def _gauges(reading: Reading) -> Iterator[Metric]:
    load, cost = reading.load, reading.statistics.cost
    info = GaugeMetricFamily("askwell_model_info", "1 for the model that new calls get", labels=["model"])
    info.add_metric([reading.model], 1)
    yield info
    for name, told, value in (
        ("queue_rows", "Rows that wait", load.queued_rows),
        ("running_rows", "Rows in batches", load.running_rows),
        ("queue_limit_rows", "Rows that may wait", load.queue_limit),
        ("ready_engines", "Engine processes that take batches", load.ready_engines),
        ("predicted_wait_seconds", "How long a new row of normal priority would wait", load.predicted_wait_s),
        ("capacity_tokens_per_second", "New tokens a second while busy of late", load.capacity_tokens_s),
    ):
        yield GaugeMetricFamily(f"askwell_{name}", told, value=value)
    if load.prediction_error is not None:
        told = "Median relative error of the cost model over recent batches"
        yield GaugeMetricFamily("askwell_prediction_error_ratio", told, value=load.prediction_error)
    if cost is not None:
        told = "The cost model: seconds of a prefill and of a step, and for each row, token and pair"
        family = GaugeMetricFamily("askwell_cost_seconds", told, labels=["coefficient"])
        for coefficient, seconds in asdict(cost).items():
            family.add_metric([coefficient.removesuffix("_s")], seconds)
        yield family


def _counters(statistics: Statistics) -> Iterator[Metric]:
    for name, told, value in (
        ("batches", "Batches started", statistics.batches),
        ("batch_rows", "Rows in the batches that were started", statistics.rows),
        ("cuts", "Batches cut short, so that others could go first", statistics.cuts),
        ("new_tokens", "Tokens generated", statistics.new_tokens),
        ("prompt_tokens", "Prompt tokens of the rows in batches", statistics.prompt_tokens),
        ("prefix_tokens", "Prompt tokens that rows shared with their batch", statistics.prefix_tokens),
        ("forced_tokens", "Prompt tokens that cost a step each", statistics.forced_tokens),
        ("engine_restarts", "Engine processes that had to be replaced", statistics.restarts),
    ):
        yield CounterMetricFamily(f"askwell_{name}", told, value=value)
    refusals = CounterMetricFamily("askwell_refusals", "Rows not admitted", labels=["reason"])
    for reason, count in sorted(statistics.refused.items()):
        refusals.add_metric([reason], count)
    yield refusals
