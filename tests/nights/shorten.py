"""The shortest night that still breaks a promise: what can be left out of a plan is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from nights.plan import NightPlan, RunPlan, night_of
from nights.play import Outcome, play
from support.folders import in_memory

T = TypeVar("T")
PLAINER = (
    "jump_s",
    "deleted",
    "settles",
    "second_s",
    "signal_s",
    "dies",
    "power",
    "budget_usd",
    "run_budget_usd",
    "canary",
    "deadline_s",
)


def shortest(seed: int, *, money: bool = True) -> Outcome:
    """The outcome of the smallest plan found; that of the seed itself where nothing can go."""
    plan = night_of(seed, money=money)
    outcome = played(plan)
    while smaller := next(((less, found) for less in smaller_plans(plan) if (found := broken(less))), None):
        plan, outcome = smaller
    return outcome


def played(plan: NightPlan) -> Outcome:
    with in_memory() as folder:
        night = folder / "night"
        night.mkdir()
        return play(plan, night)


def broken(plan: NightPlan) -> Outcome | None:
    outcome = played(plan)
    return outcome if outcome.violations else None


def smaller_plans(plan: NightPlan) -> Iterator[NightPlan]:
    """The plan without one run, fault or job, or with a plainer run."""
    for place in range(len(plan.runs) if len(plan.runs) > 1 else 0):
        yield replace(plan, runs=without(plan.runs, place))
    for place in range(len(plan.faults)):
        yield replace(plan, faults=without(plan.faults, place))
    for key in sorted({job.key for run in plan.runs for job in run.jobs}):
        runs = [
            replace(run, jobs=[job for job in run.jobs if key not in (job.key, job.parent)])
            for run in plan.runs
        ]
        if all(run.jobs for run in runs):
            yield replace(plan, runs=runs)
    for place, run in enumerate(plan.runs):
        for plainer in plainer_runs(run):
            yield replace(plan, runs=[*plan.runs[:place], plainer, *plan.runs[place + 1 :]])


def plainer_runs(run: RunPlan) -> Iterator[RunPlan]:
    plain = RunPlan(jobs=run.jobs)
    for name in PLAINER:
        if getattr(run, name) != getattr(plain, name):
            yield replace(run, **{name: getattr(plain, name)})


def without(items: Sequence[T], place: int) -> list[T]:
    return [*items[:place], *items[place + 1 :]]
