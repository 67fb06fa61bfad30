"""How soon a run knows that a clip is ready, for the polls it costs: the poll schedule in virtual time.

    python -m bench.polls [--long]

The product's own rules (pipeline/polling) are driven over traces of render times with fixed seeds, and
compared at the same mean number of polls with the computed optimum for the true distribution
(bench/optimum.py), and with the provider's advice and fixed intervals over the same takes.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.optimum import Odds, Spent, curve, delay_at
from bench.rows import Measured, Row
from pipeline.polling.due import DuePolls
from pipeline.polling.lognormals import Seen, fit
from pipeline.polling.render_times import RenderTimes, Watch
from pipeline.polling.timetable import Plan
from pipeline.providers.base import PollAdvice
from pipeline.schedule import poll_gap_s

VENDORS = PollAdvice(first_s=5.0, min_s=5.0, max_s=15.0, growth=0.1)  # CometAPI and xAI
TEN_S = PollAdvice(first_s=10.0, min_s=1.0, max_s=10.0, growth=1.0)  # fixed, with a floor that never matters
LEARNED = 100  # jobs of a kind
FIXED_S = (5.0, 10.0, 20.0, 30.0)
MEDIAN_S = 60.0

Draw = Callable[[random.Random, float], float]
"""A render time for a job at this share of the night."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One kind of night: per kind of job how long it takes, and what the optimum may know of it.

    `odds`: of each kind; of a night that drifts, of each of its stretches.
    """

    name: str
    goal: float
    draws: Sequence[Draw]
    odds: Callable[[float], Sequence[Odds]]  # by the share of the night where counting begins

    @property
    def kinds(self) -> int:
        return len(self.draws)


@dataclass(slots=True)
class Take:
    """One job on its way, and what it has cost."""

    kind: int
    begun: float
    ready_s: float
    watch: Watch
    due: float = 0.0
    delay_s: float = math.nan
    asked_at: list[float] = field(default_factory=list)
    waited_s: float = 0.0  # for its turn, at most


def lognormal(median_s: float, sigma: float) -> Draw:
    return lambda rng, _share: median_s * math.exp(sigma * rng.gauss(0.0, 1.0))


def lognormal_odds(median_s: float, sigma: float) -> Odds:
    def odds(age_s: float) -> float:
        return 0.5 * math.erfc(math.log(median_s / age_s) / (sigma * math.sqrt(2.0)))

    return odds


def mixed(*parts: tuple[float, Draw]) -> Draw:
    def any_of(rng: random.Random, share: float) -> float:
        pick = rng.random()
        draw = parts[-1][1]
        for part, each in parts:
            if pick < part:
                draw = each
                break
            pick -= part
        return draw(rng, share)

    return any_of


def mixed_odds(*parts: tuple[float, Odds]) -> Odds:
    return lambda age_s: sum(share * odds(age_s) for share, odds in parts)


def pareto(least_s: float, power: float) -> Draw:
    return lambda rng, _share: least_s * (1.0 - rng.random()) ** (-1.0 / power)


def pareto_odds(least_s: float, power: float) -> Odds:
    return lambda age_s: 1.0 - (least_s / age_s) ** power if age_s > least_s else 0.0


def drift(share: float) -> float:
    """Median at this share of a night that grows twice as slow."""
    return MEDIAN_S * 2.0 ** (share - 0.5)


def drifting(rng: random.Random, share: float) -> float:
    return lognormal(drift(share), 0.25)(rng, share)


def drifting_odds(since: float) -> list[Odds]:
    stretches = 6
    return [
        lognormal_odds(drift(since + (n + 0.5) / stretches * (1.0 - since)), 0.25) for n in range(stretches)
    ]


def always(*odds: Odds) -> Callable[[float], Sequence[Odds]]:
    return lambda _since: odds


TRACES = (
    Trace("lognormal, sigma 0.25", 1.10, [lognormal(60, 0.25)], always(lognormal_odds(60, 0.25))),
    Trace("lognormal, sigma 0.5", 1.10, [lognormal(60, 0.5)], always(lognormal_odds(60, 0.5))),
    Trace(
        "bimodal",
        1.25,
        [mixed((0.6, lognormal(35, 0.15)), (0.4, lognormal(100, 0.15)))],
        always(mixed_odds((0.6, lognormal_odds(35, 0.15)), (0.4, lognormal_odds(100, 0.15)))),
    ),
    Trace("heavy tail", 1.25, [pareto(40, 2.0)], always(pareto_odds(40, 2.0))),
    Trace("drifting", 1.25, [drifting], drifting_odds),
    Trace(
        "stuck fraction",
        1.25,
        [mixed((0.95, lognormal(60, 0.25)), (0.05, lognormal(900, 0.25)))],
        always(mixed_odds((0.95, lognormal_odds(60, 0.25)), (0.05, lognormal_odds(900, 0.25)))),
    ),
    Trace(
        "mixed kinds",
        1.10,
        [lognormal(25, 0.3), lognormal(60, 0.3), lognormal(180, 0.3)],
        always(lognormal_odds(25, 0.3), lognormal_odds(60, 0.3), lognormal_odds(180, 0.3)),
    ),
)


Told = Callable[[random.Random, float], int | None]
"""The progress a gateway tells at a share of the render time."""


def silent(_rng: random.Random, _share: float) -> None:
    return None


def honest(rng: random.Random, share: float) -> int:
    return min(max(round(100.0 * share + rng.gauss(0.0, 2.0)), 0), 99)


def lying(rng: random.Random, _share: float) -> int:
    return rng.randrange(20, 100)


@dataclass(slots=True)
class Turncoat:
    """Honest until it is believed, and then always a quarter done."""

    answers: int = 0

    def __call__(self, rng: random.Random, share: float) -> int:
        self.answers += 1
        return honest(rng, share) if self.answers < 2000 else 25


@dataclass(slots=True)
class Night:
    """Jobs of a trace, one every so often, asked about by the product's rules."""

    advice: PollAdvice
    every_s: float = 3.0
    poll_per_s: float = 1e6
    told: Told = silent
    times: RenderTimes = field(init=False)

    def __post_init__(self) -> None:
        self.times = RenderTimes(self.advice)

    def remember(self, draw: Draw, jobs: int, seed: int) -> None:
        """An earlier night, as the ledger tells of it."""
        earlier = Night(self.advice, self.every_s)
        earlier.run([draw], jobs, seed)
        self.times.recall(earlier.times.take_fresh())

    def run(self, draws: Sequence[Draw], jobs: int, seed: int) -> list[Take]:
        rng = random.Random(seed)  # noqa: S311 - a trace
        takes = traced(draws, jobs, self.every_s, rng)
        turns = DuePolls(self.times.odds, self.poll_per_s)
        now, coming = 0.0, 0
        while coming < jobs or len(turns):
            due = turns.next_due()
            if coming < jobs and (due is None or takes[coming].begun <= max(due, now)):
                take = takes[coming]
                take.due = take.begun + self.times.first_age(take.watch.kind, max(now, take.begun))
                turns.put(coming, take.due, take.begun, take.watch)
                coming += 1
                continue
            now = max(now, due or 0.0)
            at = turns.pop_due(now)
            assert at is not None, "something was due"
            take, age = takes[at], now - takes[at].begun
            take.asked_at.append(now)
            take.waited_s = max(take.waited_s, now - take.due)
            if age >= take.ready_s:
                take.delay_s = age - take.ready_s
                self.times.ready(take.watch, age)
            else:
                self.times.running(take.watch, age, self.told(rng, age / take.ready_s))
                take.due = take.begun + self.times.next_age(take.watch, age, now)
                turns.put(at, take.due, take.begun, take.watch)
            now += 1.0 / self.poll_per_s
        return takes


def traced(draws: Sequence[Draw], jobs: int, every_s: float, rng: random.Random) -> list[Take]:
    """The jobs of a night, their kinds in turn."""
    return [
        Take(
            kind := number % len(draws),
            number * every_s,
            draws[kind](rng, number / jobs),
            Watch(str(kind)),
        )
        for number in range(jobs)
    ]


def in_turn(takes: Sequence[Take], per_s: float) -> float:
    """Mean delay where all that wait are asked one after another, over and over."""
    waiting, coming, now, delay = deque[Take](), 0, 0.0, 0.0
    while waiting or coming < len(takes):
        while coming < len(takes) and takes[coming].begun <= now:
            waiting.append(takes[coming])
            coming += 1
        if waiting:
            take = waiting.popleft()
            late_s = now - take.begun - take.ready_s
            if late_s < 0:
                waiting.append(take)
            else:
                delay += late_s
        now += 1.0 / per_s
    return delay / len(takes)


def spent(takes: Sequence[Take]) -> Spent:
    """Per take."""
    polls, delay_s = sum(len(take.asked_at) for take in takes), sum(take.delay_s for take in takes)
    return Spent(polls / len(takes), delay_s / len(takes))


def by_gaps(takes: Sequence[Take], gap_s: Callable[[float], float]) -> Spent:
    """The same takes, asked about by a plain rule."""
    polls, delay_s = 0, 0.0
    for take in takes:
        age = 0.0
        while age < take.ready_s:
            age += gap_s(age)
            polls += 1
        delay_s += age - take.ready_s
    return Spent(polls / len(takes), delay_s / len(takes))


def advised(takes: Sequence[Take], advice: PollAdvice) -> Spent:
    return by_gaps(takes, lambda age: poll_gap_s(age, advice))


def told(spent: Spent) -> str:
    return f"{spent.delay_s:.2f} s with {spent.polls:.1f} polls"


# --- what is measured


def measure(long: bool) -> Measured:
    jobs, seeds = (4000, 4) if long else (500, 2)
    measured = Measured()
    for advice, name in ((TEN_S, "no floor"), (VENDORS, "floor of 5 s")):
        early: dict[str, tuple[Spent, Spent]] = {}
        for trace in TRACES:
            takes = [
                Night(advice).run(trace.draws, (jobs + LEARNED) * trace.kinds, seed) for seed in range(seeds)
            ]
            late = [take for night in takes for take in night[LEARNED * trace.kinds :]]
            _learned(measured, trace, late, advice, name, LEARNED / (jobs + LEARNED))
            first = [take for night in takes for take in night[: LEARNED * trace.kinds]]
            early[trace.name] = spent(first), advised(first, advice)
        _learning(measured, early, name)
    _other_nights(measured, 16 if long else 4)
    _progress(measured, jobs, seeds)
    _backlog(measured)
    _cost(measured)
    return measured


def _learned(
    measured: Measured, trace: Trace, takes: Sequence[Take], advice: PollAdvice, name: str, since: float
) -> None:
    """After the first jobs of a kind, at the same number of polls as the optimum."""
    best = curve(trace.odds(since), advice.min_s)
    found, plain = spent(takes), advised(takes, advice)
    least_s = delay_at(best, found.polls)
    what = f"{trace.name}, {name}"
    measured.rows.append(
        Row(
            name=f"delay / optimum: {what}",
            figure=found.delay_s / least_s,
            unit="x",
            goal=trace.goal,
            stable=True,
            note=f"{told(found)}; optimum {least_s:.2f} s; advice {told(plain)}",
        )
    )
    fixed = {f"{gap_s:g}": by_gaps(takes, lambda _age, gap_s=gap_s: gap_s) for gap_s in FIXED_S}
    points = {"ours": found, "advice": plain, **fixed}
    measured.data[what] = {
        "optimum": [(one.polls, one.delay_s) for one in best],
        **{label: (one.polls, one.delay_s) for label, one in points.items()},
    }


def _learning(measured: Measured, early: dict[str, tuple[Spent, Spent]], name: str) -> None:
    """The first jobs, over all traces. With the floor, the advice has gaps of 5 s itself for most of them."""
    ratios = {trace: found.delay_s / plain.delay_s for trace, (found, plain) in early.items()}
    worst = max(ratios, key=ratios.__getitem__)
    found, plain = (
        Spent(sum(one.polls for one in every) / len(every), sum(one.delay_s for one in every) / len(every))
        for every in zip(*early.values(), strict=True)
    )
    note = f"{told(found)}; advice {told(plain)}; worst {ratios[worst]:.2f} x: {worst}"
    figure = found.delay_s / plain.delay_s
    row_name = f"delay / advice, first {LEARNED} jobs of all traces, {name}"
    measured.rows.append(Row(name=row_name, figure=figure, unit="x", goal=1.0, stable=True, note=note))


def _beside(measured: Measured, name: str, found: Spent, plain: Spent, goals: Sequence[float | None]) -> None:
    """Two rows: delay and polls of one against another, with a goal for each."""
    note = f"{told(found)}; against {told(plain)}"
    ratios = found.delay_s / plain.delay_s, found.polls / plain.polls
    for what, ratio, goal in zip(("delay", "polls"), ratios, goals, strict=True):
        row = Row(name=f"{what} / {name}", figure=ratio, unit="x", goal=goal, stable=True, note=note)
        measured.rows.append(row)


def _other_nights(measured: Measured, seeds: int) -> None:
    """The first jobs of a night for which the past is right, or wrong."""
    for name, median_s, goals in (
        ("as before", 60.0, (1.0, 1.0)),
        ("twice as slow", 120.0, (1.0, 1.0)),
        ("twice as fast", 30.0, (None, 1.0)),
    ):
        takes: list[Take] = []
        for seed in range(seeds):
            night = Night(VENDORS)
            night.remember(lognormal(60, 0.25), 300, seed + 100)
            takes += night.run([lognormal(median_s, 0.25)], LEARNED, seed)
        what = f"advice, first {LEARNED} jobs of a night {name}"
        _beside(measured, what, spent(takes), advised(takes, VENDORS), goals)


def _progress(measured: Measured, jobs: int, seeds: int) -> None:
    """What `progress` adds, and that one that lies does no harm."""

    def night(tells: Told) -> Spent:
        takes: list[Take] = []
        for seed in range(seeds):
            takes += Night(VENDORS, told=tells).run([lognormal(60, 0.5)], jobs + LEARNED, seed)[LEARNED:]
        return spent(takes)

    without = night(silent)
    for name, tells, goals in (
        ("that tells", honest, (1.1, 0.8)),
        ("that lies", lying, (1.05, 1.05)),
        ("that begins to lie", Turncoat(), (1.15, 1.05)),  # until those on their way are there
    ):
        _beside(measured, f"without a progress {name}", night(tells), without, goals)


def _backlog(measured: Measured) -> None:
    """Many more takes than polls: 3 new ones a second, so that about 5,000 wait, and 5 polls a second."""
    jobs, waiting, per_s = 12000, 5000, 5.0
    draws = [lognormal(300, 0.3), lognormal(1200, 0.3), lognormal(3600, 0.3)]
    night = Night(VENDORS, every_s=1.0 / 3.0, poll_per_s=per_s)
    began = time.process_time()
    takes = night.run(draws, jobs, 2)
    found, plain = spent(takes), in_turn(takes, per_s)
    micros = (time.process_time() - began) / (found.polls * jobs) * 1e6
    longest = max(take.waited_s for take in takes) / (waiting / per_s)
    what = f"{waiting} takes, {per_s:g} polls/s"
    note = f"{told(found)}; one after another {plain:.0f} s"
    measured.rows += [
        Row(
            name=f"delay / one after another: {what}",
            figure=found.delay_s / plain,
            unit="x",
            goal=1.0,
            stable=True,
            note=note,
        ),
        Row(name=f"longest wait in rounds: {what}", figure=longest, unit="x", goal=3.0, stable=True),
        Row(name=f"CPU per poll: {what}", figure=micros, unit="us", note="with the trace and all fits"),
    ]


def _cost(measured: Measured) -> None:
    """What one look at all that is known of a kind costs."""
    night = Night(VENDORS)
    takes = night.run([draw for trace in TRACES[:3] for draw in trace.draws], 900, 3)
    figures = []
    for kind in range(3):
        seen = [Seen(take.watch.unready_s, take.watch.ready_s) for take in takes if take.kind == kind]
        for _ in range(5):
            began = time.process_time()
            plan = Plan(fit(seen), VENDORS, len(seen))
            plan.table(plan.price_s)
            figures.append((time.process_time() - began) * 1e3)
    name = "CPU of a new timetable from 300 takes, at most every 5 s and kind"
    measured.rows.append(Row(name=name, figure=statistics.median(figures), unit="ms", goal=20.0))


def main() -> None:
    measured = measure("--long" in sys.argv)
    for row in measured.rows:
        goal = "" if row.goal is None else f"goal {row.goal:g} {'met' if row.met else 'MISSED'}"
        print(f"{row.name:68} {row.figure:8.3f} {row.unit:3} {goal:16} {row.note}")


if __name__ == "__main__":
    main()
