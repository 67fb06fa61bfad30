"""One transfer: a link's bytes into the take's part file, resumed, and never more than the disk holds.

Shared by the download stage alone. What a failed try means for the take is for the stage to say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

import anyio

from pipeline.backoff import parse_retry_after
from pipeline.clock import Clock
from pipeline.config import Settings
from pipeline.errors import BadLinkError, DiskFullError, LostAnswerError, NotSentError
from pipeline.events import BytesLoaded
from pipeline.model import Take
from pipeline.offload import Offload
from pipeline.sniff import not_video
from pipeline.stages.base import Record
from pipeline.storage.base import Part, Storage
from pipeline.transport.base import Fetched, Transport

MAX_CLIP_BYTES = 4 << 30
SLOWEST_BYTES_PER_S = 1024  # what comes slower has stalled, unless it is a twentieth of the file meanwhile
KEEP_FREE_BYTES = 64 << 20  # for the ledger and what else runs on this disk
LONG_BYTES = 8 << 20  # from here on, an interrupted file is worth resuming in a later run
TELLING_BYTES = 64 << 10  # what is plainly no video is loaded no further; smaller files are left to the probe
DEAD = {401, 403, 404, 410}
PLAIN = {"identity", "aws-chunked"}  # the second tells how it was uploaded, not how it comes
_DIGITS = re.compile(r"[0-9]{1,19}")


class DeadLinkError(Exception):
    """The link does not lead to a file any more; a fresh one may."""


class UnusableFileError(Exception):
    """What the link leads to cannot be a clip that we keep."""


class NoVideoError(UnusableFileError):
    """By its first bytes, the file is something else; those are in the part."""


class BrokenOffError(Exception):
    """The transfer broke off; another try may go on where it stopped."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(slots=True)
class Transfer:
    """One take on its way to disk, over all tries of this run."""

    take: Take
    give_up_at: float = math.inf  # monotonic; no try goes on for longer
    part: Part | None = None  # open during a try
    tries: int = 0  # that broke off
    room_bytes: int = 0  # free before the present try, with what the part takes already
    total_bytes: int | None = None  # as the server last said
    dead: str | None = None  # why the present link is known to lead nowhere
    refreshes: int = 0
    loading_at: float | None = None  # wall time of the first try

    @property
    def is_first(self) -> bool:
        """Whether this run has not tried to load it yet."""
        return self.tries == 0 and self.refreshes == 0

    def begin(self, now: float, life_s: float) -> None:
        """The first try begins the time that all tries share; waiting for a place costs none of it."""
        self.give_up_at = min(self.give_up_at, now + life_s)

    def close(self) -> None:
        if self.part is not None:
            self.part.close()
            self.part = None


class Loader:
    """Tries of transfers."""

    def __init__(
        self,
        transport: Transport,
        storage: Storage,
        record: Record,
        disk: Offload,
        count: Callable[[str, str], None],
        settings: Settings,
    ) -> None:
        self._transport = transport
        self._storage = storage
        self._record = record
        self._disk = disk
        self._count = count
        self._settings = settings
        self._clock: Clock = record.clock

    async def load(self, transfer: Transfer) -> Take:
        """The take with hash and size, its part durable, or its clip in place already.

        Raises DeadLinkError, UnusableFileError, BrokenOffError, DiskFullError.
        """
        placed = await self._disk(self._open, transfer)
        take = transfer.take
        if placed is not None:  # by a run that died before it could say so
            return replace(take, sha256=placed[0], size_bytes=placed[1])
        assert transfer.part is not None, "neither a clip nor a part"
        part = transfer.part
        if take.sha256 is not None and part.size_bytes == take.size_bytes:
            if await self._disk(part.seal) == take.sha256:
                return take  # whole already: a run that died before it could finish loaded it
            transfer.part = part = await self._disk(self._storage.open_part, take)
        if transfer.loading_at is None:
            transfer.loading_at = self._clock.wall()
        last = await self._fill(transfer, part)
        sha256 = await self._disk(_sealed, part, last)
        size_bytes = part.size_bytes
        # On record before the link may die: what is whole on disk needs no gateway any more.
        facts = {"sha256": sha256, "size_bytes": size_bytes, "loading_at": transfer.loading_at}
        return await self._record.note(transfer.take, **facts)

    def _open(self, transfer: Transfer) -> tuple[str, int] | None:
        """What a try asks of the disk first: hash and size of a clip in place; None: the part is open."""
        take = transfer.take
        placed = self._storage.adoptable(take) if transfer.is_first else None
        if placed is None:
            transfer.part = part = self._storage.open_part(take)
            transfer.room_bytes = self._storage.free_bytes() + part.size_bytes
        return placed

    async def _fill(self, transfer: Transfer, part: Part) -> bytes:
        """Bytes until the file is whole, but for the last ones, which are returned."""
        take = transfer.take
        if take.url is None:
            raise DeadLinkError("its clip was taken over from another batch, and its bytes are gone")
        if self._settings.leads_away(take.url):
            raise DeadLinkError("the link does not lead to this run's simulator")
        ask: dict[str, str] = {}
        # Without one, nothing tells whether the rest would fit on: the answer begins at the start.
        if part.size_bytes and take.validator is not None:
            ask |= {"Range": f"bytes={part.size_bytes}-", "If-Range": take.validator}
        left_s = transfer.give_up_at - self._clock.monotonic()
        try:
            with anyio.move_on_after(left_s) as overdue, anyio.CancelScope() as stalled:
                self._push(stalled)
                async with self._transport.fetch(take.url, ask) as fetched:
                    return await self._pour(transfer, part, fetched, stalled)
        except BadLinkError as exc:
            raise DeadLinkError(str(exc)) from exc
        except (NotSentError, LostAnswerError) as exc:
            raise BrokenOffError(str(exc)) from exc
        if overdue.cancelled_caught:
            raise BrokenOffError(
                f"not whole after {self._settings.url_life_s:g} s; {part.size_bytes} bytes of it are kept"
            )
        raise BrokenOffError(f"the file host sent next to nothing for {self._settings.stall_timeout_s:g} s")

    def _push(self, stalled: anyio.CancelScope) -> None:
        stalled.deadline = anyio.current_time() + self._settings.stall_timeout_s

    async def _begin(self, transfer: Transfer, fetched: Fetched, part: Part) -> int | None:
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
            raise UnusableFileError(f"the file comes encoded as {headers['content-encoding'][:40]!r}")
        start = _range_start(headers) if status == 206 else 0
        if status == 206 and _is_another_file(transfer, headers):
            await self._disk(part.restart)
            raise BrokenOffError("the file changed while it was loaded")
        if start != part.size_bytes:
            await self._disk(part.restart)
        if start != part.size_bytes:
            raise BrokenOffError("the file host sent another stretch than was asked for")
        return _total(status, headers, start)

    async def _pour(
        self, transfer: Transfer, part: Part, fetched: Fetched, stalled: anyio.CancelScope
    ) -> bytes:
        """The answer's body into the part file, piece by piece, but for the last one."""
        self._count("download", str(fetched.status))
        total = await self._begin(transfer, fetched, part)
        _check_room(transfer, total)
        await self._remember_validator(transfer, _validator(fetched.headers), total)
        transfer.total_bytes = total
        pushed_at = part.size_bytes
        enough = min(
            self._settings.stall_timeout_s * SLOWEST_BYTES_PER_S, math.inf if total is None else total / 20
        )
        last: bytes = b""
        known = False  # whether it may be a video
        async with aclosing(fetched.pieces()) as pieces:
            async for piece in pieces:
                transfer.refreshes = 0
                size = part.size_bytes + len(piece)
                self._record.tell(BytesLoaded(take=transfer.take, size_bytes=size, total_bytes=total))
                if size == total:
                    last = piece  # written where it is sealed: one thread job for a file that comes at once
                    break
                await self._disk(part.write, piece)
                if not known:
                    known = _check_content(part)
                if size > MAX_CLIP_BYTES:
                    raise UnusableFileError("the file does not end")
                if size - pushed_at >= enough:
                    self._push(stalled)
                    pushed_at = size
        size = part.size_bytes + len(last)
        if total is not None and size != total:
            raise BrokenOffError(f"the file broke off at {size} of {total} bytes")
        return last

    async def _remember_validator(self, transfer: Transfer, validator: str | None, total: int | None) -> None:
        """For a further try in this run always; for a later run where a second start would hurt."""
        if validator == transfer.take.validator:
            return
        if (total or 0) >= LONG_BYTES:
            transfer.take = await self._record.note(transfer.take, validator=validator)
        else:
            transfer.take = replace(transfer.take, validator=validator)


def _check_room(transfer: Transfer, total: int | None) -> None:
    """Look at size cap and disk before the first byte."""
    if (total or 0) > MAX_CLIP_BYTES:
        raise UnusableFileError(f"the file is too large to be a clip: {total} bytes")
    if transfer.room_bytes < (total or 0) + KEEP_FREE_BYTES:
        raise DiskFullError(
            f"no room for the clip of job {transfer.take.job.key!r}: it needs {total or 'some'} bytes and"
            f" {KEEP_FREE_BYTES >> 20} MiB to spare, {transfer.room_bytes} are free; free some space and run"
            " again"
        )


def _check_content(part: Part) -> bool:
    """What cannot become a clip is not loaded to its end. False: too little has come to tell."""
    if part.size_bytes < TELLING_BYTES:
        return False
    if (seems := not_video(part.head)) is not None:
        raise NoVideoError(f"{seems}, not a video")
    return True


def _sealed(part: Part, last: bytes) -> str:
    """The last bytes, and all of it durable: its SHA-256."""
    if last:
        part.write(last)
    _check_content(part)
    return part.seal()


def _is_another_file(transfer: Transfer, headers: Mapping[str, str]) -> bool:
    """Whether the rest that comes is of another file than the part began with: by tag or length."""
    tag, known = _validator(headers), transfer.take.validator
    total = headers.get("content-range", "").rpartition("/")[2]
    known_total = transfer.total_bytes
    lengths_differ = known_total is not None and _DIGITS.fullmatch(total) and int(total) != known_total
    return bool(tag is not None and known is not None and tag != known) or bool(lengths_differ)


def _total(status: int, headers: Mapping[str, str], start: int) -> int | None:
    """The size of the whole file: what a stretch says of the whole goes before its own length."""
    whole = headers.get("content-range", "").rpartition("/")[2]
    if status == 206 and _DIGITS.fullmatch(whole):
        return int(whole)
    length = headers.get("content-length", "")
    return start + int(length) if _DIGITS.fullmatch(length) else None


def _range_start(headers: Mapping[str, str]) -> int:
    """Where a partial answer begins, by its `Content-Range: bytes 5-9/10`; -1 where it does not say."""
    unit, _, rest = headers.get("content-range", "").partition(" ")
    first, dash, _ = rest.partition("-")
    return int(first) if unit == "bytes" and dash and _DIGITS.fullmatch(first) else -1


def _validator(headers: Mapping[str, str]) -> str | None:
    """What proves that a later stretch belongs to the same file: a strong ETag, else the date.

    Source: RFC 9110, section 13.1.5: a weak one must not be used with ranges.
    """
    etag = headers.get("etag", "")
    found = etag if etag.startswith('"') else headers.get("last-modified")
    return found if found is not None and found.isascii() and found.isprintable() else None
