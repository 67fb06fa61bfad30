"""One run per batch, and nothing to clean up after one that died."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.builders_core import mode_of

from pipeline.errors import BusyError, UsageError
from pipeline.storage.lock import batch_lock

HOLD = """
import sys
from pathlib import Path
from pipeline.storage.lock import batch_lock
with batch_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the batch until its input ends, or it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield holder
        finally:
            holder.kill()


def test_a_second_holder_is_refused_at_once(tmp_path: Path) -> None:
    """Also inside the same process; the text names the batch, exit 5."""
    folder = tmp_path / "teasers"
    folder.mkdir()

    with (
        batch_lock(folder),
        pytest.raises(BusyError, match="another run holds batch 'teasers'") as caught,
        batch_lock(folder),
    ):
        pass

    assert caught.value.exit_code == 5


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    """After a good end and after an error."""
    with pytest.raises(ZeroDivisionError), batch_lock(tmp_path):
        _ = 1 / 0

    with batch_lock(tmp_path):
        pass
    with batch_lock(tmp_path):
        pass


def test_two_batches_do_not_meet(tmp_path: Path) -> None:
    """A lock is of one batch."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()

    with batch_lock(one), batch_lock(other):
        assert mode_of(one / ".lock") == 0o600


def test_a_killed_holder_frees_it(tmp_path: Path) -> None:
    """The kernel does it: no stale lock file ever stops a night's run."""
    with held_elsewhere(tmp_path) as holder:
        with pytest.raises(BusyError):
            batch_lock(tmp_path).__enter__()

        holder.kill()
        holder.wait(10)

        with batch_lock(tmp_path):
            assert (tmp_path / ".lock").exists()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """Nobody makes us create a file elsewhere."""
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UsageError, match="symbolic link"), batch_lock(tmp_path):
        pass

    assert not (tmp_path / "elsewhere").exists()
