"""One run of one batch, in order: recover, plan, look at the clips, let the stages work, say how it ended.

Opens nothing itself: everything it works with is handed in by `wiring.py`.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from pipeline.again import UNKNOWN, Ends
from pipeline.clock import Clock, utc_text
from pipeline.config import Settings
from pipeline.errors import DiskFullError, LedgerError
from pipeline.events import Event, Glance, LedgerSaved, Listener, RunEnded, RunStarted, TakeMoved, TakesHeld
from pipeline.feeder import COLLECT_ORDER, Feeder
from pipeline.ledger.base import Ledger, PlacedTake, RenderTime
from pipeline.model import TakeState
from pipeline.offload import Offload
from pipeline.plan import Checked, next_page, plan, planned_jobs
from pipeline.preflight import look_at_key, weigh
from pipeline.renames import finish_renames, renamed_note
from pipeline.reuse import Kept, finish_taken_over, take_over
from pipeline.secret import without_secrets
from pipeline.selection import Selection
from pipeline.stages.base import STOPPED, Inbox, Record, Switches
from pipeline.stages.budget import Budget
from pipeline.stages.deadline import Curfew
from pipeline.stages.download import DownloadStage
from pipeline.stages.finish import FinishStage
from pipeline.stages.gateway import Gateway
from pipeline.stages.poll import PollStage
from pipeline.stages.slots import Slots
from pipeline.stages.submit import SubmitStage
from pipeline.storage.base import Storage

QUEUE_SIZE = 16
REASON_CHARS = 500
COUNTS_EVERY_S = 30.0
COMING = frozenset({TakeState.ACCEPTED, TakeState.READY})
LEFT = COMING | {TakeState.PLANNED, TakeState.HELD}
EARLIER = "of another day: only what is still open is collected"
SIGNAL_EXIT = {signal.SIGINT: 130, signal.SIGTERM: 143}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended. `counts`: wanted takes by state. `reason`: why it stopped with jobs left.

    `spent_ticks`: what this run's own submits settled and reserved. Of the whole batch: `cost_ticks` are
    settled, `reserved_ticks` may still be charged (docs/money.md).
    """

    batch: str
    folder: Path
    exit_code: int
    reason: str | None
    clips: int  # brought home by this run
    counts: Mapping[TakeState, int]
    spent_ticks: int
    cost_ticks: int
    reserved_ticks: int
    simulated: bool  # by the embedded simulator: nothing was bought
    requests: int
    seconds: float


@dataclass(slots=True)
class Runner:
    """Everything one run works with, and the order in which it does."""

    checked: Checked
    manifest: str  # as the ledger remembers it
    selection: Selection
    again: Ends
    collect: bool  # send nothing
    earlier: bool  # another day's batch: plan nothing either, and leave what was held as it is
    canary: int | None
    kept: Callable[[], Kept] | None  # clips of other batches that may be taken over
    past: Callable[[], Sequence[RenderTime]] | None  # what other batches saw; blocking
    remake: bool  # a person agreed to make finished jobs anew
    settings: Settings
    folder: Path
    ledger: Ledger
    storage: Storage
    gateway: Gateway
    record: Record
    switches: Switches
    slots: Slots
    budget: Budget
    curfew: Curfew
    submit: SubmitStage
    poll: PollStage
    download: DownloadStage
    finish: FinishStage
    disk: Offload
    clock: Clock
    tell: Listener
    signal_code: int | None = None
    requests: int = 0
    stopped: bool = False  # by budget, brake, canary or deadline, with jobs left
    clips: int = 0
    _flowing: bool = field(default=False, init=False)
    _earlier: list[float] = field(default_factory=list, init=False)  # until when each of these takes counts
    _scope: anyio.CancelScope | None = field(default=None, init=False)  # while it runs

    async def count_earlier(self) -> None:
        """Take the slots of what earlier runs left in flight. For all batches before the first of them runs.

        What is `submitting` is another run's that died: it counts like the unknown take it becomes.
        """
        deadline_s = self.settings.job_deadline_s
        earlier = await self.ledger.in_flight(self.clock.wall() - deadline_s)
        self._earlier = [since + deadline_s for _, since in earlier]
        self.slots.fill((take_id, since + deadline_s) for take_id, since in earlier)

    async def run(self) -> RunResult:
        """The whole run, once its earlier takes are counted."""
        began = self.clock.monotonic()
        with anyio.CancelScope() as self._scope:
            if self.signal_code is None:
                await self._run()
        self._scope = None
        with anyio.CancelScope(shield=True):
            result = await self._close(began)
        return result

    def hear(self, event: Event) -> None:
        """Count what comes home."""
        if isinstance(event, TakeMoved) and event.take.state is TakeState.DONE:
            self.clips += self._flowing

    async def give_up(self, exit_code: int, why: str) -> None:
        """It could not go on. Where there is a record of it, that is in there."""
        with anyio.CancelScope(shield=True), self._counts_may_fail():
            await self.ledger.end_run(exit_code, self.clock.wall(), reason=_cut(why), clips=self.clips)

    def leave(self) -> None:
        """It is over, however it ended: nobody waits for it, and it hears of nobody."""
        self.slots.leave()
        self.switches.leave()

    def interrupt(self, number: signal.Signals) -> None:
        """The first signal ends the run in good order, within seconds; the second at once."""
        self.signal_code = self.signal_code or SIGNAL_EXIT[number]
        if self._scope is None:  # it has not begun, and will not; or it is over
            return
        if self._flowing and not self.switches.draining:
            self._drain(number.name)
        else:
            self._scope.cancel()

    def _drain(self, reason: str) -> None:
        if self._scope is not None:
            self.switches.drain(reason)
            self._scope.deadline = anyio.current_time() + self.settings.drain_s

    async def _run(self) -> None:
        await self._refuse_other_origin()
        now = self.clock.wall()
        caps = self.settings.caps
        await self.ledger.begin_run(self.manifest, now, remake=self.remake, carry=self.earlier, caps=caps)
        await self.ledger.recover(now, unsent=not self.earlier)
        await self.disk(self.storage.prepare)
        await finish_renames(self.ledger, self.storage, self.disk, self.tell)
        notes = (EARLIER,) if self.earlier else await self._plan()
        notes += await self._take_over()
        if not self.earlier:
            await self._look_at_clips()
        key_env = self.checked.provider.capabilities.key_env
        await look_at_key(self.ledger, self.settings, self.record, key_env)
        with self._counts_may_fail():  # paid clips are not left behind for a sum
            await self.budget.publish()
        outlay = await self.ledger.outlay()
        if not self.collect:
            batch_ticks, _ = await self.ledger.spent()
            notes += weigh(outlay, self.settings.caps, batch_ticks, remake=self.remake)
        counts = await self.ledger.counts()
        if self.earlier:
            counts = {state: count for state, count in counts.items() if state in COLLECT_ORDER}
        charges = await self.ledger.charges()
        self.tell(
            RunStarted(
                batch=self.checked.batch,
                provider=self.settings.provider,
                origin=self.settings.origin,
                folder=self.folder,
                simulated=self.settings.simulated,
                counts=counts,
                notes=notes,
                settled_ticks=charges.settled_ticks,
                reserved_ticks=charges.reserved_ticks,
                budget_ticks=self.settings.caps.batch_ticks,
                run_budget_ticks=self.settings.caps.run_ticks,
                look=self.look,
            )
        )
        await self._recall()
        if not self.switches.draining:
            await self._flow()

    async def _recall(self) -> None:
        """How long clips took in other batches, and in earlier runs of this one: when to ask about them."""
        past = [] if self.past is None else [*await self.disk(self.past)]
        self.poll.times.recall([*past, *await self.ledger.render_times()])

    def look(self) -> Glance:
        """How it stands at this moment."""
        now, due = self.clock.monotonic(), self.poll.next_due
        return Glance(
            in_flight=len(self.slots),
            max_in_flight=self.settings.max_in_flight,
            behind=self.slots.behind,
            held_s=max(0.0, self.gateway.turns.pace.held_until - now),
            next_poll_s=None if due is None else max(0.0, due - now),
            usual_render_s=self.poll.times.usual_s(),
        )

    async def _plan(self) -> tuple[str, ...]:
        """Put what the manifest asks for on record; what a person should know of it is returned."""
        notes, head = self.checked.notes, self.checked.head
        most_ticks = None if TakeState.UNKNOWN in self.again else head.max_unknown_ticks
        made = await plan(
            self.checked,
            self.ledger,
            planned_jobs(self.checked, self.selection),
            lambda rows: self.disk(next_page, rows),
            self.again | UNKNOWN if head.resubmit and not self.collect else self.again,
            most_ticks,
        )
        if made:
            notes += (f"{made} job{'s' * (made != 1)} made anew, as you asked",)
        return notes

    async def _refuse_other_origin(self) -> None:
        """No clip of one gateway may count as done for another, least of all a simulated one."""
        for origin in await self.ledger.origins():
            if origin != self.settings.origin:
                raise LedgerError(
                    f"batch {self.checked.batch!r} in {self.folder} was made at {origin}, this run would use"
                    f" {self.settings.origin}: give it another --output, or another batch name"
                )

    # --- clips

    async def _take_over(self) -> tuple[str, ...]:
        """Clips of other batches, where they are wanted, and those of this one under another key."""
        parts = self.ledger, self.storage, self.record, self.disk
        await finish_taken_over(*parts)
        notes: tuple[str, ...] = ()
        if self.kept is not None:
            count = await take_over(self.kept(), *parts)
            notes += (f"{count} clip{'s' * (count != 1)} taken over from other batches, for nothing",)
        if not self.collect and (pair := await self.ledger.renamed_since()) is not None:
            notes += (renamed_note(pair, self.folder),)
        return notes

    async def _look_at_clips(self) -> None:
        """Every clip that is done is looked for; what moved comes back, what is gone is missing."""
        async for page in self.ledger.placed():
            await self._look_at(page)

    async def _look_at(self, page: list[PlacedTake]) -> None:
        for take in await self.ledger.takes_by_id(await self.disk(self._not_in_place, page)):
            takes = await self.ledger.takes_of(take.job.key)
            labels = {other.sha256: other.label for other in takes if other.sha256 is not None}
            if await self.disk(self.storage.bring_back, take, labels):
                if take.state is TakeState.MISSING:
                    take = await self.record.move(take, TakeState.READY)
                    await self.record.end(take, TakeState.DONE, None)
                await self.ledger.set_clip(take.job.key, take.id)
            elif take.state is TakeState.DONE:
                await self.record.end(take, TakeState.MISSING, "its clip is gone from the folder")

    def _not_in_place(self, page: list[PlacedTake]) -> list[int]:
        return [
            placed.id
            for placed in page
            if placed.state is not TakeState.DONE
            or placed.clip_take != placed.id
            or not self.storage.has_clip(placed.key, placed.size_bytes)
        ]

    # --- the stages at work

    async def _flow(self) -> None:
        """Feeder and stages until all are closed. Queues are bounded: a slow stage slows those before it."""
        await self._tell_of_taken_slots(self._earlier)
        feeder = Feeder(self.ledger, self.record, self.switches, collect=self.collect, canary=self.canary)
        to_submit, to_poll, to_download, to_finish = (Inbox(QUEUE_SIZE) for _ in range(4))
        self._flowing = True
        async with anyio.create_task_group() as helpers:
            helpers.start_soon(self._keep_counts)
            helpers.start_soon(self.curfew.watch, self._drain, not self.collect)
            async with anyio.create_task_group() as stages:
                stages.start_soon(feeder.run, to_submit)
                stages.start_soon(self.submit.run, to_submit, to_poll, feeder.leave)
                stages.start_soon(self.poll.run, to_poll, to_download, feeder.leave)
                stages.start_soon(self.download.run, to_download, to_finish, feeder.leave)
                stages.start_soon(self.finish.run, to_finish, feeder.leave)
            helpers.cancel_scope.cancel()
        await self._hold_the_rest()
        if self.switches.error is not None:
            raise self.switches.error

    async def _tell_of_taken_slots(self, until: list[float]) -> None:
        """A run that waits for takes that nobody hears of must say so, and what helps."""
        if len(until) < self.settings.max_in_flight:
            return
        if unknown := (await self.ledger.counts()).get(TakeState.UNKNOWN, 0):
            first = utc_text(min(until))
            why = (
                f"earlier takes hold all {len(until)} places at the gateway, {unknown} of them unknown;"
                f" the first is free at {first}, or once you settled it: nightreel status {self.folder}"
            )
            self.record.trouble("run.slots_taken", why)

    async def _hold_the_rest(self) -> None:
        """What budget, brake, canary or deadline stopped is held. With nothing left, nothing was stopped."""
        self.stopped = self.curfew.held_some
        if (reason := self.switches.held) is not None and not self.collect:
            with self._counts_may_fail():
                count = await self.ledger.hold(reason, self.clock.wall())
                self.tell(TakesHeld(reason=reason, count=count))
                self.stopped |= count > 0

    async def _keep_counts(self) -> None:
        while True:
            await anyio.sleep(COUNTS_EVERY_S)
            with self._counts_may_fail():
                await self._save_counts()
                await self.budget.publish()

    @contextmanager
    def _counts_may_fail(self) -> Iterator[None]:
        """A count is not worth a submit that is under way."""
        try:
            yield
        except (DiskFullError, LedgerError) as exc:
            self.record.trouble("run.not_recorded", str(exc))

    async def _save_counts(self) -> None:
        counts = dict(self.gateway.calls)
        if counts:
            await self.ledger.count_calls(
                counts, [RenderTime(*seen) for seen in self.poll.times.take_fresh()]
            )
        self.gateway.calls.subtract(counts)  # calls were counted meanwhile, or there was no room
        self.gateway.calls += Counter()  # drops the zeros
        self.requests += sum(counts.values())

    # --- the end

    async def _close(self, began: float) -> RunResult:
        counts = await self.ledger.counts()
        exit_code = self._exit_code(counts)
        reason = self._reason(exit_code)
        with self._counts_may_fail():
            await self._save_counts()
            await self.budget.publish()
            await self.ledger.end_run(exit_code, self.clock.wall(), reason=reason, clips=self.clips)
        await self._save_copy()
        seconds = self.clock.monotonic() - began
        charges = await self.ledger.charges()
        _, spent_ticks = await self.ledger.spent()
        self.tell(RunEnded(exit_code=exit_code, seconds=seconds))
        return RunResult(
            batch=self.checked.batch,
            folder=self.folder,
            exit_code=exit_code,
            reason=reason,
            clips=self.clips,
            counts=counts,
            spent_ticks=spent_ticks,
            cost_ticks=charges.settled_ticks,
            reserved_ticks=charges.reserved_ticks,
            simulated=self.settings.simulated,
            requests=self.requests,
            seconds=seconds,
        )

    def _reason(self, exit_code: int) -> str | None:
        """Why there are jobs left. How single jobs ended is told with them."""
        if self.signal_code is not None and exit_code == self.signal_code:
            return f"interrupted by {signal.Signals(exit_code - 128).name}"
        if exit_code == STOPPED:
            return self.switches.why or self.curfew.why or "takes are still on their way"
        return self.switches.why if exit_code else None

    async def _save_copy(self) -> None:
        """A second ledger, should the first be lost. A run that went well does not fail for it."""
        try:
            self.tell(LedgerSaved(run=await self.ledger.save_copy()))
        except (DiskFullError, LedgerError) as exc:
            self.record.trouble("ledger.not_saved", f"no copy of the ledger was made: {exc}")

    def _exit_code(self, counts: Mapping[TakeState, int]) -> int:
        """The first that applies, by docs/design.md, "Exit codes"."""
        unsent = {TakeState.PLANNED} if self.collect else set()
        if set(counts) <= {TakeState.DONE} | unsent:
            return 0 if self.signal_code is None else self.signal_code
        if self.switches.exit_code == 3:
            return 3
        coming = self.collect and not COMING.isdisjoint(counts)
        cut = self.curfew.is_over and not LEFT.isdisjoint(counts)
        stopped = self.stopped or coming or cut
        return self.signal_code or self.switches.exit_code or (STOPPED if stopped else 1)


def _cut(text: str) -> str:
    """An error's text as it may be kept."""
    return without_secrets(text)[:REASON_CHARS]
