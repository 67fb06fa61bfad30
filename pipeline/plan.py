"""From a manifest to rows in the ledger: everything checked first, then page by page on record.

`check` finds all that is wrong before anything is sent: the manifest's own problems, what the provider's
model would refuse, and pictures that are not there. `plan` writes what the manifest asks for now.
Knows nothing of the gateway's wire or of SQLite.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import ManifestError, Problem, UsageError
from pipeline.identity import fingerprint
from pipeline.ledger.base import Ledger, PlannedJob
from pipeline.manifest import Entry, Head, Manifest, read_manifest
from pipeline.model import Image, Job
from pipeline.providers.base import Provider

MAX_PROBLEMS = 100
PAGE = 256
CheckImage = Callable[[Image, Path], Image]
MANIFEST_NAMES = {"duration_s": "duration"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A manifest without a fault. `jobs` may be read again and again; pictures were hashed once."""

    path: Path
    head: Head
    batch: str
    provider: Provider
    manifest: Manifest
    images: dict[Image, Image]

    def jobs(self) -> Iterator[Job]:
        for entry in self.manifest.entries():
            job = without_ignored_defaults(entry, self.provider)
            yield job if job.image is None else replace(job, image=self.images[job.image])


def check(
    path: Path,
    provider_named: Callable[[str], Provider],
    check_image: CheckImage,
    image_error: type[Exception],
) -> Checked:
    """Read and check a manifest. Blocking.

    Raises ManifestError with every problem, UsageError where there is no file to read.
    """
    manifest = read_manifest(lambda: _open(path), str(path))
    provider, problems = _provider(manifest, provider_named)
    found: list[Problem] = [*manifest.problems, *problems]
    total = manifest.total_problems + len(problems)
    images: dict[Image, Image] = {}
    for entry in manifest.entries():
        news = [*_job_problems(entry, provider)]
        if entry.job.image is not None and entry.job.image not in images:
            try:
                images[entry.job.image] = check_image(entry.job.image, path.absolute().parent)
            except image_error as exc:
                news.append(entry.problem("image", str(exc)))
        total += len(news)
        found = heapq.nsmallest(MAX_PROBLEMS, [*found, *news]) if news else found
    if not manifest.head.batch and not path.stem.strip("."):
        why = "batch: missing; the name of this file cannot be that of a folder"
        found.append(manifest.head.problem("batch", why))
        total += 1
    if found:
        raise ManifestError(tuple(sorted(found)), total)
    assert provider is not None, "a manifest without a usable provider has a problem"
    return Checked(
        path=path,
        head=manifest.head,
        batch=manifest.head.batch or path.stem,
        provider=provider,
        manifest=manifest,
        images=images,
    )


def _open(path: Path) -> BinaryIO:
    try:
        if path.is_fifo():  # opening one waits for a writer, and it cannot be read twice
            raise UsageError(f"manifest {path} is a pipe: it is read twice, so write it to a file first")
        return path.open("rb")
    except FileNotFoundError as exc:
        raise UsageError(f"manifest {path} not found") from exc
    except IsADirectoryError as exc:
        raise UsageError(f"manifest {path} is a folder: name a YAML file in it") from exc
    except OSError as exc:
        raise UsageError(f"manifest {path} cannot be read: {exc.strerror}") from exc


def _provider(
    manifest: Manifest, provider_named: Callable[[str], Provider]
) -> tuple[Provider | None, list[Problem]]:
    """The provider, or why there is none; the manifest itself says so where the field is of a wrong type."""
    head = manifest.head
    if head.provider is None:
        named = "provider" in head.places or manifest.unread
        why = "provider: missing; name the gateway to use, for example cometapi, or sim to try things out"
        return None, [] if named else [head.problem("provider", why)]
    try:
        return provider_named(head.provider), []
    except UsageError as exc:
        return None, [head.problem("provider", f"provider: {exc}")]


def _job_problems(entry: Entry, provider: Provider | None) -> Iterator[Problem]:
    if provider is not None:
        for problem in provider.validate(without_ignored_defaults(entry, provider)):
            yield entry.problem(problem.field, f"{problem.field}: {problem.message}")


def without_ignored_defaults(entry: Entry, provider: Provider) -> Job:
    """The job without defaults that mean nothing for it, so that editing them buys nothing again."""
    drop: dict[str, Any] = {
        attribute: None
        for attribute in provider.ignored_defaults(entry.job)
        if MANIFEST_NAMES.get(attribute, attribute) not in entry.own
    }
    return replace(entry.job, **drop) if drop else entry.job


async def plan(
    checked: Checked, ledger: Ledger, read: Callable[[Iterator[PlannedJob]], Awaitable[list[PlannedJob]]]
) -> None:
    """Put every job on record. `read` takes the next page off the loop: a long manifest takes its time."""
    rows = planned_jobs(checked)
    while page := await read(rows):
        await ledger.plan(page, checked.provider.name)


def next_page(rows: Iterator[PlannedJob]) -> list[PlannedJob]:
    return list(itertools.islice(rows, PAGE))


def planned_jobs(checked: Checked) -> Iterator[PlannedJob]:
    """Jobs with fingerprints. A child's needs its parent's, so children come when that is known.

    Only fingerprints of parents and children that still wait are kept.
    """
    name = checked.provider.name
    parents = {entry.job.parent_key for entry in checked.manifest.entries()} - {None}
    known: dict[str, str] = {}
    waiting: dict[str, list[tuple[int, Job]]] = {}
    for position, job in enumerate(checked.jobs()):
        todo = [(position, job)]
        while todo:
            place, one = todo.pop()
            if one.parent_key is not None and one.parent_key not in known:
                waiting.setdefault(one.parent_key, []).append((place, one))
                continue
            print_ = fingerprint(one, name, known.get(one.parent_key or ""))
            if one.key in parents:
                known[one.key] = print_
            yield PlannedJob(job=one, fingerprint=print_, position=place)
            todo += waiting.pop(one.key, [])
