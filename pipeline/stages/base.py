"""What all stages share: queues with one CLOSED marker, the switches of a run, and the record of moves.

A stage passes on what is not its own, so that one marker walking down the chain closes all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

import anyio

from pipeline.clock import Clock
from pipeline.errors import DiskFullError, LedgerError
from pipeline.events import Draining, Event, Listener, Paused, TakeMoved, Trouble
from pipeline.ledger.base import KeptClip, Ledger
from pipeline.model import Take, TakeState
from pipeline.money import Caps


class Closed(Enum):
    """The type of CLOSED, so that a queue's items can be told apart from it."""

    CLOSED = "closed"


CLOSED = Closed.CLOSED
STOPPED = DiskFullError.exit_code
ENDED_BEFORE = frozenset({TakeState.MISSING, TakeState.UNDELIVERED})
"""What leaves these had come to an end already, and is looked at for its clip alone."""
Inbox = asyncio.Queue[Take | Closed]
Work = Callable[[Take], Awaitable[Take | None]]


class Switches:
    """What a whole run agrees on: whether submits, polls and downloads go on.

    They only ever go off. `drain` turns everything off for a signal; `pause` stops submits, and polls
    too where asking makes no sense (bad key, wrong address).

    `account`: the switches of all batches that share the account; these join them.
    """

    def __init__(self, tell: Listener, account: list[Switches] | None = None) -> None:
        self._tell = tell
        self._account = [] if account is None else account
        self._account.append(self)
        self.submits_off = anyio.Event()
        self.polls_off = anyio.Event()
        self.downloads_off = anyio.Event()
        self.exit_code: int | None = None
        self.error: Exception | None = None
        self.draining = False
        self.held: str | None = None
        self.why: str | None = None  # nothing more is sent

    def drain(self, reason: str) -> None:
        if not self.draining:
            self.draining = True
            self._tell(Draining(reason=reason))
            for switch in (self.submits_off, self.polls_off, self.downloads_off):
                switch.set()

    def leave(self) -> None:
        """The batch is over, and bad news of the account are none of its business any more."""
        self._account.remove(self)

    def pause_account(self, reason: str, *, polls: bool = False) -> None:
        """The gateway refuses this account, or is none: that is so for all of its batches."""
        for switches in list(self._account):
            switches.pause(reason, 3, polls=polls)

    def pause(self, reason: str, exit_code: int, *, polls: bool = False, downloads: bool = False) -> None:
        """Send nothing more in this run; rows stay planned. A gateway that cannot be used (3) counts most."""
        if not self.draining and (self.exit_code is None or exit_code < self.exit_code):
            self.exit_code, self.why = exit_code, reason
            self._tell(Paused(reason=reason, exit_code=exit_code))
        self.submits_off.set()
        if polls:
            self.polls_off.set()
        if downloads:
            self.downloads_off.set()

    def hold(self, reason: str) -> None:
        """Send nothing more in this run: what is left is held back, with the reason why."""
        if self.held is None and not self.submits_off.is_set():
            self.held, self.why = reason, self.why or reason
            self._tell(Paused(reason=reason, exit_code=STOPPED))
        self.submits_off.set()

    @contextmanager
    def spared(self, what: str) -> Iterator[None]:
        """Keeps what fails here from cancelling calls under way elsewhere, whose answers are paid for.

        A full disk or a ledger that cannot be written stops submits and downloads. Anything unnamed is a
        fault of ours: the run is drained, and ends with that error once everything is recorded.
        """
        try:
            yield
        except (DiskFullError, LedgerError) as exc:
            self.pause(str(exc), STOPPED, downloads=True)
        except OSError as exc:  # its file, or the folder: the others may still come in
            self.pause(f"{what}: {exc}; put it right and run again", STOPPED)
        except Exception as exc:
            self.error = self.error or exc
            self.drain(f"internal error ({what}: {type(exc).__name__}: {exc})")


class Cuts:
    """Work that is dropped where it stands when a switch goes off, such as a transfer or a question."""

    def __init__(self, off: anyio.Event) -> None:
        self._off = off
        self._scopes: set[anyio.CancelScope] = set()

    @contextmanager
    def cuttable(self) -> Iterator[None]:
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            if self._off.is_set():
                scope.cancel()
            try:
                yield
            finally:
                self._scopes.discard(scope)

    def cut(self) -> None:
        for scope in self._scopes:
            scope.cancel()

    async def watch(self) -> None:
        """Cut everything once the switch goes off; runs beside the work."""
        await self._off.wait()
        self.cut()


async def nap(off: anyio.Event, seconds: float) -> bool:
    """Sleep, unless the switch goes off. True: it is off."""
    if seconds > 0:
        with anyio.move_on_after(seconds):
            await off.wait()
    else:
        await anyio.lowlevel.checkpoint()
    return off.is_set()


class Record:
    """Moves takes in the ledger, and tells of each move once it is durable."""

    def __init__(self, ledger: Ledger, clock: Clock, tell: Listener) -> None:
        self.ledger = ledger
        self.clock = clock
        self.tell: Callable[[Event], None] = tell

    async def move(self, take: Take, to: TakeState, **facts: Any) -> Take:
        after = await self.ledger.move(take, to, **facts)
        self.tell(TakeMoved(take=after, before=take.state))
        return after

    async def intend(self, take: Take, caps: Caps, **facts: Any) -> Take:
        """The move to `submitting`. Raises OverCapError where there is no money for it."""
        after = await self.ledger.intend(take, caps, **facts)
        self.tell(TakeMoved(take=after, before=take.state))
        return after

    async def take_over(self, take: Take, clip: KeptClip) -> Take:
        """The move to `ready` of a take that is not sent: another batch has its clip."""
        after = await self.ledger.take_over(take, clip, self.clock.wall())
        self.tell(TakeMoved(take=after, before=take.state))
        return after

    async def end(self, take: Take, to: TakeState, reason: str | None, **facts: Any) -> Take:
        """A move to a state in which the take rests, with when and why."""
        return await self.move(take, to, reason=reason, ended_at=self.clock.wall(), **facts)

    async def note(self, take: Take, **facts: Any) -> Take:
        return await self.ledger.note(take, **facts)

    def trouble(self, event: str, message: str, take: Take | None = None) -> None:
        self.tell(Trouble(event=event, message=message, take=take))


async def worker(
    inbox: Inbox, outbox: Inbox | None, work: Work, leave: Callable[[Take], None], switches: Switches
) -> None:
    """Take by take until CLOSED. `work` gives the take to pass on, or None: it is over for this run."""
    while (take := await inbox.get()) is not CLOSED:
        passed: Take | None = None
        with switches.spared(f"job {take.job.key!r}"):  # every take stays where the ledger has it
            passed = await work(take)
        if passed is None or outbox is None:
            leave(passed or take)
        else:
            await outbox.put(passed)
    inbox.put_nowait(CLOSED)  # wake the next sibling; CLOSED came last, so its slot is free


async def run_workers(
    inbox: Inbox,
    outbox: Inbox | None,
    work: Work,
    leave: Callable[[Take], None],
    switches: Switches,
    count: int,
) -> None:
    """A stage: `count` workers, and CLOSED handed on once every one of them has left."""
    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(worker, inbox, outbox, work, leave, switches)
    if outbox is not None:
        await outbox.put(CLOSED)
