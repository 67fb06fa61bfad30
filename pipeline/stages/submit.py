"""Submit stage: send each planned take once, and have its remote id on record before anything else.

In: all takes; only the planned are its own.  Out: accepted takes, and whatever it passes on.
Order of a submit, and what is refused or unknown: docs/design.md, "Submitting". Knows nothing of HTTP.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import anyio

from pipeline.advice import link_gone_advice
from pipeline.backoff import SUBMIT_BACKOFF, retry_delay
from pipeline.clock import Clock
from pipeline.errors import DiskFullError, LedgerError, NotSentError
from pipeline.model import Job, Take, TakeState
from pipeline.providers.base import PollVerdict, Submitted, SubmitVerdict, Video
from pipeline.sources.base import Material, NotAsPlannedError
from pipeline.stages.base import STOPPED, Inbox, Record, Switches, nap, run_workers
from pipeline.stages.budget import Budget
from pipeline.stages.deadline import Curfew
from pipeline.stages.gateway import Gateway
from pipeline.stages.slots import Slots
from pipeline.transport.base import Sent

FRESH_LINK_S = 600.0  # a link older than this is asked for again before a gateway is sent to it
MAX_WORKERS = 64
DISK_TRIES = 30  # seconds that a full disk has before a remote id is left to the messages alone
_ENDS = {SubmitVerdict.REJECTED: TakeState.REJECTED, SubmitVerdict.MODERATED: TakeState.MODERATED}


class SubmitStage:
    """Workers that turn planned takes into accepted ones."""

    def __init__(
        self,
        gateway: Gateway,
        slots: Slots,
        record: Record,
        switches: Switches,
        material: Material,
        budget: Budget,
        curfew: Curfew,
    ) -> None:
        self._gateway = gateway
        self._slots = slots
        self._record = record
        self._switches = switches
        self._material = material
        self._budget = budget
        self._curfew = curfew
        self._clock: Clock = gateway.clock
        self._rng: random.Random = gateway.rng
        self._settings = gateway.settings
        self._unreadable: dict[
            int, int
        ] = {}  # takes whose parent's link the gateway could not read: how often

    async def run(self, inbox: Inbox, outbox: Inbox, leave: Callable[[Take], None]) -> None:
        await self._material.clear()
        async with anyio.create_task_group() as group:
            group.start_soon(self._wake_slots)
            count = min(self._settings.max_in_flight, MAX_WORKERS)
            await run_workers(inbox, outbox, self._work, leave, self._switches, count)
            group.cancel_scope.cancel()
        await self._material.clear()

    async def _wake_slots(self) -> None:
        await self._switches.submits_off.wait()
        self._slots.wake()

    async def _work(self, take: Take) -> Take | None:
        if take.state is not TakeState.PLANNED:
            return take
        take = await self._curfew.keep(take)  # before it waits for a slot, for nothing
        if take.state is not TakeState.PLANNED:
            return None
        tries = 0
        while await self._slots.take(take.id):
            tries += 1
            try:
                take, hint_s = await self._submit(take)
            finally:
                if take.state is not TakeState.ACCEPTED and take.state is not TakeState.UNKNOWN:
                    self._slots.free(take.id)
            if take.state is TakeState.ACCEPTED:
                return take
            if take.state is not TakeState.PLANNED:
                return None
            # Back on record as planned already: a kill during this sleep costs nothing.
            if await nap(self._switches.submits_off, retry_delay(tries, SUBMIT_BACKOFF, self._rng, hint_s)):
                return None
        return None

    async def _submit(self, take: Take) -> tuple[Take, float | None]:
        """One try. The take comes back accepted, ended, unknown, blocked, held, or planned again."""
        video = await self._source(take)
        if isinstance(video, Take):
            return video, None
        if not await self._gateway.turn("submit", self._switches.submits_off):
            return take, None
        try:
            async with self._material.pictures(take) as job:
                return await self._send_once(take, job, video)
        except NotAsPlannedError as exc:
            return await self._record.end(take, TakeState.HELD, f"{exc}: run again"), None

    async def _send_once(self, take: Take, job: Job, video: Video | None) -> tuple[Take, float | None]:
        """`job`: the take's, with its pictures as they are sent."""
        take = await self._curfew.keep(take)
        if take.state is not TakeState.PLANNED or self._switches.submits_off.is_set():
            return take, None
        # Intent before the POST: if we die in between, the next run finds "submitting" without
        # a remote id and calls it unknown instead of paying for it twice.
        now, origin = self._clock.wall(), self._settings.origin
        intended = await self._budget.intend(take, intent_at=now, origin=origin, reason=None)
        return (take, None) if intended is None else await self._send(intended, job, video)

    async def _send(self, take: Take, job: Job, video: Video | None) -> tuple[Take, float | None]:
        sent = Sent()
        try:
            submitted, hint_s = await self._gateway.submit(job, video, sent)
        except NotSentError as exc:
            if not self._switches.submits_off.is_set():
                self._record.trouble("take.not_sent", f"{exc}; will try again", take)
            return await self._unsent(take, str(exc)), None
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                if sent.headers_left:
                    await self._unknown(take, "stopped while waiting for the answer")
                else:
                    await self._unsent(take, None)
            raise
        return await self._settle(take, submitted), hint_s

    async def _settle(self, take: Take, submitted: Submitted) -> Take:
        match submitted.verdict:
            case SubmitVerdict.ACCEPTED:
                return await self._accepted(take, submitted)
            case SubmitVerdict.REJECTED if submitted.about_source and self._may_try_another_source(take):
                why = f"its parent's link was not readable: {submitted.reason}; another way is tried"
                self._record.trouble("take.source_unreadable", why, take)
            case SubmitVerdict.REJECTED | SubmitVerdict.MODERATED as verdict:
                cost = submitted.cost_ticks
                return await self._record.end(take, _ENDS[verdict], submitted.reason, cost_ticks=cost)
            case SubmitVerdict.UNKNOWN:
                return await self._unknown(take, submitted.reason)
            case SubmitVerdict.ACCOUNT:
                facts = self._gateway.provider.capabilities
                look = f"look whether {facts.key_env} is a key of {facts.title}, and has credits"
                self._switches.pause_account(f"the gateway refuses this account: {submitted.reason}; {look}")
            case SubmitVerdict.ADDRESS:
                why = f"{self._settings.base_url} does not answer like the gateway: {submitted.reason}"
                self._switches.pause_account(f"{why}; check the base URL", polls=True)
            case SubmitVerdict.BUSY:
                self._record.trouble("take.refused", f"{submitted.reason}; will try again", take)
        return await self._unsent(take, submitted.reason)

    async def _accepted(self, take: Take, submitted: Submitted) -> Take:
        """The one write that must not be lost: money was spent, and this id is all that leads to the clip."""
        now = self._clock.wall()
        self._slots.count_until(take.id, now + self._settings.job_deadline_s)
        facts = {"remote_id": submitted.remote_id, "accepted_at": now, "reason": None}
        for _ in range(DISK_TRIES):
            try:
                return await self._record.move(take, TakeState.ACCEPTED, **facts)
            except (DiskFullError, LedgerError) as exc:
                why = f"{exc}. Accepted as {submitted.remote_id}, which is not on record yet"
                self._record.trouble("take.not_recorded", why, take)
                self._switches.pause(str(exc), STOPPED, downloads=True)
                await anyio.sleep(1.0)
        return await self._record.move(take, TakeState.ACCEPTED, **facts)

    async def _unknown(self, take: Take, reason: str | None) -> Take:
        assert take.intent_at is not None, "nothing is sent without an intent"
        self._slots.count_until(take.id, take.intent_at + self._settings.job_deadline_s)
        return await self._record.end(take, TakeState.UNKNOWN, reason)

    async def _unsent(self, take: Take, reason: str | None) -> Take:
        return await self._record.move(take, TakeState.PLANNED, reason=reason, origin=None, intent_at=None)

    def _may_try_another_source(self, take: Take) -> bool:
        """A refusal over the link costs nothing: once with a fresh link, and once with the clip itself."""
        if take.job.parent_key is None:
            return False
        self._unreadable[take.id] = tries = self._unreadable.get(take.id, 0) + 1
        return tries <= (2 if self._gateway.provider.capabilities.inline_video_bytes else 1)

    async def _source(self, take: Take) -> Video | Take | None:
        """The video that an edit or extension starts from; the take, blocked, where there is none."""
        if take.job.parent_key is None:
            return take.job.source
        parent = await self._record.ledger.wanted_take(take.job.parent_key)
        if parent is None or parent.handle is None:
            return await self._blocked(take, "has no clip")
        tries = self._unreadable.get(take.id, 0)
        age_s = self._clock.wall() - (parent.url_at or 0.0)
        if parent.url is not None and age_s < FRESH_LINK_S and not tries:
            return parent.url
        if tries > 1 and (clip := await self._clip(parent)) is not None:
            return clip
        polled = await self._gateway.fresh_link(parent, self._switches.submits_off)
        if polled is None:
            return take  # not now: it stays planned
        if polled.verdict is PollVerdict.TRY_AGAIN:
            why = f"no link to the clip of {take.job.parent_key!r} yet ({polled.reason}); will ask again"
            self._record.trouble("take.waits_for_link", why, take)
            return take
        if polled.verdict is PollVerdict.READY and polled.url is not None:
            await self._record.note(parent, url=polled.url, url_at=self._clock.wall())
            return polled.url
        if (clip := await self._clip(parent)) is not None:
            return clip  # the link is gone for good
        gone = f"has no link any more that the gateway can read ({polled.reason or polled.verdict})"
        return await self._blocked(take, f"{gone}; {link_gone_advice(take.job)}")

    async def _clip(self, parent: Take) -> Video | None:
        """The parent's clip itself, where the gateway takes one."""
        most_bytes = self._gateway.provider.capabilities.inline_video_bytes
        return await self._material.clip(parent, most_bytes) if most_bytes else None

    async def _blocked(self, take: Take, why: str) -> Take:
        return await self._record.end(take, TakeState.BLOCKED, f"its parent {take.job.parent_key!r} {why}")
