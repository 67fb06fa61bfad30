"""The one place that picks and opens: which provider, which files, which transport, which clock.

`run_manifest` is what the command `nightreel run` uses, and what other programs import.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import anyio

from pipeline import media
from pipeline.clock import Clock, LoopClock
from pipeline.config import Settings, resolve
from pipeline.errors import BusyError, PipelineError, UsageError
from pipeline.events import Event, Listener, Trouble
from pipeline.forecast import JobForecast, forecast
from pipeline.ledger.base import Ledger
from pipeline.ledger.sqlite import SqliteLedger
from pipeline.logs import JsonLog
from pipeline.model import Probe, Take, TakeState
from pipeline.offload import Offload, Threads
from pipeline.pace import Pace
from pipeline.plan import Checked, check
from pipeline.providers import provider_named
from pipeline.runner import Runner, RunResult
from pipeline.selection import ALL, Selection
from pipeline.sim import EmbeddedSimulator, WorldFolderError
from pipeline.sources.images import check_image
from pipeline.sources.known import Known, cache_path
from pipeline.sources.layout import ImageError
from pipeline.sources.material import LocalMaterial
from pipeline.stages.base import Record, Switches
from pipeline.stages.download import DownloadStage
from pipeline.stages.finish import FinishStage
from pipeline.stages.gateway import Gateway
from pipeline.stages.poll import PollStage
from pipeline.stages.slots import Slots
from pipeline.stages.submit import SubmitStage
from pipeline.storage.local import LocalStorage, make_folder
from pipeline.storage.lock import batch_lock
from pipeline.transport.base import Transport
from pipeline.transport.http import HttpTransport

LEDGER_NAME = "ledger.sqlite"
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
    if_running: Literal["fail", "wait"] = "fail"
    allow_insecure: bool = False
    signals: bool = False  # drain on SIGINT and SIGTERM; main thread only
    env: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)  # holds keys


def check_manifest(path: Path, provider: str | None = None, env: Mapping[str, str] = os.environ) -> Checked:
    """Everything that can be said about a manifest without sending anything. Raises ManifestError."""
    with closing(Known(cache_path(env), LoopClock().wall)) as known:
        return check(path, provider_named, partial(check_image, known=known), ImageError, provider)


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
async def foreseen(
    manifest: Path, options: RunOptions
) -> AsyncIterator[tuple[Checked, AsyncGenerator[JobForecast, None]]]:
    """A manifest, and what a run would do for each of its jobs. Sends nothing, and makes no folder."""
    checked = check_manifest(manifest, options.provider, options.env)
    options.selection.refuse_none(checked.jobs())
    folder = options.output / checked.batch
    async with AsyncExitStack() as stack:
        ledger = None
        if (folder / LEDGER_NAME).is_file():
            ledger = await stack.enter_async_context(open_ledger(folder))
        yield checked, forecast(checked, ledger, options.selection)


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
    checked = await disk(check_manifest, path, options.provider, options.env)
    await disk(options.selection.refuse_none, checked.jobs())
    folder = batch_folder(options.output, checked.batch)
    await _hold(folder, options, on_event, stack)
    settings = stack.enter_context(_settings(checked, options, folder))
    clock = LoopClock()
    log = JsonLog(folder / "log.jsonl", settings.key, clock.wall)
    stack.callback(log.close)

    tell = _heard_by(log, on_event)
    ledger = await stack.enter_async_context(open_ledger(folder))
    connect_timeout_s = settings.connect_timeout_s
    transport = HttpTransport(
        settings.base_url, settings.key, connect_timeout_s=connect_timeout_s, env=options.env
    )
    stack.push_async_callback(transport.close)
    media_threads = Threads("media", MEDIA_THREADS)
    stack.callback(media_threads.close)
    runner = assemble(
        checked=checked,
        selection=options.selection,
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


def batch_folder(output: Path, batch: str) -> Path:
    """The batch's folder, made if need be. Raises UsageError where nothing can be written."""
    folder = output / batch
    try:
        output.mkdir(parents=True, exist_ok=True)
        make_folder(folder, output)  # a ledger must not vanish with its folder's name in a power cut
        probe = folder / ".write-test"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as exc:
        raise UsageError(f"output folder {folder} cannot be written: {exc.strerror}") from exc
    return folder


@asynccontextmanager
async def open_transport(settings: Settings, env: Mapping[str, str]) -> AsyncIterator[Transport]:
    """The way to a gateway outside of a run, for a question that is free. Raises GatewayUnusableError."""
    transport = HttpTransport(
        settings.base_url, settings.key, connect_timeout_s=settings.connect_timeout_s, env=env
    )
    try:
        yield transport
    finally:
        await transport.close()


@asynccontextmanager
async def open_ledger(folder: Path) -> AsyncIterator[SqliteLedger]:
    """The ledger of a batch, on a thread of its own."""
    thread = Threads("ledger", 1)
    try:
        ledger = await SqliteLedger.open(folder / LEDGER_NAME, thread)
        try:
            yield ledger
        finally:
            await ledger.close()
    finally:
        thread.close()


def find_batch(output: Path, batch: str) -> Path:
    """The folder of a batch given by name or path. Raises UsageError with what there is instead."""
    for folder in (output / batch, Path(batch)):
        if (folder / LEDGER_NAME).is_file():
            return folder
    there = sorted(path.parent.name for path in output.glob(f"*/{LEDGER_NAME}"))
    known = f"; there are: {', '.join(there[:10])}" if there else ""
    raise UsageError(f"no batch {batch!r} (looked for {output / batch} and {batch}){known}")


def clip_of(folder: Path, take: Take) -> Path | None:
    """Where the clip of a done take lies, if it still lies there."""
    return LocalStorage(folder).where(take) if take.state is TakeState.DONE else None


@asynccontextmanager
async def batch_takes(folder: Path) -> AsyncIterator[AsyncGenerator[Take, None]]:
    """All takes of a batch, read beside whatever runs."""
    async with open_ledger(folder) as ledger:
        yield ledger.all_takes()


async def resolve_unknown(folder: Path, job_key: str, remote_id: str | None) -> Take:
    """Settle the unknown take of a job: accepted under `remote_id`, or, without one, planned again.

    An accepted take may be given another id, should the first have been a slip. Raises UsageError.
    """
    with batch_lock(folder):
        async with open_ledger(folder) as ledger:
            takes = [take async for take in ledger.all_takes()]
            if remote_id is not None:
                _check_remote_id(remote_id, takes)
            take = _to_settle([take for take in takes if take.job.key == job_key], job_key, remote_id)
            settled = {"ended_at": None, "reason": None}
            if remote_id is None:
                unsent = {"origin": None, "intent_at": None}
                return await ledger.move(take, TakeState.PLANNED, **settled, **unsent)
            handle = {"remote_id": remote_id, "accepted_at": LoopClock().wall()}
            if take.state is TakeState.ACCEPTED:
                return await ledger.note(take, **settled, **handle)
            return await ledger.move(take, TakeState.ACCEPTED, **settled, **handle)


def _check_remote_id(remote_id: str, takes: list[Take]) -> None:
    if not remote_id.isprintable() or not remote_id.strip(" ./") or remote_id == "ID" or " " in remote_id:
        raise UsageError(f"{remote_id!r} is no gateway's id: copy it from the gateway's own list or bill")
    for take in takes:
        if take.remote_id == remote_id:
            raise UsageError(f"{remote_id} is the id of job {take.job.key!r} already")


def _to_settle(takes: list[Take], job_key: str, remote_id: str | None) -> Take:
    """The one take of a job that a person may settle."""
    if not takes:
        raise UsageError(f"no job {job_key!r} in this batch")
    open_states = {TakeState.UNKNOWN} | ({TakeState.ACCEPTED} if remote_id is not None else set())
    found = [take for take in takes if take.state is TakeState.UNKNOWN]
    found = found or [take for take in takes if take.state in open_states]
    if len(found) != 1:
        states = ", ".join(take.state for take in takes)
        raise UsageError(f"job {job_key!r} has no single unknown take to settle; it is {states}")
    return found[0]


@contextmanager
def _settings(checked: Checked, options: RunOptions, folder: Path) -> Iterator[Settings]:
    """The run's settings. For `sim` the embedded simulator runs meanwhile, its world in the batch folder."""
    name, facts, limits = checked.provider.name, checked.provider.capabilities, checked.head.limits
    limits = replace(
        limits,
        max_in_flight=options.max_in_flight or limits.max_in_flight,
        downloads=options.downloads or limits.downloads,
    )
    if name != "sim":
        insecure = options.allow_insecure
        yield resolve(name, facts, limits, options.env, base_url=options.base_url, allow_insecure=insecure)
        return
    with _simulator(folder / ".sim") as sim:
        env = {facts.key_env: sim.key, facts.base_url_env: sim.base_url}
        # Its port is another one each time; the batch belongs to the simulator as such.
        yield replace(resolve(name, facts, limits, env), origin="sim")


@contextmanager
def _simulator(folder: Path) -> Iterator[EmbeddedSimulator]:
    simulator = EmbeddedSimulator(folder)
    try:
        simulator.start()
    except (WorldFolderError, OSError) as exc:
        raise UsageError(f"the simulator cannot start: {exc}") from exc
    try:
        yield simulator
    finally:
        simulator.close()


def assemble(
    *,
    checked: Checked,
    selection: Selection = ALL,
    settings: Settings,
    folder: Path,
    ledger: Ledger,
    transport: Transport,
    disk: Offload,
    media_threads: Offload,
    clock: Clock,
    tell: Listener,
) -> Runner:
    """A runner from its parts. Whatever has to do with the outside world can be replaced by a test."""
    rng = random.Random()  # noqa: S311 - jitter, no secrets
    storage = LocalStorage(folder)
    switches = Switches(tell)
    record = Record(ledger, clock, tell)
    slots = Slots(settings.max_in_flight, clock, switches.submits_off)
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

    async def probe(take: Take) -> Probe:
        return await media_threads(media.probe, storage.part_path(take))

    material = LocalMaterial(folder, storage.where, media_threads)
    return Runner(
        checked=checked,
        selection=selection,
        settings=settings,
        folder=folder,
        ledger=ledger,
        storage=storage,
        gateway=gateway,
        record=record,
        switches=switches,
        slots=slots,
        submit=SubmitStage(gateway, slots, record, switches, material),
        poll=PollStage(gateway, slots, record, switches),
        download=DownloadStage(gateway, transport, storage, record, switches, disk),
        finish=FinishStage(storage, probe, record, switches, disk),
        disk=disk,
        clock=clock,
        tell=tell,
    )
