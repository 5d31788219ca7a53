"""Which rows run where: between the queue and the devices, in one event loop."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence

from ..errors import AskwellError, QueueFull, ServerFault
from .config import EngineConfig
from .device import Device
from .fair import NEW_WEIGHT, weighted
from .forecast import Forecast, wait_s
from .isolation import RESTART_S, Isolation
from .messages import Batch, BatchRow, Failed
from .planner import Plan, forced_tokens
from .queue import WaitingQueue
from .row import Reason, Row
from .running import Running
from .scheduler import Scheduler
from .statistics import Statistics
from .ticket import Boarding, Ticket

log = logging.getLogger(__name__)

_CUT_CHECK_S = 0.1
_SOON_S = 0.3  # a lane that is free by then is worth waiting for
_PROVEN_TOKENS = 8  # more than may be on their way from a process when it dies
_RECOVERY_BATCHES = 50  # after so many, a row limit that a lack of memory lowered is doubled
NATURAL = (Reason.EOS, Reason.STOP_TOKEN, Reason.STOP_SEQUENCE, Reason.MAX_TOKENS)
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
        self.isolation = Isolation(self.queue, fail)
        self.forecast = Forecast()
        self.statistics = Statistics()
        self.devices = [Device(name, config, registered, self) for name in config.devices]
        self.lane_tokens_s = 0.0  # new tokens of one lane in a second, smoothed
        self._config = config
        expect = self.forecast.expect
        self._scheduler = Scheduler(self.queue, config.policy, config.max_batch_s, registered, expect)
        self._fail = fail
        self._on_change = on_change
        self._dispatching = False
        self._cut_check: asyncio.TimerHandle | None = None
        self._batch_id = 0
        self._batches_since_failure = 0

    @property
    def waiting(self) -> int:
        return len(self.queue) + len(self.isolation)

    @property
    def lanes(self) -> int:
        return sum(device.ready.lanes for device in self.devices if device.ready)

    @property
    def most_tokens(self) -> int | None:
        """Tokens of one row, over all beams, that the roomiest device can hold; None if unknown."""
        known = [device.most_tokens for device in self.devices if device.ready]
        return None if None in known else max((each for each in known if each), default=None)

    def room(self) -> int:
        """Rows that would start at once if they came now."""
        if self.waiting:
            return 0
        return sum(each.free_lanes * each.row_limit for each in self._open_devices())

    def wait_s(self, row: Row) -> float:
        """Predicted seconds until a new row would start. Suspects go first, one by one."""
        now_s = time.monotonic()
        expect = self.forecast.expect
        running_s = [
            each.rest_s(now_s, expect) for device in self.devices for each in device.running.values()
        ]
        ahead_s = [ticket.share_s for ticket in (*self.queue.ahead_of(row), *self.isolation)]
        return wait_s([self.forecast.paced(sum(ahead_s))], running_s, self.lanes)

    def admit(self, tickets: Sequence[Ticket]) -> None:
        self.queue.append(self.isolation.divert(tickets))
        self.schedule()

    def leave(self, ticket: Ticket) -> None:
        """Take an ended row out of the queue, or out of its batch."""
        self.queue.remove(ticket)
        self.isolation.remove(ticket)
        for device in self.devices:
            device.drop(ticket)
        if len(self.queue):
            self.schedule()  # a device that was kept for this row may be free now

    def clear(self) -> list[Ticket]:
        """Take out everything that waits."""
        return [*self.queue.clear(), *self.isolation.clear()]

    def schedule(self) -> None:
        """Plan once this turn of the event loop is over, with everything that was submitted in it."""
        if not self._dispatching:
            self._dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    async def close(self) -> None:
        if self._cut_check is not None:
            self._cut_check.cancel()
        await asyncio.gather(*(device.close() for device in self.devices))

    def on_row_ended(self, ticket: Ticket, *, by_itself: bool, in_time: bool) -> None:
        """Learn from a row, and give its tenant back what it did not use."""
        if by_itself:
            self.forecast.learn_row(ticket.asked, ticket.new_tokens)
        if ticket.predicted_s is not None and not ticket.retried and (by_itself or not in_time):
            taken_s = time.monotonic() - ticket.admitted_s
            self.forecast.learn_end(ticket.asked.priority, ticket.predicted_s, taken_s)
        if ticket.charged:
            unused = ticket.asked.max_new_tokens - ticket.new_tokens
            self.queue.charge(ticket, -NEW_WEIGHT * unused)

    # What devices tell.

    def on_device_change(self) -> None:
        self._on_change()
        self.schedule()

    def on_batch_done(self, device: Device, running: Running) -> None:
        taken_s = time.monotonic() - running.started_s
        unfinished = running.unfinished()
        alone = self.isolation.release(running)
        if alone and (running.cut or (not unfinished and running.tickets[0].reason in NATURAL)):
            self.isolation.acquit(running.tickets[0])
        if running.cut and unfinished:
            self.statistics.cuts += 1
            self._put_back(device, unfinished, behind=self._config.max_batch_rows)
        elif not running.cut:
            for ticket, _ in unfinished:
                self._fail(ticket, ServerFault("the engine ended a row that had not ended"))
            if not alone and len(self.queue) and all(ticket.reason in NATURAL for ticket in running.tickets):
                self.forecast.learn_batch(sum(ticket.share_s for ticket in running.tickets), taken_s)
        self.statistics.new_tokens += running.new_tokens
        self.statistics.cost = device.cost
        tokens_s = running.new_tokens / max(taken_s, 1e-6)
        self.lane_tokens_s += (_WEIGHT if self.lane_tokens_s else 1.0) * (tokens_s - self.lane_tokens_s)
        self._forgive(device)

    def on_batch_failed(self, device: Device, running: Running, failed: Failed) -> None:
        """Rows that found no memory run again in smaller batches; others once, if they can go on."""
        self.isolation.release(running)
        self._batches_since_failure = 0
        self.statistics.new_tokens += running.new_tokens
        again = []
        for ticket, row in running.unfinished():
            may_go_on = not ticket.has_tokens or row.options.divisible
            if failed.out_of_memory and (len(running.tickets) == 1 or not may_go_on):
                told = "the device has too little memory for this request"
                self._fail(ticket, QueueFull(told, retry_s=RESTART_S))
            elif may_go_on and (failed.out_of_memory or not ticket.retried):
                ticket.retried = True
                again.append((ticket, row))
            else:
                self._fail(ticket, ServerFault(f"the engine failed ({failed.message.partition(':')[0]})"))
        self._put_back(device, again)

    def on_batches_lost(
        self, device: Device, lost: Sequence[Running], code: int | None, cause: Running | None
    ) -> None:
        """One of the rows may be why the process died: each runs again alone, if it can go on at all."""
        self.statistics.restarts += 1
        for running in lost:
            alone = self.isolation.release(running)
            blamed = code is not None or running is cause
            self.statistics.new_tokens += running.new_tokens
            if alone and blamed:
                for ticket, _ in running.unfinished():
                    self.isolation.judge(ticket, killed=code == -signal.SIGKILL)
                continue
            again = [(t, row) for t, row in running.unfinished() if self.isolation.can_go_on(t, row, blamed)]
            # Whose process was ended for no fault of theirs may be at fault the second time.
            suspects = [(t, row) for t, row in again if blamed or t.retried]
            self._put_back(device, [each for each in again if each not in suspects])
            for ticket, row in suspects:
                self._continue(device, ticket, row)
            self.isolation.accuse([ticket for ticket, _ in suspects])
            for ticket, _ in again:
                ticket.retried = True

    def _forgive(self, device: Device) -> None:
        self._batches_since_failure += 1
        if (
            device.row_limit < self._config.max_batch_rows
            and self._batches_since_failure >= _RECOVERY_BATCHES
        ):
            device.row_limit = min(2 * device.row_limit, self._config.max_batch_rows)
            self._batches_since_failure = 0

    def _put_back(self, device: Device, rows: Sequence[tuple[Ticket, Row]], behind: int = 0) -> None:
        """Rows wait again, and their tenants are not charged twice."""
        for ticket, row in rows:
            self._continue(device, ticket, row)
            if ticket.charged:
                self.queue.charge(ticket, -weighted(row))
                ticket.charged = False
        others = self.isolation.divert([ticket for ticket, _ in rows])
        self.queue.put_back(others, time.monotonic(), behind)

    def _continue(self, device: Device, ticket: Ticket, row: Row) -> None:
        """The ticket goes on with this row, of which less is left to do."""
        ticket.row = row
        ticket.share_s = self.forecast.share_s(row, device.cost, device.limits)

    # Planning.

    def _open_devices(self) -> list[Device]:
        return [each for each in self.devices if each.free_lanes and each is not self.isolation.device]

    def _dispatch(self) -> None:
        self._dispatching = False
        while len(self.queue) and (free := self._open_devices()):
            device = max(free, key=lambda each: each.free_lanes)
            lanes = sum(each.free_lanes for each in free)
            boarded = self._scheduler.board(time.monotonic(), device.limits, device.cost, lanes)
            if boarded is None:
                break
            self._run(device, boarded.items, boarded.plan)
        if chosen := self.isolation.next_on(self.devices):
            device, ticket = chosen
            row = ticket.row
            seconds = device.cost.batch_s([(len(row.prompt), row.max_new_tokens)])
            self._run(device, [ticket], Plan((0,), 0, min_new_tokens=row.min_new_tokens, seconds=seconds))
        if self.waiting:
            self._check_cuts_later()

    def _run(self, device: Device, tickets: Sequence[Ticket], plan: Plan) -> None:
        rows = [ticket.row for ticket in tickets]
        now_s = time.monotonic()
        for ticket, forced in zip(tickets, forced_tokens(rows), strict=True):
            ticket.board(Boarding(now_s, plan.prefix, forced, len(rows)))
            ticket.charged = True
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
        if not self.waiting:
            return
        now_s = time.monotonic()
        running = [(device, each) for device in self.devices for each in device.running.values()]
        for device, each in running:
            if self._is_proven(each):
                device.cut(each)
        soon = any(each.cut or each.rest_s(now_s, self.forecast.expect) < _SOON_S for _, each in running)
        for device, each in running if not soon else ():
            if self.isolation.running in each.tickets:
                continue
            live = [row for _, row in each.unfinished()]
            if live and self._scheduler.gives_way(live, each.started_s, now_s, device.limits, device.cost):
                device.cut(each)
                break  # one at a time: what waits may fit into its lane
        self._check_cuts_later()

    def _is_proven(self, running: Running) -> bool:
        """Whether a suspect, alone, is well past the step at which its process died: it can go on among
        others, and need not keep a device to itself to its end."""
        if self.isolation.running not in running.tickets or running.cut:
            return False
        divisible = running.tickets[0].row.options.divisible
        return divisible and running.new_tokens >= _PROVEN_TOKENS
