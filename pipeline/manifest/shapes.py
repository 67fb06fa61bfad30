"""What a manifest is to everybody behind it: plain frozen data. No YAML and no pydantic pass this line."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.errors import Problem
from pipeline.manifest.data import Cell
from pipeline.model import Job
from pipeline.money import Price

Place = tuple[int, int]
"""Line and column, both counted from 1."""

_ELABORATE = frozenset({"reference_images", "last_frame", "keyframes", "image_id", "extend", "user"})


class Spot(NamedTuple):
    """A place in the manifest (`file` is empty) or in a data file that it names."""

    file: str
    line: int
    column: int


class DataRow(NamedTuple):
    """The row of a data file that a job was made from. `number` counts rows from 1, without the header."""

    file: str
    number: int
    line: int
    cells: Mapping[str, Cell]
    is_picture: bool = False  # one that a pattern matches, and no line of a file

    @property
    def label(self) -> str:
        """To stand before a message about it."""
        return "" if self.is_picture else f"row {self.number}: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard a run may press. A field that the manifest does not set is None."""

    max_in_flight: int | None = None
    downloads: int | None = None
    submit_per_s: float | None = None
    poll_per_s: float | None = None
    poll_min_s: float | None = None
    share: bool | None = None
    job_deadline_s: float | None = None
    budget_ticks: int | None = None
    run_budget_ticks: int | None = None  # of `--budget` alone
    month_ticks: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Settings for every job that does not set its own."""

    model: str | None = None
    duration_s: int | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    generate_audio: bool | None = None
    resize: int | None = None
    allow: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    user: str | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The defaults of some jobs, with those of the manifest behind them, and where each stands."""

    defaults: Defaults
    places: Mapping[str, Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """All but the jobs. `places` knows `batch`, `provider`, `defaults.duration`, `limits.poll_min_s`, ..."""

    version: int
    batch: str | None
    provider: str | None
    defaults: Defaults
    limits: Limits
    file: str
    prices: Mapping[str, Price] = field(default_factory=dict, hash=False)
    brake_share: float | None = None  # of the last takes that may end badly; infinite: no brake
    resubmit: bool = False  # unknown takes are sent once more by the next run
    max_unknown_ticks: int | None = None  # and what that may cost, over the batch's life
    groups: Mapping[int | None, Group] = field(default_factory=dict, hash=False)  # None: of no group
    places: Mapping[str, Place] = field(default_factory=dict, hash=False)

    def problem(self, field: str | None, message: str) -> Problem:
        line, column = self.places.get(field or "", (1, 1))
        return Problem(self.file, line, column, message)


@dataclass(slots=True)
class Entry:
    """One job, where it is written, and where each of its fields got its value. Nobody changes one.

    `own`, `values` and `places` use the names of the manifest (`duration`, not `duration_s`); a field taken
    from the defaults has its place there and is not in `own`. What came from a row of a data file has no
    place in the manifest: it is told at that row. `one_of_many`: others are made from the same lines.
    `inputs`: by name, what its row and its combination of a matrix gave it. `kind`: those that share one
    differ in key and prompt alone.
    """

    key: str
    values: Mapping[str, Any]  # what the job sets itself
    group: int | None  # whose defaults stand behind them
    own: AbstractSet[str]
    line: int
    column: int
    make_job: Callable[[str, Mapping[str, Any]], Job] = field(compare=False, repr=False)
    find_places: Callable[[], Mapping[str, Place]] = field(compare=False, repr=False)
    file: str = "manifest"
    row: DataRow | None = None
    one_of_many: bool = False
    inputs: Mapping[str, Cell] = field(default_factory=dict, repr=False)
    kind: Hashable | None = field(default=None, compare=False, repr=False)

    @property
    def job(self) -> Job:
        """Made anew each time: who only looks at settings needs none."""
        return self.make_job(self.key, self.values)

    @property
    def settings(self) -> Hashable | None:
        """All of it that a provider's table of rules looks at; None for the few where that is too much."""
        values = self.values
        own = values.get
        if not _ELABORATE.isdisjoint(values) or ":" in own("edit", "") or ":" in own("image", ""):
            return None
        return (
            self.group,
            own("model"),
            own("duration"),
            own("aspect_ratio"),
            own("resolution"),
            own("generate_audio"),
            own("resize"),
            "image" in values,
            "edit" in values,
            tuple(own("allow", ())),
            "allow" in values,
        )

    @property
    def places(self) -> Mapping[str, Place]:
        return self.find_places()

    def problem(self, field: str | None, message: str) -> Problem:
        place = self.places.get(field or "")
        label = f'job "{self.key}": '
        if place is None and self.row is not None:
            return Problem(self.row.file, self.row.line, 1, f"{self.row.label}{label}{message}")
        line, column = place or (self.line, self.column)
        return Problem(self.file, line, column, label + message)
