"""What a measurement gives: rows for one table, and the data behind them for plots.

Machines are noisy, so a figure is a median, and what is compared runs alternately in the same minutes: the
ratio is what a row is about. Seeds are fixed; nothing here is a test.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NIGHTREEL = Path(sys.executable).with_name("nightreel")
ENV = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
"""Of measured commands: no key and no address of the machine around them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `unit`: `x` for a ratio, else `s`, `MiB`, `%`, ...

    `goal`: the most that the figure may be, or with `at_least` the least; None: told for comparison.
    `stable`: hardly moved by the machine's noise, so that the kept figures can tell of a change.
    """

    name: str
    figure: float
    unit: str
    goal: float | None = None
    at_least: bool = False
    stable: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.figure >= self.goal if self.at_least else self.figure <= self.goal


@dataclass(slots=True)
class Measured:
    """The rows of one module, and what its plots are drawn from (JSON)."""

    rows: list[Row] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)


def medians(runs: int, what: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Each called `runs` times in turn, A B C A B C, after one that does not count: the median of each."""
    found: dict[str, list[float]] = {name: [] for name in what}
    for turn in range(runs + 1):
        for name, measure in what.items():
            figure = measure()
            if turn:
                found[name].append(figure)
    return {name: statistics.median(figures) for name, figures in found.items()}


def seconds(*words: object, env: Mapping[str, str] = ENV) -> float:
    """Wall time of a command that has to succeed."""
    began = time.perf_counter()
    subprocess.run([str(word) for word in words], env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
