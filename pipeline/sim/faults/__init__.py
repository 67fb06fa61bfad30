"""The fault laboratory: small named pieces, put together by a scenario.

`base` says what a fault is, `lab` puts them to work; the rest is one file for each place where things go
wrong. A new fault is one class and one word in `FAULTS`, and a line in docs/simulator.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.sim.faults.answers import Bomb, ContentType, Empty, Endless, Malformed, NoId, Page
from pipeline.sim.faults.base import PHASES, Attempt, Fault, FaultPhase, Target
from pipeline.sim.faults.connections import CutAnswer, Hung, ResetAfter, ResetBefore, Slow, Trickle
from pipeline.sim.faults.files import (
    Changed,
    ExpiredLink,
    Longer,
    NoLength,
    RangeIgnored,
    Redirect,
    Truncate,
)
from pipeline.sim.faults.jobs import (
    EarlyId,
    Expired,
    Failed,
    LostId,
    Moderated,
    NoUrl,
    OddLink,
    StatusWord,
    Stuck,
)
from pipeline.sim.faults.lab import FaultLab
from pipeline.sim.faults.refusals import (
    InvalidRequest,
    KeyRevoked,
    NastyText,
    NoCredits,
    ServerError,
    TooMany,
    Unavailable,
)

_KINDS: tuple[type[Fault], ...] = (
    *(TooMany, Unavailable, ServerError, InvalidRequest, NoCredits, KeyRevoked, NastyText),
    *(Slow, Hung, ResetBefore, ResetAfter, CutAnswer, Trickle),
    *(Empty, Page, Malformed, ContentType, NoId, Endless, Bomb),
    *(EarlyId, LostId, StatusWord, NoUrl, Moderated, Failed, Expired, Stuck, OddLink),
    *(Truncate, Longer, NoLength, ExpiredLink, Changed, RangeIgnored, Redirect),
)
FAULTS: Mapping[str, type[Fault]] = {kind.name: kind for kind in _KINDS}
"""By the name in scenario files."""

__all__ = ["FAULTS", "PHASES", "Attempt", "Fault", "FaultLab", "FaultPhase", "Target"]
