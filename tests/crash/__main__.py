"""The long form: many batches with kills at random points and moments, from a seed.

    make crash KILLS=1000 SEED=7
    make crash SEED=7 BATCH=31      one batch of that night again

Prints a line per batch and a summary. Exit code 1 if anything did not hold; the folders of such batches stay.
"""

from __future__ import annotations

import argparse
import itertools
import queue
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from crash.driver import Plan, Report, Stable, crash_batch, random_plan, stable
from crash.launcher import POINTS
from support.command import Desk, sim

AT_ONCE = 4
BATCHES_PER_SIMULATOR = 40  # its bill is read after every kill, and grows
KINDS = {"lost clip": "lost clips", "double submission": "double submissions", "leftover": "leftovers"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, help="only this batch of that seed")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no batch after that")
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nightreel-crash-"))
    numbers = itertools.count(1) if options.batch is None else iter([options.batch])
    began = time.monotonic()
    total = Report()

    def enough() -> bool:
        return total.kills.total() >= options.kills or time.monotonic() - began > options.minutes * 60

    with ExitStack() as stack:
        launchers: queue.Queue[Stable] = queue.Queue()
        for _ in range(options.at_once):
            launchers.put(stack.enter_context(stable()))
        for part in itertools.count():
            some = list(itertools.islice(numbers, BATCHES_PER_SIMULATOR))
            if not some or enough():
                break
            work_off(some, options, folder / f"part-{part}", launchers, total, enough)
    seconds = time.monotonic() - began
    print_summary(total, seconds, options.seed)
    if not total.violations:
        shutil.rmtree(folder)
    return 1 if total.violations else 0


def work_off(
    numbers: list[int],
    options: argparse.Namespace,
    folder: Path,
    launchers: queue.Queue[Stable],
    total: Report,
    enough: Callable[[], bool],
) -> None:
    """Some batches at one simulator, a few at a time, until there were kills enough."""
    desk = Desk(folder=folder / "gateway")
    with sim(desk, "--render-s", "0.2") as gateway, ThreadPoolExecutor(options.at_once) as pool:

        def one(number: int) -> tuple[Plan, Report | None]:
            plan = random_plan(f"batch-{number}", random.Random(f"{options.seed}-{number}"))
            if enough():
                return plan, None
            launcher = launchers.get()
            try:
                return plan, crash_batch(plan, folder / plan.mark, gateway, launcher)
            finally:
                launchers.put(launcher)

        for plan, report in pool.map(one, numbers):
            if report is None:
                continue
            total.add(report)
            print(f"{total.kills.total():5} kills  {plan.mark} at {plan.provider}", flush=True)
            for violation in report.violations:
                print(f"      {violation.kind}: {violation.text}\n      kills: {plan.rounds}", flush=True)
            if report.violations:
                print(f"      folder: {folder / plan.mark}; again: SEED={options.seed} BATCH={plan.mark[6:]}")
            else:
                shutil.rmtree(folder / plan.mark)


def print_summary(total: Report, seconds: float, seed: int) -> None:
    found = Counter(violation.kind for violation in total.violations)
    print(f"\nseed {seed}: {total.kills.total()} kills over {total.batches} batches in {seconds:.0f} s")
    for point in ("time", *POINTS):
        print(f"  {total.kills[point]:5}  {point}")
    for kind, name in KINDS.items():
        print(f"{name}: {found.pop(kind, 0)}")
    print(f"unknown, settled by the bill: {total.charged} charged, {total.not_charged} not charged")
    print(f"other violations: {dict(found) or 0}")


if __name__ == "__main__":
    sys.exit(main())
