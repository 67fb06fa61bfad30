"""The one place that picks and opens: which provider, which files, which transport, which clock.

`run_manifest` and `run_manifests` are what the command `nightreel run` uses, and what other programs import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, replace
from pathlib import Path

import anyio

from pipeline.assembly import assemble
from pipeline.choices import RunOptions, checked_manifests, limits_of, settings_of
from pipeline.clock import LoopClock, local_day
from pipeline.config import Settings, shared
from pipeline.deadline import Deadline, deadline_of
from pipeline.earlier import EarlierNight, earlier_nights
from pipeline.errors import BusyError, PipelineError
from pipeline.events import Event, Listener, Trouble
from pipeline.ledger.account import ACCOUNT_NAME, SqliteAccount
from pipeline.ledger.base import Account, Ledger
from pipeline.logs import JsonLog
from pipeline.manifest.shapes import Limits
from pipeline.offload import Threads
from pipeline.opening import LOG_NAME, batch_folder, open_ledger, refuse_lost_ledger
from pipeline.plan import Checked
from pipeline.remembered import refuse_other, spelled
from pipeline.runner import Runner, RunResult
from pipeline.simulated import scenario_named
from pipeline.stages.access import Access
from pipeline.stages.budget import RunBudget
from pipeline.storage.lock import batch_lock
from pipeline.together import BatchFailure, RunsResult, run_together
from pipeline.transport.base import Transport
from pipeline.transport.http import HttpTransport

DISK_THREADS = 8
LOCK_LOOK_S = 0.5  # the kernel tells nobody when a lock is free, unless a thread waits that no signal ends
MEDIA_THREADS = 2
BatchListener = Callable[[str, Event], None]
"""Hears which batch an event is of, and the event."""


async def run_manifest(
    manifest: Path | str, options: RunOptions | None = None, on_event: Listener | None = None
) -> RunResult:
    """Make every clip that the manifest asks for and that is not there yet.

    Never raises for a job that fails: that is in the result and in the ledger. Raises a PipelineError,
    with the command's exit code on it, where nothing could be started or a run had to be given up.
    """
    hear: BatchListener | None = None if on_event is None else lambda _batch, event: on_event(event)
    result = await run_manifests([manifest], options, hear)
    for busy in result.left_out:
        raise busy
    (end,) = result.batches
    if isinstance(end, BatchFailure):
        raise end.error
    return end


async def run_manifests(
    manifests: Sequence[Path | str],
    options: RunOptions | None = None,
    on_event: BatchListener | None = None,
) -> RunsResult:
    """The same for several manifests and folders of them, side by side within each account's limits.

    Raises a PipelineError where a manifest has a fault, or another run holds a batch: then nothing is sent.
    A batch that cannot go on by itself is a BatchFailure among the results: no other loses clips by it.
    """
    async with AsyncExitStack() as stack:
        house = _House(options or RunOptions(), on_event, stack)
        return await house.run([Path(manifest) for manifest in manifests])


@asynccontextmanager
async def open_transport(settings: Settings, env: Mapping[str, str]) -> AsyncIterator[Transport]:
    """The way to a gateway outside of a run, for a question that is free. Raises GatewayUnusableError."""
    transport = _transport(settings, env)
    try:
        yield transport
    finally:
        await transport.close()


def _transport(settings: Settings, env: Mapping[str, str]) -> HttpTransport:
    return HttpTransport(
        settings.base_url,
        settings.key,
        connect_timeout_s=settings.connect_timeout_s,
        env=env,
        allow_insecure=settings.allow_insecure,
        allow_private_hosts=settings.allow_private_hosts,
        downloads=settings.downloads,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """One manifest, its folder locked and its files open. `limits`: what flags and manifest name."""

    checked: Checked
    folder: Path
    limits: Limits
    settings: Settings
    tell: Listener
    ledger: Ledger
    account: Account
    earlier: bool


class _House:
    """Opens what a run needs; all of it is closed with the stack."""

    def __init__(self, options: RunOptions, on_event: BatchListener | None, stack: AsyncExitStack) -> None:
        self._options = options
        self._on_event = on_event
        self._stack = stack
        self._clock = LoopClock()
        self._disk = Threads("disk", DISK_THREADS)
        stack.callback(self._disk.close)
        self._media_threads = Threads("media", MEDIA_THREADS)
        stack.callback(self._media_threads.close)
        self._several = False
        self._deadline: Deadline | None = None
        self._ends: dict[str, RunResult | BatchFailure] = {}
        self._left_out: list[BusyError] = []

    async def run(self, manifests: Sequence[Path]) -> RunsResult:
        if self._options.rehearse is not None:
            await self._disk(scenario_named, self._options.rehearse)  # one that nobody knows makes no folder
        self._deadline = self._deadline_from_now()
        day = self._options.date or local_day(self._clock.wall())
        all_checked = await self._disk(checked_manifests, manifests, self._options, day)
        self._several = len(all_checked) > 1
        batches = []
        for checked, folder in await self._hold(all_checked):
            earlier = await self._disk(earlier_nights, self._options.batches, checked)
            self._several |= bool(earlier)
            with self._failing(checked):
                batches.append(await self._open(checked, folder))
            for night in earlier:
                batches += await self._open_earlier(checked, night)
        batches, runners = self._runners(batches)
        ends = await run_together(runners, signals=self._options.signals)
        for batch, end in zip(batches, ends, strict=True):
            if isinstance(end, RunResult):
                self._ends[end.batch] = end
            else:
                with self._failing(batch.checked, batch.tell):
                    raise end
        tonight = [checked.batch for checked in all_checked]
        return RunsResult(
            batches=tuple(self._ends[batch] for batch in tonight if batch in self._ends),
            left_out=tuple(self._left_out),
            earlier=tuple(end for batch, end in self._ends.items() if batch not in tonight)
            if any(checked.dated for checked in all_checked)
            else None,
        )

    def _deadline_from_now(self) -> Deadline | None:
        text, grace_s = self._options.deadline, self._options.grace_s
        if text is None:
            return None
        return deadline_of(text, grace_s=grace_s, now=self._clock.monotonic(), wall=self._clock.wall())

    @property
    def _is_over(self) -> bool:
        return self._deadline is not None and self._clock.monotonic() >= self._deadline.over_at

    # --- what goes wrong with one batch

    @contextmanager
    def _failing(self, checked: Checked, tell: Listener | None = None) -> Iterator[None]:
        """What goes wrong in here ends this batch alone. A fault of ours is none of these."""
        try:
            yield
        except BusyError:
            raise
        except (PipelineError, OSError) as exc:
            self._fail(checked, tell or self._told_of(checked.batch), exc)

    def _fail(self, checked: Checked, tell: Listener, error: Exception) -> None:
        folder = self._options.batches / checked.batch
        self._ends[checked.batch] = BatchFailure(batch=checked.batch, folder=folder, error=error)
        if self._several:  # else it is raised
            tell(Trouble(event="batch.failed", message=f"not run to its end: {error}"))

    def _told_of(self, batch: str) -> Listener:
        """What the caller hears of a batch."""
        hear = self._on_event
        return (lambda _event: None) if hear is None else (lambda event: hear(batch, event))

    # --- locks

    async def _hold(self, all_checked: Sequence[Checked]) -> list[tuple[Checked, Path]]:
        """Lock the batches, in an order in which two such runs never wait for one another."""
        held = []
        for checked in sorted(all_checked, key=lambda checked: checked.batch):
            with self._failing(checked):
                folder = batch_folder(self._options.batches, checked.batch)
                if await self._locked(folder):
                    held.append((checked, folder))
        return held

    async def _locked(self, folder: Path) -> bool:
        """Lock one; wait for another run to end, or leave the batch out, where the caller wants that."""
        told = False
        while True:
            try:
                self._stack.enter_context(batch_lock(folder))
                return True
            except BusyError as exc:
                if self._options.if_running == "fail" or self._is_over:
                    raise
                if self._options.if_running == "skip":
                    self._left_out.append(exc)
                    return False
                if not told:
                    told = True
                    self._told_of(folder.name)(Trouble(event="batch.busy", message=f"{exc}; waiting"))
            await anyio.sleep(LOCK_LOOK_S)

    # --- files

    async def _open_earlier(self, tonight: Checked, night: EarlierNight) -> list[_Batch]:
        """The batch of another day, to be collected beside tonight's; none where there is nothing to do."""
        checked = replace(tonight, batch=night.folder.name)
        tell = self._told_of(checked.batch)
        if night.note is not None:
            tell(Trouble(event="batch.earlier", message=f"batch {checked.batch}: {night.note}"))
        if night.open:
            try:
                with self._failing(checked):
                    self._stack.enter_context(batch_lock(night.folder))
                    return [await self._open(checked, night.folder, earlier=True)]
            except BusyError as exc:
                tell(Trouble(event="batch.busy", message=f"{exc}; what is open there is left to that run"))
        return []

    async def _open(self, checked: Checked, folder: Path, *, earlier: bool = False) -> _Batch:
        options = self._options
        async with AsyncExitStack() as stack:
            await self._disk(refuse_lost_ledger, folder)
            limits = limits_of(checked, options)
            settings = stack.enter_context(settings_of(checked, limits, options, folder))
            log = JsonLog(folder / LOG_NAME, settings.key, self._clock.wall)
            stack.callback(log.close)
            ledger = await stack.enter_async_context(open_ledger(folder))
            note = await self._disk(refuse_other, await ledger.last_manifest(), checked.path, folder)
            account = await SqliteAccount.open(
                options.batches / ACCOUNT_NAME, settings.origin, folder.name, self._disk
            )
            stack.push_async_callback(account.close)
            self._stack.push_async_exit(stack.pop_all())
        return _Batch(
            checked=checked if note is None else replace(checked, notes=(*checked.notes, note)),
            folder=folder,
            limits=limits,
            settings=settings,
            tell=_heard_by(log, self._told_of(checked.batch)),
            ledger=ledger,
            account=account,
            earlier=earlier,
        )

    # --- runners

    def _runners(self, batches: Sequence[_Batch]) -> tuple[list[_Batch], list[Runner]]:
        """A runner for each batch whose account can be reached, and these batches."""
        buyers = [batch.ledger for batch in batches if not batch.earlier]
        run_budget = RunBudget(buyers) if len(buyers) > 1 else None
        accounts: dict[tuple[str, ...], list[_Batch]] = {}
        for batch in batches:
            settings = batch.settings
            name = (settings.provider, settings.base_url, settings.key.reveal())
            accounts.setdefault(name, []).append(batch)
        reached: list[_Batch] = []
        runners: list[Runner] = []
        for sharers in accounts.values():
            all_settings = [batch.settings for batch in sharers]
            if len(sharers) > 1:
                all_settings = shared(all_settings, [batch.limits for batch in sharers])
            if (access := self._access(sharers, all_settings[0])) is None:
                continue
            for batch, settings in zip(sharers, all_settings, strict=True):
                reached.append(batch)
                runners.append(self._runner(batch, settings, access, run_budget))
        return reached, runners

    def _access(self, sharers: Sequence[_Batch], settings: Settings) -> Access | None:
        """What these batches share; None where their gateway cannot be reached the way it is set."""
        try:
            transport = _transport(settings, self._options.env)
        except PipelineError as exc:
            for batch in sharers:
                self._fail(batch.checked, batch.tell, exc)
            return None
        self._stack.push_async_callback(transport.close)
        return Access.by(settings, transport, self._clock)

    def _runner(
        self, batch: _Batch, settings: Settings, access: Access, run_budget: RunBudget | None
    ) -> Runner:
        options = self._options
        return assemble(
            checked=batch.checked,
            manifest=spelled(batch.checked.path, batch.folder),
            selection=options.selection,
            again=options.again,
            collect=options.collect,
            earlier=batch.earlier,
            canary=options.canary,
            remake=options.remake,
            deadline=self._deadline,
            account=batch.account,
            others=options.batches if options.reuse and not batch.earlier else None,
            neighbours=options.batches,
            run_budget=run_budget,
            media_checks=options.media_checks,
            settings=settings,
            folder=batch.folder,
            ledger=batch.ledger,
            access=access,
            disk=self._disk,
            media_threads=self._media_threads,
            clock=self._clock,
            tell=batch.tell,
        )


def _heard_by(log: JsonLog, hear: Listener) -> Listener:
    """Events to the log and to the caller. A face that fails must not stop a run that holds paid work."""
    faces = [hear]

    def tell(event: Event) -> None:
        log(event)
        for face in list(faces):
            try:
                face(event)
            except Exception as exc:  # whatever it is: a closed terminal, a fault in a caller's function
                faces.remove(face)
                log(Trouble(event="listener.failed", message=f"{type(exc).__name__}: {exc}"))

    return tell
