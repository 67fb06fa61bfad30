"""Many nights: `make nights N=10000 SEED=1`, or one of them again: `make nights N=1 SEED=4711`.

Prints violations with the shortest story that shows them, and at the end nights per second, and which faults
struck and which moves takes made. Exit 1 where a promise was broken, or something was never met.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from nights.plan import PIECES
from nights.planted import PLANTED
from nights.play import Outcome
from nights.seeds import numbered, one_night
from nights.shorten import shortest

from pipeline.model import LEGAL_MOVES

CHUNK = 20
SHOWN = 3  # stories, of the nights that broke a promise


@dataclass(slots=True)
class Sums:
    """What many nights came to."""

    nights: int = 0
    runs: int = 0
    died: int = 0
    bad: list[int] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    moves: Counter[str] = field(default_factory=Counter)

    def add(self, seed: int, outcome: Outcome) -> None:
        self.nights += 1
        self.runs += outcome.runs
        self.died += outcome.died
        self.faults += outcome.faults
        self.moves += outcome.moves
        if outcome.violations:
            self.bad.append(seed)


def many(seeds: range, processes: int) -> Iterator[tuple[int, Outcome]]:
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(numbered, seeds, chunksize=CHUNK)


def find(planted: str, seeds: range) -> None:
    """How many nights it takes to find a fault that was planted, and the seed that does."""
    for count, seed in enumerate(seeds, start=1):
        outcome = one_night(seed, planted)
        if outcome.violations:
            print(f"{planted}: found by seed {seed}, after {count} nights: {outcome.violations[0]}")
            return
    print(f"{planted}: not found in {len(seeds)} nights")
    sys.exit(1)


def all_moves() -> set[str]:
    return {f"{before} -> {after}" for before, afters in LEGAL_MOVES.items() for after in afters}


def report(sums: Sums, seconds: float) -> bool:
    """Prints the tables. True where all is well."""
    speed = sums.nights / seconds
    print(f"{sums.nights} nights, {sums.runs} runs, {sums.died} of them died; {speed:.1f} nights per second")
    print(f"nights that broke a promise: {len(sums.bad)} {sums.bad[:20] or ''}")
    pieces = {f"{name} {phase}" for name, (phases, _) in PIECES.items() for phase in phases}
    for title, expected, seen in (("fault", pieces, sums.faults), ("move", all_moves(), sums.moves)):
        print(f"\n{title:34} times")
        for name in sorted(expected | set(seen)):
            print(f"{name:34} {seen[name]}")
    unmet = sorted((pieces - set(sums.faults)) | (all_moves() - set(sums.moves)))
    if unmet:
        print(f"\nnever met: {', '.join(unmet)}")
    return not unmet and not sums.bad


def main() -> None:
    parser = argparse.ArgumentParser(prog="nights", description=__doc__)
    parser.add_argument("--nights", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--planted", choices=[*PLANTED, "all"], help="plant a fault, and find it")
    asked = parser.parse_args()
    seeds = range(asked.seed, asked.seed + asked.nights)
    if asked.planted is not None:
        for planted in PLANTED if asked.planted == "all" else [asked.planted]:
            find(planted, seeds)
        return
    if asked.nights == 1:
        outcome = one_night(asked.seed)
        print("\n".join([*outcome.story, *map(str, outcome.violations)]))
        sys.exit(bool(outcome.violations))
    sums, began = Sums(), time.monotonic()
    for seed, outcome in many(seeds, asked.processes):
        sums.add(seed, outcome)
        if outcome.violations and len(sums.bad) <= SHOWN:
            print(f"seed {seed}:\n" + "\n".join(map(str, outcome.violations)))
            print("\n".join(shortest(seed).story))
        if sums.nights % 1000 == 0:
            print(f"... {sums.nights} nights, {len(sums.bad)} broke a promise", file=sys.stderr)
    sys.exit(0 if report(sums, time.monotonic() - began) or (asked.nights < 1000 and not sums.bad) else 1)


if __name__ == "__main__":
    main()
