"""Kills a batch again and again, runs it until it is done, and compares bill, ledger and files.

`crash_batch` does one batch by a plan; a plan made by `random_plan` follows from a seed. After every kill it
looks at what must hold at any moment, at the end of a round at what must hold in the end. Whatever does not
is a `Violation`. The second round edits some prompts, so that older clips have to be kept; the third goes
back to the first ones, which costs nothing.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash.launcher import POINTS
from PIL import Image
from support.command import DEADLINE_S, Desk, Ended, Sim, a_clip, leftovers, read_ledger, sha256_of

LAUNCHER = Path(__file__).with_name("launcher.py")
MODELS = {"cometapi": "grok-imagine-video", "xai": "grok-imagine-video", "globalaiopc": "grok_video3"}
BILLED_EXACTLY = ("cometapi", "xai")  # the third tells nobody what it charges
LIMITS = {"max_in_flight": 40, "submit_per_s": 12}
"""Room for every take that becomes `unknown`, which holds its slot; slow enough that kills meet submits."""
UNSENT = {"planned", "held", "blocked"}
SINCE = {"before-second-name": 2, "after-second-name": 2, "mid-return": 3, "after-return": 3}
"""Points that no run passes before this round."""
RUN_S = 1.2  # most of what a run of a whole batch takes


class Stable:
    """The launcher as a process: one run at a time, each forked where the command is imported already."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, LAUNCHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, words: Sequence[str | Path], folder: Path, env: dict[str, str]) -> Ended:
        """Fails if it does not end in time; it is dead then, too."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        said = folder / "said"
        order = {"words": [str(word) for word in words], "folder": str(folder), "env": env, "said": str(said)}
        began = time.monotonic()
        late = threading.Timer(DEADLINE_S, os.killpg, (self._process.pid, signal.SIGKILL))
        late.start()
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code = self._process.stdout.readline()
        late.cancel()
        out, err = (said.with_suffix(suffix).read_text() for suffix in (".out", ".err"))
        if not code:
            self.close()
            self._start()
            raise AssertionError(f"no end within {DEADLINE_S:g} s of {' '.join(order['words'])}\n{out}{err}")
        return Ended(code=int(code), out=out, err=err, seconds=time.monotonic() - began)

    def close(self) -> None:
        self._process.communicate()


@contextmanager
def stable() -> Iterator[Stable]:
    runner = Stable()
    try:
        yield runner
    finally:
        runner.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashDesk(Desk):
    """A desk whose commands are started by a launcher."""

    stable: Stable

    def run(self, *words: str | Path, deadline_s: float = DEADLINE_S) -> Ended:
        return self.stable.run(words, self.folder, dict(self.clean_env))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens to one batch: where each run of each round dies, as `CRASH_AT` says it."""

    mark: str
    provider: str
    rounds: tuple[tuple[str, ...], ...]
    fault: str = ""
    strict: bool = False  # every run must die where it was told to


def random_plan(mark: str, rng: random.Random) -> Plan:
    """Rounds of a few kills, half of them at a point, half at any moment."""
    rounds = [random_kills(rng, number) for number in (1, 2)]
    if rng.random() < 0.5:
        rounds.append(random_kills(rng, 3))
    return Plan(mark=mark, provider=rng.choice(sorted(MODELS)), rounds=tuple(rounds))


def random_kills(rng: random.Random, number: int) -> tuple[str, ...]:
    """Where the runs of this round die. In the third nothing is sent: it is short."""
    points = [point for point in POINTS if SINCE.get(point, 1) <= number and point != "mid-migration"]
    length_s, kills = RUN_S, []
    if number == 1 and rng.random() < 0.3:
        kills.append(f"mid-migration:{rng.randint(1, 10)}")
    if number == 3:
        points, length_s = ["before-plan", *SINCE], RUN_S / 4
    for _ in range(rng.randint(3, 5)):
        if rng.random() < 0.5:
            kills.append(f"time:{rng.uniform(0, length_s):.3f}")
        else:
            kills.append(f"{rng.choice(points)}:{rng.choice((1, 1, 2, 3))}")
    return tuple(kills)


@dataclass(frozen=True, slots=True)
class Violation:
    kind: str
    text: str


@dataclass(slots=True)
class Report:
    """What one batch, or many, came to."""

    batches: int = 0
    kills: Counter[str] = field(default_factory=Counter)  # by point; `time` is any moment
    violations: list[Violation] = field(default_factory=list)
    charged: int = 0  # unknown takes that the bill had
    not_charged: int = 0

    def add(self, other: Report) -> None:
        self.batches += other.batches
        self.kills += other.kills
        self.violations += other.violations
        self.charged += other.charged
        self.not_charged += other.not_charged


def crash_batch(plan: Plan, folder: Path, gateway: Sim, runner: Stable) -> Report:
    """One batch from its first run to its last comparison."""
    batch = CrashedBatch(plan, CrashDesk(folder=folder, stable=runner).at(gateway), gateway)
    batch.report.batches = 1
    try:
        for number, kills in enumerate(plan.rounds, start=1):
            batch.round(number, kills)
    except AssertionError as exc:
        batch.violated("stuck", str(exc))
    return batch.report


class CrashedBatch:
    """A batch, its kills and its comparisons."""

    def __init__(self, plan: Plan, desk: Desk, gateway: Sim) -> None:
        self.report = Report()
        self._plan = plan
        self._desk = desk.with_env(CRASH_FAULT=plan.fault)
        self._gateway = gateway
        self._folder = desk.batch(plan.mark)
        self._jobs: list[dict[str, Any]] = []
        self._prompts: set[str] = set()  # all that were ever asked for
        desk.folder.mkdir(parents=True, exist_ok=True)
        for name, size in (("shape-1", (160, 90)), ("shape-2", (90, 160))):
            noise = Image.effect_noise(size, 50).convert("RGB")
            noise.save(desk.folder / f"{name}.jpg", comment=b"left out when it is sent")

    def violated(self, kind: str, text: str) -> None:
        self.report.violations.append(Violation(kind, f"{self._plan.mark}: {text}"))

    def round(self, number: int, kills: Sequence[str]) -> None:
        self._jobs = jobs_of(self._plan, number)
        self._prompts |= {job["prompt"] for job in self._jobs}
        manifest = self._desk.manifest(
            self._jobs, batch=self._plan.mark, provider=self._plan.provider, **LIMITS
        )
        for kill in kills:
            ended = self._desk.with_env(CRASH_AT=kill).run("run", manifest, "--json")
            if ended.code == -9:
                self.report.kills[kill.partition(":")[0]] += 1
                self._at_any_moment(f"round {number}, killed at {kill}")
            elif self._plan.strict:
                self.violated("missed", f"exit {ended.code} instead of a kill at {kill}")
            elif ended.exits(0, 1).code == 0:
                break
        settled = self._desk.run_until_settled(manifest)
        if settled.code:
            settled = self._resolve(manifest, settled)
        self._in_the_end(number, settled)
        again = self._desk.run("run", manifest, "--json")
        if again.code or again.json["requests"]:
            self.violated("requests", f"a rerun with nothing to do: exit {again.code}\n{again.text}")
        if number == 3 and settled.json["requests"]:
            self.violated("requests", "going back to earlier prompts is not free")

    def _resolve(self, manifest: Path, settled: Ended) -> Ended:
        paid = {line["prompt"] for line in self._bill()}
        prompts = {job["id"]: job["prompt"] for job in self._jobs}
        for take in settled.json["takes"]:
            if take["state"] == "unknown":
                self.report.charged += prompts[take["job"]] in paid
                self.report.not_charged += prompts[take["job"]] not in paid
        return self._desk.resolve_by_bill(manifest, self._gateway, settled)

    def _bill(self) -> list[dict[str, Any]]:
        return [line for line in self._gateway.bill()["jobs"] if f"<{self._plan.mark}>" in line["prompt"]]

    # --- what must hold

    def _at_any_moment(self, when: str) -> None:
        """Nothing paid twice; what is paid for is on record as sent; what is `done` has its clip."""
        takes = self._takes()
        sent = Counter(line["prompt"] for line in self._bill())
        for prompt, count in sent.items():
            if count > 1:
                self.violated("double submission", f"{when}: {count} times {prompt!r}")
        for take in takes:
            if take["prompt"] in sent and take["state"] in UNSENT:
                self.violated("forgotten", f"{when}: {take['key']} is {take['state']}, and paid for")
            if take["state"] == "done" and self._clip(take) is None:
                self.violated("lost clip", f"{when}: {take['label']} is done, and not on disk")

    def _in_the_end(self, number: int, settled: Ended) -> None:
        """Each job done and paid for once, each clip whole with its side file, nothing left over."""
        when = f"end of round {number}"
        self._at_any_moment(when)
        lines = {line["prompt"]: line for line in self._bill()}
        takes = self._takes()
        if set(lines) != self._prompts:
            self.violated(
                "bill", f"{when}: {sorted(self._prompts ^ set(lines))} asked for or billed, not both"
            )
        if settled.json["counts"] != {"done": len(self._jobs)}:
            self.violated("not done", f"{when}: {settled.json['counts']}")
        for take in takes:
            self._compare(when, take, lines.get(take["prompt"], {}))
        rest = leftovers(self._folder) + [str(path) for path in self._folder.glob(".sending")]
        if rest:
            self.violated("leftover", f"{when}: {rest}")
        billed = sum(line["ticks"] for line in lines.values())
        if self._plan.provider in BILLED_EXACTLY and billed != settled.json["cost_ticks"]:
            self.violated("cost", f"{when}: {billed} billed, {settled.json['cost_ticks']} on record")

    def _compare(self, when: str, take: dict[str, Any], line: dict[str, Any]) -> None:
        """One take: ledger, clip, side file and bill say the same."""
        clip = self._clip(take)
        if clip is None:
            self.violated("lost clip", f"{when}: {take['label']} ({take['state']})")
            return
        try:
            side = json.loads(clip.with_name(clip.name.removesuffix(".mp4") + ".json").read_text())
        except (OSError, ValueError) as exc:
            self.violated("side file", f"{when}: {take['label']}: {exc}")
            return
        told = (side["label"], side["sha256"], side["remote_id"], side["asked"]["prompt"])
        known = (take["label"], take["sha256"], line.get("id"), take["prompt"])
        if told != known or take["remote_id"] != line.get("id"):
            self.violated("side file", f"{when}: it says {told}, ledger and bill say {known}")

    def _clip(self, take: dict[str, Any]) -> Path | None:
        """Where the very bytes of a take lie under a name of its own."""
        kept = self._folder / "superseded" / f"{take['label']}.mp4"
        named = self._folder / "clips" / f"{take['key']}.mp4"
        found = (path for path in (kept, named) if path.is_file() and sha256_of(path) == take["sha256"])
        return next(found, None)

    def _takes(self) -> list[dict[str, Any]]:
        query = "SELECT job_key, fingerprint, number, state, remote_id, sha256, spec FROM takes"
        return [
            {
                "key": key,
                "label": f"{key}.{fingerprint[:8]}.{take}",
                "state": state,
                "remote_id": remote_id,
                "sha256": sha256,
                "prompt": json.loads(spec)["prompt"],
            }
            for key, fingerprint, take, state, remote_id, sha256, spec in read_ledger(self._folder, query)
        ]


def jobs_of(plan: Plan, number: int) -> list[dict[str, Any]]:
    """A dozen jobs: texts, pictures and a chain. Round 2 asks otherwise for some, round 3 as round 1 did.

    What it asks otherwise is of another shape: the simulator's small clips differ by nothing else.
    """
    edits = plan.provider != "globalaiopc"
    edited = {"text-0", "text-1", "text-2", "picture-0", "child", "grandchild"}

    def job(key: str, **fields: Any) -> dict[str, Any]:
        asked = 2 if number == 2 and key in edited else 1
        if key.startswith("text"):
            fields["aspect_ratio"] = ("16:9", "9:16")[asked - 1]
        if key.startswith("picture"):
            fields["image"] = f"shape-{asked}.jpg" if edits else "https://example.com/shape.jpg"
        return a_clip(key, f"<{plan.mark}> {key}, version {asked}.", model=MODELS[plan.provider], **fields)

    if not edits:
        edited.discard("picture-0")  # its shape would stay
    texts = [job(f"text-{n}", duration=6) for n in range(8)]
    pictures = [job(f"picture-{n}", duration=6) for n in range(2)]
    chain = [job("child", edit="text-0"), job("grandchild", edit="child")] if edits else []
    return [*texts, *pictures, *chain]
