"""`nightreel mv`: another key for a job, with its takes and files, and nothing is paid for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from storage.placing import files
from support.builders_engine import FakeGateway, always, lost, only
from support.night import EVENING, Crash, Doors, Fate, MortalConnection, Night, mortal_files

from pipeline.decisions import redo, rename, renamed
from pipeline.errors import BusyError, UsageError
from pipeline.ledger.connection import connect
from pipeline.ledger.sqlite import COPY_NAME, SqliteLedger
from pipeline.logs import JsonLog
from pipeline.model import Take
from pipeline.opening import LEDGER_NAME, LOG_NAME
from pipeline.recovery import recover
from pipeline.storage.local import LocalStorage
from pipeline.storage.lock import batch_lock

NEW = {"id": "hall/lamp", "prompt": "A candle."}


def moved(night: Night, old: str = "candle", new: str = "hall/lamp") -> int:
    return asyncio.run(rename(night.batch, old, new))


def eventful(folder: Path) -> Night:
    """`candle` has a clip, an older one of another prompt, and a take of it in flight, with half a part."""
    night = Night(folder, ["candle", "desk"], logs=True)
    night.run()
    night.edit([{"id": "candle", "prompt": "A blue candle."}, "desk"])
    night.run()
    asyncio.run(redo(night.batch, ["candle"]))
    night.gateway.render_s = 500.0
    night.run(signal_at=8.0)
    half = night.take("candle")
    (night.batch / "clips" / f"{half.label}.part").write_bytes(b"half")
    (night.batch / "clips" / f"{half.label}.rejected").write_bytes(b"no clip")
    (night.batch / "clips" / f"{half.label}.2.rejected").write_bytes(b"no clip either")
    return night


def facts(take: Take) -> tuple[object, ...]:
    return take.fingerprint, take.number, take.state, take.remote_id, take.sha256, take.estimate_ticks


def settled(night: Night, paid: int, contents: set[bytes]) -> None:
    """Under the new key all is there, and the next run brings home what is in flight without a submit."""
    night.edit([{"id": "hall/lamp", "prompt": "A blue candle."}, "desk"])
    night.gateway.render_s = 20.0
    night.sleep(600)
    result = night.run()

    assert (result.exit_code, len(night.submits)) == (0, paid)
    assert {take.state.value for take in night.takes("hall/lamp")} == {"done"}
    assert night.takes("candle") == []
    assert contents <= {path.read_bytes() for path in night.batch.rglob("*.mp4")}
    for path in night.batch.rglob("*.json"):
        side = json.loads(path.read_bytes())
        assert side["job"] in ("hall/lamp", "desk")
        assert side["label"].startswith(side["job"] + ".")
        assert path.with_suffix(".mp4").exists()
    assert not [path for path in night.batch.rglob("candle*") if path.is_file()]
    assert night.run().requests == 0
    for take in night.takes():
        if take.wanted:
            assert night.clip(take.job.key).read_bytes() == night.gateway.content(take.remote_id or "")


def clip_contents(night: Night) -> set[bytes]:
    return {path.read_bytes() for path in night.batch.rglob("*.mp4")}


def test_all_that_belongs_to_a_job_goes_with_it(tmp_path: Path) -> None:
    """Takes in every state, clips old and new with their side files, parts and what was put aside."""
    night = eventful(tmp_path)
    before, paid, contents = night.takes("candle"), len(night.submits), clip_contents(night)
    names = set(files(night.batch / "clips")) | set(files(night.batch / "superseded"))

    count = moved(night)

    after = night.takes("hall/lamp")
    assert count == len(before) == 3
    assert [facts(take) for take in after] == [facts(take) for take in before]
    assert {take.job.key for take in after} == {"hall/lamp"}
    renamed_names = {name.replace("candle", "hall/lamp") for name in names}
    assert set(files(night.batch / "clips")) | set(files(night.batch / "superseded")) == renamed_names
    settled(night, paid, contents)


@pytest.mark.parametrize("again", [True, False], ids=["mv again", "the next run"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_any_moment_loses_nothing(tmp_path: Path, after: bool, again: bool) -> None:
    """Neither clip nor row nor money, whoever finishes it."""
    died = 0
    for number, night in every_death(tmp_path, after=after):
        paid, contents = len(night.submits), clip_contents(night)
        assert {night.gateway.content(take.remote_id or "") for take in all_done(night)} <= contents
        if again or not night.takes("hall/lamp"):
            assert moved(night) == 3
        settled(night, paid, contents)
        died = number
    assert died > 25


def every_death(tmp_path: Path, *, after: bool) -> Iterator[tuple[int, Night]]:
    for number in range(1, 200):
        folder = tmp_path / str(number)
        folder.mkdir()
        night = eventful(folder)
        try:
            asyncio.run(mortal_mv(night, Fate(number, after)))
        except Crash:
            yield number, night
        else:
            return
    raise AssertionError("mv has no end")


async def mortal_mv(night: Night, fate: Fate) -> None:
    """As `decisions.rename`, in a process that dies at the n-th thing that becomes durable."""
    with mortal_files(fate), closing(JsonLog(night.batch / LOG_NAME, None, lambda: EVENING)) as log:
        db = MortalConnection(connect(night.batch / LEDGER_NAME), fate, lambda: False)
        ledger = SqliteLedger(db, night.batch / LEDGER_NAME, Doors(fate))
        try:
            await renamed(ledger, LocalStorage(night.batch), log, "candle", "hall/lamp")
        finally:
            db.close()


def all_done(night: Night) -> list[Take]:
    return [take for take in night.takes() if take.state.value == "done"]


@pytest.mark.parametrize("lost_too", [(), (COPY_NAME,), (LOG_NAME,)], ids=str)
def test_a_lost_ledger_knows_the_new_key(tmp_path: Path, lost_too: tuple[str, ...]) -> None:
    night = eventful(tmp_path)
    paid, contents = len(night.submits), clip_contents(night)
    moved(night)
    for name in (LEDGER_NAME, f"{LEDGER_NAME}-wal", f"{LEDGER_NAME}-shm", *lost_too):
        (night.batch / name).unlink(missing_ok=True)

    asyncio.run(recover(night.batch, EVENING + night.now))

    settled(night, paid, contents)


def test_rows_that_were_never_sent_make_room(tmp_path: Path) -> None:
    """Who renamed in the manifest first, and had a run refused, loses nothing by `mv` after that."""
    night = Night(tmp_path, ["candle"])
    night.run()
    night.edit([NEW])
    night.collect = True
    night.run()
    assert night.states() == {"hall/lamp": "planned"}

    moved(night)
    night.collect = False
    result = night.run()

    assert (result.exit_code, result.requests, len(night.submits)) == (0, 0, 1)
    assert night.states() == {"hall/lamp": "done"}


def test_a_parent_takes_its_children_along(tmp_path: Path) -> None:
    """They start from the same clip: nothing of them is made anew, and one that was not sent yet follows."""
    snow, rain = {"id": "snow", "edit": "candle"}, {"id": "rain", "edit": "candle"}
    night = Night(tmp_path, ["candle", snow])
    night.run()
    moved(night)
    night.edit([NEW, snow | {"edit": "hall/lamp"}, rain | {"edit": "hall/lamp"}])

    assert night.run().exit_code == 0
    assert [ask.key for ask in night.submits] == ["candle", "snow", "rain"]


def test_an_unknown_take_stays_unknown(tmp_path: Path) -> None:
    night = Night(tmp_path, gateway=FakeGateway(submit=only("candle", always(lost()))))
    night.run()
    moved(night)
    night.edit([NEW])

    assert night.run().exit_code == 1
    assert (night.states(), len(night.submits)) == ({"hall/lamp": "unknown"}, 1)


def test_a_strangers_file_under_the_new_name_is_kept(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.run()
    ours = night.clip().read_bytes()
    (night.batch / "clips" / "lamp.mp4").write_bytes(b"somebody's own film")

    moved(night, new="lamp")

    assert night.clip("lamp").read_bytes() == ours
    assert [path.read_bytes() for path in night.superseded()] == [b"somebody's own film"]


def test_only_the_case_may_differ(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.run()
    moved(night, new="Candle")
    night.edit([{"id": "Candle", "prompt": "A candle."}])

    assert night.run().requests == 0
    assert night.clip("Candle").exists()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("candel", "lamp", "no job 'candel' in this batch; did you mean \"candle\""),
        ("candle", "candle", "'candle' is its name already"),
        ("candle", "../lamp", "cannot be a job key"),
        ("candle", "a lamp", "cannot be a job key"),
        ("candle", "desk", r"job 'desk' has takes of its own \(done\)"),
        ("candle", "Desk", "'Desk' differs only in case from job 'desk'"),
    ],
)
def test_what_cannot_be_renamed_so_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    """And nothing is touched."""
    night = Night(tmp_path, ["candle", "desk"])
    night.run()
    before, rows = files(night.batch / "clips"), night.takes()

    with pytest.raises(UsageError, match=complaint):
        moved(night, old, new)

    assert (files(night.batch / "clips"), night.takes()) == (before, rows)


def test_a_busy_batch_is_left_alone(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.run()

    with batch_lock(night.batch), pytest.raises(BusyError):
        moved(night)


def test_said_twice_it_is_done_once(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.run()

    assert (moved(night), moved(night)) == (1, 1)
