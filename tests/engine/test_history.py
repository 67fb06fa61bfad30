"""What a run puts on record of itself: why it stopped, and how many clips it brought home."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.builders_engine import FakeGateway, always, refused
from support.night import Night

from pipeline.ledger.base import Run
from pipeline.ledger.sqlite import SqliteLedger
from pipeline.offload import Inline

NO_CREDITS = refused(402, "no credits left")


def runs(night: Night) -> list[Run]:
    async def read() -> list[Run]:
        ledger = await SqliteLedger.open(night.ledger_to_read(), Inline())
        try:
            return await ledger.runs()
        finally:
            await ledger.close()

    return asyncio.run(read())


def test_credits_run_out_and_come_back(tmp_path: Path) -> None:
    """The first run says why it ended, and the second that nothing is left."""
    gateway = FakeGateway(submit=lambda ask: NO_CREDITS if ask.key in "cd" else None)
    night = Night(tmp_path, ["a", "b", "c", "d"], gateway, {"max_in_flight": 1})
    first = night.run()
    gateway.heal()
    night.sleep(3600.0)
    second = night.run()

    told = runs(night)

    assert [run.exit_code for run in told] == [first.exit_code, second.exit_code] == [3, 0]
    assert [run.clips for run in told] == [2, 2]
    assert told[0].reason == first.reason
    assert (first.reason or "").startswith("the gateway refuses this account: no credits left")
    assert told[1].reason is None
    assert [run.spent_ticks for run in told] == [1_000_000_000, 1_000_000_000]
    assert all(run.ended_at is not None and run.ended_at > run.started_at for run in told)


def test_a_brake_and_a_signal_are_told(tmp_path: Path) -> None:
    night = Night(tmp_path, [f"job{number}" for number in range(9)], limits={"max_in_flight": 1})
    night.gateway.submit = always(refused(400, "bad prompt"))
    night.run()
    night.gateway.heal()
    night.run(signal_at=5.0)

    told = runs(night)

    assert told[1].reason == "interrupted by SIGINT"
    assert (told[0].reason or "").startswith("brake: the first 5 clips were all refused or failed")


def test_a_run_that_failed_has_an_end_too(tmp_path: Path) -> None:
    """Where the record can still be written, whatever went wrong is in it."""
    night = Night(tmp_path, ["a"])
    night.faults = lambda name: RuntimeError("a fault of ours") if name == "prepare" else None

    with pytest.raises(RuntimeError):
        night.run()

    [run] = runs(night)
    assert (run.exit_code, run.reason) == (70, "a fault of ours")


def test_a_killed_run_has_none(tmp_path: Path) -> None:
    night = Night(tmp_path, ["a"])
    died = night.dies(20, after=True)
    night.run()

    assert died
    assert [run.exit_code for run in runs(night)] == [None, 0]
