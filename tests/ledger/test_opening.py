"""A ledger is opened, or refused and left as it is; the connection can be exchanged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from ledger.opening import a_ledger, a_run, bring, on_disk, states, tapped, the_take
from support.builders_core import a_row, mode_of, rows_of

from pipeline.errors import DiskFullError, LedgerError
from pipeline.ledger.connection import APPLICATION_ID, Connection, open_database
from pipeline.model import TakeState


def a_database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)


def foreign(path: Path) -> None:
    a_database(path, "CREATE TABLE photos (name TEXT)", "INSERT INTO photos VALUES ('fox')")


def foreign_with_an_id(path: Path) -> None:
    a_database(path, "PRAGMA application_id = 1195137624", "CREATE TABLE photos (name TEXT)")


def newer(path: Path) -> None:
    a_database(
        path,
        f"PRAGMA application_id = {APPLICATION_ID}",
        "PRAGMA user_version = 999",
        "CREATE TABLE takes (id INTEGER PRIMARY KEY, mood TEXT)",
    )


def no_database(path: Path) -> None:
    path.write_bytes(b"not a database, but somebody's text\n" * 100)


def cut_off(path: Path) -> None:
    foreign(path)
    path.write_bytes(path.read_bytes()[:50])


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (foreign, "is not a nightreel ledger"),
        (foreign_with_an_id, "is not a nightreel ledger"),
        (newer, r"newer nightreel \(schema 999"),
        (no_database, "cannot be used"),
        (cut_off, "cannot be used"),
    ],
)
async def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(
    tmp_path: Path, make: Any, complaint: str
) -> None:
    """Not a byte changes, no file appears beside it, and the message names the file."""
    path = tmp_path / "ledger.sqlite"
    make(path)
    before, mode = path.read_bytes(), mode_of(path)

    with pytest.raises(LedgerError, match=complaint) as caught:
        async with a_ledger(path):
            pass

    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2
    assert (path.read_bytes(), mode_of(path)) == (before, mode)
    assert os.listdir(tmp_path) == ["ledger.sqlite"]


async def test_places_where_no_ledger_can_be_are_refused(tmp_path: Path) -> None:
    """A folder in its place, a folder that is not there, a path through a file."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")

    for path in (tmp_path / "folder", tmp_path / "gone" / "l.sqlite", tmp_path / "file" / "l.sqlite"):
        with pytest.raises(LedgerError, match="cannot be used"):
            async with a_ledger(path):
                pass

    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


async def test_a_ledger_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Found out when it is opened, before anything is sent."""
    path = tmp_path / "ledger.sqlite"
    path.touch()

    def read_only(path: Path) -> Any:
        return sqlite3.connect(
            f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )

    with pytest.raises(LedgerError, match="cannot be used"):
        async with a_ledger(path, read_only):
            pass

    assert path.read_bytes() == b""


async def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    """As SQLite itself sees it: nothing is nobody's."""
    path = tmp_path / "ledger.sqlite"
    path.touch()

    async with a_run(path, [a_row()]) as ledger:
        assert await states(ledger) == {"fox": TakeState.PLANNED}

    assert on_disk(path, "PRAGMA application_id") == [(APPLICATION_ID,)]


async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """Prompts and signed links stand in it: 0600, also where the file was there before."""
    path = tmp_path / "ledger.sqlite"
    path.touch(mode=0o644)

    async with a_run(path, [a_row()]):
        open_mode = mode_of(path)

    assert (open_mode, mode_of(path)) == (0o600, 0o600)


async def test_nobody_else_may_read_its_companions(tmp_path: Path) -> None:
    """The -wal file holds what was written last, and -shm belongs to it: 0600 as well."""
    async with a_run(tmp_path / "ledger.sqlite", [a_row()]):
        modes = {path.name: mode_of(path) for path in tmp_path.iterdir()}

    assert modes == dict.fromkeys(["ledger.sqlite", "ledger.sqlite-shm", "ledger.sqlite-wal"], 0o600)


class InterruptedRunError(Exception):
    """Stands for whatever may end a migration."""


async def test_a_migration_that_is_interrupted_leaves_it_as_it_was(tmp_path: Path) -> None:
    """Stopped before any one of its statements: no table is there, and the next start has a whole ledger."""
    statements: list[str] = []
    async with a_ledger(tmp_path / "whole.sqlite", tapped(statements.append)):
        pass
    assert "COMMIT" in statements

    for stop in range(statements.index("BEGIN IMMEDIATE"), statements.index("COMMIT") + 1):
        path = tmp_path / f"stopped-{stop}.sqlite"
        left = [stop]

        def tap(_sql: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise InterruptedRunError

        with pytest.raises(InterruptedRunError):
            async with a_ledger(path, tapped(tap)):
                pass

        assert on_disk(path, "SELECT count(*) FROM sqlite_schema") == [(0,)]
        assert on_disk(path, "PRAGMA user_version") == [(0,)]
        async with a_run(path, [a_row()]) as ledger:
            assert await states(ledger) == {"fox": TakeState.PLANNED}


async def test_no_room_for_a_new_ledger_is_named(tmp_path: Path) -> None:
    """Exit 4, as for every full disk, and not "cannot be used"."""

    def tap(sql: str) -> None:
        if sql == "COMMIT":
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    with pytest.raises(DiskFullError, match="no room left"):
        async with a_ledger(tmp_path / "ledger.sqlite", tapped(tap)):
            pass


async def test_a_reader_beside_a_run_sees_it(tmp_path: Path) -> None:
    """`status` opens the same file while a run writes, and neither stops the other."""
    path = tmp_path / "ledger.sqlite"
    async with a_run(path, rows_of("ab")) as run, a_ledger(path) as status:
        await bring(run, await the_take(run, "a"), TakeState.ACCEPTED)

        assert await states(status) == {"a": TakeState.ACCEPTED, "b": TakeState.PLANNED}


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """A migration that was made is not made twice."""
    path = tmp_path / "ledger.sqlite"
    open_database(path).close()
    before = path.read_bytes()

    open_database(path).close()

    assert path.read_bytes() == before


def test_two_that_open_a_new_ledger_at_once_both_get_it(tmp_path: Path) -> None:
    """`status` beside the very first moment of a run: whoever comes second finds the migration made."""
    path = tmp_path / "ledger.sqlite"
    others: list[Connection] = []

    def overtaken(sql: str) -> None:
        if sql == "BEGIN IMMEDIATE" and not others:
            others.append(open_database(path))

    with closing(open_database(path, tapped(overtaken))) as late, closing(others[0]) as early:
        found = [list(db.execute("SELECT count(*) FROM takes")) for db in (early, late)]

    assert found == [[(0,)], [(0,)]]
    assert on_disk(path, "PRAGMA application_id") == [(APPLICATION_ID,)]


class ApswConnection:
    """The seam on apsw: eager rows, and errors under the names that the ledger knows."""

    def __init__(self, path: Path) -> None:
        self._db = apsw.Connection(str(path))

    def execute(self, sql: str, values: Mapping[str, Any] | None = None) -> Iterable[tuple[Any, ...]]:
        try:
            return list(self._db.execute(sql, values))
        except apsw.Error as exc:
            error = sqlite3.OperationalError(str(exc))
            error.sqlite_errorcode = getattr(exc, "extendedresult", 1)
            raise error from exc

    def close(self) -> None:
        self._db.close()


async def test_another_sqlite_can_be_put_in(tmp_path: Path) -> None:
    """A plain life of a take through apsw, which tests use to lose what was not synced."""
    path = tmp_path / "ledger.sqlite"
    async with a_run(path, rows_of("ab"), ApswConnection) as ledger:
        done = await bring(ledger, await the_take(ledger, "a"), TakeState.DONE, cost_ticks=7, reason="so")
        await ledger.set_clip("a", done.id)
        await ledger.end_run(0, 5.0)

    async with a_run(path, rows_of("ab")) as ledger:
        assert await the_take(ledger, "a") == done
        assert await ledger.counts() == {TakeState.DONE: 1, TakeState.PLANNED: 1}
        assert [row.clip_take async for page in ledger.placed() for row in page] == [done.id]


async def test_another_sqlite_refuses_what_is_not_ours_too(tmp_path: Path) -> None:
    """The check does not depend on the library."""
    path = tmp_path / "ledger.sqlite"
    no_database(path)

    with pytest.raises(LedgerError):
        async with a_ledger(path, ApswConnection):
            pass
