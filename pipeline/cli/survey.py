"""What `status` tells of a batch, gathered in one pass over its takes: memory stays flat, however many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.advice import advice
from pipeline.cli.costs import Costs
from pipeline.cli.table import prompt_start
from pipeline.clock import utc_text
from pipeline.model import Take, TakeState

MOST_ROWS = 1000  # of a table; of more takes than that, those whose clip is here are left out
NAMED = 5  # jobs that are named of those that want the same


@dataclass(slots=True)
class Rows:
    """The takes of one table."""

    count: int = 0
    first: list[Take] = field(default_factory=list)
    without_a_clip: list[Take] = field(default_factory=list)

    def add(self, take: Take, clip: Path | None) -> None:
        self.count += 1
        if self.count <= MOST_ROWS:
            self.first.append(take)
        else:
            self.first.clear()
        if clip is None and len(self.without_a_clip) < MOST_ROWS:
            self.without_a_clip.append(take)

    @property
    def shown(self) -> list[Take]:
        return self.first if self.count <= MOST_ROWS else self.without_a_clip

    @property
    def left_out(self) -> int:
        return self.count - len(self.shown)


@dataclass(slots=True)
class Step:
    """What the same has to be done about: how many jobs, and the first of them."""

    count: int = 0
    keys: list[str] = field(default_factory=list)

    def add(self, key: str) -> None:
        self.count += 1
        if len(self.keys) < NAMED:
            self.keys.append(key)

    def __str__(self) -> str:
        return ", ".join(self.keys) + (f" and {self.count - NAMED} more" if self.count > NAMED else "")


class Survey:
    """Of all takes that were added. `folder`: of their batch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.wanted, self.replaced, self.older = Rows(), Rows(), Rows()
        self.counts: Counter[TakeState] = Counter()  # of wanted takes
        self.costs = Costs()
        self.simulated = False
        self._steps: dict[str, Step] = {}
        self.sent_without_answer: list[str] = []
        """What helps to find unknown takes in a gateway's own list: when they were sent, and what for."""

    def add(self, take: Take, clip: Path | None) -> None:
        """`clip`: where the take's lies, if it does."""
        self._rows_of(take).add(take, clip)
        self.counts[take.state] += take.wanted
        self.costs.add(take)
        self.simulated |= take.simulated
        is_unknown = take.state is TakeState.UNKNOWN
        if is_unknown and take.intent_at is not None:
            sent = f"{take.label}: sent {utc_text(take.intent_at)}: {prompt_start(take)}"
            self.sent_without_answer.append(sent)
        if (is_unknown or take.wanted) and (step := advice(take, self._folder)) is not None:
            self._steps.setdefault(f"{take.state}: {step}", Step()).add(take.job.key)

    def _rows_of(self, take: Take) -> Rows:
        if take.wanted:
            return self.wanted
        return self.replaced if take.replaced and take.state is TakeState.UNKNOWN else self.older

    @property
    def next_steps(self) -> list[str]:
        """What to do, said once for takes that want the same."""
        return [f"{jobs}: {step}" for step, jobs in self._steps.items()]
