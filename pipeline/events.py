"""What a run tells whoever listens: progress on a terminal, the log file, a caller of `run_manifest`.

Events are facts that already happened; a take's move is told only once the ledger holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.model import Take, TakeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """How a run stands at this very moment: what comes and goes too often to be told of each time.

    `in_flight`: what counts against `max_in_flight`, of all batches on the account. `behind`: clips that wait
    to be loaded, where that stops submits. `held_s`: seconds that a rate limit still holds all calls.
    `usual_render_s`: how long such clips are at the gateway, where earlier runs have learned it.
    """

    in_flight: int
    max_in_flight: int
    behind: int = 0
    held_s: float = 0.0
    next_poll_s: float | None = None
    usual_render_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The plan stands. `counts`: wanted takes by state before anything is sent.

    Money is in ticks: what the batch has settled and reserved so far, its budget for life, and this run's.
    `look` tells how the run stands whenever it is asked, in the thread of the run.
    """

    batch: str
    provider: str
    origin: str
    folder: Path
    simulated: bool
    counts: Mapping[TakeState, int]
    notes: tuple[str, ...] = ()  # what a person should know about the manifest
    settled_ticks: int = 0
    reserved_ticks: int = 0
    budget_ticks: int | None = None
    run_budget_ticks: int | None = None
    look: Callable[[], Glance] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeMoved:
    """One legal move, on record. `take` is as it stands after the move."""

    take: Take
    before: TakeState


@dataclass(frozen=True, slots=True, kw_only=True)
class TakePolled:
    """A take is still on its way. `progress` is the gateway's own percentage, if it gives one."""

    take: Take
    status: str | None
    progress: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BytesLoaded:
    """More of a clip is on disk: `size_bytes` so far, of `total_bytes` where the server says."""

    take: Take
    size_bytes: int
    total_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something a person may want to know, and what happens next. `take` where it is about one."""

    event: str  # noun.past_verb, for the log
    message: str
    take: Take | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """No more submits in this run, and why. `exit_code`: how the run will end because of it."""

    reason: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakesHeld:
    """What was left to send is held back, until the next run."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining:
    """A signal came: nothing new is sent, what is under way is recorded."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRenamed:
    """A job has another key now, in the ledger and in its folder."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSaved:
    """A copy of the ledger holds all that was told before. `run`: the number of the last run in it."""

    run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The last event of a run."""

    exit_code: int
    seconds: float


Event = (
    RunStarted
    | TakeMoved
    | TakePolled
    | BytesLoaded
    | Trouble
    | Paused
    | TakesHeld
    | Draining
    | JobRenamed
    | LedgerSaved
    | RunEnded
)
Listener = Callable[[Event], None]
