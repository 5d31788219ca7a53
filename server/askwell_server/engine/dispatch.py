"""Which rows run where: between the queue and the devices, in one event loop."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence

from ..errors import AskwellError, QueueFull, ServerFault, Unavailable
from .admission import Forecast, wait_s
from .config import EngineConfig
from .device import Device, lanes_of
from .fair import NEW_WEIGHT, weighted
from .messages import Batch, BatchRow, Failed
from .planner import Plan, forced_tokens
from .queue import WaitingQueue
from .row import Row
from .running import Running
from .scheduler import Scheduler
from .statistics import Statistics
from .suspects import Quarantine, Suspects
from .ticket import Boarding, Ticket

log = logging.getLogger(__name__)

RESTART_S = 2.0  # what a client is told to wait while a process restarts
_CUT_CHECK_S = 0.1
_SOON_S = 0.3  # a lane that is free by then is worth waiting for
_RECOVERY_BATCHES = 50  # after so many, a row limit that a lack of memory lowered is doubled
_WEIGHT = 0.05  # of one batch in the capacity


class Dispatcher:
    """Boards what waits whenever a lane is free, cuts batches that keep others waiting, and takes back the
    rows of batches that were cut or lost.

    ``fail`` ends a row with an error; ``on_change`` is told when a device became ready or was lost.
    """

    def __init__(
        self,
        config: EngineConfig,
        registered: Sequence[tuple[int, ...]],
        fail: Callable[[Ticket, AskwellError], None],
        on_change: Callable[[], None],
    ) -> None:
        self.queue: WaitingQueue[Ticket] = WaitingQueue(config.queue_limit)
        self.quarantine = Quarantine()
        self.suspects = Suspects()
        self.forecast = Forecast()
        self.statistics = Statistics()
        self.devices = [Device(name, config, registered, self) for name in config.devices]
        self.lane_tokens_s = 0.0  # new tokens of one lane in a second, smoothed
        self._config = config
        self._scheduler = Scheduler(self.queue, config.policy, config.max_batch_s, registered)
        self._fail = fail
        self._on_change = on_change
        self._dispatching = False
        self._cut_check: asyncio.TimerHandle | None = None
        self._batch_id = 0
        self._batches_since_failure = 0

    @property
    def waiting(self) -> int:
        return len(self.queue) + len(self.quarantine)

    @property
    def lanes(self) -> int:
        return lanes_of(self.devices)

    @property
    def idle(self) -> bool:
        """Whether a row that came now would start now."""
        return self.waiting == 0 and any(device.free_lanes for device in self.devices)

    def wait_s(self, row: Row) -> float:
        """Predicted seconds until a new row would start."""
        now_s = time.monotonic()
        running_s = [each.rest_s(now_s) for device in self.devices for each in device.running.values()]
        ahead_s = [ticket.share_s for ticket in self.queue.ahead_of(row)]
        return wait_s(ahead_s, running_s, self.lanes)

    def admit(self, tickets: Sequence[Ticket]) -> None:
        suspected = [t for t in tickets if self.suspects and self.suspects.suspected(t.row)]
        self.quarantine.admit(suspected)
        self.queue.append(t for t in tickets if t not in suspected)
        self.schedule()

    def leave(self, ticket: Ticket) -> None:
        """Take an ended row out of the queue, or out of its batch."""
        self.queue.remove(ticket)
        self.quarantine.remove(ticket)
        for device in self.devices:
            device.drop(ticket)

    def clear(self) -> list[Ticket]:
        """Take out everything that waits."""
        return [*self.queue.clear(), *self.quarantine.clear()]

    def schedule(self) -> None:
        """Plan once this turn of the event loop is over, with everything that was submitted in it."""
        if not self._dispatching:
            self._dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    async def close(self) -> None:
        if self._cut_check is not None:
            self._cut_check.cancel()
        await asyncio.gather(*(device.close() for device in self.devices))

    def on_row_ended(self, ticket: Ticket) -> None:
        """A row ended by itself: learn from it, and give its tenant back what it did not use."""
        taken_s = time.monotonic() - ticket.admitted_s
        self.forecast.learn_row(ticket.asked, ticket.new_tokens, ticket.predicted_s, taken_s)
        unused = ticket.asked.max_new_tokens - ticket.new_tokens
        self.queue.charge(ticket, -NEW_WEIGHT * unused)

    # What devices tell.

    def on_device_change(self) -> None:
        self._on_change()
        self.schedule()

    def on_batch_done(self, device: Device, running: Running) -> None:
        taken_s = time.monotonic() - running.started_s
        if running.cut:
            self._take_back(running)
        else:
            self.forecast.learn_batch(sum(ticket.share_s for ticket in running.tickets), taken_s)
        self.statistics.new_tokens += running.new_tokens
        self.statistics.cost = device.cost
        tokens_s = running.new_tokens / max(taken_s, 1e-6)
        self.lane_tokens_s += (_WEIGHT if self.lane_tokens_s else 1.0) * (tokens_s - self.lane_tokens_s)
        self._forgive(device)
        if self._released(running):
            self.suspects.clear(running.tickets[0].asked)

    def on_batch_failed(self, device: Device, running: Running, failed: Failed) -> None:
        """Rows that found no memory run again in smaller batches; others once, if they have shown nothing."""
        self._released(running)
        self._batches_since_failure = 0
        again = []
        for ticket, row in running.unfinished():
            may_go_on = not ticket.has_tokens or row.options.divisible
            if failed.out_of_memory and len(running.tickets) == 1:
                self._fail(
                    ticket, QueueFull("the device has too little memory for this request", retry_s=RESTART_S)
                )
            elif may_go_on and (failed.out_of_memory or not ticket.retried):
                ticket.retried, ticket.row = True, row
                again.append(ticket)
            else:
                self._fail(ticket, ServerFault(f"the engine failed ({failed.message.partition(':')[0]})"))
        self._put_back(again)

    def on_batches_lost(self, device: Device, lost: Sequence[Running], code: int) -> None:
        """One of the rows may be why the process died: each runs again alone, if it can go on at all."""
        self.statistics.restarts += 1
        for running in lost:
            alone = self._released(running)
            for ticket, row in running.unfinished():
                # Nothing that a row asks for ends a process by SIGKILL.
                if alone and code != -signal.SIGKILL and self.suspects.died_alone(ticket.asked):
                    log.error("request %s ends the engine process and is refused", ticket.asked.request_id)
                    self._fail(ticket, ServerFault("this request ends the engine process; it is refused"))
                    continue
                self.suspects.accuse([ticket.asked])
                if alone or (ticket.has_tokens and not row.options.divisible):
                    self._fail(ticket, Unavailable("the engine process died", retry_s=RESTART_S))
                else:
                    ticket.row = row
                    self.quarantine.admit([ticket])

    def _released(self, running: Running) -> bool:
        """Whether the batch was a suspect's, who is through now."""
        alone = self.quarantine.running in running.tickets
        if alone:
            self.quarantine.end()
        return alone

    def _forgive(self, device: Device) -> None:
        self._batches_since_failure += 1
        if (
            device.row_limit < self._config.max_batch_rows
            and self._batches_since_failure >= _RECOVERY_BATCHES
        ):
            device.row_limit = min(2 * device.row_limit, self._config.max_batch_rows)
            self._batches_since_failure = 0

    def _take_back(self, running: Running) -> None:
        self.statistics.cuts += 1
        again = []
        for ticket, row in running.unfinished():
            ticket.row = row
            again.append(ticket)
        self._put_back(again, behind=self._config.max_batch_rows)

    def _put_back(self, tickets: Sequence[Ticket], behind: int = 0) -> None:
        """They wait again, and their tenants are not charged twice."""
        for ticket in tickets:
            self.queue.charge(ticket, -weighted(ticket.row))
        self.queue.put_back(tickets, behind)

    # Planning.

    def _dispatch(self) -> None:
        self._dispatching = False
        if self.quarantine.closed:
            self._start_suspect()
            return
        while len(self.queue) and (free := [device for device in self.devices if device.free_lanes]):
            device = max(free, key=lambda each: each.free_lanes)
            lanes = sum(each.free_lanes for each in free)
            boarded = self._scheduler.board(time.monotonic(), device.limits, device.cost, lanes)
            if boarded is None:
                break
            self._run(device, boarded.items, boarded.plan)
        if len(self.queue):
            self._check_cuts_later()
        if len(self.quarantine):
            self.quarantine.others_started()
            self._start_suspect()

    def _start_suspect(self) -> None:
        """Start one, where and when nothing else runs."""
        if self.quarantine.running is not None:
            return
        device = next((each for each in self.devices if each.ready and not each.running), None)
        if device is not None:
            ticket = self.quarantine.start()
            row = ticket.row
            seconds = device.cost.batch_s([(len(row.prompt), row.max_new_tokens)])
            self._run(device, [ticket], Plan((0,), 0, min_new_tokens=row.min_new_tokens, seconds=seconds))

    def _run(self, device: Device, tickets: Sequence[Ticket], plan: Plan) -> None:
        rows = [ticket.row for ticket in tickets]
        now_s = time.monotonic()
        for ticket, forced in zip(tickets, forced_tokens(rows), strict=True):
            ticket.board(Boarding(now_s, plan.prefix, forced, len(rows)))
            self.statistics.forced_tokens += forced
        self.statistics.batches += 1
        self.statistics.rows += len(rows)
        self.statistics.prompt_tokens += sum(len(row.prompt) for row in rows)
        self.statistics.prefix_tokens += plan.prefix * len(rows)
        self._batch_id += 1
        tails = (BatchRow(row.prompt[plan.prefix :], row.max_new_tokens, row.stop_ids) for row in rows)
        batch = Batch(
            self._batch_id,
            rows[0].prompt[: plan.prefix],
            tuple(tails),
            rows[0].options,
            plan.min_new_tokens,
            plan.cached,
        )
        device.run(batch, tickets, plan.seconds)

    def _check_cuts_later(self) -> None:
        if self._cut_check is None and self._config.policy == "full":
            self._cut_check = asyncio.get_running_loop().call_later(_CUT_CHECK_S, self._check_cuts)

    def _check_cuts(self) -> None:
        """Somebody waits and no lane is free: see whether a batch had better give way."""
        self._cut_check = None
        if not len(self.queue):
            return
        now_s = time.monotonic()
        running = [(device, each) for device in self.devices for each in device.running.values()]
        soon = any(each.cut or each.rest_s(now_s) < _SOON_S for _, each in running)
        for device, each in running if not soon else ():
            live = [row for _, row in each.unfinished()]
            if live and self._scheduler.gives_way(live, each.started_s, now_s, device.limits, device.cost):
                device.cut(each)
                break  # one at a time: what waits may fit into its lane
        self._check_cuts_later()
