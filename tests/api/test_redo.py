"""`nightreel redo`: another take of the same prompt, sent by the next run and by nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ledger.opening import bring
from support.builders_core import ANY_PROVIDER, rows_of
from support.builders_engine import Ask, FakeGateway, Step, always, status_word
from support.night import Night

from pipeline.decisions import redo
from pipeline.errors import BusyError, UsageError
from pipeline.model import TakeState
from pipeline.opening import open_ledger
from pipeline.storage.lock import batch_lock


def redone(night: Night, *keys: str) -> None:
    asyncio.run(redo(night.batch, keys))


def test_a_disliked_clip_is_made_once_more_and_kept(tmp_path: Path) -> None:
    """Nothing is sent before the next run; the old clip bears the name until the new one is whole."""
    night = Night(tmp_path, ["candle", "desk"], FakeGateway(render_s=lambda key: 20.0 + len(key)))
    night.run()
    paid = len(night.submits)
    redone(night, "candle", "candle")
    seen: list[bool] = []
    old = night.clip().read_bytes()
    night.gateway.file = lambda _ask: seen.append(night.clip().read_bytes() == old)

    assert len(night.submits) == paid
    result, rerun = night.run(), night.run()

    assert (result.exit_code, rerun.exit_code, rerun.requests) == (0, 0, 0)
    assert len(night.submits) == paid + 1
    assert seen == [True]
    (kept,) = night.superseded()
    assert (kept.name, kept.read_bytes()) == (f"{night.takes('candle')[0].label}.mp4", old)
    assert kept.with_suffix(".json").exists()
    assert night.clip().read_bytes() == night.gateway.content(night.take().remote_id or "")
    assert [(take.number, take.state.value) for take in night.takes("candle")] == [(1, "done"), (2, "done")]


def test_the_old_clip_stays_in_place_if_the_new_take_fails(tmp_path: Path) -> None:
    """Kept for ever; and it can be tried once more."""
    night = Night(tmp_path)
    night.run()
    old = night.clip().read_bytes()
    redone(night, "candle")
    night.gateway.poll = always(status_word("failed"))

    assert night.run().exit_code == 1
    assert night.clip().read_bytes() == old

    night.gateway.heal()
    redone(night, "candle")
    assert night.run().exit_code == 0
    assert [take.state.value for take in night.takes()] == ["done", "failed", "done"]
    assert night.superseded()[0].read_bytes() == old


def test_children_are_not_bought_again(tmp_path: Path) -> None:
    """A chain follows what was asked, not which take of it is the newest."""
    night = Night(tmp_path, ["candle", {"id": "snow", "edit": "candle"}])
    night.run()
    redone(night, "candle")

    assert night.run().exit_code == 0
    assert [ask.key for ask in night.submits] == ["candle", "snow", "candle"]


def test_a_clip_that_never_came_can_be_made_anew(tmp_path: Path) -> None:
    """`undelivered` is paid; another take is the user's word."""

    def poll(ask: Ask) -> Step | None:
        return status_word("done") if ask.remote_id == "order-00001" else None

    night = Night(tmp_path, gateway=FakeGateway(poll=poll))
    night.run()
    assert night.states() == {"candle": "undelivered"}
    redone(night, "candle")

    assert night.run().exit_code == 0
    assert night.take().state is TakeState.DONE


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        (TakeState.PLANNED, "not sent yet"),
        (TakeState.BLOCKED, "not sent yet"),
        (TakeState.ACCEPTED, "on its way"),
        (TakeState.READY, "on its way"),
        (TakeState.SUBMITTING, "run again first"),
        (TakeState.UNKNOWN, "resolve"),
    ],
)
async def test_what_may_bring_a_clip_yet_is_refused(tmp_path: Path, state: TakeState, complaint: str) -> None:
    """All of the jobs or none: a mistake in the second leaves the first as it was."""
    async with open_ledger(tmp_path) as ledger:
        await ledger.begin_run("night.yaml", 0.0)
        await ledger.plan(rows_of(["owl", "cat"]), ANY_PROVIDER)
        for key, to in (("owl", TakeState.FAILED), ("cat", state)):
            (take,) = await ledger.takes_of(key)
            await bring(ledger, take, to)

    with pytest.raises(UsageError, match=f"'cat' .*{complaint}"):
        await redo(tmp_path, ["owl", "cat"])

    async with open_ledger(tmp_path) as ledger:
        assert [len(await ledger.takes_of(key)) for key in ("owl", "cat")] == [1, 1]


def test_unknown_names_orphans_and_a_busy_batch_are_refused(tmp_path: Path) -> None:
    night = Night(tmp_path, ["candle", "desk"])
    night.run()
    night.edit(["candle"])
    night.run()

    with pytest.raises(UsageError, match="no job 'candel' in this batch; did you mean \"candle\""):
        redone(night, "candel")
    with pytest.raises(UsageError, match="'desk' is not in the manifest"):
        redone(night, "desk")
    with batch_lock(night.batch), pytest.raises(BusyError):
        redone(night, "candle")
