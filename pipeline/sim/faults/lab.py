"""The faults of a scenario at work: counts attempts, decides who is struck, and keeps count of what was done.

Whether a fault strikes one of its targets depends on (seeds, place in the scenario, phase, job, attempt) and
nothing else, so neither the order of calls nor other jobs change it. Only `after`, `from_s` and `to_s` of a
target look at the world's course.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.sim.faults.base import Attempt, Fault
from pipeline.sim.wire import Reply


@dataclass(slots=True)
class FaultLab:
    """The faults of one scenario. `done` counts answers that were given or changed, by fault and phase."""

    faults: tuple[Fault, ...]
    seed: int
    done: Counter[str] = field(default_factory=Counter)
    _attempts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def next_number(self, kind: str, chance_key: str, known: int = 0) -> int:
        """Count one more attempt of a kind; `known` is how many there were at least, from before a restart.

        Without faults nobody asks, and nothing is kept.
        """
        if not self.faults:
            return known + 1
        key = (kind, chance_key)
        self._attempts[key] = max(self._attempts[key], known) + 1
        return self._attempts[key]

    def run(self, attempt: Attempt, act: Callable[[], Reply]) -> Reply:
        """Let the faults that strike this attempt have their say around `act`.

        The first answer from `before` wins and nothing else happens; spoilers apply in turn.
        """
        struck = [fault for place, fault in enumerate(self.faults) if self._strikes(place, fault, attempt)]
        for fault in struck:
            if (answer := fault.before(attempt)) is not None:
                self._note(fault, attempt)
                return answer
        reply = act()
        for fault in struck:
            spoilt = fault.after(attempt, reply)
            if spoilt != reply:
                self._note(fault, attempt)
            reply = spoilt
        return reply

    def _note(self, fault: Fault, attempt: Attempt) -> None:
        self.done[f"{fault.name} {attempt.phase}"] += 1

    def _strikes(self, place: int, fault: Fault, attempt: Attempt) -> bool:
        if not fault.target.meets(attempt):
            return False
        text = f"{self.seed}:{fault.seed}:{place}:{attempt.phase}:{attempt.chance_key}"
        if not fault.per_job:
            text += f":{attempt.number}"
        return random.Random(text).random() < fault.rate  # noqa: S311 - repeatable, no secrets
