"""Download stage: bring each ready take's bytes to disk, whole, resuming what an earlier try began.

In: ready takes.  Out: the same with hash and size, for the finish stage; their part files are durable.
A dead link is refreshed by one poll; network trouble is retried until the link's life is over. Between two
tries a take holds nothing, neither a place among the `downloads` nor a file: bad links must not keep good
ones waiting. How a try goes: transfer.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from pipeline.backoff import DOWNLOAD_BACKOFF, retry_delay
from pipeline.clock import Clock
from pipeline.expiry import ByExpiry
from pipeline.model import Take, TakeState
from pipeline.offload import Offload
from pipeline.providers.base import PollVerdict
from pipeline.stages.access import Access
from pipeline.stages.base import CLOSED, Cuts, Inbox, Record, Switches
from pipeline.stages.gateway import Gateway
from pipeline.stages.slots import Slots
from pipeline.stages.transfer import (
    BrokenOffError,
    DeadLinkError,
    Loader,
    NoVideoError,
    Transfer,
    UnusableFileError,
)
from pipeline.storage.base import Storage

MAX_WAITING = 256  # takes in this stage; more of them wait in the queue before it
REFRESHES = 2  # fresh links in a row that are dead too, until another run may ask
_ENDS = {
    PollVerdict.FAILED: TakeState.FAILED,
    PollVerdict.MODERATED: TakeState.MODERATED,
    PollVerdict.EXPIRED: TakeState.EXPIRED,
}


class DownloadStage:
    """One loop that picks whose turn it is, and as many transfers at once as the account allows."""

    def __init__(
        self,
        gateway: Gateway,
        slots: Slots,
        access: Access,
        storage: Storage,
        record: Record,
        switches: Switches,
        disk: Offload,
    ) -> None:
        self._gateway = gateway
        self._slots = slots
        self._storage = storage
        self._record = record
        self._switches = switches
        self._disk = disk
        self._clock: Clock = gateway.clock
        self._rng: random.Random = gateway.rng
        self._settings = gateway.settings
        self._loader = Loader(access.transport, storage, record, disk, gateway.count, gateway.settings)
        self._transfers = Cuts(switches.downloads_off)
        self._turns = ByExpiry()
        self._waiting: dict[int, Transfer] = {}
        self._places = access.downloads  # of all batches on this account, while bytes come
        self._room = anyio.Semaphore(self._settings.downloads)  # of this, until the next stage has it
        self._closed = False
        self._wake = anyio.Event()

    async def run(self, inbox: Inbox, outbox: Inbox, leave: Callable[[Take], None]) -> None:
        self._outbox, self._leave = outbox, leave
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch_switch)
            group.start_soon(self._take_in, inbox)
            async with anyio.create_task_group() as tries:
                await self._dispatch(tries)
            group.cancel_scope.cancel()
        for transfer in list(self._waiting.values()):
            self._over(transfer)
        await outbox.put(CLOSED)

    async def _watch_switch(self) -> None:
        await self._transfers.watch()
        self._nudge()

    def _nudge(self) -> None:
        self._wake.set()
        self._wake = anyio.Event()

    @property
    def _off(self) -> bool:
        return self._switches.downloads_off.is_set()

    async def _take_in(self, inbox: Inbox) -> None:
        while (take := await inbox.get()) is not CLOSED:
            while len(self._waiting) >= MAX_WAITING and not self._off:
                await self._wake.wait()
            self._waiting[take.id] = transfer = Transfer(take)
            if self._off:
                self._over(transfer)
            else:
                self._plan(transfer, 0.0)
        self._closed = True
        self._nudge()

    def _plan(self, transfer: Transfer, in_s: float) -> None:
        take = transfer.take  # all links of a gateway live equally long, as far as anybody knows
        self._turns.put(take.id, self._clock.monotonic() + in_s, take.url_at or 0.0)
        self._nudge()

    async def _dispatch(self, tries: TaskGroup) -> None:
        """A place first, and then whose turn it is: what comes meanwhile may be more pressing."""
        while not self._closed or (self._waiting and not self._off):
            if self._off or self._turns.due_in(self._clock.monotonic()) != 0:
                await self._until_due()
                continue
            await self._room.acquire()
            await self._places.acquire()
            take_id = None if self._off else self._turns.pop_due(self._clock.monotonic())
            if take_id is None:
                self._places.release()
                self._room.release()
            else:
                tries.start_soon(self._attempt, self._waiting[take_id])

    async def _until_due(self) -> None:
        with anyio.move_on_after(None if self._off else self._turns.due_in(self._clock.monotonic())):
            await self._wake.wait()

    async def _attempt(self, transfer: Transfer) -> None:
        """One try: the take goes on, is over for this run, or waits for its next try.

        There is room for another once the next stage has the take: where looking at clips is slower than
        loading them, no more are loaded.
        """
        try:
            result = await self._timed_try(transfer)
            if isinstance(result, float) and not self._off:
                self._plan(transfer, result)
            elif isinstance(result, Take):
                self._forget(transfer)
                await self._outbox.put(result)
            else:
                self._over(transfer)
        finally:
            self._room.release()

    async def _timed_try(self, transfer: Transfer) -> Take | float | None:
        result: Take | float | None = None
        began = self._clock.monotonic()
        transfer.begin(began, self._settings.url_life_s)
        try:
            with self._switches.spared(f"job {transfer.take.job.key!r}"), self._transfers.cuttable():
                result = await self._try(transfer)
        finally:
            transfer.close()
            self._places.release()
        if isinstance(result, Take):
            self._slots.took(self._clock.monotonic() - began)
        return result

    def _over(self, transfer: Transfer) -> None:
        self._forget(transfer)
        self._leave(transfer.take)

    def _forget(self, transfer: Transfer) -> None:
        self._waiting.pop(transfer.take.id, None)
        self._slots.loaded(transfer.take.id)
        self._nudge()

    async def _try(self, transfer: Transfer) -> Take | float | None:
        """The take with its bytes on disk; seconds until the next try; or None: it ended, or stays ready."""
        try:
            if transfer.dead is not None and not await self._refresh(transfer):
                return None
            return await self._loader.load(transfer)
        except UnusableFileError as exc:
            why = await self._put_aside(transfer, exc)
            transfer.take = await self._record.end(transfer.take, TakeState.UNDELIVERED, why)
            return None
        except DeadLinkError as exc:
            transfer.dead = str(exc)
            return 0.0
        except BrokenOffError as exc:
            return self._next_try(transfer, exc)

    async def _put_aside(self, transfer: Transfer, unusable: UnusableFileError) -> str:
        """Keep a beginning that shows what came; what is only too large need not fill the disk."""
        if isinstance(unusable, NoVideoError):
            kept = await self._disk(self._storage.reject, transfer.take)
            return f"paid for, but the file is no clip: {unusable}; its beginning is kept as {kept.name}"
        if transfer.part is not None:
            await self._disk(transfer.part.restart)
        return str(unusable)

    def _next_try(self, transfer: Transfer, broken: BrokenOffError) -> float | None:
        transfer.tries += 1
        delay_s = retry_delay(transfer.tries, DOWNLOAD_BACKOFF, self._rng, broken.wait_s)
        if self._clock.monotonic() + delay_s > transfer.give_up_at:
            self._record.trouble("take.download_failing", f"{broken}; run again", transfer.take)
            return None
        self._record.trouble("take.download_interrupted", f"{broken}; will go on", transfer.take)
        return delay_s

    async def _refresh(self, transfer: Transfer) -> bool:
        """One poll for a fresh link. False: the take is over for this run."""
        take, why = transfer.take, transfer.dead
        transfer.refreshes += 1
        if transfer.refreshes > REFRESHES:
            why = f"{why}; fresh links are no better"
            transfer.take = await self._record.end(take, TakeState.UNDELIVERED, why)
            return False
        polled = await self._gateway.fresh_link(take, self._switches.downloads_off)
        if polled is None or polled.verdict in (PollVerdict.ACCOUNT, PollVerdict.CREDITS):
            return False
        if polled.verdict is PollVerdict.TRY_AGAIN:
            transfer.refreshes -= 1
            raise BrokenOffError(f"{why}, and no fresh link yet: {polled.reason}")
        if polled.verdict is PollVerdict.READY:
            now = self._clock.wall()
            transfer.take = await self._record.note(take, url=polled.url, url_at=now)
            transfer.dead = None
            return True
        if polled.verdict is PollVerdict.RUNNING:
            why = f"{why}; rendering again"
            transfer.take = await self._record.move(take, TakeState.ACCEPTED, reason=why)
        else:
            state = _ENDS.get(polled.verdict, TakeState.UNDELIVERED)
            why = f"{why}; {polled.reason or polled.verdict}"
            transfer.take = await self._record.end(take, state, why)
        return False
