"""One seed, one night: in a folder of its own, with a planted fault if wanted."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path

from nights.plan import night_of
from nights.planted import PLANTED
from nights.play import Outcome, play


def one_night(seed: int, planted: str | None = None, *, money: bool = True) -> Outcome:
    """A night in a folder of its own, in memory where the machine has such a place."""
    shared = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        night = Path(folder) / "night"
        night.mkdir()
        with nullcontext() if planted is None else PLANTED[planted]():
            return play(night_of(seed, money=money), night)


def numbered(seed: int) -> tuple[int, Outcome]:
    return seed, one_night(seed)
