"""What must hold after every run of every night, and once all is well again. Knows nothing of how it is done.

A violation names the promise that was broken; the promises stand in docs/guarantees.md and docs/design.md.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nights.plan import Fields, NightPlan, RunPlan
from nights.world import Ask, SimWorld
from support.books import read_books
from support.night import Night

from pipeline.model import Take, TakeState

ENDED_BY_GATEWAY = {"moderated", "failed", "expired", "rejected"}
WITHOUT_A_REASON = {TakeState.PLANNED, TakeState.ACCEPTED, TakeState.READY, TakeState.DONE}
REPORTS_COST = {"cometapi", "xai"}
TICKS_PER_USD = 10**10
DRAIN_S = 8.0  # for submits under way, as the run is cut


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise, and how it was broken."""

    promise: str
    how: str


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be spent, in ticks; None: no cap."""

    batch_ticks: int | None = None
    run_ticks: int | None = None

    @classmethod
    def of(cls, batch_usd: float | None, run_usd: float | None) -> Caps:
        return cls(*(None if usd is None else round(usd * TICKS_PER_USD) for usd in (batch_usd, run_usd)))


def after_a_run(night: Night, world: SimWorld, plan: NightPlan, found: list[Violation]) -> None:
    """Holds at any time, also just after a death."""
    takes = night.takes() if night.takes_exist() else []
    found += paid_twice(takes, world)
    found += too_many_in_flight(world, plan)
    found += unsound_clips(night, takes, world)
    found += wrong_sums(night)


def open_files() -> int:
    """Files and sockets of this process."""
    return len(os.listdir("/proc/self/fd"))


def left_open(night: Night, files: int) -> list[Violation]:
    """After a run that came to its end. `files`: how many more there are than before."""
    found = {"tasks": night.left_running, "files": files, "answers": night.gateway.open_files}
    return [Violation("nothing is left open", f"{count} {what}") for what, count in found.items() if count]


def at_the_end(night: Night, world: SimWorld, plan: NightPlan, found: list[Violation]) -> None:
    """Holds once all faults are over and reruns have settled everything."""
    takes = night.takes()
    found += bill_and_ledger(takes, world)
    found += unexplained(takes)
    found += clips_not_brought_home(night, takes, world, plan)
    asked = len(world.asks)
    night.run()
    if len(world.asks) != asked and not any(may_be_asked_again(take) for take in takes):
        found.append(Violation("the rerun of a complete night sends nothing", str(world.asks[asked:])))


def may_be_asked_again(take: Take) -> bool:
    """Each run asks once about what the gateway may still bring, and for the source of a child not sent."""
    if take.state is TakeState.HELD:
        return take.job.parent_key is not None
    return take.state in (TakeState.ACCEPTED, TakeState.UNDELIVERED, TakeState.MISSING, TakeState.BLOCKED)


def paid_twice(takes: list[Take], world: SimWorld) -> list[Violation]:
    """Every acceptance belongs to a take of its own: by its id, or as one that is told as unknown."""
    bought = Counter(job.digest for job in world.jobs)
    found = []
    for digest, count in bought.items():
        jobs = [job for job in world.jobs if job.digest == digest]
        on_record = [take for take in takes if take.remote_id in {job.id for job in jobs}]
        unknown = [
            take
            for take in takes
            if take.job.prompt == jobs[0].prompt
            and take.remote_id not in {job.id for job in world.jobs}
            and take.state in (TakeState.UNKNOWN, TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.FAILED)
        ]
        if count > min(1, len(on_record) + len(unknown)):  # no plan asks for another take on purpose
            story = f"{jobs[0].prompt!r} was bought {count} times; {len(on_record)} on record"
            found.append(Violation("nothing is paid twice", story))
    return found


def too_many_in_flight(world: SimWorld, plan: NightPlan) -> list[Violation]:
    """At no instant does the gateway work on more than `max_in_flight`, each counted until its deadline."""
    if any(run.jump_s for run in plan.runs):
        return []
    limit = plan.limits["max_in_flight"]
    deadline_s = 60.0 * int(str(plan.limits["job_deadline"]).removesuffix("m"))
    counted_s = deadline_s - plan.latency_s[1] - 1.0  # of an unknown take from its intent, before it arrived
    spans = [(job.accepted_at, min(job.ends_at, job.accepted_at + counted_s)) for job in world.jobs]
    worst = max((sum(begin <= at < end for begin, end in spans) for at, _ in spans), default=0)
    if worst <= limit:
        return []
    return [Violation("limits are kept at every instant", f"{worst} in flight, {limit} allowed")]


def above_a_cap(caps: Caps, batch: int, run: int) -> list[Violation]:
    """`batch`, `run`: what they count with an intent, in the transaction that puts it on record."""
    return [
        Violation("no submit above a cap", f"{ticks} of {cap} are on record")
        for ticks, cap in ((batch, caps.batch_ticks), (run, caps.run_ticks))
        if cap is not None and ticks > cap
    ]


def billed_above_a_cap(world: SimWorld, plan: NightPlan, caps: Caps) -> list[Violation]:
    """The same by the bill alone, when it grows: at the user's own price, else at the gateway's."""
    own = plan.head.get("prices", {}).get("*", {}).get("clip")
    billed = sum(job.ticks if own is None else round(own * TICKS_PER_USD) for job in world.jobs)
    if caps.batch_ticks is None or billed <= caps.batch_ticks:
        return []
    return [Violation("no submit above a cap", f"{billed} of {caps.batch_ticks} are billed")]


def beyond_the_deadline(
    plan: NightPlan, run: RunPlan, began: float, asks: Sequence[Ask], ended: float, code: int | None
) -> list[Violation]:
    """No submit of this run later than its deadline allows; and when the grace is over, so is the run.

    `asks`: what arrived in this run; `code`: None where it died.
    """
    if run.deadline_s is None:
        return []
    last_at = began + run.deadline_s - plan.longest_s + plan.latency_s[1]
    late = [ask.at for ask in asks if ask.kind == "submit" and ask.at > last_at]
    found = [Violation("no submit beyond the deadline", f"{at} is after {last_at}") for at in late]
    over_at = began + run.deadline_s + run.grace_s + DRAIN_S
    if code is not None and ended > over_at + 0.001:
        found.append(Violation("a run ends with its deadline", f"{ended} is after {over_at}"))
    return found


def wrong_exit_code(night: Night, run: RunPlan, code: int) -> list[Violation]:
    """What a scheduler is told of a run that came to its end, by the states it left."""
    takes = [take for take in night.takes() if take.wanted and take.selected]
    states = {take.state for take in takes}
    if code in (130, 143, 3):
        return []
    complete = states <= {TakeState.DONE}
    held = any((take.reason or "").startswith("deadline ") for take in takes if take.state is TakeState.HELD)
    if complete != (code == 0) or (held and code != 4):
        return [Violation("the exit code tells how a run ended", f"{code} with {sorted(states)}")]
    return []


def wrong_sums(night: Night) -> list[Violation]:
    """The ledger's sums, by which budgets are kept, are those of its takes."""
    books = read_books(night.ledger_to_read()) if night.takes_exist() else None
    if books is None or books.kept_by_run == books.by_run:
        return []
    return [Violation("the ledger's sums are right", f"{books.kept_by_run} for {books.by_run}")]


def unsound_clips(night: Night, takes: list[Take], world: SimWorld) -> list[Violation]:
    """What is called done has its whole clip under its name, or did until somebody deleted it."""
    found = []
    for take in takes:
        if take.state is TakeState.DONE and take.wanted and not take.replaced:
            path = night.clip(take.job.key)
            if path.exists() and not world.made(path.read_bytes(), take.remote_id or ""):
                homes = [other.job.key for other in takes if other.remote_id]
                found.append(Violation("what is done is whole", f"{take.label} is not its clip ({homes})"))
    return found


def bill_and_ledger(takes: list[Take], world: SimWorld) -> list[Violation]:
    by_id = {job.id: job for job in world.jobs}
    found = []
    for take in takes:
        job = by_id.get(take.remote_id or "")
        if job is None:
            continue
        must = take.state is TakeState.DONE and world.provider in REPORTS_COST
        if take.cost_ticks not in ((job.ticks,) if must else (None, job.ticks)):
            how = f"{take.label}: {take.cost_ticks} on record, {job.ticks} billed"
            found.append(Violation("the ledger is the bill", how))
    return found


def unexplained(takes: list[Take]) -> list[Violation]:
    return [
        Violation("every take is in a named state with a reason", f"{take.label} is {take.state}")
        for take in takes
        if not take.reason and take.state not in WITHOUT_A_REASON
    ]


def clips_not_brought_home(
    night: Night, takes: list[Take], world: SimWorld, plan: NightPlan
) -> list[Violation]:
    """A clip that the gateway finished, and still has, is on disk; what is wanted has come to an end."""
    names = {str(fault["fault"]) for fault in plan.faults if not hits_all(fault)}
    on_disk = [path.read_bytes() for path in night.batch.rglob("*.mp4")]
    found = []
    for take in takes:
        job = world.gateway.world.find(take.remote_id or "")
        if job is not None:
            view = world.gateway.world.look(job, world.gateway_now)
            has = any(world.made(content, job.id) for content in on_disk)
            given_up = take.state.value in ENDED_BY_GATEWAY and names & GIVES_UP
            deleted = take.state in (TakeState.DONE, TakeState.READY) and any(
                run.deleted is not None for run in plan.runs
            )
            if view.outcome == "done" and not has and not given_up and not deleted:
                found.append(
                    Violation("no finished clip is lost", f"{take.label} is {take.state}: {take.reason}")
                )
        elif take.wanted and take.state is TakeState.HELD and too_dear(night, take, plan):
            continue
        elif take.wanted and take.state not in SETTLED and not names & {"no_id"}:
            found.append(
                Violation("every night ends complete", f"{take.label} is {take.state}: {take.reason}")
            )
    return found


def too_dear(night: Night, take: Take, plan: NightPlan) -> bool:
    """Whether the last budget has no room for a held take, or for one that is held with it."""
    books, cap = read_books(night.ledger_to_read()), Caps.of(plan.last_budget_usd, None).batch_ticks
    if books is None or cap is None or not (take.reason or "").startswith("budget: "):
        return False
    held = [other.estimate_ticks or 0 for other in night.takes() if other.state is TakeState.HELD]
    return books.counted_ticks + max(held) > cap


def hits_all(fault: Fields) -> bool:
    """An id that is unknown while every other is unknown, too, is not lost."""
    partly = {"job", "attempts"} & set(fault) or fault.get("rate", 1.0) < 1.0
    return fault["fault"] == "lost_id" and not partly


GIVES_UP = {"moderated", "failed", "expired", "lost_id", "early_id"}
"""Faults by which the gateway says an end although there is a clip."""
SETTLED = {TakeState.UNKNOWN, TakeState.BLOCKED, TakeState.REJECTED, TakeState.MODERATED}
