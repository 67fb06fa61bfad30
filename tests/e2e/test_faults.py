"""Each fault of the simulator at a high rate: every clip comes all the same, and is paid for once."""

from __future__ import annotations

import pytest
from support.command import Desk, Sim, calls_of, clip_jobs, clips_of, leftovers

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


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_time_and_nothing_else(fault: str, desk: Desk, gateway: Sim) -> None:
    """One run, exit 0: all clips there, submissions are jobs, and the fault did strike."""
    jobs = [job | {"prompt": f"{fault}: {job['id']}"} for job in clip_jobs(JOBS)]
    manifest = desk.manifest(jobs)

    ended = desk.at(gateway).run("run", manifest, "--json").exits(0)

    assert clips_of(desk.batch()) == {job["id"] for job in jobs}
    assert len(gateway.billed(fault)) == JOBS
    assert leftovers(desk.folder / "output") == []
    counted, calls = FAULTS[fault], calls_of(desk.batch())
    if counted is not None:
        assert calls[counted] > 0, calls
    else:
        assert "; will go on" in ended.err
