"""What a manifest is to everybody behind it: plain frozen data. No YAML and no pydantic pass this line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import Problem
from pipeline.model import Job
from pipeline.money import Price

Place = tuple[int, int]
"""Line and column, both counted from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard a run may press. A field that the manifest does not set is None."""

    max_in_flight: int | None = None
    downloads: int | None = None
    submit_per_s: float | None = None
    poll_per_s: float | None = None
    poll_min_s: float | None = None
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
    places: Mapping[str, Place] = field(default_factory=dict, hash=False)

    def problem(self, field: str | None, message: str) -> Problem:
        line, column = self.places.get(field or "", (1, 1))
        return Problem(self.file, line, column, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One job, where it stands, and where each of its fields got its value.

    `own` and `places` use the names of the manifest (`duration`, not `duration_s`); a field taken from the
    defaults has its place there and is not in `own`.
    """

    job: Job
    own: frozenset[str]
    line: int
    column: int
    places: Mapping[str, Place] = field(hash=False)
    file: str = "manifest"

    def problem(self, field: str | None, message: str) -> Problem:
        line, column = self.places.get(field or "", (self.line, self.column))
        return Problem(self.file, line, column, f'job "{self.job.key}": {message}')
