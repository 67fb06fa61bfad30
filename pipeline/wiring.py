"""The one place that picks and opens: which provider, which files, which transport, which clock.

`run_manifest` is what the command `nightreel run` uses, and what other programs import.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import anyio

from pipeline import media
from pipeline.again import NO_ENDS, UNKNOWN, Ends
from pipeline.clock import Clock, LoopClock
from pipeline.config import Settings, resolve
from pipeline.errors import BusyError, PipelineError, UsageError
from pipeline.events import Event, Listener, Trouble
from pipeline.ledger.account import ACCOUNT_NAME, SqliteAccount
from pipeline.ledger.base import Account, Ledger
from pipeline.ledger.others import kept_clips
from pipeline.logs import JsonLog
from pipeline.model import REHEARSALS, Probe, Take
from pipeline.offload import Offload, Threads
from pipeline.opening import LOG_NAME, batch_folder, check_manifest, open_ledger, refuse_lost_ledger
from pipeline.pace import Pace
from pipeline.plan import Checked
from pipeline.reuse import Kept
from pipeline.runner import Runner, RunResult
from pipeline.selection import ALL, Selection
from pipeline.simulated import scenario_named, simulated
from pipeline.sources.material import LocalMaterial
from pipeline.stages.base import Record, Switches
from pipeline.stages.brake import DEFAULT_SHARE, Brake
from pipeline.stages.budget import Budget
from pipeline.stages.download import DownloadStage
from pipeline.stages.finish import FinishStage
from pipeline.stages.gateway import Gateway
from pipeline.stages.poll import PollStage
from pipeline.stages.slots import Slots
from pipeline.stages.submit import SubmitStage
from pipeline.storage.local import LocalStorage
from pipeline.storage.lock import batch_lock
from pipeline.transport.base import Transport
from pipeline.transport.http import HttpTransport

DISK_THREADS = 8
LOCK_LOOK_S = 0.5  # the kernel tells nobody when a lock is free, unless a thread waits that no signal ends
MEDIA_THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a caller may choose. None: environment, then manifest, then the provider's default decide."""

    output: Path = Path("output")
    provider: str | None = None
    base_url: str | None = None
    max_in_flight: int | None = None
    downloads: int | None = None
    selection: Selection = ALL
    retry: Ends = NO_ENDS  # jobs whose newest take ended so are made anew
    resubmit_unknown: bool = False  # send once more what may be paid for and running
    collect: bool = False  # send nothing, bring home what is in flight
    budget_ticks: int | None = None  # the most that this run's own submits may settle and reserve
    canary: int | None = None  # so many go first, and the others only once all of them are done
    reuse: bool = False  # take over clips that other batches below `output` have already
    remake: bool = False  # many finished jobs may be made anew, because they ask for something else
    if_running: Literal["fail", "wait"] = "fail"
    allow_insecure: bool = False
    allow_private_hosts: bool = False  # take clips from this machine and its network, whatever the gateway
    rehearse: str | Path | None = None  # by a scenario's name or file: at the simulator, in a folder apart
    signals: bool = False  # drain on SIGINT and SIGTERM; main thread only
    env: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)  # holds keys

    def __post_init__(self) -> None:
        if self.rehearse is not None and self.base_url is not None:
            raise UsageError("a rehearsal has a gateway of its own: leave out --base-url")
        if self.reuse and self.collect:
            raise UsageError("--collect makes nothing new: leave out --reuse")

    @property
    def batches(self) -> Path:
        """Where the batch folder lies."""
        return self.output if self.rehearse is None else self.output / REHEARSALS

    @property
    def again(self) -> Ends:
        """What is made anew, by the state of the newest take."""
        return self.retry | UNKNOWN if self.resubmit_unknown else self.retry


async def run_manifest(
    manifest: Path | str, options: RunOptions | None = None, on_event: Listener | None = None
) -> RunResult:
    """Make every clip that the manifest asks for and that is not there yet.

    Never raises for a job that fails: that is in the result and in the ledger. Raises a PipelineError,
    with the command's exit code on it, where nothing could be started or a run had to be given up.
    """
    options = options or RunOptions()
    try:
        async with AsyncExitStack() as stack:
            return await _run(Path(manifest), options, on_event, stack)
    except BaseExceptionGroup as group:
        raise _unwrapped(group) from group


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
    )


def _unwrapped(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a person should see: task groups wrap even a single one, one layer per group."""
    named = group.subgroup(PipelineError)
    error: BaseException = named or group
    while isinstance(error, BaseExceptionGroup) and (named or len(error.exceptions) == 1):
        error = error.exceptions[0]
    return error


async def _run(
    path: Path, options: RunOptions, on_event: Listener | None, stack: AsyncExitStack
) -> RunResult:
    disk = Threads("disk", DISK_THREADS)
    stack.callback(disk.close)
    if options.rehearse is not None:
        await disk(scenario_named, options.rehearse)  # one that nobody knows makes no folder
    checked = await disk(check_manifest, path, options.provider, options.env)
    await disk(options.selection.refuse_none, checked.jobs())
    folder = batch_folder(options.batches, checked.batch)
    await _hold(folder, options, on_event, stack)
    await disk(refuse_lost_ledger, folder)
    settings = stack.enter_context(_settings(checked, options, folder))
    clock = LoopClock()
    log = JsonLog(folder / LOG_NAME, settings.key, clock.wall)
    stack.callback(log.close)

    tell = _heard_by(log, on_event)
    ledger = await stack.enter_async_context(open_ledger(folder))
    account = await SqliteAccount.open(options.batches / ACCOUNT_NAME, settings.origin, folder.name, disk)
    stack.push_async_callback(account.close)
    transport = _transport(settings, options.env)
    stack.push_async_callback(transport.close)
    media_threads = Threads("media", MEDIA_THREADS)
    stack.callback(media_threads.close)
    runner = assemble(
        checked=checked,
        selection=options.selection,
        again=options.again,
        collect=options.collect,
        canary=options.canary,
        remake=options.remake,
        account=account,
        others=options.batches if options.reuse else None,
        settings=settings,
        folder=folder,
        ledger=ledger,
        transport=transport,
        disk=disk,
        media_threads=media_threads,
        clock=clock,
        tell=tell,
    )
    return await runner.run(signals=options.signals)


async def _hold(folder: Path, options: RunOptions, on_event: Listener | None, stack: AsyncExitStack) -> None:
    """Lock the batch; wait for another run to end where the caller wants that. Raises BusyError."""
    told = False
    while True:
        try:
            stack.enter_context(batch_lock(folder))
            return
        except BusyError as exc:
            if options.if_running == "fail":
                raise
            if on_event is not None and not told:
                told = True
                on_event(Trouble(event="batch.busy", message=f"{exc}; waiting"))
        await anyio.sleep(LOCK_LOOK_S)


def _heard_by(log: JsonLog, on_event: Listener | None) -> Listener:
    """Events to the log and to the caller. A face that fails must not stop a run that holds paid work."""
    faces = [] if on_event is None else [on_event]

    def tell(event: Event) -> None:
        log(event)
        for face in list(faces):
            try:
                face(event)
            except Exception as exc:  # whatever it is: a closed terminal, a fault in a caller's function
                faces.remove(face)
                log(Trouble(event="listener.failed", message=f"{type(exc).__name__}: {exc}"))

    return tell


def _settings(checked: Checked, options: RunOptions, folder: Path) -> AbstractContextManager[Settings]:
    """The run's settings, and while they are open, a gateway where the run brings its own."""
    provider, limits = checked.provider, checked.head.limits
    limits = replace(
        limits,
        max_in_flight=options.max_in_flight or limits.max_in_flight,
        downloads=options.downloads or limits.downloads,
        run_budget_ticks=options.budget_ticks,
    )
    if provider.name == "sim" or options.rehearse is not None:
        return simulated(provider, limits, folder, options.rehearse)
    return nullcontext(
        resolve(
            provider.name,
            provider.capabilities,
            limits,
            options.env,
            base_url=options.base_url,
            allow_insecure=options.allow_insecure,
            allow_private_hosts=options.allow_private_hosts,
        )
    )


def assemble(
    *,
    checked: Checked,
    selection: Selection = ALL,
    again: Ends = NO_ENDS,
    collect: bool = False,
    canary: int | None = None,
    remake: bool = False,
    account: Account | None = None,
    others: Path | None = None,
    settings: Settings,
    folder: Path,
    ledger: Ledger,
    transport: Transport,
    disk: Offload,
    media_threads: Offload,
    clock: Clock,
    tell: Listener,
) -> Runner:
    """A runner from its parts. Whatever has to do with the outside world can be replaced by a test.

    `others`: where batches lie whose clips may be taken over.
    """
    rng = random.Random()  # noqa: S311 - jitter, no secrets
    storage = LocalStorage(folder)
    watchers: list[Listener] = [tell]

    def tell_all(event: Event) -> None:
        for watcher in watchers:
            watcher(event)

    switches = Switches(tell_all)
    record = Record(ledger, clock, tell_all)
    budget = Budget(settings.caps, account, record, switches)
    share = checked.head.brake_share
    watchers += [budget.hear, Brake(switches, DEFAULT_SHARE if share is None else share).hear]

    def tell_behind(count: int) -> None:
        why = f"{count} clips wait to be downloaded: nothing new is sent until there are fewer"
        record.trouble("run.downloads_behind", why)

    slots = Slots(
        settings.max_in_flight,
        clock,
        switches.submits_off,
        most_behind=2 * settings.downloads,
        tell_behind=tell_behind,
    )
    gateway = Gateway(
        provider=checked.provider,
        transport=transport,
        settings=settings,
        pace=Pace(settings.submit_per_s, settings.poll_per_s),
        switches=switches,
        record=record,
        clock=clock,
        rng=rng,
    )

    def kept() -> Kept:
        assert others is not None, "nothing is taken over"
        note = partial(record.trouble, "batch.left_out")
        return kept_clips(others, folder, settings.origin, disk, note)

    async def probe(take: Take) -> Probe:
        return await media_threads(media.probe, storage.part_path(take))

    material = LocalMaterial(folder, storage.where, media_threads)
    return Runner(
        checked=checked,
        selection=selection,
        again=again,
        collect=collect,
        canary=canary,
        kept=None if others is None else kept,
        remake=remake,
        settings=settings,
        folder=folder,
        ledger=ledger,
        storage=storage,
        gateway=gateway,
        record=record,
        switches=switches,
        slots=slots,
        budget=budget,
        submit=SubmitStage(gateway, slots, record, switches, material, budget),
        poll=PollStage(gateway, slots, record, switches),
        download=DownloadStage(gateway, slots, transport, storage, record, switches, disk),
        finish=FinishStage(storage, probe, record, switches, disk),
        disk=disk,
        clock=clock,
        tell=tell_all,
    )
