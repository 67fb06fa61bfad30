"""Plays a night: the real engine in virtual time, dying where its plan says so, and what came of it.

Feeder, stages, runner, pace, schedule, ledger and storage are the product's own. The world is the simulator
in memory; it lives on when the program dies. A process may die between any two steps of its tasks, and at
any operation on the disk; where the power goes, too, the disk forgets what was not fsynced.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from nights.disk import Disk
from nights.oracle import (
    Caps,
    Violation,
    above_a_cap,
    after_a_run,
    at_the_end,
    beyond_the_deadline,
    billed_above_a_cap,
    left_open,
    open_files,
    wrong_exit_code,
)
from nights.plan import JobPlan, NightPlan, RunPlan
from nights.world import SimWorld
from support.books import ON_INTENT
from support.night import Crash, Fate, Jump, Night, NightLoop

from pipeline.events import BytesLoaded, Event, Paused, RunEnded, TakeMoved, TakePolled, Trouble
from pipeline.ledger.connection import Connection
from pipeline.ledger.sqlite import SqliteLedger
from pipeline.model import TakeState
from pipeline.opening import LEDGER_NAME
from pipeline.sim import read_scenario
from pipeline.together import the_error

GOOD_RUNS = 8  # at most, until nothing changes any more
GAP_S = 400.0  # between them


class StepLoop(NightLoop):
    """Runs one ready callback at a time, so that a process can die between any two of them."""

    def __init__(self, begin: float, fate: Fate) -> None:
        super().__init__(begin)
        self._fate = fate

    def _run_once(self) -> None:
        if self._fate.dead:  # its tasks are being cleared away, and can do nothing any more
            return super()._run_once()  # type: ignore[misc]
        self._fate.pass_by(lambda: None)
        ready: deque[object] = self._ready  # type: ignore[attr-defined]
        held = [ready.pop() for _ in range(len(ready) - 1)]
        super()._run_once()  # type: ignore[misc]
        ready.extendleft(held)
        return None


@dataclass(slots=True)
class SeededNight(Night):
    """A night that tells its story line by line, and counts which moves its takes made."""

    hard_disk: Disk = field(init=False)
    run_number: int = 0
    story: list[str] = field(default_factory=list)
    moves: Counter[str] = field(default_factory=Counter)
    caps: Caps = field(default_factory=Caps)
    violations: list[Violation] = field(default_factory=list)

    def new_loop(self) -> NightLoop:
        return StepLoop(self.now, self.fate)

    async def _ledger(self) -> SqliteLedger:
        ledger = await Night._ledger(self)
        ledger._db.execute(
            "CREATE TEMP TRIGGER moved AFTER UPDATE OF state ON takes WHEN old.state <> new.state"
            " BEGIN SELECT note_move(old.state, new.state); END"
        )
        ledger._db.execute(ON_INTENT)
        return ledger

    def disk(self) -> AbstractContextManager[None]:
        return self.hard_disk.mounted()

    def connect(self, path: Path) -> Connection:
        connection = self.hard_disk.connect(path)
        connection.create_function("note_move", self.note_move)
        connection.create_function("note_intent", self.note_intent)
        return connection

    def ledger_to_read(self) -> Path:
        """A copy: who opens the ledger itself also tidies it up, and syncs what a dead run did not."""
        copies = self.folder.with_name(f"{self.folder.name}-read")
        shutil.rmtree(copies, ignore_errors=True)
        copies.mkdir()
        for path in self.batch.glob(f"{LEDGER_NAME}*"):
            if not path.name.endswith("-shm"):
                shutil.copyfile(path, copies / path.name)
        return copies / LEDGER_NAME

    def moment(self, _what: str) -> None:
        """Something is about to change the disk, or has just done so."""
        self.fate.pass_by(lambda: None)

    def note_move(self, before: str, after: str) -> None:
        self.moves[f"{before} -> {after}"] += 1

    def note_intent(self, batch: int, run: int) -> None:
        """In the transaction of an intent: what batch and run count with it."""
        self.violations += above_a_cap(self.caps, batch, run)

    def hear(self, event: Event) -> None:
        Night.hear(self, event)
        if (text := told(event)) is not None:
            self.tell(text)

    def tell(self, text: str) -> None:
        loop = asyncio._get_running_loop()
        at = self.now if loop is None else loop.time()
        self.story.append(f"{at:11.3f} run {self.run_number} {text}")


def told(event: Event) -> str | None:
    """One line about an event, without anything that differs from one replay to the next."""
    match event:
        case TakeMoved(take=take, before=before):
            return (
                f"{take.label} {before} -> {take.state} {take.remote_id or ''} {take.reason or ''}".rstrip()
            )
        case Trouble():
            return f"{event.event} {event.message}"
        case Paused():
            return f"paused, exit {event.exit_code}: {event.reason}"
        case RunEnded():
            return f"ended, exit {event.exit_code}"
        case TakePolled() | BytesLoaded():
            return None
    return type(event).__name__


@dataclass(slots=True)
class Outcome:
    """What a night came to. `story`: every event and request, in order, the same in every replay."""

    story: list[str]
    violations: list[Violation]
    faults: Counter[str]
    moves: Counter[str]
    runs: int
    died: int


def play(plan: NightPlan, folder: Path) -> Outcome:
    """The night of a plan, in an empty folder."""
    return _Play(plan, folder).all_of_it()


class _Play:
    def __init__(self, plan: NightPlan, folder: Path) -> None:
        self.plan = plan
        self.died = 0
        scenario = read_scenario(yaml.safe_dump({**plan.rules, "faults": list(plan.faults)}), "night")
        self.world = SimWorld(scenario, provider=plan.dialect, seed=plan.seed, latency_s=plan.latency_s)
        self.night = SeededNight(
            folder,
            [job.entry for job in plan.runs[0].jobs],
            self.world,
            dict(plan.limits),
            dict(plan.head),
            provider=plan.dialect,
            base_url=self.world.base_url,
            settings={"longest_s": plan.longest_s},
            seed=plan.seed,
        )
        self.night.hard_disk = Disk(folder, random.Random(f"disk {plan.seed}"), self.night.moment)
        self.world.tell = self.night.tell
        self.world.alive = lambda: self.night.fate.check()
        self.violations = self.night.violations
        self.world.accepted = self.billed
        self.rng = random.Random(f"play {plan.seed}")

    def billed(self) -> None:
        self.violations += billed_above_a_cap(self.world, self.plan, self.night.caps)

    def all_of_it(self) -> Outcome:
        try:
            self.runs()
        except Exception as exc:
            self.violations.append(Violation("no run ends in an error", repr(the_error(exc))))
        return Outcome(
            story=self.night.story,
            violations=self.violations,
            faults=Counter(self.world.done_faults()),
            moves=self.night.moves,
            runs=self.night.run_number,
            died=self.died,
        )

    def runs(self) -> None:
        for run in self.plan.runs:
            self.prepare(run)
            self.one_run(run)
        self.night.tell("all is well from now on")
        self.world.heal()
        self.good_runs()
        at_the_end(self.night, self.world, self.plan, self.violations)

    # --- between the runs

    def prepare(self, run: RunPlan) -> None:
        night = self.night
        night.sleep(run.gap_s)
        if run.jump_s:
            night.jumps = [*night.jumps, Jump(night.now, run.jump_s)]
            night.tell(f"the clock is set by {run.jump_s:g} s")
        if run.deleted is not None:
            self.delete(run.deleted)
        if run.settles:
            self.settle()
        self.fund(run)
        self.edit(run.jobs)

    def fund(self, run: RunPlan) -> None:
        """Somebody decides what the next run may spend."""
        night = self.night
        limits = {**self.plan.limits, "budget_usd": run.budget_usd}
        if run.budget_usd is None:
            del limits["budget_usd"]
        if limits != night.limits:
            night.limits = limits
            night.edit(night.jobs)
            night.tell(f"the budget: {run.budget_usd}")
        night.caps = Caps.of(run.budget_usd, run.run_budget_usd)
        night.run_budget_ticks = night.caps.run_ticks
        night.canary = run.canary
        night.deadline_s, night.grace_s = run.deadline_s, run.grace_s

    def edit(self, jobs: Sequence[JobPlan]) -> None:
        entries = [job.entry for job in jobs]
        if entries != self.night.jobs:
            self.night.edit(entries)
            self.night.tell(f"the manifest: {entries}")

    def delete(self, number: int) -> None:
        clips = sorted((self.night.batch / "clips").glob("*.mp4"))
        if clips:
            os.unlink(clips[number % len(clips)])
            self.night.tell(f"{clips[number % len(clips)].name} is deleted")

    def settle(self) -> None:
        """What `nightreel resolve` does, by the gateway's bill, for every take that is unknown."""
        night = self.night
        if not night.batch.joinpath("ledger.sqlite").exists():
            return
        known = {take.remote_id for take in night.takes()}
        lost = {job.prompt: job.id for job in self.world.jobs if job.id not in known}
        for take in night.takes():
            if take.state is TakeState.UNKNOWN:
                remote_id = lost.get(take.job.prompt)
                night.tell(f"{take.label} is settled: {remote_id}")
                night.settle(take, remote_id)
                night.note_move(take.state, TakeState.PLANNED if remote_id is None else TakeState.ACCEPTED)
                night.hard_disk.synced()

    # --- runs

    def one_run(self, run: RunPlan) -> None:
        night = self.night
        night.run_number += 1
        fate = Fate(run.dies or 0, after=bool(self.rng.getrandbits(1)))
        open_before = open_files()
        began, asked = night.now, len(self.world.asks)
        code: int | None = None
        try:
            code = night.run(signal_at=run.signal_s, second_at=run.second_s, fate=fate).exit_code
        except Crash:
            self.died += 1
            night.tell(f"dead at moment {run.dies}")
            if run.power:
                night.hard_disk.power_cut()
                night.tell("the power was cut")
        else:
            self.violations += left_open(night, open_files() - open_before)
        asks = self.world.asks[asked:]
        self.violations += beyond_the_deadline(self.plan, run, began, asks, night.now, code)
        if code is not None:
            self.violations += wrong_exit_code(night, run, code)
        after_a_run(night, self.world, self.plan, self.violations)

    def good_runs(self) -> None:
        """Reruns under a calm sky, until a run asks for nothing and changes nothing."""
        self.fund(RunPlan(jobs=(), budget_usd=self.plan.last_budget_usd))
        for _ in range(GOOD_RUNS):
            before = (len(self.world.asks), self.night.states() if self.night.takes_exist() else {})
            self.night.sleep(GAP_S)
            self.one_run(RunPlan(jobs=()))
            if before == (len(self.world.asks), self.night.states()):
                return
