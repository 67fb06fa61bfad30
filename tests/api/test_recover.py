"""`nightreel recover`: a lost ledger is made anew, and nothing that was paid for is lost or sent again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.builders_engine import FakeGateway, in_turn, lost, only, status_word
from support.night import EVENING, Night

from pipeline.errors import LedgerError, UsageError
from pipeline.ledger.sqlite import COPY_NAME
from pipeline.model import TakeState
from pipeline.opening import LEDGER_NAME, LOG_NAME, refuse_lost_ledger
from pipeline.recovery import Recovered, recover

JOBS = ["candle", "desk", {"id": "snow", "edit": "candle"}]


def recovered(night: Night) -> Recovered:
    return asyncio.run(recover(night.batch, EVENING + night.now))


def lose(night: Night, *more: str) -> None:
    """The ledger is gone, and these other files."""
    for name in (LEDGER_NAME, f"{LEDGER_NAME}-wal", f"{LEDGER_NAME}-shm", *more):
        (night.batch / name).unlink(missing_ok=True)


@pytest.mark.parametrize("more", [(), (COPY_NAME,), (LOG_NAME,), (COPY_NAME, LOG_NAME)], ids=str)
def test_a_finished_batch_is_finished_again(tmp_path: Path, more: tuple[str, ...]) -> None:
    """Copy, log or side files alone are enough; the next run sends no request."""
    night = Night(tmp_path, JOBS, logs=True)
    night.run()
    before = night.takes()
    lose(night, *more)
    recovered(night)

    result = night.run()

    assert (result.exit_code, result.requests) == (0, 0)
    facts = [(t.job.prompt, t.state, t.remote_id, t.origin, t.cost_ticks, t.sha256) for t in night.takes()]
    assert sorted(facts) == sorted(
        (t.job.prompt, t.state, t.remote_id, t.origin, t.cost_ticks, t.sha256) for t in before
    )
    night.sound()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("first", [False, True], ids=["no copy", "older copy"])
def test_whenever_it_died_nothing_is_paid_twice(tmp_path: Path, first: bool, after: bool) -> None:
    """The process dies at any durable moment, and its ledger is lost with it. Every 3rd moment, for speed."""
    for number in range(2, 200, 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        night = Night(folder, ["fox"] if first else JOBS, logs=True)
        if first:
            night.run()
            night.edit(["fox", *JOBS])
        died = night.dies(number, after=after)
        lose(night)
        try:
            recovered(night)
        except UsageError:  # it died before anything was sent
            assert len(night.gateway.orders) == 0
        night.run()
        left = {take.state for take in night.takes() if take.wanted} - {TakeState.DONE}
        assert left <= {TakeState.UNKNOWN, TakeState.BLOCKED}
        night.sound()
        if not died:
            return
    raise AssertionError("the night has more moments than were tried")


def test_what_ended_stays_ended_and_lost_answers_stay_unknown(tmp_path: Path) -> None:
    """No end is retried and no doubt is forgotten because a file was lost."""
    gateway = FakeGateway(
        submit=only("candle", in_turn(lost())), poll=only("desk", in_turn(status_word("failed")))
    )
    night = Night(tmp_path, ["candle", "desk", "fox"], gateway, logs=True)
    night.run()
    lose(night, COPY_NAME)

    assert recovered(night).unknown == 1
    result = night.run()

    assert (result.exit_code, result.requests) == (1, 0)
    assert night.states() == {"candle": "unknown", "desk": "failed", "fox": "done"}


def test_a_damaged_ledger_is_kept_aside(tmp_path: Path) -> None:
    """Under another name, with its journal; never deleted."""
    night = Night(tmp_path, JOBS, logs=True)
    night.run()
    ledger = night.batch / LEDGER_NAME
    ledger.write_bytes(b"not a database at all" * 99)
    with pytest.raises(LedgerError, match=r"`nightreel recover .*` makes a new one"):
        night.run()

    found = recovered(night)

    assert found.aside is not None
    assert found.aside.read_bytes() == b"not a database at all" * 99
    assert found.aside.name.startswith("ledger.damaged-2027")
    assert night.run().requests == 0


def test_a_ledger_that_can_be_read_is_left_alone(tmp_path: Path) -> None:
    night = Night(tmp_path, JOBS, logs=True)
    night.run()
    before = (night.batch / LEDGER_NAME).read_bytes()

    with pytest.raises(UsageError, match="nothing to recover"):
        recovered(night)

    assert (night.batch / LEDGER_NAME).read_bytes() == before


def test_a_copy_that_is_broken_too_is_not_believed(tmp_path: Path) -> None:
    night = Night(tmp_path, JOBS, logs=True)
    night.run()
    lose(night)
    (night.batch / COPY_NAME).write_bytes(b"\0" * 8192)

    assert recovered(night).from_copy == 0
    assert night.run().requests == 0


def test_lines_and_side_files_that_are_not_ours_are_left_out(tmp_path: Path) -> None:
    """A key that leads out of the folder, a line cut short, somebody's own JSON."""
    night = Night(tmp_path, logs=True)
    night.run()
    lose(night, COPY_NAME)
    (night.batch / "clips" / "notes.json").write_text('["mine"]')
    print_ = "0" * 64
    evil = f'{{"version": 1, "job": "../../x", "take": 1, "fingerprint": "{print_}"}}'
    (night.batch / "clips" / "evil.json").write_text(evil)
    with (night.batch / LOG_NAME).open("ab") as log:
        log.write(b'{"event": "take.done", "job": 7}\n[]\n{"event": "take.acc')

    assert recovered(night).takes == 1
    assert night.run().requests == 0


def test_a_failed_copy_is_a_note(tmp_path: Path) -> None:
    """The clips are there: the run went well."""
    night = Night(tmp_path)
    night.batch.mkdir()
    (night.batch / f"{COPY_NAME}.tmp").mkdir()

    assert night.run().exit_code == 0
    assert "ledger.not_saved" in night.troubles()


def test_a_folder_whose_ledger_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    night = Night(tmp_path, logs=True)
    refuse_lost_ledger(night.batch)
    night.run()
    refuse_lost_ledger(night.batch)
    lose(night, COPY_NAME, LOG_NAME)

    with pytest.raises(LedgerError, match="nightreel recover"):
        refuse_lost_ledger(night.batch)
