"""What there is around a command under test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from support.command import Sim

T = TypeVar("T")
FINISHED_HEAD = "version: 1\nbatch: kept\nprovider: cometapi\njobs:\n"
FINISHED_PROMPT = "A fox that is kept."


class Once(Generic[T]):
    """Something that many rows need: made by the first that asks, while the others wait."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []

    def __call__(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
        return self._made[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What there is around a command: a simulator, and two addresses that are none.

    `strange` serves what no gateway says; at `closed` nobody listens. `finished` gives the folder of a batch
    `kept`, made at the simulator, with one clip; it is not to be written to.
    """

    gateway: Sim
    strange: str
    closed: str
    finished: Once[Path]
