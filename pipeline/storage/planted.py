"""Links that somebody planted in a batch folder: never followed, neither to read nor to write.

The batch folder itself, and those above it, may be links: a user keeps clips on another disk so. What lies
inside is ours. A link to a folder or to a file that we keep open is refused; one in the place of a clip or of
a file that is written as a whole is no clip, and the file takes its place.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from pipeline.errors import UsageError

FOLDERS = frozenset({"clips", "superseded", "posters", ".sim", ".sending"})
_FILES = frozenset({".lock", "log.jsonl"})
_LEDGERS = "ledger."  # with copies, journals, and damaged ones
_SIMULATOR = ".sim"


def refuse_links(folder: Path) -> None:
    """Look at all that a command opens in a batch folder. Raises UsageError."""
    for entry in _entries(folder):
        if _is_ours(entry.name):
            _refuse_link(entry)
    for entry in _entries(folder / _SIMULATOR):
        _refuse_link(entry)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return list(entries)


def _is_ours(name: str) -> bool:
    return name in FOLDERS or name in _FILES or name.startswith(_LEDGERS)


def _refuse_link(entry: os.DirEntry[str]) -> None:
    if entry.is_symlink():
        raise UsageError(
            f"{entry.path} is a symbolic link to {os.readlink(entry.path)}: no link is followed inside a"
            " batch folder; put back what it stands for (the batch folder itself may be a link)"
        )
    if not (entry.is_dir() if entry.name in FOLDERS else entry.is_file() or entry.is_dir()):
        raise UsageError(f"{entry.path} is neither file nor folder: remove it")


def is_plain(path: Path) -> bool:
    """Whether a file lies there itself, not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def check_folders(folder: Path, top: Path) -> None:
    """Refuse a link among the folders from `top`, exclusive, down to `folder`. Raises OSError."""
    while folder != top:
        if folder.is_symlink():
            why = "a symbolic link, and none is followed inside a batch folder"
            raise OSError(errno.ELOOP, why, str(folder))
        folder = folder.parent


def opened_anew(path: Path, mode: int = 0o666) -> int:
    """A new, empty file under this name, open to be written. What bore it, perhaps a link, loses the name."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


def opened_further(path: Path, mode: int = 0o666) -> int:
    """A file of ours, open to be read and written; a new one in the place of a link, also of a hard one."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            path.unlink()
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
