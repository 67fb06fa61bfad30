"""Collects what is wrong with a manifest: counts everything, keeps and words only the first hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pipeline.errors import Problem
from pipeline.manifest.shapes import Place

MAX_KEPT = 100

Message = str | Callable[[], str]
"""A text, or what makes it: a file with a million mistakes must not cost a million "did you mean"s."""


class UnreadableError(Exception):
    """The file cannot be read on from here. Never leaves this package: it becomes a Problem."""

    def __init__(self, place: Place, message: str) -> None:
        self.place = place
        super().__init__(message)


class Problems:
    """Problems of one manifest and the data files it names, in any order of finding.

    Those of the manifest itself (`file` left out) come first, then those of each data file, by place.
    """

    def __init__(self) -> None:
        self.total = 0
        self.stopped = False  # the rest of the file was not read, so nothing can be said to be missing
        self._found: list[tuple[str, Place, Message]] = []

    def add(self, place: Place, message: Message, file: str = "") -> None:
        self.total += 1
        self._found.append((file, place, message))
        if len(self._found) >= 2 * MAX_KEPT:
            self._drop_late_ones()

    def add_all(self, found: Iterable[tuple[Place, str]], label: str = "") -> None:
        for place, message in found:
            self.add(place, label + message)

    def stop(self, place: Place, message: str) -> None:
        self.stopped = True
        self.add(place, message)

    def kept(self, file: str) -> tuple[Problem, ...]:
        self._drop_late_ones()
        worded = (
            Problem(other or file, *place, message if isinstance(message, str) else message())
            for other, place, message in self._found
        )
        return tuple(sorted(worded, key=lambda problem: (problem.file != file, problem)))

    def _drop_late_ones(self) -> None:
        self._found.sort(key=lambda found: found[:2])
        del self._found[MAX_KEPT:]
