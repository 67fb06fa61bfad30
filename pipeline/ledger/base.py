"""What the engine needs of a ledger. One writer; every call returns only once its change is durable."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pipeline.again import NO_ENDS, Ends
from pipeline.model import Job, Take, TakeState
from pipeline.money import NO_CAPS, Caps
from pipeline.pricing import Estimate


class OverCapError(Exception):
    """A reservation would bring what is settled and reserved above a cap; nothing was reserved."""


class IllegalMoveError(AssertionError):
    """A move outside `model.LEGAL_MOVES`, or of a take that is no longer where we thought: a bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """One row of a plan: the job, what it is, where it stands in the manifest, and whether to send it now."""

    job: Job
    fingerprint: str
    position: int
    selected: bool = True
    estimate: Estimate | None = None
    parent_fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlay:
    """What a run is about to send: how many, for how much, and how many of them have no known price.

    `remade`: finished jobs among them that are made anew because they ask for something else than before,
    and that nobody has agreed to yet.
    """

    count: int
    ticks: int
    unpriced: int
    unpriced_key: str | None
    remade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    """What a batch counts against its budget, in ticks."""

    settled_ticks: int
    reserved_ticks: int


class PlacedTake(NamedTuple):
    """A wanted take that is or was done, and the take whose clip bears the job's name now.

    Only what a look at its clip needs: there is one for every job of a finished batch.
    """

    id: int
    key: str
    state: TakeState
    size_bytes: int | None
    clip_take: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """The little of a take that tells what becomes of its job. `bears_name`: the clip in place is its own."""

    id: int
    key: str
    fingerprint: str
    number: int
    state: TakeState
    reason: str | None
    bears_name: bool


@dataclass(frozen=True, slots=True)
class Rename:
    """A job that has another key on record; until it is done, its files may still bear the old one."""

    id: int
    old: str
    new: str
    done: bool


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the batch. One that was killed, or goes on, has no end.

    `reason`: why it stopped with jobs left; `clips`: that it brought home; `spent_ticks`: what its own
    submits have settled and reserved by now; the caps it kept to are in ticks, too.
    """

    id: int
    manifest: str
    version: str
    started_at: float
    ended_at: float | None
    exit_code: int | None
    reason: str | None
    clips: int | None
    spent_ticks: int
    budget_ticks: int | None  # of the batch, over its whole life
    run_budget_ticks: int | None  # of this run's own submits


@dataclass(frozen=True, slots=True)
class Calls:
    """How often a kind of call got one answer in one minute since the epoch: `429 busy`, `lost`."""

    minute: int
    kind: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptClip:
    """A done take of another batch, and that batch's folder."""

    folder: Path
    take: Take

    @property
    def name(self) -> str:
        """`spring/fox.0123abcd.1`: batch and label."""
        return f"{self.folder.name}/{self.take.label}"


class Wish(NamedTuple):
    """One job of a manifest, by what the ledger says of it."""

    key: str
    fingerprint: str
    position: int
    on_record: bool  # has takes
    unsent: bool  # would be sent, and nothing of it ever was
    open: bool  # would be sent, and nothing of what it asks for now ever was


@dataclass(frozen=True, slots=True)
class Pair:
    """A job that left the manifest, and one that asks for the same."""

    old: str
    new: str


class RenderTime(NamedTuple):
    """A clip of a kind (polling/render_times.py) was ready after the first age and by the second, in seconds
    since it was accepted."""

    kind: str
    unready_s: float
    ready_s: float


class Wishes(Protocol):
    """All jobs of a manifest, for as long as somebody looks at it. Each job is paired and granted once."""

    async def add(self, wishes: Sequence[Wish]) -> None: ...
    async def on_record(self) -> int: ...
    async def any_unsent(self) -> bool: ...
    async def any_open(self) -> bool: ...
    async def pair(self, orphans: Sequence[tuple[str, str]]) -> None:
        """Find for each (job key, fingerprint), unless the manifest asks for that key, an unsent job."""

    async def pairs(self, limit: int) -> tuple[int, list[Pair]]:
        """How many were found, and the first of them."""

    async def open_among(self, fingerprints: Sequence[str]) -> set[str]:
        """Those that an open job asks for which was granted none yet."""

    async def grant(self, fingerprint: str, source: str, sha256: str) -> None:
        """Give a clip to the first such job, unless another job has the same film already."""

    async def granted(self, keys: Sequence[str] | None = None) -> Mapping[str, str]:
        """Source by job key, of these jobs, or of the first one."""

    async def count_granted(self) -> int: ...


class Account(Protocol):
    """What all batches of one account under one output folder spend, month by month."""

    async def publish(self, spent: Mapping[str, int]) -> None:
        """Put this batch's ticks by month on record."""

    async def reserve(self, spent: Mapping[str, int], month: str, more: int, cap: int) -> None:
        """The same with `more` ticks in `month`, unless all batches together would pass the cap.

        Raises OverCapError.
        """

    async def close(self) -> None: ...


class Ledger(Protocol):
    """The record of a batch: all else can be made from it and the clips."""

    async def begin_run(
        self, manifest: str, now: float, *, remake: bool = False, carry: bool = False, caps: Caps = NO_CAPS
    ) -> None:
        """`manifest`: its path as `remembered.spelled` writes it.

        `carry`: the run plans nothing, so what the last one wanted is wanted still.
        """

    async def last_manifest(self) -> str | None:
        """What the last run called its manifest."""

    async def end_run(
        self, exit_code: int, now: float, *, reason: str | None = None, clips: int = 0
    ) -> None: ...
    async def runs(self, last: int | None = None) -> list[Run]:
        """All runs, or the last so many, in the order they were begun."""

    async def calls(self) -> list[Calls]:
        """Of all runs together, in the order of their minutes."""

    async def recover(self, now: float, *, unsent: bool = True) -> int:
        """Settle what the last run left: `submitting` becomes unknown (how many is returned),
        and with `unsent`, `held` and `blocked` become planned."""

    async def plan(
        self,
        rows: Sequence[PlannedJob],
        provider: str,
        again: Ends = NO_ENDS,
        max_unknown_ticks: int | None = None,
    ) -> int:
        """Put a page of the manifest on record, and a first take for each fingerprint that has none.

        A selected job whose newest take ended as in `again` gets one more; how many did is returned.
        One that was unknown is flagged as replaced; it counts as in flight until its deadline all the same.
        `max_unknown_ticks`: what those that were unknown may cost at most, over the batch's life.
        """

    async def move(self, take: Take, to: TakeState, **facts: Any) -> Take:
        """Commit a legal move together with the facts that came with it. Raises IllegalMoveError.

        A wanted take that becomes done bears the job's name from then on.
        """

    async def intend(self, take: Take, caps: Caps, **facts: Any) -> Take:
        """A move to `submitting` in one transaction with the look at the caps: who is over them reserves
        nothing. Raises OverCapError, IllegalMoveError."""

    async def hold(self, reason: str, now: float) -> int:
        """Everything that this run could still send becomes `held`; how many is returned."""

    async def key_check(self, origin: str) -> tuple[str, str] | None:
        """Salt and digest (`Secret.digest`) of the key that was used last for this gateway."""

    async def set_key_check(self, origin: str, salt: str, digest: str) -> None: ...
    async def outlay(self) -> Outlay: ...
    async def charges(self) -> Charges: ...
    async def spent(self) -> tuple[int, int]:
        """Ticks settled and reserved: by the whole batch, and by what this run sent."""

    async def spent_by_month(self) -> Mapping[str, int]:
        """The same by the month of the intent (UTC), such as `2026-11`."""

    async def note(self, take: Take, **facts: Any) -> Take:
        """Commit facts about a take that stays where it is."""

    async def set_clip(self, key: str, take_id: int) -> None:
        """Record whose clip bears the job's name."""

    async def count_calls(
        self, counts: Mapping[tuple[int, str, str], int], render_times: Sequence[RenderTime] = ()
    ) -> None:
        """Add call counts by (minute since the epoch, kind, outcome) to this run, and what its polls saw of
        how long clips take; of each kind of clip the last `render_times.KEEP` are kept."""

    async def render_times(self) -> list[RenderTime]:
        """What is kept of them, the oldest first."""

    async def origins(self) -> list[str]: ...
    async def in_flight(self, since: float) -> list[tuple[int, float]]:
        """(take id, wall time it began) of takes that were accepted, or sent without an answer on record,
        after `since`."""

    async def counts(self) -> Mapping[TakeState, int]:
        """Wanted and selected takes by state."""

    def collectable(self, state: TakeState) -> AsyncIterator[Take]: ...
    def planned(self) -> AsyncIterator[Take]:
        """What this run may send, by priority and then in the manifest's order."""

    def placed(self) -> AsyncIterator[list[PlacedTake]]:
        """Page by page, in the manifest's order."""

    def all_takes(self) -> AsyncGenerator[Take, None]:
        """In the manifest's order, then those of jobs that are no longer in it."""

    async def children(self, parent_key: str) -> list[Take]: ...
    async def wanted_take(self, key: str) -> Take | None: ...
    async def takes_of(self, key: str) -> list[Take]: ...
    async def standings(self, keys: Sequence[str]) -> Mapping[str, list[Standing]]:
        """Every take of a page of jobs, by job key, in the order they were made; in one look."""

    async def takes_by_id(self, ids: Sequence[int]) -> list[Take]: ...
    async def rename(self, old: str, new: str) -> int:
        """Give all takes of a job another key, and remember that its files must follow; how many is returned.

        Rows of `new` that were never sent make room. Raises IllegalMoveError where others are in the way.
        """

    async def renames(self, *, done: bool = False) -> list[Rename]:
        """Those that are not done, or all, in the order they were begun."""

    async def end_rename(self, rename: Rename) -> None: ...
    def job_keys(self) -> AsyncIterator[str]:
        """Of every job that has a take, in alphabetical order."""

    async def count_jobs(self) -> int:
        """How many jobs have takes, whether the manifest asks for them or not."""

    def kept(self) -> AsyncIterator[list[tuple[str, str]]]:
        """(job key, fingerprint) of all takes with a clip, or with one on its way, page by page."""

    async def renamed_since(self) -> Pair | None:
        """One job that left the manifest with a clip, and one that this run would send for the same."""

    # --- clips of other batches

    async def open_among(self, fingerprints: Sequence[str]) -> set[str]:
        """Those that a selected job asks for now, and of which nothing was sent yet."""

    async def open_take(self, fingerprint: str) -> Take | None:
        """The first take of such a job, in the manifest's order."""

    async def has_film(self, fingerprint: str, sha256: str) -> bool:
        """Whether a take of this fingerprint has this very clip."""

    async def take_over(self, take: Take, clip: KeptClip, now: float) -> Take:
        """The one move outside `model.LEGAL_MOVES`: planned to ready, with the clip of another batch whose
        bytes are on this disk already. Costs nothing. Raises IllegalMoveError."""

    async def save_copy(self) -> int:
        """Keep a copy of all that is on record beside the ledger; the number of the last run in it."""

    async def close(self) -> None: ...


async def labels_of(ledger: Ledger, take: Take) -> dict[str, str]:
    """What each other clip of a take's job is called, by its content; some are the same to the bit."""
    takes = await ledger.takes_of(take.job.key)
    return {other.sha256: other.label for other in takes if other.sha256 and other.id != take.id}
