"""Download stage: bring each ready take's bytes to disk, whole, resuming what an earlier try began.

In: ready takes.  Out: the same with hash and size, for the finish stage; their part files are durable.
A dead link is refreshed by one poll; network trouble is retried until the link's life is over.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

import anyio

from pipeline.backoff import DOWNLOAD_BACKOFF, parse_retry_after, retry_delay
from pipeline.clock import Clock
from pipeline.errors import DiskFullError, LostAnswerError, NotSentError
from pipeline.events import BytesLoaded
from pipeline.model import Take, TakeState
from pipeline.offload import Offload
from pipeline.providers.base import PollVerdict
from pipeline.stages.base import Cuts, Inbox, Record, Switches, nap, run_workers
from pipeline.stages.gateway import Gateway
from pipeline.storage.base import Part, Storage
from pipeline.transport.base import Fetched, Transport

MAX_CLIP_BYTES = 4 << 30
KEEP_FREE_BYTES = 64 << 20  # for the ledger and what else runs on this disk
LONG_BYTES = 8 << 20  # from here on, an interrupted file is worth resuming in a later run
DEAD = {401, 403, 404, 410}
REFRESHES = 2  # fresh links in a row that are dead too, until another run may ask
PLAIN = {"identity", "aws-chunked"}  # the second tells how it was uploaded, not how it comes
_DIGITS = re.compile(r"[0-9]{1,19}")
_ENDS = {
    PollVerdict.FAILED: TakeState.FAILED,
    PollVerdict.MODERATED: TakeState.MODERATED,
    PollVerdict.EXPIRED: TakeState.EXPIRED,
}


class DeadLinkError(Exception):
    """The link does not lead to a file any more; a fresh one may."""


class UnusableFileError(Exception):
    """What the link leads to cannot be a clip that we keep."""


class BrokenOffError(Exception):
    """The transfer broke off; another try may go on where it stopped."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(slots=True)
class Transfer:
    """One take on its way to disk, over all tries of this run."""

    take: Take
    part: Part
    dead: str | None = None  # why the present link is known to lead nowhere
    refreshes: int = 0


class DownloadStage:
    """Workers that turn ready takes into sealed part files."""

    def __init__(
        self,
        gateway: Gateway,
        transport: Transport,
        storage: Storage,
        record: Record,
        switches: Switches,
        disk: Offload,
    ) -> None:
        self._gateway = gateway
        self._transport = transport
        self._storage = storage
        self._record = record
        self._switches = switches
        self._disk = disk
        self._transfers = Cuts(switches.downloads_off)
        self._clock: Clock = gateway.clock
        self._rng: random.Random = gateway.rng
        self._settings = gateway.settings

    async def run(self, inbox: Inbox, outbox: Inbox, leave: Callable[[Take], None]) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._transfers.watch)
            count = self._settings.downloads
            await run_workers(inbox, outbox, self._work, leave, self._switches, count)
            group.cancel_scope.cancel()

    async def _work(self, take: Take) -> Take | None:
        """Fetch it, unless the switch goes off: then the transfer is cut and its part file kept."""
        result: Take | None = None
        with self._transfers.cuttable():
            result = await self._collect(take)
        return result

    async def _collect(self, take: Take) -> Take | None:
        """The take with its bytes on disk, or None: it ended, or stays ready for another run."""
        placed = await self._disk(self._storage.adoptable, take)
        if placed is not None:  # by a run that died before it could say so
            return replace(take, sha256=placed[0], size_bytes=placed[1])
        transfer = Transfer(take, await self._disk(self._storage.open_part, take))
        try:
            if take.sha256 is not None and transfer.part.size_bytes == take.size_bytes:
                if await self._disk(transfer.part.seal) == take.sha256:
                    return take  # whole already: a run that died before it could finish loaded it
                transfer.part = await self._disk(self._storage.open_part, take)
            return await self._keep_trying(transfer)
        finally:
            transfer.part.close()

    async def _keep_trying(self, transfer: Transfer) -> Take | None:
        tries = 0
        give_up_at = self._clock.monotonic() + self._settings.url_life_s
        while True:
            try:
                if transfer.dead is not None and not await self._refresh(transfer):
                    return None
                return await self._load(transfer)
            except UnusableFileError as exc:
                await self._record.end(transfer.take, TakeState.UNDELIVERED, str(exc))
                return None
            except DeadLinkError as exc:
                transfer.dead = str(exc)
            except BrokenOffError as exc:
                tries += 1
                delay = retry_delay(tries, DOWNLOAD_BACKOFF, self._rng, exc.wait_s)
                if self._clock.monotonic() + delay > give_up_at:
                    self._record.trouble("take.download_failing", f"{exc}; run again", transfer.take)
                    return None
                self._record.trouble("take.download_interrupted", f"{exc}; will go on", transfer.take)
                await nap(self._switches.downloads_off, delay)

    async def _refresh(self, transfer: Transfer) -> bool:
        """One poll for a fresh link. False: the take is over for this run."""
        take, why = transfer.take, transfer.dead
        transfer.refreshes += 1
        if transfer.refreshes > REFRESHES:
            await self._record.end(take, TakeState.UNDELIVERED, f"{why}, also with fresh ones")
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
            await self._record.move(take, TakeState.ACCEPTED, reason=f"{why}; rendering again")
        else:
            state = _ENDS.get(polled.verdict, TakeState.UNDELIVERED)
            await self._record.end(take, state, f"{why}; {polled.reason or polled.verdict}")
        return False

    async def _load(self, transfer: Transfer) -> Take:
        await self._fill(transfer)
        sha256 = await self._disk(transfer.part.seal)
        size_bytes = transfer.part.size_bytes
        # On record before the link may die: what is whole on disk needs no gateway any more.
        return await self._record.note(transfer.take, sha256=sha256, size_bytes=size_bytes)

    async def _fill(self, transfer: Transfer) -> None:
        """Bytes until the file is whole. Raises DeadLinkError, UnusableFileError, BrokenOffError."""
        take, part = transfer.take, transfer.part
        assert take.url is not None, "a ready take has a link"
        ask: dict[str, str] = {}
        # Without one, nothing tells whether the rest would fit on: the answer begins at the start.
        if part.size_bytes and take.validator is not None:
            ask |= {"Range": f"bytes={part.size_bytes}-", "If-Range": take.validator}
        try:
            with anyio.CancelScope() as stalled:
                self._push(stalled)
                async with self._transport.fetch(take.url, ask) as fetched:
                    await self._pour(transfer, fetched, stalled)
        except (NotSentError, LostAnswerError) as exc:
            raise BrokenOffError(str(exc)) from exc
        if stalled.cancelled_caught:
            limit_s = self._settings.stall_timeout_s
            raise BrokenOffError(f"the file host sent nothing for {limit_s:g} s")

    def _push(self, stalled: anyio.CancelScope) -> None:
        stalled.deadline = anyio.current_time() + self._settings.stall_timeout_s

    async def _begin(self, fetched: Fetched, part: Part) -> int | None:
        """Read the answer's head: the size the whole file will have, if the server says."""
        status, headers = fetched.status, fetched.headers
        if status in DEAD:
            raise DeadLinkError(f"the link is dead (HTTP {status})")
        if status == 416:
            await self._disk(part.restart)
            raise BrokenOffError("the file changed while it was loaded")
        if status not in (200, 206):
            wait_s = parse_retry_after(headers.get("retry-after"), self._clock.wall())
            raise BrokenOffError(f"the file host answered HTTP {status}", wait_s)
        if headers.get("content-encoding", "identity").lower() not in PLAIN:
            raise UnusableFileError(f"the file comes encoded as {headers['content-encoding']!r}")
        start = _range_start(headers) if status == 206 else 0
        if start != part.size_bytes:
            await self._disk(part.restart)
        if start != part.size_bytes:
            raise BrokenOffError("the file host sent another stretch than was asked for")
        length = headers.get("content-length", "")
        return start + int(length) if _DIGITS.fullmatch(length) else None

    async def _check_room(self, take: Take, total: int | None, part: Part) -> None:
        """Look at size cap and disk before the first byte."""
        if (total or 0) > MAX_CLIP_BYTES:
            raise UnusableFileError(f"the file is too large to be a clip: {total} bytes")
        free = await self._disk(self._storage.free_bytes)
        if free < (total or 0) - part.size_bytes + KEEP_FREE_BYTES:
            raise DiskFullError(
                f"no room for the clip of job {take.job.key!r}: it needs {total or 'some'} bytes and"
                f" {KEEP_FREE_BYTES >> 20} MiB to spare, {free} are free; free some space and run again"
            )

    async def _pour(self, transfer: Transfer, fetched: Fetched, stalled: anyio.CancelScope) -> None:
        """The answer's body into the part file, piece by piece."""
        part = transfer.part
        self._gateway.count("download", str(fetched.status))
        total = await self._begin(fetched, part)
        await self._check_room(transfer.take, total, part)
        await self._remember_validator(transfer, _validator(fetched.headers), total)
        async with aclosing(fetched.pieces()) as pieces:
            async for piece in pieces:
                await self._disk(part.write, piece)
                transfer.refreshes = 0
                if part.size_bytes > MAX_CLIP_BYTES:
                    raise UnusableFileError("the file does not end")
                self._push(stalled)
                size = part.size_bytes
                self._record.tell(BytesLoaded(take=transfer.take, size_bytes=size, total_bytes=total))
        if total is not None and part.size_bytes != total:
            raise BrokenOffError(f"the file broke off at {part.size_bytes} of {total} bytes")

    async def _remember_validator(self, transfer: Transfer, validator: str | None, total: int | None) -> None:
        """For a further try in this run always; for a later run where a second start would hurt."""
        if validator == transfer.take.validator:
            return
        if (total or 0) >= LONG_BYTES:
            transfer.take = await self._record.note(transfer.take, validator=validator)
        else:
            transfer.take = replace(transfer.take, validator=validator)


def _range_start(headers: Mapping[str, str]) -> int:
    """Where a partial answer begins, by its `Content-Range: bytes 5-9/10`; -1 where it does not say."""
    unit, _, rest = headers.get("content-range", "").partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and _DIGITS.fullmatch(first) else -1


def _validator(headers: Mapping[str, str]) -> str | None:
    """What proves that a later stretch belongs to the same file: a strong ETag, else the date.

    Source: RFC 9110, section 13.1.5: a weak one must not be used with ranges.
    """
    etag = headers.get("etag", "")
    found = etag if etag.startswith('"') else headers.get("last-modified")
    return found if found is not None and found.isascii() and found.isprintable() else None
