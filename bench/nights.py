"""Whole nights in virtual time: 5,000 jobs, one submit and five polls per second, clips in about a minute.

    python -m bench.nights

The engine is the product's own, with ledger, files and probe, on the clock of `tests/support/night.py`; the
gateway counts in token buckets and answers 429 beyond them. Beside it, the loop that vendors document: each
job is asked about at a fixed interval, whoever else asks. The lower bound is a client without any overhead
that submits in the order of the file: it has each clip the moment it is ready.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.builders_engine import FakeGateway, Step, refused
from support.night import Night

from bench.limiters import Bucket
from bench.rows import Measured, Row

SUBMITS_PER_S, POLLS_PER_S = 1.0, 5.0
MEDIAN_S, SIGMA = 60.0, 0.5
SEED = 11
FIXED_S = (5.0, 10.0, 20.0, 30.0)


@dataclass(slots=True)
class Told:
    """How a night went. Delays are seconds from a clip that is ready to a client that knows."""

    finish_s: float
    delays: list[float]
    polls: int
    refused: int
    jobs: int

    @property
    def facts(self) -> dict[str, float]:
        return {
            "finish_s": round(self.finish_s, 1),
            "delay_s": round(statistics.fmean(self.delays), 2),
            "polls_per_job": round(self.polls / self.jobs, 2),
            "refused_429": self.refused,
        }


def renders(jobs: int) -> list[float]:
    rng = random.Random(SEED)  # noqa: S311 - a trace, no secrets
    return [rng.lognormvariate(math.log(MEDIAN_S), SIGMA) for _ in range(jobs)]


def lower_bound_s(times: list[float]) -> float:
    return max(number / SUBMITS_PER_S + render_s for number, render_s in enumerate(times))


# --- ours


class Gateway(FakeGateway):
    """Renders by the trace; counts calls in buckets of its own."""

    def __init__(self, times: list[float]) -> None:
        super().__init__(self._submit, self._poll, render_s=lambda key: times[int(key[1:])])
        self.buckets = {"submit": Bucket(SUBMITS_PER_S, 2, 2), "poll": Bucket(POLLS_PER_S, 5, 5)}
        self.refused = 0
        self.known: dict[str, float] = {}  # delay by remote id, at the first answer that said so

    def _submit(self, _ask: Any) -> Step | None:
        return self._counted("submit")

    def _poll(self, _ask: Any) -> Step | None:
        return self._counted("poll")

    def _counted(self, kind: str) -> Step | None:
        if self.buckets[kind].ask(self.now) is None:
            return None
        self.refused += 1
        return refused(429, "slow down", **{"retry-after": "1"})

    def _healthy(self, ask: Any) -> tuple[int, object]:
        if ask.kind == "submit":  # the newest: the gateway answers at once here
            return 200, {"request_id": next(reversed(self.orders))}
        if self.now >= (order := self.orders[ask.remote_id]).at + order.render_s:
            self.known.setdefault(order.remote_id, self.now - order.at - order.render_s)
        return super()._healthy(ask)


def ours(times: list[float], folder: Path) -> Told:
    gateway = Gateway(times)
    night = Night(
        folder,
        [f"j{number:05d}" for number in range(len(times))],
        gateway,
        limits={"submit_per_s": SUBMITS_PER_S, "poll_per_s": POLLS_PER_S, "max_in_flight": 2000},
    )
    result = night.run()
    assert result.exit_code == 0, result
    assert len(gateway.known) == len(times)
    polls = len(gateway.seen("poll"))
    return Told(night.seconds, list(gateway.known.values()), polls, gateway.refused, len(times))


# --- the documented loop


@dataclass(slots=True)
class Loop:
    """Each job is asked about every so many seconds until its clip is there; nobody paces the polls."""

    every_s: float
    events: list[tuple[float, int, int]] = field(default_factory=list)

    def run(self, times: list[float]) -> Told:
        bucket = Bucket(POLLS_PER_S, 5, 5)
        ready = [number / SUBMITS_PER_S + render_s for number, render_s in enumerate(times)]
        self.events = [
            (number / SUBMITS_PER_S + self.every_s, number, number) for number in range(len(times))
        ]
        heapq.heapify(self.events)
        delays, polls, refusals, finish_s, count = [], 0, 0, 0.0, len(times)
        while self.events:
            now, _, number = heapq.heappop(self.events)
            polls += 1
            if bucket.ask(now) is not None:
                refusals += 1
            elif now >= ready[number]:
                delays.append(now - ready[number])
                finish_s = max(finish_s, now)
                continue
            count += 1
            heapq.heappush(self.events, (now + self.every_s, count, number))
        return Told(finish_s, delays, polls, refusals, len(times))


def measure(long: bool) -> Measured:
    jobs = 5000 if long else 1000
    times = renders(jobs)
    bound = lower_bound_s(times)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="nightreel-bench-") as folder:
        us = ours(times, Path(folder))
    took = time.perf_counter() - began
    told = {"nightreel": us} | {f"fixed {every_s:g} s": Loop(every_s).run(times) for every_s in FIXED_S}
    measured = Measured(data={"jobs": jobs, "bound_s": bound})
    measured.data["nights"] = {name: one.facts for name, one in told.items()}
    polls = us.polls / jobs
    goal = 1.10 if polls <= 4 else 1.05
    note = f"{polls:.1f} polls per job; {took:.0f} s of real time"
    measured.rows.append(
        Row(name=f"night of {jobs} jobs: finish / lower bound", figure=us.finish_s / bound, unit="x",
            goal=goal, stable=True, note=note)
    )  # fmt: skip
    measured.rows.append(
        Row(
            name="the same: clip ready until we know, mean", figure=us.facts["delay_s"], unit="s", stable=True
        )
    )
    measured.rows.append(
        Row(
            name="the same: calls answered 429", figure=100 * us.refused / (us.polls + jobs), unit="%", goal=2
        )
    )
    for name, one in list(told.items())[1:]:
        facts = one.facts
        note = (
            f"delay {facts['delay_s']:g} s, {facts['polls_per_job']:g} polls per job,"
            f" {facts['refused_429']} x 429"
        )
        measured.rows.append(
            Row(name=f"the same, documented loop, {name}", figure=one.finish_s / bound, unit="x", note=note)
        )
    return measured


if __name__ == "__main__":
    for row in measure("--long" in sys.argv).rows:
        print(row)
