"""One seed, one night: in a folder of its own, with a planted fault if wanted."""

from __future__ import annotations

from contextlib import nullcontext

from nights.plan import night_of
from nights.planted import PLANTED
from nights.play import Outcome, play
from support.folders import in_memory


def one_night(seed: int, planted: str | None = None, *, money: bool = True) -> Outcome:
    with in_memory() as folder:
        night = folder / "night"
        night.mkdir()
        with nullcontext() if planted is None else PLANTED[planted]():
            return play(night_of(seed, money=money), night)


def numbered(seed: int) -> tuple[int, Outcome]:
    return seed, one_night(seed)
