"""A few hundred nights from seeds, the seeds that once found something, and faults planted on purpose.

`make nights N=10000` is the long form; `make nights N=1 SEED=...` tells the story of one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nights.plan import night_of
from nights.planted import PLANTED
from nights.play import play
from nights.seeds import one_night
from nights.shorten import shortest

BLOCK = 15
NIGHTS = 300
FOUND = {
    323: "a redirect in front of one id ended a paid take as lost",
    2300: "the key refused for one id alone ended a paid take as lost",
    4836: "a stretch shorter than it should be was taken for the rest of the file",
    53: "a name that a dead run gave was not durable when it counted as done",
    1227: "the same, with a folder in the key",
}
"""Seeds that once broke a promise, and how."""
CAUGHT_BY = {
    "sent before the intent": 0,
    "retry after a lost answer": 25,
    "handle dropped with the prompt": 14,
    "404 on all polls is final": 48,
    "synchronous = NORMAL": 13,
    "rename before fsync": 17,
    "budget checked before the reservation": 4,
    "sent too late for the deadline": 36,
}
"""By which seed each planted fault is found first."""


@pytest.mark.parametrize("first", range(1, NIGHTS + 1, BLOCK))
def test_nights(first: int) -> None:
    """Whatever goes wrong, in whatever order, every promise holds. A broken one is told in short."""
    for seed in range(first, first + BLOCK):
        assert not one_night(seed).violations, told(seed)


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_stays_mended(seed: int) -> None:
    """Nights without money, as they were found."""
    assert not one_night(seed, money=False).violations, told(seed, money=False)


def told(seed: int, *, money: bool = True) -> str:
    outcome = shortest(seed, money=money)
    return "\n".join([f"seed {seed}:", *map(str, outcome.violations), *outcome.story])


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found(planted: str) -> None:
    """Else the nights prove nothing."""
    assert one_night(CAUGHT_BY[planted], planted).violations


def test_a_seed_is_a_night(tmp_path: Path) -> None:
    """The same seed, the same story, byte for byte: here, and in a process with other hashes."""
    seeds = ["7", "8", "13"]
    again = [
        subprocess.run(
            [sys.executable, "-c", REPLAY, *seeds],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[1])},
        ).stdout
        for hash_seed in ("1", "2")
    ]

    stories = [replayed(int(seed), tmp_path / seed) for seed in seeds]
    assert again[0] == again[1] == "\n".join(stories).encode() + b"\n"
    assert len(set(stories)) == len(seeds)


def replayed(seed: int, folder: Path) -> str:
    folder.mkdir()
    return "\n".join(play(night_of(seed), folder).story)


REPLAY = """
import sys
from nights.seeds import one_night
print("\\n".join("\\n".join(one_night(int(seed)).story) for seed in sys.argv[1:]))
"""
