"""One run per batch: an advisory lock on a file of its own, never on the database.

The kernel frees it when its holder dies, so nothing is ever left to clean up. A child process would keep
it, which is one reason why there are threads here and no worker processes.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import BusyError
from pipeline.storage.planted import refuse_links


@contextmanager
def batch_lock(folder: Path) -> Iterator[None]:
    """Hold the batch in `folder`. Raises BusyError at once if another run does.

    Looks for planted links first, and raises UsageError for one.
    """
    refuse_links(folder)
    path = folder / ".lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise BusyError(f"another run holds batch {folder.name!r} ({path}): wait for it to end") from exc
        yield
    finally:
        os.close(fd)


def is_held(folder: Path) -> bool:
    """Whether a run holds the batch. Ask only where the ledger does not tell: a run that begins at this very
    moment would find it busy."""
    try:
        fd = os.open(folder / ".lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
