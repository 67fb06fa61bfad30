"""One night of the whole engine in virtual time: `Night(tmp_path, [...])`, `run()`, `run()` again, look.

The event loop's own clock jumps to the next timer whenever nothing is ready, so that half an hour passes in
milliseconds and `anyio.fail_after` passes with it. Ledger, disk and probe run inline behind their seams;
the gateway is `builders_engine.FakeGateway`. A night can be interrupted by a signal, and its process can die
at any moment at which something becomes durable.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import os
import selectors
import signal
import sqlite3
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from unittest import mock

import anyio
from support.builders_engine import Ask, FakeGateway

from pipeline import assembly
from pipeline.config import Settings, resolve
from pipeline.deadline import GRACE_S, Deadline
from pipeline.decisions import settle
from pipeline.events import Event, Paused, Trouble
from pipeline.ledger.account import SqliteAccount
from pipeline.ledger.connection import Connection, connect
from pipeline.ledger.sqlite import SqliteLedger
from pipeline.logs import JsonLog
from pipeline.media import probe
from pipeline.model import Take, TakeState
from pipeline.offload import Inline
from pipeline.opening import LEDGER_NAME, LOG_NAME, check_manifest
from pipeline.runner import Runner, RunResult
from pipeline.stages.access import Access
from pipeline.stages.budget import RunBudget
from pipeline.storage.local import LocalPart, LocalStorage, make_folder
from pipeline.together import run_together

P = ParamSpec("P")
T = TypeVar("T")
JobEntry = str | Mapping[str, Any]

EVENING = 1_800_000_000.0  # wall time when a night begins
LONGEST_RUN_S = 48 * 3600.0
MOST_TURNS = 2_000_000  # of one run's loop: more is a loop that turns on the spot

KEY = "sk-Night+0123456789/abcdefgh="
"""Holds what is spelled otherwise in links."""


class HangsError(AssertionError):
    """The run would never end: nothing is ready, and no timer is set."""


class Crash(BaseException):
    """The process died here."""


# --- virtual time


class _Jumping(selectors.DefaultSelector):
    """A selector that never waits: it moves the night's clock instead."""

    now = 0.0
    until = 0.0
    turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.turns += 1
        ready = super().select(0)
        if ready or timeout == 0:
            if self.turns > MOST_TURNS:
                raise HangsError("the loop turns on the spot")
            return ready
        if timeout is None:
            raise HangsError("everybody waits for somebody else")
        self.now += timeout
        if self.now > self.until:
            raise HangsError(f"not over after {LONGEST_RUN_S / 3600:g} hours")
        return ready


class NightLoop(asyncio.SelectorEventLoop):
    """A stock event loop on virtual time. `begin`: what its clock shows first."""

    def __init__(self, begin: float = 0.0) -> None:
        self.clockwork = _Jumping()
        self.clockwork.now = begin
        self.clockwork.until = begin + LONGEST_RUN_S
        super().__init__(self.clockwork)

    def time(self) -> float:
        return self.clockwork.now


@dataclass(frozen=True, slots=True)
class Jump:
    """Somebody sets the clock, `at` so many seconds after the first night began, by so many seconds."""

    at: float
    by: float


@dataclass(frozen=True, slots=True)
class NightClock:
    """`clock.Clock` on the running night loop. Only its wall time can be set."""

    jumps: Sequence[Jump] = ()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        now = self.monotonic()
        return EVENING + now + sum(jump.by for jump in self.jumps if jump.at <= now)


# --- the moments at which a process may die


@dataclass(slots=True)
class Fate:
    """Counts what becomes durable: commits, renames, links, fsyncs. Dies at the `number`-th, if any."""

    number: int = 0
    after: bool = False  # just after it, not just before
    seen: int = 0
    dead: bool = False

    def pass_by(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.check()
        self.seen += 1
        due = self.seen == self.number
        if due and not self.after:
            self.die()
        result = work(*args, **kwargs)
        if due:
            self.die()
        return result

    def die(self) -> None:
        self.dead = True
        self.check()

    def check(self) -> None:
        if self.dead:
            raise Crash


@dataclass(slots=True)
class Doors(Inline):
    """The offload of a night: inline, and dead when the process is. `lasts_s`: virtual time of each call."""

    fate: Fate
    lasts_s: float = 0.0

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if self.lasts_s:
            await anyio.sleep(self.lasts_s)
        self.fate.check()
        return work(*args, **kwargs)


@dataclass(slots=True)
class MortalConnection:
    """A SQLite connection whose commits pass fate. It waits for no disk: nothing here cuts the power."""

    inner: Connection
    fate: Fate
    full: Callable[[], bool]

    def execute(self, sql: str, values: Mapping[str, Any] = {}, /) -> Iterable[tuple[Any, ...]]:
        self.fate.check()
        if sql == "PRAGMA synchronous = FULL":
            return self.inner.execute("PRAGMA synchronous = OFF")
        if sql.lstrip().startswith(("UPDATE", "INSERT")) and self.full():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        if sql == "COMMIT":
            return self.fate.pass_by(self.inner.execute, sql)
        return self.inner.execute(sql, values)

    def close(self) -> None:
        self.inner.close()


@contextmanager
def mortal_files(fate: Fate) -> Iterator[None]:
    """Renames and links pass fate; so do fsyncs, which for speed do nothing else."""
    with ExitStack() as stack:
        for name in ("replace", "link"):
            real = getattr(os, name)
            stack.enter_context(mock.patch.object(os, name, _through(fate, real)))
        stack.enter_context(mock.patch.object(os, "fsync", _through(fate, lambda _fd: None)))
        yield


def _through(fate: Fate, real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: fate.pass_by(real, *args, **kwargs)


def no_faults(_name: str) -> None:
    return None


class FaultyStorage(LocalStorage):
    """Storage of one night, and its parts, that may fail at the beginning of any call, by the call's name."""

    def __init__(self, faults: Callable[[str], Exception | None], folder: Path) -> None:
        super().__init__(folder)
        _spoil(self, faults)
        opened = self.open_part

        def open_part(take: Take) -> LocalPart:
            part = opened(take)
            _spoil(part, faults)
            return part

        self.open_part = open_part  # type: ignore[method-assign]


def _spoil(thing: Any, faults: Callable[[str], Exception | None]) -> None:
    for name, real in inspect.getmembers(thing, inspect.ismethod):
        if not name.startswith("_"):
            setattr(thing, name, partial(_unless, faults, name, real))


def _unless(
    faults: Callable[[str], Exception | None], name: str, real: Callable[..., Any], *args: Any
) -> Any:
    if (fault := faults(name)) is not None:
        raise fault
    return real(*args)


# --- a night


@dataclass(slots=True)
class Night:
    """A batch of jobs and the gateway it runs against. `limits` are those of the manifest."""

    folder: Path
    jobs: Sequence[JobEntry] = ("candle",)
    gateway: Any = field(default_factory=FakeGateway)  # or another world with its methods
    limits: dict[str, Any] = field(default_factory=dict)
    head: dict[str, Any] = field(default_factory=dict)  # more of the manifest: prices, brake, on_unknown
    settings: dict[str, Any] = field(default_factory=dict)
    provider: str = "cometapi"
    base_url: str = "https://gateway.test"
    key: str = KEY
    again: frozenset[TakeState] = frozenset()
    collect: bool = False
    earlier: bool = False  # another day's batch
    run_budget_ticks: int | None = None
    canary: int | None = None
    deadline_s: float | None = None  # after the start
    grace_s: float = GRACE_S
    remake: bool = False
    others: Path | None = None  # where batches lie whose clips are taken over
    neighbours: Path | None = None  # where batches lie that tell how long clips take
    account: Path | None = None  # what all batches of the account spend
    logs: bool = False  # write log.jsonl, as the command does
    faults: Callable[[str], Exception | None] = no_faults
    ledger_full: Callable[[], bool] = lambda: False
    jumps: Sequence[Jump] = ()  # of the machine's clock
    seed: int = 7  # of the engine's jitter
    media_checks: bool = False  # clips are noise, and posters of it cost more than all else
    look_s: float = 0.0  # that it takes to see whether a clip is whole
    now: float = 0.0
    fate: Fate = field(default_factory=Fate)
    events: list[tuple[float, Event]] = field(default_factory=list)
    seconds: float = 0.0  # the last run took so long
    left_running: int = 0  # tasks, when the last run that came to its end had ended

    def __post_init__(self) -> None:
        self.edit(self.jobs)

    # --- what is asked for

    def edit(self, jobs: Sequence[JobEntry]) -> None:
        """Write the manifest anew."""
        self.jobs = jobs
        entries = [_entry(job) for job in jobs]
        self.gateway.keys |= {entry["prompt"]: entry["id"] for entry in entries}
        limits = {"limits": self.limits} if self.limits else {}
        head = {"version": 1, "batch": "night", "provider": self.provider, **limits, **self.head}
        (self.folder / "night.yaml").write_text(json.dumps({**head, "jobs": entries}), "utf-8")

    # --- time passes

    def run(
        self, *, signal_at: float | None = None, second_at: float | None = None, fate: Fate | None = None
    ) -> RunResult:
        """One run of the command; signals come so many seconds after its start. May raise Crash."""
        self.fate = fate or Fate()
        began = self.now
        loop = self.new_loop()
        try:
            with self.disk():
                for after_s in (signal_at, second_at):
                    if after_s is not None:
                        loop.call_at(began + after_s, interrupt)
                result = loop.run_until_complete(self._run(signals=signal_at is not None))
            self.left_running = len(asyncio.all_tasks(loop))
            return result
        except BaseExceptionGroup as group:
            if self.fate.dead:
                raise Crash from group
            raise
        finally:
            self.now = loop.time()
            self.seconds = self.now - began
            self.fate.number = 0  # whoever lived until here does not die any more
            _wind_up(loop)

    def dies(self, number: int, *, after: bool) -> bool:
        """One run whose process dies at the n-th durable moment. False: it ended before."""
        try:
            self.run(fate=Fate(number, after))
        except Crash:
            return True
        return False

    def sleep(self, seconds: float) -> None:
        """Nobody runs for so long."""
        self.now += seconds

    async def _run(self, *, signals: bool) -> RunResult:
        async with self.opened() as runner:
            (end,) = await run_together([runner], signals=signals)
        if isinstance(end, Exception):
            raise end
        return end

    @asynccontextmanager
    async def opened(
        self,
        access: Callable[[Settings], Access] | None = None,
        budget: Callable[[SqliteLedger], RunBudget] | None = None,
    ) -> AsyncIterator[Runner]:
        """A runner of this night's batch. `access`, `budget`: shared with others, by what they share."""
        checked = check_manifest(self.folder / "night.yaml")
        provider, facts = checked.provider, checked.provider.capabilities
        env = {facts.key_env: self.key, facts.base_url_env: self.base_url}
        limits = replace(checked.head.limits, run_budget_ticks=self.run_budget_ticks)
        plain = resolve(provider.name, facts, limits, env)
        settings: Settings = replace(plain, **self.settings)
        make_folder(self.batch, self.folder)
        ledger = await self._ledger()
        account = await self._account(settings.origin)
        log = JsonLog(self.batch / LOG_NAME, settings.key, NightClock(self.jumps).wall) if self.logs else None
        try:
            shared = (access or self.own_access)(settings)
            run_budget = None if budget is None else budget(ledger)
            runner = self._assemble(checked, settings, ledger, account, log, shared, run_budget)
            runner.gateway.rng.seed(self.seed)
            yield runner
        finally:
            await Inline()(ledger._db.close)
            if account is not None:
                await Inline()(account._db.close)
            if log is not None:
                log.close()

    def own_access(self, settings: Settings) -> Access:
        return Access.by(settings, self.gateway, NightClock(self.jumps))

    async def _ledger(self) -> SqliteLedger:
        return await SqliteLedger.open(self.batch / LEDGER_NAME, Doors(self.fate), self.connect)

    async def _account(self, origin: str) -> SqliteAccount | None:
        if self.account is None:
            return None
        doors = Doors(self.fate)
        return await SqliteAccount.open(self.account, origin, self.folder.name, doors, self.connect)

    # --- what a night of another kind does in its own way

    def new_loop(self) -> NightLoop:
        return NightLoop(self.now)

    def disk(self) -> AbstractContextManager[None]:
        return mortal_files(self.fate)

    def connect(self, path: Path) -> Connection:
        return MortalConnection(connect(path), self.fate, self.ledger_full)

    def ledger_to_read(self) -> Path:
        return self.batch / LEDGER_NAME

    def hear(self, event: Event) -> None:
        self.events.append((asyncio.get_running_loop().time(), event))

    def _assemble(
        self,
        checked: Any,
        settings: Settings,
        ledger: SqliteLedger,
        account: SqliteAccount | None,
        log: JsonLog | None,
        access: Access,
        run_budget: RunBudget | None,
    ) -> Runner:
        def tell(event: Event) -> None:
            if not self.fate.dead:
                self.hear(event)
                if log is not None:
                    log(event)

        storage = partial(FaultyStorage, lambda name: self.faults(name))
        with mock.patch.object(assembly, "LocalStorage", storage):
            return assembly.assemble(
                checked=checked,
                manifest="../night.yaml",
                again=self.again,
                collect=self.collect,
                earlier=self.earlier,
                canary=self.canary,
                remake=self.remake,
                deadline=self._deadline(),
                account=account,
                others=self.others,
                neighbours=self.neighbours,
                media_checks=self.media_checks,
                settings=settings,
                folder=self.batch,
                ledger=ledger,
                run_budget=run_budget,
                access=access,
                disk=Doors(self.fate),
                media_threads=Doors(self.fate, self.look_s),
                clock=NightClock(self.jumps),
                tell=tell,
            )

    def _deadline(self) -> Deadline | None:
        if self.deadline_s is None:
            return None
        at = asyncio.get_running_loop().time() + self.deadline_s
        return Deadline(text=f"in {self.deadline_s:g} s", at=at, grace_s=self.grace_s)

    # --- what there is afterwards

    @property
    def batch(self) -> Path:
        return self.folder / "night"

    def takes(self, key: str | None = None) -> list[Take]:
        """All takes on record, of one job or of all, in the order they were made."""

        async def read() -> list[Take]:
            ledger = await SqliteLedger.open(self.ledger_to_read(), Inline())
            found = [take async for take in ledger.all_takes()]
            await ledger.close()
            return sorted(found, key=lambda take: take.id)

        loop = NightLoop()
        try:
            return [take for take in loop.run_until_complete(read()) if key in (None, take.job.key)]
        finally:
            loop.close()

    def takes_exist(self) -> bool:
        return (self.batch / LEDGER_NAME).exists()

    def settle(self, take: Take, remote_id: str | None) -> None:
        """What a person decides about an unknown take, as `nightreel resolve` records it."""

        async def decide() -> None:
            ledger = await SqliteLedger.open(self.batch / LEDGER_NAME, Inline())
            await settle(ledger, take, remote_id, NightClock(self.jumps).wall())
            await ledger.close()

        loop = NightLoop(self.now)
        try:
            loop.run_until_complete(decide())
        finally:
            loop.close()

    def take(self, key: str = "candle") -> Take:
        """The take that the manifest asks for now."""
        (wanted,) = [take for take in self.takes(key) if take.wanted]
        return wanted

    def states(self) -> dict[str, str]:
        """Job key to state, of the wanted takes."""
        return {take.job.key: take.state.value for take in self.takes() if take.wanted}

    def on_record(self, key: str = "candle") -> tuple[str, str | None]:
        """State and remote id of a job as another process would read them at this very moment."""
        db = sqlite3.connect(self.batch / LEDGER_NAME)
        try:
            sql = "SELECT state, remote_id FROM takes WHERE job_key = ? ORDER BY id DESC"
            state, remote_id = next(iter(db.execute(sql, (key,))))
            return state, remote_id
        finally:
            db.close()

    @property
    def submits(self) -> list[Ask]:
        return self.gateway.seen("submit")

    def polls(self, key: str | None = None) -> list[Ask]:
        return self.gateway.seen("poll", key)

    def files(self, key: str | None = None) -> list[Ask]:
        return self.gateway.seen("file", key)

    def clip(self, key: str = "candle") -> Path:
        return self.batch / "clips" / f"{key}.mp4"

    def superseded(self) -> list[Path]:
        return sorted((self.batch / "superseded").rglob("*.mp4"))

    def left_over(self) -> list[str]:
        """Files that are neither clip nor side file, and do not belong there when all is done."""
        found = [path for home in ("clips", "superseded") for path in (self.batch / home).rglob("*")]
        return sorted(path.name for path in found if path.is_file() and path.suffix not in (".mp4", ".json"))

    def reasons(self) -> list[str]:
        """Why submits were stopped."""
        return [event.reason for _, event in self.events if isinstance(event, Paused)]

    def troubles(self) -> list[str]:
        return [event.event for _, event in self.events if isinstance(event, Trouble)]

    def sound(self) -> None:
        """What must hold after any run: nothing paid twice, and what is called done is there and whole."""
        assert all(count == 1 for count in self.gateway.bill().values()), self.gateway.bill()
        for take in self.takes():
            if take.wanted and take.state is TakeState.DONE:
                content = self.clip(take.job.key).read_bytes()
                assert take.remote_id is not None
                assert self.gateway.made(content, take.remote_id), f"{take.job.key}: another clip"
                assert take.sha256 == hashlib.sha256(content).hexdigest()
                probe(self.clip(take.job.key))

    def finished(self) -> bool:
        return all(state == "done" for state in self.states().values())


def _entry(job: JobEntry) -> dict[str, Any]:
    """A job by its name alone, or with fields."""
    given: dict[str, Any] = {"id": job} if isinstance(job, str) else dict(job)
    return {"prompt": f"A {given['id']}.", **given}


def interrupt() -> None:
    """Ctrl-C, if the run still listens."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.raise_signal(signal.SIGINT)


def _wind_up(loop: NightLoop) -> None:
    """Let what a failed run left end, and close the loop."""
    loop.set_exception_handler(lambda _loop, _context: None)  # nobody hears what a dead task says
    loop.call_soon(loop.stop)
    loop.run_forever()  # it may have died on its way to a stop
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        coroutine = task.get_coro()
        if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
            with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
                coroutine.close()  # a dead process never began it
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
