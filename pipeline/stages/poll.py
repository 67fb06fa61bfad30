"""Poll stage: ask the gateway about each take in flight until it is final.

In: accepted, undelivered and missing takes (and ready ones, passed on).  Out: ready takes.
Owns the schedule of next polls and the doubt about refused ones. No row of failed polls ends a paid take.
Knows nothing of HTTP (transport/) or files (storage/).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup

from pipeline.backoff import POLL_BACKOFF, retry_delay
from pipeline.clock import Clock
from pipeline.doubts import Doubts
from pipeline.events import TakePolled
from pipeline.model import Take, TakeState
from pipeline.polling.due import DuePolls
from pipeline.polling.render_times import RenderTimes, Watch, kind_of
from pipeline.providers.base import Polled, PollVerdict
from pipeline.stages.base import CLOSED, Cuts, Inbox, Record, Switches
from pipeline.stages.gateway import Gateway
from pipeline.stages.slots import Slots

MAX_AT_ONCE = 64
RARE_S = 300.0  # gap between polls of a take that nobody waits for any more
LINK_TRIES = 3  # failed tries at a fresh link for a take that had one before
NO_URL_TRIES = 3  # further polls after the first "done" without a link
SECOND_LOOK_S = 10.0  # until a key that was refused is tried again, and others were asked meanwhile
GRACE_S = 60.0  # a fresh id may be unknown to parts of a gateway for so long
CREDIT_TRIES = 5  # polls of one take that speak of credits; then it is left to the next run
WARN_AFTER = 10
_ENDS = {
    PollVerdict.FAILED: TakeState.FAILED,
    PollVerdict.MODERATED: TakeState.MODERATED,
    PollVerdict.EXPIRED: TakeState.EXPIRED,
}


@dataclass(slots=True)
class Waiting:
    """A take in the schedule, and what its polls brought so far in this run."""

    take: Take
    deadline_at: float  # wall time
    begun_at: float  # monotonic; when it was accepted, perhaps before this run
    watch: Watch  # what its polls tell of how long such clips take
    asked: bool = False
    asked_age_s: float = 0.0  # its age when the last poll left
    left: bool = False
    failures: int = 0
    no_url: int = 0
    warned: str | None = None

    @property
    def collected_before(self) -> bool:
        """It was ready once: one poll for a fresh link, and no waiting."""
        return self.take.state is not TakeState.ACCEPTED


class PollStage:
    """One loop that picks whose turn it is, and a few polls at once."""

    def __init__(self, gateway: Gateway, slots: Slots, record: Record, switches: Switches) -> None:
        self._gateway = gateway
        self._slots = slots
        self._record = record
        self._switches = switches
        self._clock: Clock = gateway.clock
        self._rng: random.Random = gateway.rng
        self._settings = gateway.settings
        self.times = RenderTimes(self._settings.poll)
        self._due = DuePolls(self.times.odds, self._settings.poll_per_s)
        # Whatever was learned: a link must not die, nor a deadline pass, before anybody asks.
        longest_s = min(self._settings.url_life_s / 4, self._settings.job_deadline_s / 2)
        self._longest_gap_s = max(self._settings.poll.max_s, longest_s)
        self._waiting: dict[int, Waiting] = {}
        self._closed = anyio.Event()
        self._wake = anyio.Event()
        self._questions = Cuts(switches.polls_off)
        self._room = anyio.Semaphore(MAX_AT_ONCE)
        self._doubts = Doubts()

    @property
    def next_due(self) -> float | None:
        """When the next poll is due (monotonic seconds); None: nothing waits for one."""
        return self._due.next_due()

    async def run(self, inbox: Inbox, outbox: Inbox, leave: Callable[[Take], None]) -> None:
        self._outbox, self._leave = outbox, leave
        async with anyio.create_task_group() as group:
            group.start_soon(self._take_in, inbox)
            group.start_soon(self._watch_switch)
            async with anyio.create_task_group() as polls:
                await self._dispatch(polls)
                self._questions.cut()  # only rare ones are left; answers that are here are read on
            for waiting in list(self._waiting.values()):
                self._gone(waiting)
            await self._closed.wait()
            group.cancel_scope.cancel()
        await outbox.put(CLOSED)

    async def _take_in(self, inbox: Inbox) -> None:
        while (take := await inbox.get()) is not CLOSED:
            if take.state is TakeState.READY:
                self._slots.ready(take.id)
                await self._outbox.put(take)
            elif take.handle is None or self._switches.polls_off.is_set():
                self._leave(take)
            else:
                with self._switches.spared(f"job {take.job.key!r}"):
                    self._add(take)
        self._closed.set()
        self._nudge()

    def _add(self, take: Take) -> None:
        now, wall = self._clock.monotonic(), self._clock.wall()
        accepted_at = wall if take.accepted_at is None else take.accepted_at
        age_s = max(0.0, wall - accepted_at)  # clocks are set back
        deadline_at = accepted_at + self._settings.job_deadline_s
        waiting = Waiting(take, deadline_at, now - age_s, Watch(kind_of(take)))
        self._waiting[take.id] = waiting
        first_age_s = min(self.times.first_age(waiting.watch.kind, now), self._longest_gap_s)
        due_in = first_age_s - age_s
        # Its age tells about its kind only if it was here before its first poll was due.
        waiting.watch.counts = due_in > 0 and not waiting.collected_before
        self._plan(waiting, due_in if waiting.watch.counts else 0.0)

    async def _watch_switch(self) -> None:
        await self._questions.watch()
        self._nudge()

    def _nudge(self) -> None:
        self._wake.set()
        self._wake = anyio.Event()

    def _plan(self, waiting: Waiting, in_s: float) -> None:
        now = self._clock.monotonic()
        self._due.put(waiting.take.id, now + in_s, now - self._age_s(waiting), waiting.watch)
        self._nudge()

    def _awaited(self, waiting: Waiting) -> bool:
        """Whether the run stays open for it: it was not asked yet, or its deadline is still to come."""
        return not waiting.asked or (not waiting.collected_before and not self._overdue(waiting))

    def _age_s(self, waiting: Waiting) -> float:
        """From acceptance on, by the clock that nobody sets: the schedule learns from it."""
        return self._clock.monotonic() - waiting.begun_at

    def _overdue(self, waiting: Waiting) -> bool:
        return self._clock.wall() >= waiting.deadline_at

    def _finished(self) -> bool:
        if self._switches.polls_off.is_set():
            return True
        return self._closed.is_set() and not any(self._awaited(waiting) for waiting in self._waiting.values())

    async def _dispatch(self, polls: TaskGroup) -> None:
        while not self._finished():
            take_id = self._due.pop_due(self._clock.monotonic())
            if take_id is None:
                await self._until_due()
            elif await self._gateway.turn("poll", self._switches.polls_off):
                await self._room.acquire()
                polls.start_soon(self._poll, self._waiting[take_id])

    async def _until_due(self) -> None:
        due = self._due.next_due()
        with anyio.move_on_after(None if due is None else max(0.0, due - self._clock.monotonic())):
            await self._wake.wait()

    async def _poll(self, waiting: Waiting) -> None:
        try:
            over = True
            with self._switches.spared(f"job {waiting.take.job.key!r}"):
                await self._ask(waiting)
                over = False
            if over:
                self._gone(waiting)
        finally:
            self._room.release()
            self._nudge()

    async def _ask(self, waiting: Waiting) -> None:
        assert waiting.take.handle is not None, "only what was accepted is polled"
        asked_at = self._clock.monotonic()
        waiting.asked_age_s = self._age_s(waiting)
        answer: tuple[Polled, float | None] | None = None
        with self._questions.cuttable():
            answer = await self._gateway.poll(waiting.take.handle)
        if answer is not None:
            await self._read(waiting, *answer, asked_at)

    async def _read(self, waiting: Waiting, polled: Polled, hint_s: float | None, asked_at: float) -> None:
        """What one answer changes: the take's state, or when it is asked again."""
        if polled.verdict is PollVerdict.TRY_AGAIN:
            return self._try_again(waiting, polled, hint_s)
        waiting.asked = True
        if polled.verdict in (PollVerdict.REFUSED, PollVerdict.ACCOUNT, PollVerdict.CREDITS):
            return await self._doubt(waiting, polled)
        waiting.failures = 0
        self._doubts.answered(waiting.take.id, asked_at)
        if polled.warning is not None and polled.warning != waiting.warned:
            waiting.warned = polled.warning
            self._record.trouble("take.status_unknown", polled.warning, waiting.take)
        if polled.verdict is PollVerdict.READY:
            await self._ready(waiting, polled)
        elif waiting.collected_before:
            self._gone(waiting)
        elif polled.verdict in _ENDS:
            await self._end(waiting, _ENDS[polled.verdict], polled)
        elif polled.verdict is PollVerdict.NO_URL:
            await self._no_url(waiting, polled)
        else:
            self.times.running(waiting.watch, waiting.asked_age_s, polled.progress)
            self._record.tell(TakePolled(take=waiting.take, status=polled.status, progress=polled.progress))
            self._again(waiting)
        return None

    def _again(self, waiting: Waiting, at_least_s: float = 0.0) -> None:
        """Next poll by the odds at its age; rarely, and with nobody waiting, once its deadline passed."""
        if waiting.asked and self._overdue(waiting):
            self._give_up_waiting(waiting)
            return self._plan(waiting, max(RARE_S, at_least_s))
        age_s = self._age_s(waiting)
        gap_s = self.times.next_age(waiting.watch, age_s, self._clock.monotonic()) - age_s
        return self._plan(waiting, max(min(gap_s, self._longest_gap_s), at_least_s))

    def _give_up_waiting(self, waiting: Waiting) -> None:
        if not waiting.left:
            waiting.left = True
            late = (
                f"still rendering after {self._settings.job_deadline_s / 60:g} min; run again to collect it"
            )
            self._record.trouble("take.overdue", late, waiting.take)
            self._leave(waiting.take)

    def _try_again(self, waiting: Waiting, polled: Polled, hint_s: float | None) -> None:
        waiting.failures += 1
        if waiting.failures % WARN_AFTER == 0:
            why = f"{waiting.failures} polls failed in a row ({polled.reason}); it stays accepted"
            self._record.trouble("take.poll_failing", why, waiting.take)
        if waiting.collected_before and waiting.failures >= LINK_TRIES:
            return self._gone(waiting)
        if waiting.failures >= LINK_TRIES and self._overdue(waiting):
            waiting.asked = True
        delay = retry_delay(waiting.failures, POLL_BACKOFF, self._rng, hint_s)
        return self._again(waiting, max(delay, self._settings.poll.min_s))

    async def _doubt(self, waiting: Waiting, polled: Polled) -> None:
        """A 4xx: early, lost at the gateway, or the whole account (docs/design.md, "Polling")."""
        if polled.verdict is PollVerdict.CREDITS:
            return self._no_credits(waiting, polled)
        if self._age_s(waiting) < GRACE_S:
            return self._again(waiting)
        if waiting.collected_before:
            why = f"no fresh link: the gateway answered {polled.reason}"
            self._record.trouble("take.link_refused", why, waiting.take)
            return self._gone(waiting)
        again = self._doubts.refused(waiting.take.id, self._clock.monotonic())
        account = polled.verdict is PollVerdict.ACCOUNT
        if not again:  # the answers to others, or their lack, will tell whether it is this take
            waiting.asked = False
            what = "refuses the key for" if account else "does not know"
            why = f"the gateway {what} {waiting.take.remote_id} ({polled.reason}); will ask again"
            self._record.trouble("take.refused_poll", why, waiting.take)
            return self._again(waiting, SECOND_LOOK_S if account else GRACE_S)
        waiting.asked = True
        if polled.proper and self._doubts.is_lost(waiting.take.id):
            if account:  # paid for with another key, it may be: that is no end
                why = f"the gateway refuses this key for {waiting.take.remote_id} alone: {polled.reason}"
                self._record.trouble(
                    "take.other_key", f"{why}; run again with the key it was sent with", waiting.take
                )
                return self._gone(waiting)
            lost = f"lost at gateway: {polled.reason or 'it does not know this id any more'}"
            return await self._end(waiting, TakeState.FAILED, polled, lost)
        if account:
            key = self._gateway.provider.capabilities.key_env
            why = f"the gateway refuses this key: {polled.reason}; is {key} the one they were sent with?"
            self._switches.pause(why, 3, polls=True)
        elif self._doubts.are_all_refused():
            why = f"{self._settings.base_url} knows none of the takes asked about: {polled.reason}"
            self._switches.pause(f"{why}; check the base URL and the key", 3, polls=True)
        return self._again(waiting, GRACE_S)

    def _no_credits(self, waiting: Waiting, polled: Polled) -> None:
        """No more submits; what is paid for is asked about a few times more."""
        self._switches.pause_account(f"credits are used up: {polled.reason}")
        waiting.failures += 1
        if waiting.collected_before or waiting.failures >= CREDIT_TRIES:
            return self._gone(waiting)
        return self._again(waiting, GRACE_S)

    async def _no_url(self, waiting: Waiting, polled: Polled) -> None:
        waiting.no_url += 1
        if waiting.no_url > NO_URL_TRIES:
            await self._end(waiting, TakeState.UNDELIVERED, polled)
        else:
            self._again(waiting)

    async def _ready(self, waiting: Waiting, polled: Polled) -> None:
        self.times.ready(waiting.watch, waiting.asked_age_s)
        now, cost = self._clock.wall(), _cost(waiting.take, polled)
        self._slots.free(waiting.take.id)  # the gateway is done with it: the next may go while we write
        take = await self._record.move(
            waiting.take,
            TakeState.READY,
            url=polled.url,
            url_at=now,
            ready_at=waiting.take.ready_at or now,
            cost_ticks=cost,
            reported_s=waiting.take.reported_s if polled.duration_s is None else polled.duration_s,
            reason=None,
            ended_at=None,
        )
        self._forget(take)
        self._slots.ready(take.id)
        await self._outbox.put(take)

    async def _end(
        self, waiting: Waiting, state: TakeState, polled: Polled, reason: str | None = None
    ) -> None:
        cost = _cost(waiting.take, polled)
        why = reason or polled.reason or polled.status
        take = await self._record.end(waiting.take, state, why, cost_ticks=cost)
        self._forget(take)
        if not waiting.left:
            self._leave(take)

    def _gone(self, waiting: Waiting) -> None:
        """Over for this run; the ledger keeps it as it is."""
        self._forget(waiting.take)
        if not waiting.left:
            waiting.left = True
            self._leave(waiting.take)

    def _forget(self, take: Take) -> None:
        if (waiting := self._waiting.pop(take.id, None)) is not None:
            self.times.ended(waiting.watch)
        self._doubts.forget(take.id)
        self._slots.free(take.id)


def _cost(take: Take, polled: Polled) -> int | None:
    """The gateway's figure, where it gives one. For a clip that was taken over, another batch has paid."""
    told = polled.cost_ticks
    return take.cost_ticks if told is None or take.reused_from is not None else told
