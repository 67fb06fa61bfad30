"""From a manifest to rows in the ledger: everything checked first, then page by page on record.

`check` finds all that is wrong before anything is sent: the manifest's own problems, what the provider's
model would refuse, and pictures that are not there. `plan` writes what the manifest asks for now.
Knows nothing of the gateway's wire or of SQLite.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from pipeline.again import NO_ENDS, Ends
from pipeline.chains import MANIFEST_NAMES, Chains, follow_chains, without_ignored_defaults
from pipeline.errors import ManifestError, Problem, UsageError
from pipeline.identity import fingerprint
from pipeline.ledger.base import Ledger, PlannedJob
from pipeline.manifest import Entry, Head, Manifest, read_manifest
from pipeline.manifest.prices import prices_of
from pipeline.manifest.rules import can_be_batch
from pipeline.manifest.wording import did_you_mean
from pipeline.model import Image, Job
from pipeline.pricing import ALL_MODELS, Pricing
from pipeline.providers.base import Provider
from pipeline.providers.rules import fixed_by_model, model_of
from pipeline.providers.words import one_of
from pipeline.selection import ALL, Selection

MAX_PROBLEMS = 100
PAGE = 256
NO_ENV: Mapping[str, str] = MappingProxyType({})
CheckImage = Callable[[Image, Path], Image]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A manifest without a fault. `jobs` may be read again and again; pictures were hashed once.

    `notes`: what a person should know.
    """

    path: Path
    head: Head
    batch: str
    provider: Provider
    manifest: Manifest
    images: dict[Image, Image]
    chains: Chains = field(default_factory=Chains)
    pricing: Pricing
    notes: tuple[str, ...] = ()

    def jobs(self) -> Iterator[Job]:
        for entry in self.manifest.entries():
            yield without_ignored_defaults(entry, self.provider).with_pictures(self.images.__getitem__)


def check(
    path: Path,
    provider_named: Callable[[str], Provider],
    check_image: CheckImage,
    image_error: type[Exception],
    provider_name: str | None = None,
    env: Mapping[str, str] = NO_ENV,
) -> Checked:
    """Read and check a manifest. Blocking. `provider_name`: another one than the manifest names.

    Raises ManifestError with every problem, UsageError where there is no file to read.
    """
    manifest = read_manifest(lambda: _open(path), str(path))
    if provider_name is None:
        provider, problems = _provider(manifest, provider_named)
    else:
        provider, problems = provider_named(provider_name), []
    found: list[Problem] = [*manifest.problems, *problems]
    total = manifest.total_problems + len(problems)
    images: dict[Image, Image] = {}
    dropped: Counter[tuple[str, str]] = Counter()
    for entry in manifest.entries():
        news = [*_job_problems(entry, provider)]
        for field_name, image in entry.job.pictures:
            if image not in images:
                try:
                    images[image] = check_image(image, path.absolute().parent)
                except image_error as exc:
                    news.append(entry.problem(field_name, str(exc)))
        total += len(news)
        found = heapq.nsmallest(MAX_PROBLEMS, [*found, *news]) if news else found
        if provider is not None:
            dropped.update(_fixed(entry, provider))
    if not manifest.head.batch and not can_be_batch(path.stem):
        why = "batch: missing; the name of this file cannot be that of a batch"
        found.append(manifest.head.problem("batch", why))
        total += 1
    chains = Chains()
    if not found and provider is not None:
        chains = follow_chains(manifest, provider)
        found, total = list(chains.problems[:MAX_PROBLEMS]), len(chains.problems)
    if provider is not None:
        strange = [*_strange_prices(manifest.head, provider)]
        found, total = [*found, *strange], total + len(strange)
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
        chains=chains,
        pricing=Pricing(
            facts=provider.capabilities,
            own={**manifest.head.prices, **prices_of(env, provider.capabilities)},
        ),
        notes=tuple(_note(name, model, count) for (name, model), count in dropped.items()),
    )


def _fixed(entry: Entry, provider: Provider) -> Iterator[tuple[str, str]]:
    """Which defaults mean nothing to this job's model."""
    facts = provider.capabilities
    for attribute in fixed_by_model(entry.job, facts):
        name = MANIFEST_NAMES.get(attribute, attribute)
        if getattr(entry.job, attribute) is not None and name not in entry.own:
            yield name, model_of(entry.job, facts)


def _note(name: str, model: str, count: int) -> str:
    jobs = f"{count} job{'s' * (count != 1)}"
    return f'the default "{name}" does not count for {jobs} of {model}, which fixes it itself'


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


def _strange_prices(head: Head, provider: Provider) -> Iterator[Problem]:
    known = provider.capabilities.models
    for model in head.prices:
        if model not in known and model != ALL_MODELS:
            hint = did_you_mean(model, tuple(known))
            why = f'prices: {provider.name} has no model "{model}"{hint or f"; it has {one_of(known)}"}'
            yield head.problem(f"prices.{model}", why)


def _job_problems(entry: Entry, provider: Provider | None) -> Iterator[Problem]:
    if provider is not None:
        for problem in provider.validate(without_ignored_defaults(entry, provider)):
            yield entry.problem(problem.field, f"{problem.field}: {problem.message}")


async def plan(
    checked: Checked,
    ledger: Ledger,
    rows: Iterator[PlannedJob],
    read: Callable[[Iterator[PlannedJob]], Awaitable[list[PlannedJob]]],
    again: Ends = NO_ENDS,
    max_unknown_ticks: int | None = None,
) -> int:
    """Put every job on record. `read` takes the next page off the loop: a long manifest takes its time.

    How many takes ended as in `again`, so that their jobs are made anew, is returned.
    """
    made = 0
    while page := await read(rows):
        made += await ledger.plan(page, checked.provider.name, again, max_unknown_ticks)
    return made


def next_page(rows: Iterator[PlannedJob]) -> list[PlannedJob]:
    return list(itertools.islice(rows, PAGE))


def planned_jobs(checked: Checked, selection: Selection = ALL) -> Iterator[PlannedJob]:
    """Jobs with fingerprints. A child's needs its parent's, so children come when that is known.

    Only fingerprints of parents and children that still wait are kept.
    """
    name = checked.provider.name
    known: dict[str, str] = {}
    waiting: dict[str, list[tuple[int, Job, bool]]] = {}
    left = selection.limit
    for position, job in enumerate(checked.jobs()):
        chosen = selection.matches(job) and (left is None or left > 0)
        left = left - 1 if chosen and left is not None else left
        todo = [(position, job, chosen)]
        while todo:
            place, one, selected = todo.pop()
            if one.parent_key is not None and one.parent_key not in known:
                waiting.setdefault(one.parent_key, []).append((place, one, selected))
                continue
            print_ = fingerprint(one, name, known.get(one.parent_key or ""))
            if one.key in checked.chains.parents:
                known[one.key] = print_
            yield PlannedJob(
                job=one,
                fingerprint=print_,
                position=place,
                selected=selected,
                estimate=checked.pricing.estimate(one, checked.chains.shapes.get(one.parent_key or "")),
            )
            todo += waiting.pop(one.key, [])
