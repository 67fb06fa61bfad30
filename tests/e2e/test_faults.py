"""Each fault of the simulator at a high rate: every clip comes all the same, and is paid for once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from e2e.ahead import Around
from support.command import Desk, Ended, calls_of, clip_jobs, clips_of, leftovers

JOBS = 5
FAULTS = {
    "submit 429 plain": ("submit", "429 busy"),
    "submit 429 seconds": ("submit", "429 busy"),
    "submit 429 date": ("submit", "429 busy"),
    "submit 503": ("submit", "503 busy"),
    "poll 429 seconds": ("poll", "429 try_again"),
    "poll 503": ("poll", "503 try_again"),
    "poll resets": ("poll", "lost"),
    "download 429 date": ("download", "429"),
    "download 503": ("download", "503"),
    "download resets": None,
    "download truncate": None,
    "download expired_link": ("download", "403"),
}
"""By the mark in the prompts that it is for (see conftest.py): how the ledger counts it, where it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """What one run under a fault left."""

    ended: Ended
    keys: set[str]
    clips: set[str]
    leftovers: list[str]
    calls: Counter[tuple[str, str]]
    billed: dict[str, str]


def work(fault: str, desk: Desk, around: Around) -> Survived:
    jobs = [job | {"prompt": f"{fault}: {job['id']}"} for job in clip_jobs(JOBS)]
    manifest = desk.manifest(jobs)
    ended = desk.at(around.gateway).run("run", manifest, "--json")
    return Survived(
        ended=ended,
        keys={job["id"] for job in jobs},
        clips=clips_of(desk.batch()),
        leftovers=leftovers(desk.folder / "output"),
        calls=calls_of(desk.batch()),
        billed=around.gateway.billed(fault),
    )


@pytest.mark.slow
@pytest.mark.parametrize("row", FAULTS)
def test_a_fault_costs_time_and_nothing_else(row: str, seen: Survived) -> None:
    """One run, exit 0: all clips there, submissions are jobs, and the fault did strike."""
    seen.ended.exits(0)
    assert seen.clips == seen.keys
    assert len(seen.billed) == len(seen.keys)
    assert seen.leftovers == []
    counted = FAULTS[row]
    if counted is not None:
        assert seen.calls[counted] > 0, seen.calls
    else:
        assert seen.ended.err.count("; will go on") > 0
