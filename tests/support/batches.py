"""Batch folders as nights leave them, made without running any: a ledger, and files in the place of clips."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.ledger.base import PlannedJob
from pipeline.ledger.sqlite import SqliteLedger
from pipeline.model import TICKS_PER_USD, Job, Probe, Take, TakeState
from pipeline.money import Caps
from pipeline.offload import Threads
from pipeline.opening import LEDGER_NAME

BEGAN = 1_790_000_000.0
MODELS = ("grok-imagine-video", "grok-imagine-video-1.5", "veo-3.1-fast")
WORDS = (
    "a",
    "red",
    "fox",
    "walks",
    "slowly",
    "through",
    "deep",
    "snow",
    "while",
    "morning",
    "light",
    "turns",
    "gold",
)
_S = TakeState
_ENDS = (*(_S.DONE,) * 14, _S.FAILED, _S.MODERATED, _S.UNKNOWN, _S.ACCEPTED, _S.PLANNED, _S.HELD)
PAGE = 500


def a_batch(
    folder: Path,
    takes: Sequence[Take],
    *,
    ended: bool = True,
    calls: Mapping[tuple[int, str, str], int] | None = None,
    clips: bytes | None = b"clip",
) -> Path:
    """A batch with these takes on record. `clips`: what lies where the clips of done takes would lie."""
    folder.mkdir(parents=True, exist_ok=True)
    if clips is not None:
        takes = [replace(take, size_bytes=len(clips)) if take.state is _S.DONE else take for take in takes]
        for take in takes:
            if take.state is _S.DONE:
                home = f"clips/{take.job.key}" if take.wanted else f"superseded/{take.label}"
                clip = folder / f"{home}.mp4"
                clip.parent.mkdir(parents=True, exist_ok=True)
                clip.write_bytes(clips)
    asyncio.run(_record(folder, takes, calls or {}, ended=ended))
    return folder


async def _record(
    folder: Path, takes: Sequence[Take], calls: Mapping[tuple[int, str, str], int], *, ended: bool
) -> None:
    thread = Threads("ledger", 1)
    ledger = await SqliteLedger.open(folder / LEDGER_NAME, thread)
    try:
        await ledger.begin_run("../night.yaml", BEGAN, caps=Caps(batch_ticks=900 * TICKS_PER_USD))
        wanted = [take for take in takes if take.wanted]
        for first in range(0, len(wanted), PAGE):
            rows = enumerate(wanted[first : first + PAGE], start=first)
            jobs = [PlannedJob(job=take.job, fingerprint=take.fingerprint, position=at) for at, take in rows]
            await ledger.plan(jobs, "cometapi")
        for first in range(0, len(takes), PAGE):
            await ledger.restore(takes[first : first + PAGE])
        await ledger.count_calls(calls)
        if ended:
            last = max([BEGAN, *(take.changed_at or 0.0 for take in takes)])
            await ledger.end_run(1, last + 1.0)
    finally:
        await ledger.close()
        thread.close()


def fingerprint_of(key: str, number: int = 0) -> str:
    return hashlib.sha256(f"{key}/{number}".encode()).hexdigest()


def a_night(count: int, seed: int = 1) -> list[Take]:
    """Takes of so many jobs, by chance but the same for the same seed; prompts of about 100 characters."""
    rng = random.Random(seed)
    return [_a_take(number, rng) for number in range(count)]


def _a_take(number: int, rng: random.Random) -> Take:
    key = f"scene-{number // 100:03}/shot-{number:05}"
    words = [WORDS[rng.randrange(len(WORDS))] for _ in range(19)]
    job = Job(
        key=key,
        prompt=" ".join(words).capitalize() + ".",
        model=MODELS[rng.randrange(len(MODELS))],
        duration_s=rng.choice((4, 6, 8)),
        resolution="720p",
        aspect_ratio="16:9",
        tags=("hero",) if number % 10 == 0 else (),
    )
    state = rng.choice(_ENDS)
    take = Take(id=0, job=job, fingerprint=fingerprint_of(key), number=1, state=state, provider="cometapi")
    price = 2_000_000_000 + 100_000_000 * rng.randrange(10)
    take = replace(take, estimate_ticks=price)
    if state in (_S.PLANNED, _S.HELD):
        reason = "the batch's budget_usd of $900.00 is used up" if state is _S.HELD else None
        return replace(take, reason=reason)
    intent = BEGAN + number * 0.4
    take = replace(take, origin="https://gateway.example", intent_at=intent, reserved_ticks=price)
    if state is _S.UNKNOWN:
        return replace(take, ended_at=intent + 60, reason="no answer within 60 s")
    remote_id = f"{rng.getrandbits(128):032x}"
    take = replace(take, accepted_at=intent + 0.6, remote_id=remote_id)
    ready = intent + 20 + rng.lognormvariate(3.4, 0.4)
    if state is not _S.DONE:
        reason = {_S.FAILED: "the model gave up", _S.MODERATED: "refused by moderation"}.get(state)
        return replace(take, reason=reason, ended_at=ready if reason else None)
    length = float(job.duration_s or 6) if rng.random() > 0.01 else 2.0
    probe = Probe(
        width=1280, height=720, duration_s=length, codec="h264", fps=24.0, brightness=0.4, change=0.2
    )
    return replace(
        take,
        ready_at=ready,
        loading_at=ready + rng.uniform(0, 2),
        ended_at=ready + rng.uniform(2, 6),
        cost_ticks=price,
        sha256=fingerprint_of(key, 1),
        size_bytes=3_000_000,
        probe=probe,
    )


def calls_of(takes: Iterable[Take]) -> dict[tuple[int, str, str], int]:
    """A submit, a few polls and a download for each, and some that were refused."""
    counts: dict[tuple[int, str, str], int] = {}
    for take in takes:
        if take.intent_at is not None:
            minute = int(take.intent_at // 60)
            for kind, outcome, count in (("submit", "200 accepted", 1), ("poll", "200 running", 4)):
                counts[minute, kind, outcome] = counts.get((minute, kind, outcome), 0) + count
            if minute % 7 == 0:
                counts[minute, "submit", "429 busy"] = counts.get((minute, "submit", "429 busy"), 0) + 1
    return counts
