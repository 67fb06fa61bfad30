"""A disk that can lose its power: what was not synced may then be lost, kept, or kept in part.

The files below `root` are real, and are what the processor would find in its page cache. Beside them stands
a record of what is durable: of a file its content at the last fsync and the writes since, of a folder its
names at the last fsync and the changes since. What nobody told of (the built-in `open` tells nothing) is
found by comparison. No order holds between two changes unless an fsync stands between them, except that a
rename is one change. A process that is killed loses nothing: for that, raise in `moment`, and cut no power.
"""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

import pytest
from nights.disk_sqlite import DiskConnection, DiskVfs

T = TypeVar("T")
SECTOR_BYTES = 512
FOLDER: Final = "folder"
REBUILT = "-shm"  # SQLite's index of a WAL: memory, whatever its name says


class ProcessEndedError(BaseException):
    """Something of a process that is over wanted to change the disk."""


# --- files


Write = tuple[int, bytes | None]  # offset and data; or a new size


@dataclass(slots=True, eq=False)
class File:
    """A file under all its names."""

    inode: int
    safe: bytearray = field(default_factory=bytearray)
    writes: list[Write] = field(default_factory=list)  # since the last sync, in order
    mode: int = 0o600

    def now(self) -> bytearray:
        return _written(bytearray(self.safe), self.writes)

    def sync(self) -> None:
        self.safe, self.writes = _written(self.safe, self.writes), []

    def found(self, content: bytes) -> bool:
        """Take on record what nobody told of. False: there was nothing."""
        now = self.now()
        if content == now:
            return False
        if content.startswith(now):
            self.writes.append((len(now), content[len(now) :]))
        else:
            self.writes += [(0, None), (0, content)]
        return True

    def after_cut(self, rng: Random) -> bytearray:
        if not self.writes:
            return self.safe
        return _written(bytearray(self.safe), rng.choice(OUTCOMES)(self, rng))


def _written(content: bytearray, writes: list[Write]) -> bytearray:
    for at, data in writes:
        content.extend(bytes(max(0, at - len(content))))
        if data is None:
            del content[at:]
        else:
            content[at : at + len(data)] = data
    return content


def _lost(_file: File, _rng: Random) -> list[Write]:
    return []


def _kept(file: File, _rng: Random) -> list[Write]:
    return file.writes


def _torn(file: File, rng: Random) -> list[Write]:
    """The first writes; of the last of them the first sectors."""
    count = rng.randrange(len(file.writes))
    at, data = file.writes[count]
    end = at if data is None else rng.randint(at, at + len(data)) // SECTOR_BYTES * SECTOR_BYTES
    last = [(at, data[: end - at])] if data is not None and end > at else []
    return [*file.writes[:count], *last]


def _some(file: File, rng: Random) -> list[Write]:
    return [write for write in file.writes if rng.random() < 0.5]


def _zeros(file: File, _rng: Random) -> list[Write]:
    """The new size got to the disk, and what is to stand there did not: known of ext4 and XFS."""
    old, new = len(file.safe), len(file.now())
    return [*file.writes, (old, bytes(new - old))] if new > old else file.writes


OUTCOMES = (_lost, _kept, _torn, _some, _zeros)


# --- the disk


Entry = File | str  # FOLDER
Change = dict[str, Entry | None]  # names that come to bear something else, all at once


class Disk:
    """What is below `root`. `moment` is told before and after each change and sync, and may raise to die."""

    def __init__(self, root: Path, rng: Random, moment: Callable[[str], None] = lambda _name: None) -> None:
        self.rng = rng
        self.moment = moment
        self.death: BaseException | None = ProcessEndedError()  # of the process that has this disk
        self.vfs: DiskVfs | None = None
        self._root = os.path.abspath(root)
        self._forget()

    def _forget(self) -> None:
        root = os.stat(self._root)
        self._device = root.st_dev
        self._folders = {root.st_ino: ""}
        self._files: dict[int, File] = {}
        self._names: dict[str, Entry] = {}
        self._safe_names: dict[str, Entry] = {}
        self._changes: list[Change] = []  # of names, not yet durable, in order

    # --- a process

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """A process lives. What changed before, while none did, is durable."""
        self._adopt()
        self.death, self.vfs = None, DiskVfs(self)
        try:
            with pytest.MonkeyPatch.context() as patch:
                self._patch(patch)
                yield
        finally:
            if self.death is None:
                self._look()
                self.death = ProcessEndedError()
            self.vfs.close()
            self.vfs = None

    def connect(self, path: Path, **_options: Any) -> DiskConnection:
        """`ledger.connection.Connect`; also what `sqlite3.connect` does while the disk is mounted."""
        assert self.vfs is not None, "not mounted"
        return self.vfs.connect(path)

    def synced(self) -> None:
        """Another process has made all durable that it found."""
        self._look()
        for file in self._files.values():
            file.sync()
        self._settle(lambda _change: True)

    def power_cut(self) -> None:
        """Leave what a disk could hold: names and contents each as their fates fall."""
        assert self.vfs is None, "cut the power when the process is over"
        share = self.rng.choice((0.0, 0.5, 0.5, 1.0))  # with many changes, all or none would not occur
        names: dict[str, Entry | None] = dict(self._safe_names)
        for change in self._changes:
            if self.rng.random() < share:
                names.update(change)
        self._rebuild(names)
        self._forget()
        self._adopt()

    def alive(self) -> None:
        if self.death is not None:
            raise copy(self.death)

    def act(self, what: str, work: Callable[[], T], *names: str) -> T:
        """Do something to the disk that may change these names, all at once."""
        self._pass(f"before {what}")
        result = work()
        self._see(*names)
        self._pass(f"after {what}")
        return result

    def _pass(self, moment: str) -> None:
        self.alive()
        try:
            self.moment(moment)
        except BaseException as exc:
            self._look()  # what is done from here on, nobody does
            self.death = exc
            raise

    # --- the record

    def short(self, path: Any) -> str | None:
        """The name below the root, or None."""
        if path is None or isinstance(path, int):
            return None
        top, _, name = os.path.abspath(path).partition(f"{self._root}{os.sep}")
        return name if top == "" and name else None

    def file_at(self, name: str) -> File:
        self._see(name)
        file = self._names[name]
        assert isinstance(file, File), name
        return file

    def _see(self, *names: str) -> None:
        """Put on record what these names bear, as one change."""
        change = {}
        for name in names:
            if (entry := self._borne(name)) is not self._names.get(name):
                change[name] = entry
        if change:
            gone = {self._names.get(name) for name in change}
            self._changes.append(change)
            _update(self._names, change)
            for file in gone.difference(self._names.values()):
                if isinstance(file, File):
                    self._files.pop(file.inode, None)  # the number may be given to another file

    def _borne(self, name: str) -> Entry | None:
        try:
            found = os.lstat(f"{self._root}/{name}")
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(found.st_mode):
            self._folders[found.st_ino] = name
            return FOLDER
        file = self._files.setdefault(found.st_ino, File(found.st_ino))
        file.mode = stat.S_IMODE(found.st_mode)
        return file

    def _walk(self) -> None:
        """See every name there is, or was."""
        found, folders = set(self._names), [""]
        for folder in folders:
            with os.scandir(f"{self._root}/{folder}") as entries:
                for entry in entries:
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    if not name.endswith(REBUILT):
                        found.add(name)
                        folders += [name] if entry.is_dir(follow_symlinks=False) else []
        for name in sorted(found):
            self._see(name)

    def _look(self) -> list[File]:
        """Put on record all that nobody told of. Gives the files whose content it was."""
        self._walk()
        names = {file: name for name, file in self._names.items() if isinstance(file, File)}
        return [file for file, name in names.items() if self._read(file, name)]

    def _read(self, file: File, name: str) -> bool:
        with open(f"{self._root}/{name}", "rb") as opened:
            return file.found(opened.read())

    def _adopt(self) -> None:
        known = len(self._changes)
        for file in self._look():
            file.sync()
        fresh = list(map(id, self._changes[known:]))
        self._settle(lambda change: id(change) in fresh)

    def sync_folder(self, folder: str) -> None:
        self._walk()
        self._settle(lambda change: any(os.path.dirname(name) == folder for name in change))

    def _settle(self, due: Callable[[Change], bool]) -> None:
        """Make these changes durable, and with them the earlier ones of the same names."""
        waiting, settled = [], []
        names: set[str] = set()
        for change in reversed(self._changes):
            chosen = due(change) or not names.isdisjoint(change)
            names |= change.keys() if chosen else set()
            (settled if chosen else waiting).append(change)
        self._changes = waiting[::-1]
        for change in reversed(settled):
            _update(self._safe_names, change)

    def _rebuild(self, names: dict[str, Entry | None]) -> None:
        for entry in list(os.scandir(self._root)):
            (shutil.rmtree if entry.is_dir(follow_symlinks=False) else os.unlink)(entry.path)
        made: dict[Entry, str] = {}
        for name, entry in sorted(names.items()):
            path = f"{self._root}/{name}"
            if entry is None or not os.path.isdir(os.path.dirname(path)):
                continue  # with its folder all that is in it is lost
            if entry == FOLDER:
                os.mkdir(path)
            elif entry in made:
                os.link(made[entry], path)
            elif isinstance(entry, File):
                made[entry] = path
                Path(path).write_bytes(entry.after_cut(self.rng))
                os.chmod(path, entry.mode)

    # --- what a process calls

    def _patch(self, patch: pytest.MonkeyPatch) -> None:
        mine = {
            (os, "open"): self._open,
            (os, "mkdir"): self._naming,
            (os, "unlink"): self._naming,
            (os, "remove"): self._naming,
            (os, "link"): self._naming,
            (os, "rename"): self._naming,
            (os, "replace"): self._naming,
            (os, "pwrite"): self._writing,
            (os, "ftruncate"): self._writing,
            (os, "fsync"): self._fsync,
            (io, "open"): self._io_open,
            (sqlite3, "connect"): self._connect,
        }
        for (module, name), call in mine.items():
            patch.setattr(module, name, partial(call, getattr(module, name)))

    def _naming(self, real: Callable[..., T], *paths: Any, **options: Any) -> T:
        """Calls whose paths stand in front: at most two."""
        names = [name for path in paths[:2] if (name := self.short(path)) is not None]
        work = partial(real, *paths, **options)
        return self.act(" ".join([real.__name__, *names]), work, *names) if names else work()

    def _open(self, real: Callable[..., int], path: Any, flags: int, *args: Any, **options: Any) -> int:
        name = self.short(path)
        work = partial(real, path, flags, *args, **options)
        if name is None or not flags & (os.O_CREAT | os.O_TRUNC):
            return work()
        return self._opening(name, work, os.close)

    def _io_open(
        self, real: Callable[..., Any], path: Any, mode: str = "r", *args: Any, **options: Any
    ) -> Any:
        name = self.short(path)
        work = partial(real, path, mode, *args, **options)
        if name is None or set(mode) <= set("rbt"):
            return work()
        return self._opening(name, work, lambda file: file.close())

    def _opening(self, name: str, work: Callable[[], T], close: Callable[[Any], None]) -> T:
        """Whoever dies just after it has nobody to close for him."""
        opened: list[T] = []
        try:
            self.act(f"open {name}", lambda: opened.append(work()), name)
        except BaseException:
            for one in opened:
                close(one)
            raise
        return opened[0]

    def _connect(self, real: Callable[..., Any], path: Any, *args: Any, **options: Any) -> Any:
        return real(path, *args, **options) if self.short(path) is None else self.connect(path, **options)

    def _writing(self, real: Callable[..., T], fd: int, *args: Any) -> T:
        """Data and offset, or a new size."""
        file, name = self._opened(fd)

        def work() -> T:
            result: Any = real(fd, *args)
            file.writes.append((args[-1], bytes(args[0][:result]) if len(args) == 2 else None))
            return result

        return self.act(f"write {name}", work) if isinstance(file, File) else real(fd, *args)

    def _fsync(self, _real: Callable[..., None], fd: int) -> None:
        """For speed it does nothing but keep the record."""
        file, name = self._opened(fd)

        def work() -> None:
            if isinstance(file, File):
                self._read(file, name)
                file.sync()
            else:
                self.sync_folder(name)

        if name is not None:
            self.act(f"sync {name or '.'}", work)

    def _opened(self, fd: int) -> tuple[Any, Any]:
        """The file or folder with this descriptor, and a name of it; None for what has none here."""
        found = os.fstat(fd)
        if found.st_dev != self._device:
            return None, None
        if found.st_ino not in self._files and found.st_ino not in self._folders:
            self._walk()
        file = self._files.get(found.st_ino)
        if file is None:
            return None, self._folders.get(found.st_ino)
        return file, next((name for name, entry in self._names.items() if entry is file), None)


def _update(names: dict[str, Entry], change: Change) -> None:
    for name, entry in change.items():
        names.pop(name, None)
        if entry is not None:
            names[name] = entry
