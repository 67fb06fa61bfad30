"""SQLite on a `Disk`: its writes, truncations, syncs and removals go on the same record as all others.

No exception passes through SQLite, which would try to roll back: once the process is dead its calls do
nothing and succeed, and the connection raises when SQLite has returned.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

if TYPE_CHECKING:
    from nights.disk import Disk

JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
NOWHERE = (
    apsw.SQLITE_OPEN_TEMP_JOURNAL
    | apsw.SQLITE_OPEN_DELETEONCLOSE
    | apsw.SQLITE_OPEN_EXCLUSIVE
    | apsw.SQLITE_OPEN_CREATE
    | apsw.SQLITE_OPEN_READWRITE
)


class DiskConnection:
    """`ledger.connection.Connection`, and the little more that `ledger.copying` uses of sqlite3."""

    def __init__(self, disk: Disk, path: Path, vfs: str) -> None:
        self._disk = disk
        self._db = apsw.Connection(os.fspath(path), vfs=vfs)

    def execute(self, sql: str, values: Any = None, /) -> Iterable[tuple[Any, ...]]:
        if sql == "COMMIT":
            return self._disk.act("commit", lambda: self._run(lambda: self._db.execute(sql)))
        return self._run(lambda: self._db.execute(sql, values))

    def create_function(self, name: str, function: Callable[..., None]) -> None:
        self._db.create_scalar_function(name, function)

    def backup(self, target: DiskConnection) -> None:
        def work() -> Iterable[Any]:
            with target._db.backup("main", self._db, "main") as copying:
                copying.step()
            return ()

        self._run(work)

    def _run(self, work: Callable[[], Iterable[Any]]) -> list[Any]:
        self._disk.alive()
        try:
            rows = list(work())
        except apsw.Error as exc:
            self._disk.alive()
            error = sqlite3.OperationalError(str(exc))
            error.sqlite_errorcode = getattr(exc, "extendedresult", 1)
            raise error from exc
        self._disk.alive()
        return rows

    def close(self) -> None:
        alive = self._disk.death is None
        self._db.close()
        if alive:
            self._disk.alive()


class DiskVfs(apsw.VFS):
    """The names of SQLite's files. Lives as long as a process, and ends its connections with it."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._name = f"disk-{id(disk)}"
        self._connections: list[DiskConnection] = []
        super().__init__(self._name, "unix")

    def connect(self, path: Path) -> DiskConnection:
        self._connections.append(DiskConnection(self.disk, path, self._name))
        self.disk.alive()
        return self._connections[-1]

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self.unregister()

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        short = self.disk.short(name if name is None or isinstance(name, str) else name.filename())
        return apsw.VFSFile("unix", name, flags) if short is None else _File(self.disk, short, name, flags)

    def xDelete(self, path: str, sync_folder: bool) -> None:  # noqa: N802
        name = self.disk.short(path)
        assert name is not None, path
        quietly(self.disk, f"remove {name}", lambda: super(DiskVfs, self).xDelete(path, False), name)
        if sync_folder:
            sync_folder_of(self.disk, name)


class _File(apsw.VFSFile):
    """One file of a database."""

    def __init__(self, disk: Disk, name: str, path: Any, flags: list[int]) -> None:
        self._disk, self._name = disk, name
        self._new_name = bool(flags[0] & JOURNALS and flags[0] & apsw.SQLITE_OPEN_CREATE)
        self._file: Any = None
        quietly(disk, f"open {name}", lambda: self._open(path, flags), name)
        if self._file is None:
            super().__init__("unix", None, [NOWHERE, 0])

    def _open(self, path: Any, flags: list[int]) -> None:
        super().__init__("unix", path, flags)
        self._file = self._disk.file_at(self._name)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        def work() -> None:
            super(_File, self).xWrite(data, offset)
            self._file.writes.append((offset, bytes(data)))

        quietly(self._disk, f"write {self._name}", work)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        def work() -> None:
            super(_File, self).xTruncate(size)
            self._file.writes.append((size, None))

        quietly(self._disk, f"truncate {self._name}", work)

    def xSync(self, _flags: int) -> None:  # noqa: N802
        """As `unixSync` does: the first sync of a new journal or WAL is one of its folder too."""
        quietly(self._disk, f"sync {self._name}", lambda: self._file.sync())
        if self._new_name:
            self._new_name = False
            sync_folder_of(self._disk, self._name)


def sync_folder_of(disk: Disk, name: str) -> None:
    folder = os.path.dirname(name)
    quietly(disk, f"sync {folder or '.'}", lambda: disk.sync_folder(folder))


def quietly(disk: Disk, what: str, work: Callable[[], None], *names: str) -> None:
    """Do it, if the process lives. It may die of it, and nothing is raised then."""
    try:
        if disk.death is None:
            disk.act(what, work, *names)
    except BaseException:
        if disk.death is None:
            raise
