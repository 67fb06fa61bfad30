"""What a seed decides: one whole night, as data, before anything runs.

Jobs, gateway, faults, limits, how each run ends, what a person does in between. Everything later that needs
chance takes it from the same seed, so that a seed is a night.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

DIALECTS = ("cometapi", "xai", "globalaiopc")
KEYS = ("candle", "desk", "fox", "glass", "hill", "owl")
MARKS = ("[[moderated]]", "[[failed]]", "[[expired]]", "[[no-url]]")
DAY_S = 86_400.0

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """One job of the manifest. Another `version` is another prompt."""

    key: str
    version: int = 1
    mark: str = ""
    parent: str | None = None
    operation: str = "edit"

    @property
    def entry(self) -> dict[str, Any]:
        prompt = f"{self.key} {self.version}{self.mark}"
        source = {} if self.parent is None else {self.operation: self.parent}
        return {"id": self.key, "prompt": prompt, **source}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """One run of the command: what happens before it, and how it ends."""

    jobs: Sequence[JobPlan]
    gap_s: float = 5.0  # nobody runs for so long
    jump_s: float = 0.0  # somebody sets the clock
    deleted: int | None = None  # the n-th clip is deleted by hand
    settles: bool = False  # a person looks into the bill, and settles what is unknown
    signal_s: float | None = None  # Ctrl-C, so long after the start
    second_s: float | None = None  # and once more
    dies: int | None = None  # at this moment: a step of a task, or an operation on the disk
    power: bool = False  # it dies because the power went
    budget_usd: float | None = None  # in the manifest: for the batch's life
    run_budget_usd: float | None = None
    canary: int | None = None
    deadline_s: float | None = None  # after its start
    grace_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NightPlan:
    """A night: troubled runs, then the faults end, and good runs finish what is left."""

    seed: int
    dialect: str
    rules: Fields = field(default_factory=dict)  # of the simulator's scenario
    faults: Sequence[Fields] = ()
    limits: Fields = field(default_factory=dict)
    head: Fields = field(default_factory=dict)  # more of the manifest: prices, brake
    last_budget_usd: float | None = None  # of the good runs
    latency_s: tuple[float, float] = (0.01, 0.15)
    longest_s: float = 60.0  # that a clip takes nearly always, as the program believes
    runs: Sequence[RunPlan] = ()


def night_of(seed: int, *, money: bool = True) -> NightPlan:
    """Without money: as seeds were before there was any."""
    rng = random.Random(seed)
    dialect = rng.choice(DIALECTS)
    jobs = _jobs(rng, dialect)
    runs = []
    for _ in range(rng.randint(1, 4)):
        runs.append(_run(rng, jobs))
        jobs = _edited(rng, jobs) if rng.random() < 0.5 else jobs
    plan = NightPlan(
        seed=seed,
        dialect=dialect,
        rules={
            "render_s": rng.choice([1, 8, 30, 90]),
            "spread": rng.choice([0.0, 0.2, 0.8]),
            "link_life_s": rng.choice([20, 600, 86_400]),
            "keep_s": rng.choice([0, 0, 0, 120]),
            "poll_form": rng.choice(["flat", "envelope", "mixed"]),
        },
        faults=_faults(rng),
        limits={
            "max_in_flight": rng.randint(1, 4),
            "downloads": rng.randint(1, 3),
            "job_deadline": rng.choice(["1m", "3m", "10m"]),
        },
        latency_s=rng.choice([(0.0, 0.0), (0.01, 0.15), (0.2, 3.0)]),
        runs=runs,
    )
    if not money:
        return plan
    return _with_deadlines(_with_money(plan, random.Random(f"{seed} money")), random.Random(f"{seed} late"))


# --- deadlines, by a chance of their own, too


def _with_deadlines(plan: NightPlan, rng: random.Random) -> NightPlan:
    """Some runs have one: too near for anything, in the middle of the work, or far away."""
    runs = [
        replace(
            run,
            deadline_s=round(10 ** rng.uniform(0.0, 2.8), 3),
            grace_s=rng.choice([0.0, 5.0, 60.0, 900.0]),
        )
        if rng.random() < 0.25
        else run
        for run in plan.runs
    ]
    return replace(plan, longest_s=rng.choice([2.0, 20.0, 60.0]), runs=runs)


# --- money, by a chance of its own: what else a seed means does not hang on it


def _with_money(plan: NightPlan, rng: random.Random) -> NightPlan:
    """Some nights have prices, some of them budgets, most of these too small."""
    clip_usd = rng.choice([0.05, 0.4, 1])
    own = rng.random() < (0.3 if plan.dialect == "xai" else 0.6)  # the others have no list
    head: dict[str, Any] = {"prices": {"*": {"clip": clip_usd}}} if own else {}
    if rng.random() < 0.2:
        head["brake"] = rng.choice(["off", "2%", "50%"])
    budgets = (own or plan.dialect == "xai") and rng.random() < 0.6
    usual_usd = clip_usd if own else 0.4
    return replace(
        plan,
        head=head,
        last_budget_usd=_budget(rng, usual_usd) if budgets and rng.random() < 0.4 else None,
        runs=[_funded(rng, run, usual_usd if budgets else None) for run in plan.runs],
    )


def _funded(rng: random.Random, run: RunPlan, clip_usd: float | None) -> RunPlan:
    """The run with a canary, and where a clip's price is known, with budgets."""
    canary = rng.randint(1, 3) if rng.random() < 0.15 else None
    if clip_usd is None:
        return replace(run, canary=canary)
    return replace(
        run,
        canary=canary,
        budget_usd=_budget(rng, clip_usd) if rng.random() < 0.8 else None,
        run_budget_usd=_budget(rng, clip_usd) if rng.random() < 0.3 else None,
    )


def _budget(rng: random.Random, clip_usd: float) -> float:
    """For one to five clips, and perhaps a part of another."""
    return round(clip_usd * rng.choice([0.5, 1, 1.5, 2, 3, 4.5]), 3)


def _jobs(rng: random.Random, dialect: str) -> list[JobPlan]:
    jobs: list[JobPlan] = []
    for key in KEYS[: rng.randint(1, 4)]:
        parents = [job.key for job in jobs if not job.parent and not job.mark]
        child = dialect != "globalaiopc" and parents and rng.random() < 0.35
        jobs.append(
            JobPlan(
                key=key,
                mark=rng.choice(MARKS) if rng.random() < 0.08 else "",
                parent=rng.choice(parents) if child else None,
                operation=rng.choice(["edit", "extend"]) if dialect == "xai" else "edit",
            )
        )
    return jobs


def _edited(rng: random.Random, jobs: list[JobPlan]) -> list[JobPlan]:
    """The manifest as somebody left it: another prompt, an earlier one, a job less or more, another order."""
    place = rng.randrange(len(jobs))
    changed = list(jobs)
    job = changed[place]
    what = rng.choice(["prompt", "back", "remove", "add", "order"])
    if what in ("prompt", "back"):
        version = job.version + 1 if what == "prompt" else max(1, job.version - 1)
        changed[place] = _with(job, version=version)
    elif what == "remove" and len(jobs) > 1 and not any(other.parent == job.key for other in jobs):
        del changed[place]
    elif what == "add" and (free := [key for key in KEYS if key not in {other.key for other in jobs}]):
        changed.append(JobPlan(key=rng.choice(free), version=1))
    elif what == "order":
        rng.shuffle(changed)
    return changed


def _with(job: JobPlan, *, version: int) -> JobPlan:
    return JobPlan(key=job.key, version=version, mark=job.mark, parent=job.parent, operation=job.operation)


def _run(rng: random.Random, jobs: Sequence[JobPlan]) -> RunPlan:
    end = rng.choice(["itself", "itself", "signal", "dies", "dies", "power", "power"])
    signal_s = _some_seconds(rng) if end == "signal" else None
    return RunPlan(
        jobs=list(jobs),
        gap_s=rng.choice([0.0, 5.0, 200.0, 4000.0]),
        jump_s=rng.choice([DAY_S, -DAY_S, 90.0]) if rng.random() < 0.1 else 0.0,
        deleted=rng.randrange(4) if rng.random() < 0.1 else None,
        settles=rng.random() < 0.3,
        signal_s=signal_s,
        second_s=signal_s + rng.uniform(0.0, 9.0) if signal_s and rng.random() < 0.3 else None,
        dies=int(10 ** rng.uniform(0.5, 3.5)) if end in ("dies", "power") else None,
        power=end == "power",
    )


def _some_seconds(rng: random.Random) -> float:
    return round(10 ** rng.uniform(-1.0, 2.3), 3)


# --- faults


def _hint(rng: random.Random) -> dict[str, Any]:
    return rng.choice([{}, {"retry_after": 7}, {"retry_after": 20, "as_date": True}, {"retry_after": -3}])


def _none(_: random.Random) -> dict[str, Any]:
    return {}


def _one_of(*choices: dict[str, Any]) -> Callable[[random.Random], dict[str, Any]]:
    return lambda rng: rng.choice(choices)


ALL = ("submit", "poll", "download")
TALK = ("submit", "poll")
PIECES: Mapping[str, tuple[Sequence[str], Callable[[random.Random], dict[str, Any]]]] = {
    "429": (ALL, _hint),
    "503": (ALL, _hint),
    "5xx": (ALL, _one_of({}, {"body": "html", "status": 502}, {"body": "empty"}, {"accepted": True})),
    "invalid_request": (("submit",), _none),
    "credits": (TALK, _one_of({"status": 429}, {"status": 403}, {"status": 402}, {"status": 400})),
    "key_revoked": (TALK, _none),
    "nasty_text": (TALK, _none),
    "slow": (ALL, _one_of({"wait_s": 2}, {"wait_s": 40}, {"wait_s": 300})),
    "hung": (ALL, _one_of({}, {"headers": True}, {"for_s": 15}, {"accepted": False})),
    "reset_before": (ALL, _none),
    "reset_after": (ALL, _none),
    "cut_answer": (TALK, _none),
    "trickle": (ALL, _one_of({}, {"every_s": 5})),
    "empty": (ALL, _one_of({}, {"status": 204})),
    "page": (ALL, _none),
    "malformed": (TALK, _one_of(*({"how": how} for how in ("cut", "quotes", "bytes", "digits")))),
    "content_type": (ALL, _none),
    "no_id": (("submit",), _one_of({}, {"instead": "nobody-knows-me"})),
    "endless": (ALL, _one_of({"mib": 2}, {"mib": 2, "chunked": False})),
    "bomb": (ALL, _one_of({"mib": 64})),
    "early_id": (("poll",), _one_of({"within_s": 30}, {"within_s": 50, "status": 400})),
    "lost_id": (("poll",), _one_of({}, {"status": 400})),
    "status_word": (("poll",), _one_of({}, {"word": "dreaming"})),
    "no_url": (("poll",), _one_of({"times": 2}, {})),
    "moderated": (TALK, _one_of(*({"form": form} for form in ("any", "400", "failed", "flag", "blocked")))),
    "failed": (("poll",), _none),
    "expired": (("poll",), _none),
    "stuck": (("poll",), _none),
    "odd_link": (("poll",), _none),
    "truncate": (("download",), _none),
    "longer": (("download",), _none),
    "no_length": (("download",), _one_of({}, {"fraction": 0.5}, {"chunked": True})),
    "expired_link": (("download",), _one_of({}, {"status": "410"}, {"status": "404"})),
    "changed": (("download",), _one_of({}, {"blind": True})),
    "range_ignored": (("download",), _none),
    "redirect": (ALL, _one_of({"to": "elsewhere"}, {"to": "loop"}, {"to": "home"})),
}

OUTAGES: Sequence[dict[str, Any]] = (
    {"fault": "lost_id"},
    {"fault": "503"},
    {"fault": "reset_before"},
    {"fault": "key_revoked"},
)
"""What hits every job at once."""


def _faults(rng: random.Random) -> list[Fields]:
    faults = [_fault(rng) for _ in range(rng.choice([0, 1, 2, 3, 5]))]
    if rng.random() < 0.2:
        faults.append(rng.choice(OUTAGES) | {"phase": "poll", "from_s": rng.choice([0, 10, 60])})
    return faults


def _fault(rng: random.Random) -> Fields:
    name = rng.choice(list(PIECES))
    phases, fields = PIECES[name]
    phase = rng.choice(phases)
    target: dict[str, Any] = {
        "phase": phase,
        "rate": rng.choice([0.1, 0.4, 1.0]),
        "seed": rng.randrange(1000),
    }
    if rng.random() < 0.6 or (name == "429" and phase == "submit"):  # without an end, nor has the night one
        target["attempts"] = rng.choice(["1", "1-2", "2-5", "2-"][: 3 if name == "429" else 4])
    if rng.random() < 0.3:
        target["job"] = f"*{rng.choice(KEYS)}*"
    if rng.random() < 0.2:
        target["from_s"] = rng.choice([5, 40])
    return {"fault": name, **target, **fields(rng)}
