"""A batch as a table: what the ledger knows of each job, and where the manifest asks for it.

Reads the ledger beside whatever runs, and the manifest that the ledger remembers; changes neither.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.advice import advice
from pipeline.clock import utc_text
from pipeline.errors import UsageError
from pipeline.manifest import read_manifest
from pipeline.manifest.wording import did_you_mean, listed
from pipeline.manifest.written import Written, WrittenJobs
from pipeline.model import TICKS_PER_USD, Take, TakeState
from pipeline.money import spent
from pipeline.opening import clip_finder, open_ledger
from pipeline.remembered import from_here
from pipeline.sources.files import LocalFiles

COLUMNS = (
    "batch", "job", "state", "reason", "next_step", "wanted", "take", "fingerprint",
    "manifest", "file", "line", "row",
    "provider", "model", "operation", "starts_from", "prompt", "duration_s", "resolution", "aspect_ratio",
    "tags",
    "estimate_usd", "cost_usd", "counted_usd",
    "clip", "size_bytes", "sha256", "remote_id", "reused_from", "simulated",
    "intent_at", "accepted_at", "ready_at", "ended_at",
)  # fmt: skip
"""Stable: later versions add columns behind these, and change none. Meanings: docs/manifest.md."""

INPUT = "input_"
"""Stands before the names of columns that came from the source."""


class _Batch(NamedTuple):
    """What records of one batch share. `manifest`: where it lies, if that is known."""

    folder: Path
    name: str
    manifest: Path | None
    clip_of: Callable[[Take], Path | None]

    @classmethod
    def of(cls, folder: Path, manifest: Path | None) -> _Batch:
        return cls(folder, folder.resolve().name, manifest, clip_finder(folder))


async def exported(
    folder: Path,
    *,
    inputs: Sequence[str] = (),
    manifest: Path | None = None,
    older: bool = False,
    note: Callable[[str], None],
) -> AsyncGenerator[dict[str, Any], None]:
    """A record for each job, in the manifest's order: `COLUMNS`, then `inputs` with `INPUT` before each.

    `manifest`: where it lies now, else where the ledger says. `older`: also a record for each take that is
    not wanted now, and jobs of earlier manifests. `note` is told what a person should know.

    Raises UsageError for an input that no job has, or where there is no manifest to take it from.
    """
    async with open_ledger(folder) as ledger:
        path = manifest or from_here(await ledger.last_manifest(), folder)
        batch = _Batch.of(folder, path)
        with _written(path, inputs, note) as written:
            async for take in ledger.all_takes():
                if take.wanted or (older and take.state is not TakeState.PLANNED):
                    place = None if written is None else written.of(take.job.key)
                    yield _facts(take, batch, place) | _inputs(place, inputs)


@contextmanager
def _written(
    path: Path | None, inputs: Sequence[str], note: Callable[[str], None]
) -> Iterator[WrittenJobs | None]:
    """None where it cannot be read, and nothing was asked for that only it knows."""
    if path is None or not path.is_file():
        gone = f"{path or 'the manifest'} is not there: name it with --manifest"
        if inputs:
            raise UsageError(f"--input {inputs[0]}: {gone}")
        note(f"{gone}; file, line and row stay empty")
        yield None
        return
    with ExitStack() as stack:
        jobs = stack.enter_context(closing(WrittenJobs(inputs)))
        found = read_manifest(lambda: path.open("rb"), str(path), LocalFiles(path.parent))
        if found.total_problems:
            note(f"{path} has problems now (nightreel validate {path}); what cannot be read has no line")
        try:
            jobs.add(found.entries())
        except OSError as exc:
            raise UsageError(f"{path} cannot be read: {exc}") from exc
        for name in inputs:
            if name not in jobs.known:
                raise UsageError(f"--input {name}: {_no_such_input(name, jobs.known)}")
        yield jobs


def _no_such_input(name: str, known: Mapping[str, None]) -> str:
    if not known:
        return "no job of the manifest is made from a data file or a matrix"
    hint = did_you_mean(name, known) or f"; {listed(known)}"
    return f"no data file and no matrix of the manifest has that name{hint}"


def _facts(take: Take, batch: _Batch, place: Written | None) -> dict[str, Any]:
    job, clip = take.job, batch.clip_of(take)
    values = (
        batch.name, job.key, take.state.value, take.reason, advice(take, batch.folder), take.wanted,
        take.number, take.fingerprint,
        None if batch.manifest is None else str(batch.manifest),
        *((None, None, None) if place is None else place[:3]),
        take.provider, job.model, job.operation.value, job.source, job.prompt, job.duration_s, job.resolution,
        job.aspect_ratio, list(job.tags),
        _usd(take.estimate_ticks), _usd(take.cost_ticks), _usd(spent(take)),
        None if clip is None else str(clip), take.size_bytes, take.sha256, take.remote_id, take.reused_from,
        take.simulated,
        *map(_time, (take.intent_at, take.accepted_at, take.ready_at, take.ended_at)),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _inputs(place: Written | None, names: Sequence[str]) -> dict[str, Any]:
    return {INPUT + name: None if place is None else place.inputs.get(name) for name in names}


def _usd(ticks: int | None) -> float | None:
    """Exact to the tick below 100,000 dollars: no more than 15 digits."""
    return None if ticks is None else ticks / TICKS_PER_USD


def _time(wall: float | None) -> str | None:
    return None if wall is None else utc_text(wall)
