"""A batch as somebody sees it who looks on from another terminal: ledger, log, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ledger.opening import a_ledger, a_run, bring, the_take
from support.builders_core import rows_of

from pipeline.cli.logtail import TAIL_BYTES, last_entries, problems, stopped_by, waits_for
from pipeline.cli.panel import panel
from pipeline.cli.watch import Watcher, watch
from pipeline.errors import LedgerError
from pipeline.ledger.peek import sight
from pipeline.model import TakeState
from pipeline.storage.lock import batch_lock, is_held

AT = "2026-11-28T01:02:03Z"
WALL = 1_795_827_723.0  # the same


def log_of(folder: Path, *entries: dict[str, Any] | bytes) -> Path:
    lines = [
        entry if isinstance(entry, bytes) else json.dumps({"at": AT, "level": "info"} | entry).encode()
        for entry in entries
    ]
    (path := folder / "log.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def a_warning(event: str, reason: str, **more: str) -> dict[str, Any]:
    return {"level": "warning", "event": event, "reason": reason, **more}


async def a_batch(folder: Path, states: Sequence[TakeState]) -> Path:
    """A ledger whose last run has no end, with a take in each of these states."""
    keys = "abcdefgh"[: len(states)]
    async with a_run(folder / "ledger.sqlite", rows_of(keys)) as ledger:
        for key, state in zip(keys, states, strict=True):
            if state is not TakeState.PLANNED:
                await bring(ledger, await the_take(ledger, key), state, origin="https://api.test")
    return folder


async def test_a_run_at_work(tmp_path: Path) -> None:
    folder = await a_batch(
        tmp_path, [TakeState.PLANNED, TakeState.ACCEPTED, TakeState.READY, TakeState.FAILED]
    )
    log_of(folder, {"event": "run.started"}, a_warning("take.not_sent", "no route", job="a"))
    watcher = Watcher(folder)

    with batch_lock(folder):
        moment = watcher.look(0.0, WALL)
    lines = [line.plain for line in panel(watcher.view(moment, WALL), 80)]

    assert moment.running
    assert lines[0].startswith(f"{folder.name} · cometapi · ")
    assert lines[2].split() == ["to", "send", "in", "flight", "ready", "done", "no", "clip"]
    assert lines[3].split() == ["1", "1", "1", "0", "1"]
    assert "now   sending and collecting" in lines
    assert lines[-1].endswith("a: no route")


@pytest.mark.parametrize(
    ("exit_code", "how"),
    [(None, "was killed"), (4, "ended with exit code 4")],
)
async def test_a_run_that_is_over(exit_code: int | None, how: str, tmp_path: Path) -> None:
    """Told apart by the lock: one that was killed has no end on record."""
    folder = await a_batch(tmp_path, [TakeState.ACCEPTED, TakeState.DONE])
    if exit_code is not None:
        async with a_ledger(folder / "ledger.sqlite") as ledger:
            await ledger.begin_run("teasers.yaml", 9.0, carry=True)
            await ledger.end_run(exit_code, 10.0)

    moment = Watcher(folder).look(0.0, WALL)

    assert not moment.running
    assert moment.now == f"the last run {how}; 1 on their way: run again to collect them"


async def test_lines_for_a_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One, as nothing changes any more; as JSON, its facts."""
    folder = await a_batch(tmp_path, [TakeState.DONE])

    watch(folder, as_json=False)
    watch(folder, as_json=True)
    text, facts = capsys.readouterr().out.splitlines()

    assert "to send 0, in flight 0, ready 0, done 1, no clip 0" in text
    assert json.loads(facts)["counts"] == {"done": 1}
    assert json.loads(facts)["running"] is False


async def test_a_look_changes_nothing(tmp_path: Path) -> None:
    folder = await a_batch(tmp_path, [TakeState.DONE])
    before = {path: path.read_bytes() for path in folder.iterdir()}

    sight(folder / "ledger.sqlite")

    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_what_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        sight(tmp_path / "ledger.sqlite")


def test_who_holds_a_batch(tmp_path: Path) -> None:
    """A look takes nothing away from a run that begins a moment later."""
    before = is_held(tmp_path)
    with batch_lock(tmp_path):
        during = is_held(tmp_path)

    assert (before, during, is_held(tmp_path)) == (False, True, False)
    with batch_lock(tmp_path):
        pass


# --- the log


def test_the_last_run_counts(tmp_path: Path) -> None:
    path = log_of(
        tmp_path,
        a_warning("take.not_sent", "of an earlier run"),
        {"event": "run.started"},
        {"event": "take.failed", "job": "fox", "reason": "no", "before": "accepted"},
        {"event": "take.done", "job": "owl"},
        a_warning("run.paused", "credits are used up"),
        a_warning("run.downloads_behind", "17 clips wait"),
    )

    entries = last_entries(path)

    assert [what for _, what in problems(entries)] == ["fox: failed (no)"]
    assert stopped_by(entries) == "credits are used up"
    assert waits_for(entries, WALL + 4.0) == "17 clips wait"
    assert waits_for(entries, WALL + 6.0) is None


def test_lines_that_are_none_of_ours_are_left_out(tmp_path: Path) -> None:
    """Cut, damaged, or of another kind; and what is no file is no log."""
    odd = [
        b"{",
        b"\xff\xfe",
        b"[1]",
        b"3",
        b'{"event": 3}',
        b'{"event": "x.y", "at": "noon"}',
        b'{"event": "x.y"}',
    ]
    path = log_of(tmp_path, *odd, {"event": "take.failed", "job": "fox"})

    assert [what for _, what in problems(last_entries(path))] == ["fox: failed"]
    assert last_entries(tmp_path / "none") == []
    assert last_entries(tmp_path) == []


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    path = log_of(tmp_path, *(a_warning("take.not_sent", str(number) * 90) for number in range(2000)))

    entries = last_entries(path)

    assert 0 < len(entries) < 1 + TAIL_BYTES // 90
    assert entries[-1]["reason"] == "1999" * 90


def test_a_planted_link_is_no_log(tmp_path: Path) -> None:
    secret = log_of(tmp_path, {"event": "take.failed", "job": "fox"})
    (link := tmp_path / "link").symlink_to(secret)

    assert last_entries(link) == []
