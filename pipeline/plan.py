"""From a manifest to rows in the ledger: everything checked first, then page by page on record.

`check` finds all that is wrong before anything is sent: the manifest's own problems, what the provider's
model would refuse, and pictures that are not there. `plan` writes what the manifest asks for now.
Knows nothing of the gateway's wire or of SQLite.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import BinaryIO

from pipeline.again import NO_ENDS, Ends
from pipeline.chains import Chains, follow_chains
from pipeline.errors import ManifestError, Problem, UsageError
from pipeline.fitting import Fitting
from pipeline.identity import fingerprint
from pipeline.ledger.base import Ledger, PlannedJob
from pipeline.manifest import Entry, Head, Manifest, read_manifest
from pipeline.manifest.dated import batch_of, is_dated
from pipeline.manifest.jobs import PICTURES
from pipeline.manifest.prices import prices_of
from pipeline.manifest.reader import NO_FILES, Judge
from pipeline.manifest.rows import PICTURES as PICTURE_ENDINGS
from pipeline.manifest.rows import Files
from pipeline.manifest.rules import can_be_batch
from pipeline.manifest.wording import did_you_mean
from pipeline.model import Image, Job
from pipeline.pricing import ALL_MODELS, Pricing
from pipeline.providers.base import Provider
from pipeline.providers.words import one_of
from pipeline.selection import ALL, Selection

MAX_PROBLEMS = 100
_PICTURES = frozenset(PICTURES)
PAGE = 1024  # jobs that are planned together, in one commit
_MAX_TOLD = 10_000
_Fault = tuple[str, int, int, str]
"""Place, and what is wrong there."""
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
    fitting: Fitting
    manifest: Manifest
    images: dict[Image, Image]
    chains: Chains = field(default_factory=Chains)
    pricing: Pricing
    notes: tuple[str, ...] = ()

    @property
    def dated(self) -> bool:
        """Whether there is a batch for each day."""
        return is_dated(self.head.batch)

    def jobs(self) -> Iterator[Job]:
        for entry in self.manifest.entries():
            yield self.fitting.job(entry).with_pictures(self.images.__getitem__)


def check(
    path: Path,
    provider_named: Callable[[str], Provider],
    check_image: CheckImage,
    image_error: type[Exception],
    provider_name: str | None = None,
    env: Mapping[str, str] = NO_ENV,
    files: Files = NO_FILES,
    *,
    day: date,
) -> Checked:
    """Read and check a manifest. Blocking. `provider_name`: another one than the manifest names.

    `files`: what it may read beside itself. `day`: of the batch, where its name holds `${date}`.

    Raises ManifestError with every problem, UsageError where there is no file to read.
    """
    judge = _Judge(path.absolute().parent, provider_named, check_image, image_error, provider_name)
    manifest = read_manifest(lambda: _open(path), str(path), files, judge.begin)
    provider, problems = judge.provider_of(manifest)
    found, total = [*manifest.problems, *problems], manifest.total_problems + len(problems)
    if not manifest.head.batch and not can_be_batch(path.stem):
        why = "batch: missing; the name of this file cannot be that of a batch"
        found.append(manifest.head.problem("batch", why))
        total += 1
    chains = Chains()
    if not found and provider is not None and manifest.links:
        chains = follow_chains(manifest, provider)
        found, total = list(chains.problems[:MAX_PROBLEMS]), len(chains.problems)
    if provider is not None:
        strange = [*_strange_prices(manifest.head, provider)]
        found, total = [*found, *strange], total + len(strange)
    if found:
        found.sort(key=lambda problem: (problem.file != manifest.head.file, problem))  # its own come first
        raise ManifestError(tuple(found[:MAX_PROBLEMS]), total)
    assert provider is not None, "a manifest without a usable provider has a problem"
    return Checked(
        path=path,
        head=manifest.head,
        batch=batch_of(manifest.head.batch, day) if manifest.head.batch else path.stem,
        provider=provider,
        fitting=judge.fitting or Fitting(provider),
        manifest=manifest,
        images=judge.images,
        chains=chains,
        pricing=Pricing(
            facts=provider.capabilities,
            own={**manifest.head.prices, **prices_of(env, provider.capabilities)},
        ),
        notes=(
            *(_note(*dropped, count) for dropped, count in judge.dropped),
            *_impatience(manifest.head, provider),
        ),
    )


@dataclass(slots=True)
class _JobJudge:
    """Under one head. `pictures`: what is wrong with those of a job."""

    fitting: Fitting | None
    pictures: Callable[[Entry], Iterable[tuple[str, str]]]
    told: set[_Fault] = field(default_factory=set)

    def __call__(self, entry: Entry) -> Iterable[Problem]:
        refused = () if self.fitting is None else self.fitting.problems(entry)
        if not refused and _PICTURES.isdisjoint(entry.values):
            return ()
        found = [(one.field, f"{one.field}: {one.message}") for one in refused]
        return _told_once(entry, itertools.chain(found, self.pictures(entry)), self.told)

    def passes(self, entry: Entry, prompts: list[str]) -> bool:
        return self.fitting is None or self.fitting.passes(entry, prompts)


class _Judge:
    """What the provider's model would refuse, and pictures that are not there."""

    def __init__(
        self,
        folder: Path,
        provider_named: Callable[[str], Provider],
        check_image: CheckImage,
        image_error: type[Exception],
        provider_name: str | None,
    ) -> None:
        self.images: dict[Image, Image] = {}
        self.fitting: Fitting | None = None
        self._folder = folder
        self._provider_named = provider_named
        self._check_image = check_image
        self._image_error = image_error
        self._chosen = None if provider_name is None else provider_named(provider_name)

    def provider_of(self, manifest: Manifest) -> tuple[Provider | None, list[Problem]]:
        if self._chosen is not None:
            return self._chosen, []
        return _provider(manifest.head, self._provider_named, unread=manifest.unread)

    @property
    def dropped(self) -> Iterable[tuple[tuple[str, str], int]]:
        """Defaults that count for nothing: field and model, and for how many jobs."""
        return () if self.fitting is None else self.fitting.dropped.items()

    def begin(self, head: Head) -> Judge:
        """A judge of jobs under this head. What was judged under an earlier one is forgotten."""
        provider = self._chosen or _provider(head, self._provider_named)[0]
        self.fitting = fitting = None if provider is None else Fitting(provider)
        return _JobJudge(fitting, self._pictures)

    def _pictures(self, entry: Entry) -> Iterator[tuple[str, str]]:
        for field_name, image in entry.job.pictures:
            if image not in self.images:
                try:
                    self.images[image] = self._check_image(image, self._folder)
                except self._image_error as exc:
                    yield field_name, f"{exc}{_narrow(entry, image)}"


def _narrow(entry: Entry, image: Image) -> str:
    """What to do if a pattern matched more than pictures."""
    is_of_pattern = entry.row is not None and entry.row.is_picture
    if not is_of_pattern or PurePath(image.path or "").suffix.lower() in PICTURE_ENDINGS:
        return ""
    return '; the pattern in "from" matches it: narrow it, as in *.png'


def _note(name: str, model: str, count: int) -> str:
    jobs = f"{count} job{'s' * (count != 1)}"
    return f'the default "{name}" does not count for {jobs} of {model}, which fixes it itself'


def _impatience(head: Head, provider: Provider) -> Iterator[str]:
    floor_s, advised_s = head.limits.poll_min_s, provider.capabilities.poll.min_s
    if floor_s is not None and floor_s < advised_s:
        yield (
            f"limits.poll_min_s of {floor_s:g} s is below the {advised_s:g} s that {provider.name}"
            " advises between two polls of a job: the gateway may limit them"
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


def _told_once(entry: Entry, found: Iterable[tuple[str, str]], told: set[_Fault]) -> Iterator[Problem]:
    """Without what was told of before at its place: defaults, and what many clips are made from."""
    for name, message in found:
        problem = entry.problem(name, message)
        # However long each prompt is: one text that is written once is too long once.
        fault = (problem.file, problem.line, problem.column, name if name == "prompt" else message)
        if fault not in told:
            if len(told) < _MAX_TOLD:
                told.add(fault)
            yield problem


def _provider(
    head: Head, provider_named: Callable[[str], Provider], *, unread: bool = False
) -> tuple[Provider | None, list[Problem]]:
    """The provider, or why there is none; the manifest itself says so where the field is of a wrong type."""
    if head.provider is None:
        named = "provider" in head.places or unread
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
            parents = known.get(one.parent_key or "")
            print_ = fingerprint(one, name, parents)
            if one.key in checked.chains.parents:
                known[one.key] = print_
            yield PlannedJob(
                job=one,
                fingerprint=print_,
                parent_fingerprint=parents,
                position=place,
                selected=selected,
                estimate=checked.pricing.estimate(one, checked.chains.shapes.get(one.parent_key or "")),
            )
            todo += waiting.pop(one.key, [])
