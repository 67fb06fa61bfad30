"""The history of a batch: each run with its start, its end, how it ended and what it spent."""

from __future__ import annotations

from pathlib import Path

from support.builders_core import rows_of

from pipeline.ledger.base import Run
from pipeline.ledger.sqlite import SqliteLedger
from pipeline.model import TakeState
from pipeline.money import NO_CAPS
from pipeline.offload import Inline

REASON = "the gateway refuses this account: no credits"


async def test_runs_are_told_in_the_order_they_were_begun(tmp_path: Path) -> None:
    """A run that was killed has no end; `last` leaves out older ones."""
    ledger = await SqliteLedger.open(tmp_path / "ledger.sqlite", Inline())
    for began in (100.0, 200.0, 300.0):
        await ledger.begin_run("./a.yaml", began)
        if began != 200.0:
            await ledger.end_run(3, began + 50.0, reason=REASON, clips=2)

    runs = await ledger.runs()
    last = await ledger.runs(2)
    await ledger.close()

    assert [(run.id, run.started_at, run.ended_at, run.exit_code) for run in runs] == [
        (1, 100.0, 150.0, 3),
        (2, 200.0, None, None),
        (3, 300.0, 350.0, 3),
    ]
    assert (runs[0].reason, runs[0].clips, runs[1].reason) == (REASON, 2, None)
    assert last == runs[1:]


async def test_a_run_spends_what_its_own_submits_do(tmp_path: Path) -> None:
    """Reserved first, and the gateway's figure once it is told, also where a later run hears it."""
    ledger = await SqliteLedger.open(tmp_path / "ledger.sqlite", Inline())
    await ledger.begin_run("./a.yaml", 100.0)
    await ledger.plan(rows_of(["fox"]), "xai")
    [take] = [take async for take in ledger.planned()]
    take = await ledger.intend(take, NO_CAPS, intent_at=100.0, reserved_ticks=70)
    take = await ledger.move(take, TakeState.ACCEPTED, remote_id="r", accepted_at=101.0)
    reserved = [run.spent_ticks for run in await ledger.runs()]

    await ledger.begin_run("./a.yaml", 200.0)
    await ledger.move(take, TakeState.READY, url="https://a.test/b", cost_ticks=50)
    settled: list[Run] = await ledger.runs()
    await ledger.close()

    assert reserved == [70]
    assert [run.spent_ticks for run in settled] == [50, 0]
