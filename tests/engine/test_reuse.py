"""`--reuse`: clips that another batch has already are taken over for nothing, each for one job."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storage.placing import files
from support.books import read_books
from support.foresight import counts, outlooks, planned
from support.night import Crash, Fate, Night

from pipeline.events import RunStarted
from pipeline.ledger.sqlite import COPY_NAME
from pipeline.model import TakeState
from pipeline.opening import LEDGER_NAME, LOG_NAME
from pipeline.recovery import recover
from pipeline.storage.local import file_sha256
from pipeline.storage.lock import batch_lock

CLIP_USD = {"prices": {"*": {"clip": 0.4}}}


def spring(folder: Path, *jobs: object, name: str = "spring", **facts: object) -> Night:
    """A finished batch beside the one to come."""
    night = Night(folder, list(jobs or ["candle", "desk"]), **facts)  # type: ignore[arg-type]
    assert night.run().exit_code == 0
    night.batch.rename(folder / name)
    return night


def summer(before: Night, *jobs: object, reuse: bool = True, **facts: object) -> Night:
    """A batch to come in the same folder, at the same gateway."""
    others = before.folder if reuse else None
    wanted = list(jobs or ["candle", "desk"])
    return Night(before.folder, wanted, before.gateway, others=others, now=before.now, **facts)  # type: ignore[arg-type]


def notes(night: Night) -> str:
    return " ".join(
        note for _, event in night.events if isinstance(event, RunStarted) for note in event.notes
    )


def test_clips_are_taken_over_and_nothing_is_asked(tmp_path: Path) -> None:
    """Under another key, too: a clip is what was asked for. Nothing is settled or reserved for it."""
    before = spring(tmp_path)
    theirs = files(tmp_path / "spring")
    paid = len(before.gateway.asks)
    night = summer(before, {"id": "lamp", "prompt": "A candle."}, "desk", head=CLIP_USD)

    result = night.run()

    assert (result.exit_code, result.requests, len(night.gateway.asks)) == (0, 0, paid)
    assert (result.cost_ticks, result.reserved_ticks) == (0, 0)
    take = night.take("lamp")
    assert (take.state, take.cost_ticks, take.reserved_ticks) == (TakeState.DONE, 0, 0)
    assert take.reused_from == f"spring/candle.{take.fingerprint[:8]}.1"
    side = json.loads(night.clip("lamp").with_suffix(".json").read_text())
    assert (side["job"], side["reused_from"], side["cost_ticks"]) == ("lamp", take.reused_from, 0)
    assert "2 clips taken over from other batches, for nothing" in notes(night)
    assert night.clip("lamp").samefile(tmp_path / "spring" / "clips" / "candle.mp4")
    assert files(tmp_path / "spring") == theirs, "the other batch is not touched"
    assert night.left_over() == []
    night.sound()
    assert night.run().requests == 0


def test_without_the_word_it_is_only_told(tmp_path: Path) -> None:
    before = spring(tmp_path)
    night = summer(before, "candle", "fox", reuse=False)

    found = planned(night)
    reused = planned(night, reuse=True)

    assert (found.finds.elsewhere, counts(found)) == (1, {"new": 2})
    assert (found.finds.example or "").startswith("spring/candle.")
    assert (reused.to_send, counts(reused)) == (1, {"new": 1, "reused": 1})
    assert outlooks(reused)["candle"][1] == f"the clip of {found.finds.example} is taken over, for nothing"
    assert not night.batch.exists()


def test_each_film_serves_one_job(tmp_path: Path) -> None:
    """Jobs that ask for the same want different films, in this run and in later ones, also where a third
    batch has the same film."""
    before = spring(tmp_path, "candle")
    first = summer(before, {"id": "one", "prompt": "A candle."})
    first.run()
    first.batch.rename(tmp_path / "third")
    same = [{"id": key, "prompt": "A candle."} for key in ("one", "two", "three")]

    night = summer(before, same[0], same[1])
    forecast = planned(night, reuse=True)
    night.run()
    night.edit(same)
    night.run()

    assert counts(forecast) == {"reused": 1, "new": 1}
    assert [take.reused_from is not None for take in night.takes()] == [True, False, False]
    assert len({file_sha256(night.clip(key)) for key in ("one", "two", "three")}) == 3


@pytest.mark.parametrize("what", ["gone", "other bytes", "cut short"])
def test_a_clip_that_is_not_the_one_on_record_is_not_used(tmp_path: Path, what: str) -> None:
    """It is paid for then, as if it were not there."""
    before = spring(tmp_path, "candle")
    clip = tmp_path / "spring" / "clips" / "candle.mp4"
    content = clip.read_bytes()
    clip.unlink()
    if what != "gone":
        clip.write_bytes(content[::-1] if what == "other bytes" else content[:-1])
    night = summer(before, "candle")

    assert night.run().exit_code == 0
    assert (len(night.submits), night.take().reused_from) == (2, None)
    assert night.clip().read_bytes() == night.gateway.content(night.take().remote_id or "")


def test_an_older_clip_that_was_superseded_serves_too(tmp_path: Path) -> None:
    before = Night(tmp_path)
    before.run()
    before.edit([{"id": "candle", "prompt": "A blue candle."}])
    before.run()
    before.batch.rename(tmp_path / "spring")
    night = summer(before, "candle")

    assert night.run().requests == 0
    night.sound()


def test_a_clip_of_another_gateway_is_none(tmp_path: Path) -> None:
    """Least of all a simulated one."""
    before = spring(tmp_path, "candle")
    with closing(sqlite3.connect(tmp_path / "spring" / LEDGER_NAME, isolation_level=None)) as db:
        db.execute("UPDATE takes SET origin = 'sim'")
    night = summer(before, "candle")

    assert planned(night).finds.elsewhere == 0
    night.run()
    assert len(night.submits) == 2


def test_a_redo_wants_another_film(tmp_path: Path) -> None:
    """Only what was never sent is taken over, and no clip of one's own twice."""
    before = spring(tmp_path, "candle")
    night = summer(before, "candle", reuse=False)
    night.run()
    night.others = tmp_path
    night.again = frozenset({TakeState.DONE})

    night.run()

    assert (len(night.submits), night.take().number) == (3, 2)


def test_a_clip_that_was_taken_over_and_deleted_is_fetched_for_nothing(tmp_path: Path) -> None:
    """By the handle of the batch that paid; what the gateway says it cost is not this batch's."""
    before = spring(tmp_path, "candle")
    night = summer(before, "candle", head=CLIP_USD)
    night.run()
    night.clip().unlink()
    night.others = None

    result = night.run()

    assert (result.exit_code, len(night.submits), result.cost_ticks) == (0, 1, 0)
    assert night.take().cost_ticks == 0
    night.sound()


def test_an_older_clip_of_the_name_moves_aside(tmp_path: Path) -> None:
    before = spring(tmp_path, {"id": "candle", "prompt": "A blue candle."})
    night = summer(before, "candle", reuse=False)
    night.run()
    old = night.clip().read_bytes()
    night.edit([{"id": "candle", "prompt": "A blue candle."}])
    night.others = tmp_path

    assert night.run().requests == 0
    assert [path.read_bytes() for path in night.superseded()] == [old]
    night.sound()


def test_where_nothing_can_be_linked_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = spring(tmp_path, "candle")
    night = summer(before, "candle")

    def refuse(*_args: object, **_named: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)

    assert night.run().requests == 0
    assert not night.clip().samefile(tmp_path / "spring" / "clips" / "candle.mp4")
    night.sound()


@pytest.mark.parametrize("what", ["damaged", "foreign", "newer", "a link", "hostile"])
def test_what_is_no_ledger_of_ours_is_left_out_with_a_note(tmp_path: Path, what: str) -> None:
    """And the others still serve."""
    before = spring(tmp_path, "candle")
    odd = tmp_path / "odd"
    odd.mkdir()
    ledger = odd / LEDGER_NAME
    content = (tmp_path / "spring" / LEDGER_NAME).read_bytes()
    if what == "damaged":
        ledger.write_bytes(content[:100] + os.urandom(2000))
    elif what == "foreign":
        ledger.write_bytes(b"no database")
    elif what == "newer":
        ledger.write_bytes(content[:60] + (99).to_bytes(4, "big") + content[64:])
    elif what == "a link":
        ledger.symlink_to(tmp_path / "spring" / LEDGER_NAME)
    else:
        ledger.write_bytes(content.replace(b"candle", b"../../"))
    night = summer(before, "candle")

    result = night.run()

    assert (result.exit_code, result.requests) == (0, 0)
    assert night.troubles() == ["batch.left_out"]
    assert len(planned(summer(before, "fox")).finds.notes) == 1


@pytest.mark.parametrize("reuse", [True, False], ids=["the same again", "without --reuse"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_any_moment_loses_and_pays_nothing(tmp_path: Path, after: bool, reuse: bool) -> None:
    """The same command again finds all it took; without the word, only what was on record is not paid."""
    for number in range(1, 200):
        folder = tmp_path / str(number)
        folder.mkdir()
        before = spring(folder)
        night = summer(before)
        try:
            night.run(fate=Fate(number, after))
        except Crash:
            pass
        else:
            assert number > 20
            return
        ready = [take for take in night.takes() if take.reused_from] if night.takes_exist() else []
        night.others = folder if reuse else None

        assert night.run().exit_code == 0

        assert len(night.submits) == 2 + (0 if reuse else 2 - len(ready))
        assert night.left_over() == []
        for take in night.takes():
            assert take.sha256 == hashlib.sha256(night.clip(take.job.key).read_bytes()).hexdigest()
        assert night.run().requests == 0
    raise AssertionError("the run has no end")


@pytest.mark.parametrize("lost", [(COPY_NAME,), (COPY_NAME, LOG_NAME)], ids=str)
def test_a_lost_ledger_remembers_whose_clips_they_are(tmp_path: Path, lost: tuple[str, ...]) -> None:
    before = spring(tmp_path)
    night = summer(before, logs=True, head=CLIP_USD)
    night.run()
    facts = [(take.job, take.state, take.reused_from, take.sha256) for take in night.takes()]
    for name in (LEDGER_NAME, f"{LEDGER_NAME}-wal", f"{LEDGER_NAME}-shm", *lost):
        (night.batch / name).unlink(missing_ok=True)

    asyncio.run(recover(night.batch, 0.0))
    result = night.run()

    assert (result.requests, result.cost_ticks) == (0, 0)
    assert [(take.job, take.state, take.reused_from, take.sha256) for take in night.takes()] == facts


def test_a_running_batch_is_read_beside(tmp_path: Path) -> None:
    """Its journal is there, and a transaction is open: neither is touched, and nobody waits."""
    before = spring(tmp_path)
    with closing(sqlite3.connect(tmp_path / "spring" / LEDGER_NAME, isolation_level=None)) as db:
        db.execute("UPDATE takes SET reason = NULL")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE takes SET reason = 'half-way'")
        night = summer(before)
        with batch_lock(tmp_path / "spring"):
            assert night.run().requests == 0
        db.execute("COMMIT")


def test_its_sums_are_nothing(tmp_path: Path) -> None:
    """A budget that pays for no clip is enough, and the ledger's sums are those of its takes."""
    before = spring(tmp_path)
    night = summer(before, head=CLIP_USD, limits={"budget_usd": 0.01})

    assert night.run().exit_code == 0
    books = read_books(night.batch / LEDGER_NAME)
    assert books is not None
    assert (books.counted_ticks, books.on_record_ticks, books.kept_by_run) == (0, 0, [])
