"""Our side of bench/downloads.py, in a process of its own: the download stage of a run, nothing faked.

    python -m bench.loading ORDER    a file with {"urls": [...], "folder": "...", "at_once": 8, "bare": false}

Real ledger, transport, storage and threads. Prints one JSON object: seconds from the first take handed in to
the last one handed on, CPU seconds of the process, its peak memory in MiB, and the bytes.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import anyio

from pipeline import loop
from pipeline.clock import LoopClock
from pipeline.config import Settings, resolve
from pipeline.identity import fingerprint
from pipeline.ledger.base import Ledger, PlannedJob
from pipeline.manifest.shapes import Limits
from pipeline.model import Job, Take, TakeState
from pipeline.offload import Threads
from pipeline.opening import open_ledger
from pipeline.providers import PROVIDERS
from pipeline.stages.access import Access
from pipeline.stages.base import CLOSED, Inbox, Record, Switches
from pipeline.stages.download import DownloadStage
from pipeline.stages.gateway import Gateway
from pipeline.stages.slots import Slots
from pipeline.storage.local import LocalPart, LocalStorage
from pipeline.transport.http import HttpTransport
from pipeline.wiring import DISK_THREADS

PROVIDER = "xai"
KEY = "bench-key"


class BarePart(LocalPart):
    """Bytes to disk and no more, as aria2c and curl do it. Nothing of the product can be told to do this."""

    def _forget(self) -> None:
        super()._forget()
        self._hash = _NoHash()  # type: ignore[assignment]

    def seal(self) -> str:
        self.close()
        return self._hash.hexdigest()


class _NoHash:
    def update(self, _piece: bytes) -> None: ...
    def hexdigest(self) -> str:
        return "0" * 64


class BareStorage(LocalStorage):
    def open_part(self, take: Take) -> LocalPart:
        path = self.part_path(take)
        path.parent.mkdir(parents=True, exist_ok=True)
        return BarePart(path)


async def ready_takes(ledger: Ledger, urls: Sequence[str], origin: str) -> list[Take]:
    """One take per link, led to `ready` the way that a run does it."""
    jobs = [Job(key=f"clip{number:05d}", prompt=f"Clip {number}.") for number in range(len(urls))]
    rows = [
        PlannedJob(job=job, fingerprint=fingerprint(job, PROVIDER, None), position=place)
        for place, job in enumerate(jobs)
    ]
    now = time.time()
    await ledger.begin_run("bench.yaml", now)
    await ledger.recover(now)
    await ledger.plan(rows, PROVIDER)
    planned = [take async for take in ledger.planned()]
    ready: dict[str, Take] = {}

    async def lead(take: Take, url: str) -> None:
        take = await ledger.move(take, TakeState.SUBMITTING, origin=origin, intent_at=now)
        take = await ledger.move(take, TakeState.ACCEPTED, remote_id=take.job.key, accepted_at=now)
        take = await ledger.move(take, TakeState.READY, url=url, url_at=now, ready_at=now)
        ready[take.job.key] = take

    async with anyio.create_task_group() as group:
        for take, url in zip(planned, urls, strict=True):
            group.start_soon(lead, take, url)
    return [ready[key] for key in sorted(ready)]


async def load(urls: Sequence[str], folder: Path, at_once: int, *, bare: bool) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        folder.mkdir(parents=True)  # noqa: ASYNC240 - nothing else runs yet
        ledger = await stack.enter_async_context(open_ledger(folder))
        settings = resolve(
            PROVIDER,
            PROVIDERS[PROVIDER].capabilities,
            Limits(downloads=at_once),
            {"XAI_API_KEY": KEY},
            base_url="http://127.0.0.1:1",  # a gateway on this machine, so that files may come from it, too
        )
        transport = HttpTransport(settings.base_url, settings.key, connect_timeout_s=20.0, downloads=at_once)
        stack.push_async_callback(transport.close)
        disk = Threads("disk", DISK_THREADS)
        stack.callback(disk.close)
        storage = (BareStorage if bare else LocalStorage)(folder)
        storage.prepare()
        stage = _stage(settings, transport, ledger, storage, disk)
        takes = await ready_takes(ledger, urls, settings.origin)
        return await _timed(stage, takes)


def _stage(
    settings: Settings, transport: HttpTransport, ledger: Ledger, storage: LocalStorage, disk: Threads
) -> DownloadStage:
    clock = LoopClock()
    access = Access.by(settings, transport, clock)
    switches = Switches(lambda _event: None, access.switches)
    record = Record(ledger, clock, lambda _event: None)
    gateway = Gateway(
        provider=PROVIDERS[PROVIDER],
        transport=transport,
        settings=settings,
        turns=access.turns,
        switches=switches,
        record=record,
        clock=clock,
        rng=random.Random(1),  # noqa: S311 - jitter, no secrets
        hearing=access.hearing,
    )
    return DownloadStage(
        gateway, Slots(access.slots, switches.submits_off), access, storage, record, switches, disk
    )


async def _timed(stage: DownloadStage, takes: Sequence[Take]) -> dict[str, float]:
    inbox, outbox = Inbox(), Inbox()
    for take in takes:
        inbox.put_nowait(take)
    inbox.put_nowait(CLOSED)
    left: list[Take] = []
    cpu_s, began = time.process_time(), time.perf_counter()
    await stage.run(inbox, outbox, left.append)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    assert not left, f"{len(left)} takes did not come: {left[0].reason}"
    loaded = [take for _ in takes if (take := outbox.get_nowait()) is not CLOSED]
    size_bytes = sum(take.size_bytes or 0 for take in loaded)
    return {"seconds": seconds, "cpu_s": cpu_s, "peak_mib": peak_mib(), "size_bytes": size_bytes}


def peak_mib() -> float:
    """Of this program alone: what `getrusage` says counts that of the process which started it, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text())
    work = load(asked["urls"], Path(asked["folder"]), asked["at_once"], bare=asked["bare"])
    print(json.dumps(loop.run(work)))


if __name__ == "__main__":
    main()
