"""Where a batch's money went, by state and by tag: what the plan said beside what was charged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rich.table import Table
from rich.text import Text

from pipeline.model import Take, TakeState
from pipeline.money import is_settled, spent, usd_text
from pipeline.shown import shown

_UNSENT = frozenset({TakeState.PLANNED, TakeState.HELD, TakeState.BLOCKED})
MAX_TAGS = 20


@dataclass(slots=True)
class Line:
    """Some takes: what they were expected to cost, what they cost, and what they may still cost. Ticks."""

    takes: int = 0
    estimate_ticks: int = 0
    unpriced: int = 0
    settled_ticks: int = 0
    reserved_ticks: int = 0

    def add(self, take: Take) -> None:
        self.takes += 1
        self.estimate_ticks += take.estimate_ticks or 0
        self.unpriced += take.estimate_ticks is None
        if is_settled(take):
            self.settled_ticks += spent(take)
        else:
            self.reserved_ticks += spent(take)

    @property
    def difference_ticks(self) -> int:
        return self.settled_ticks + self.reserved_ticks - self.estimate_ticks

    def facts(self) -> dict[str, int]:
        return {
            "takes": self.takes,
            "estimate_ticks": self.estimate_ticks,
            "unpriced": self.unpriced,
            "settled_ticks": self.settled_ticks,
            "reserved_ticks": self.reserved_ticks,
        }


@dataclass(slots=True)
class Costs:
    """Every take that was sent, wanted or not. A take with two tags is in both of their lines."""

    total: Line = field(default_factory=Line)
    states: dict[str, Line] = field(default_factory=dict)
    tags: dict[str, Line] = field(default_factory=dict)

    def add(self, take: Take) -> None:
        if take.state in _UNSENT:
            return
        self.total.add(take)
        self.states.setdefault(take.state.value, Line()).add(take)
        for tag in take.job.tags:
            self.tags.setdefault(tag, Line()).add(take)

    @property
    def known(self) -> bool:
        """Whether there is anything to tell."""
        return self.total.unpriced < self.total.takes or self.total.settled_ticks > 0

    def facts(self) -> dict[str, Any]:
        return {
            **self.total.facts(),
            "by_state": {name: line.facts() for name, line in self.states.items()},
            "by_tag": {name: line.facts() for name, line in sorted(self.tags.items())},
        }

    def table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("what was sent", overflow="fold")
        for name in ("takes", "expected", "settled", "reserved", "difference"):
            table.add_column(name, justify="right", no_wrap=True)
        for name, line in self.states.items():
            _row(table, name, line)
        _row(table, "all", self.total)
        for tag, line in sorted(self.tags.items())[:MAX_TAGS]:
            _row(table, f"tag {tag}", line)
        return table


def _row(table: Table, name: str, line: Line) -> None:
    expected = "unknown" if line.unpriced == line.takes else usd_text(line.estimate_ticks)
    if 0 < line.unpriced < line.takes:
        expected += f" + {line.unpriced} unknown"
    difference = "" if line.unpriced else usd_text(line.difference_ticks)
    money = (expected, usd_text(line.settled_ticks), usd_text(line.reserved_ticks), difference)
    table.add_row(Text(shown(name)), str(line.takes), *money)
