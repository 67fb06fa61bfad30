"""What stands above: how many of what, money, time, and what needs a person. Gathered take by take. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.findings import findings
from pipeline.ledger.base import Run
from pipeline.model import Take, TakeState
from pipeline.money import is_settled, spent

NAMED = 5  # takes of a kind that are named one by one
IN_COMMAND = 40  # job keys in one command: longer lines cannot be pasted everywhere


@dataclass(slots=True)
class Kind:
    """Takes that want the same of a person: how many, and the first of them."""

    count: int = 0
    first: list[Take] = field(default_factory=list)

    def add(self, take: Take) -> None:
        self.count += 1
        if len(self.first) < IN_COMMAND:
            self.first.append(take)


@dataclass(slots=True)
class Totals:
    """Of all takes that passed. Money in ticks."""

    states: Counter[TakeState] = field(default_factory=Counter)  # of wanted takes
    older: int = 0  # takes that are not wanted now
    planned_ticks: int = 0  # what wanted takes were expected to cost
    unpriced: int = 0
    settled_ticks: int = 0  # of every take
    reserved_ticks: int = 0
    size_bytes: int = 0
    video_s: float = 0.0
    renders_s: Counter[float] = field(default_factory=Counter)  # to three digits, so that it stays small
    simulated: bool = False
    providers: set[str] = field(default_factory=set)
    kinds: dict[TakeState, Kind] = field(default_factory=dict)
    noticed: dict[str, Kind] = field(default_factory=dict)  # by finding

    def add(self, take: Take) -> None:
        self.simulated |= take.simulated
        self.providers.add(take.provider)
        if is_settled(take):
            self.settled_ticks += spent(take)
        else:
            self.reserved_ticks += spent(take)
        if take.state is TakeState.DONE and None not in (take.accepted_at, take.ready_at):
            lasted_s = max(0.0, (take.ready_at or 0.0) - (take.accepted_at or 0.0))
            self.renders_s[float(f"{lasted_s:.3g}")] += 1
        if take.wanted:
            self._add_wanted(take)
        else:
            self.older += 1
        if take.wanted or take.state is TakeState.UNKNOWN:
            self.kinds.setdefault(take.state, Kind()).add(take)

    def _add_wanted(self, take: Take) -> None:
        self.states[take.state] += 1
        self.planned_ticks += take.estimate_ticks or 0
        self.unpriced += take.estimate_ticks is None
        if take.state is not TakeState.DONE:
            return
        self.size_bytes += take.size_bytes or 0
        if take.probe is not None:
            self.video_s += take.probe.duration_s or 0.0
            for finding in findings(take.job, take.probe):
                self.noticed.setdefault(finding, Kind()).add(take)

    @property
    def jobs(self) -> int:
        return self.states.total()

    @property
    def done(self) -> int:
        return self.states[TakeState.DONE]

    @property
    def render_s(self) -> float | None:
        """The median."""
        left = self.renders_s.total() // 2
        for lasted_s, count in sorted(self.renders_s.items()):
            left -= count
            if left < 0:
                return lasted_s
        return None


def busy_s(runs: Iterable[Run], last_seen: float | None) -> float:
    """How long runs took. One without an end counts until something was seen last."""
    ends = [(run, run.ended_at if run.ended_at is not None else last_seen) for run in runs]
    return sum(max(0.0, end - run.started_at) for run, end in ends if end is not None)


def budget_ticks(runs: Sequence[Run]) -> int | None:
    """The cap that the last run kept to: the batch's, else its own."""
    if not runs:
        return None
    last = runs[-1]
    return last.run_budget_ticks if last.budget_ticks is None else last.budget_ticks
