"""A clip on its way to disk: resumed, restarted, sealed, and full disks named."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage.effects import watched
from storage.placing import NEW, a_storage, files
from support.builders_core import a_take, sha256_of, steady

from pipeline.errors import DiskFullError
from pipeline.storage.local import LocalPart


def test_what_is_sealed_is_on_disk_with_its_hash(tmp_path: Path) -> None:
    """Hash and size are of the very bytes in the file."""
    storage, take = a_storage(tmp_path), a_take("hero/fox.1")

    part = storage.open_part(take)
    part.write(NEW[:100])
    part.write(NEW[100:])
    sealed_hash = part.seal()

    assert sealed_hash == sha256_of(NEW)
    assert part.size_bytes == len(NEW)
    assert part.path == storage.part_path(take)
    assert files(tmp_path) == {"clips/hero/fox.1.01234567.1.part": NEW}


def test_a_part_that_was_left_is_gone_on_with(tmp_path: Path) -> None:
    """A later try knows how much is there, and its hash covers what the earlier one wrote."""
    storage, take = a_storage(tmp_path), a_take()
    part = storage.open_part(take)
    part.write(NEW[:5000])
    part.close()

    again = storage.open_part(take)
    found = again.size_bytes
    again.write(NEW[5000:])

    assert found == 5000
    assert again.seal() == sha256_of(NEW)
    assert part.path.read_bytes() == NEW


def test_a_restart_forgets_what_was_there(tmp_path: Path) -> None:
    """The file changed at its host: not a byte, and nothing of the hash, stays."""
    storage, take = a_storage(tmp_path), a_take()
    part = storage.open_part(take)
    part.write(b"x" * 100_000)

    part.restart()
    after = part.size_bytes
    part.write(NEW)

    assert after == 0
    assert part.seal() == sha256_of(NEW)
    assert part.path.read_bytes() == NEW


pieces = st.binary(max_size=50)
steps = st.lists(st.one_of(pieces, st.sampled_from(["restart", "reopen"])), max_size=12)


@steady
@given(steps=steps)
def test_any_way_of_writing_gives_the_right_hash(
    tmp_path_factory: pytest.TempPathFactory, steps: list[bytes | str]
) -> None:
    """Pieces, restarts and reopened parts in any order: file, size and hash agree."""
    path, expected = tmp_path_factory.mktemp("parts") / "fox.part", b""
    part = LocalPart(path)
    for step in steps:
        if step == "restart":
            part.restart()
            expected = b""
        elif step == "reopen":
            part.close()
            part = LocalPart(path)
        else:
            assert isinstance(step, bytes)
            part.write(step)
            expected += step

    assert part.size_bytes == len(expected)
    assert part.seal() == sha256_of(expected)
    assert path.read_bytes() == expected


def test_sealing_makes_it_durable(tmp_path: Path) -> None:
    """The bytes are synced, and their name, before anybody is told that they are there."""
    storage, take = a_storage(tmp_path), a_take()
    part = storage.open_part(take)
    part.write(NEW)

    with watched(tmp_path) as effects:
        part.seal()

    assert effects.seen == [("fsync", "clips/fox.01234567.1.part"), ("fsync", "clips")]


def test_closing_twice_is_no_error(tmp_path: Path) -> None:
    """Whoever cleans up need not know how far it got."""
    part = a_storage(tmp_path).open_part(a_take())

    part.seal()
    part.close()
    part.close()

    assert part.size_bytes == 0


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to])
def test_a_link_in_its_place_is_replaced(tmp_path: Path, plant: Callable[[Path, Path], None]) -> None:
    """Nobody makes us write over another file: the link goes, and a new part begins."""
    storage, take = a_storage(tmp_path), a_take()
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    plant(storage.part_path(take), victim)

    part = storage.open_part(take)
    part.write(b"ours")
    part.close()

    assert victim.read_bytes() == b"mine"
    assert storage.part_path(take).read_bytes() == b"ours"
    assert not storage.part_path(take).is_symlink()


def test_a_folder_for_the_key_is_made(tmp_path: Path) -> None:
    """A key with slashes lies in subfolders."""
    storage, take = a_storage(tmp_path), a_take("a/b.c/d")

    storage.open_part(take).seal()

    assert files(tmp_path) == {"clips/a/b.c/d.01234567.1.part": b""}


class Disk:
    """A disk with room for so many bytes: then writes are short, and then they fail."""

    def __init__(self, patch: pytest.MonkeyPatch, room: int, code: int = errno.ENOSPC) -> None:
        self.room = room
        self._code = code
        self._pwrite = os.pwrite
        patch.setattr(os, "pwrite", self.pwrite)

    def pwrite(self, fd: int, data: memoryview, offset: int) -> int:
        if not self.room:
            raise OSError(self._code, os.strerror(self._code))
        written = self._pwrite(fd, data[: self.room], offset)
        self.room -= written
        return written


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Disk or quota: exit 4, naming the file, and what was whole before is kept."""
    part = a_storage(tmp_path).open_part(a_take())
    part.write(NEW[:1000])
    Disk(monkeypatch, 10, code)

    with pytest.raises(DiskFullError, match=r"no room left to write fox\.01234567\.1\.part") as caught:
        part.write(NEW[1000:2000])

    part.close()
    assert caught.value.exit_code == 4
    assert part.size_bytes == 1000


def test_after_a_full_disk_the_same_piece_can_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a piece that got through is neither counted nor hashed, and does not stay in the file."""
    part = a_storage(tmp_path).open_part(a_take())
    disk = Disk(monkeypatch, 1010)
    part.write(NEW[:1000])
    with pytest.raises(DiskFullError):
        part.write(NEW[1000:2000])

    disk.room = 10**9
    part.write(NEW[1000:1005])

    assert part.seal() == sha256_of(NEW[:1005])
    assert part.path.read_bytes() == NEW[:1005]


def test_a_disk_that_takes_a_piece_in_bits_gets_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short write is gone on with."""
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, data[:7], offset))
    part = a_storage(tmp_path).open_part(a_take())

    part.write(NEW[:100])

    assert part.seal() == sha256_of(NEW[:100])
    assert part.path.read_bytes() == NEW[:100]


def test_another_disk_error_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dying disk is not a full one."""
    part = a_storage(tmp_path).open_part(a_take())
    Disk(monkeypatch, 0, errno.EIO)

    with pytest.raises(OSError, match="Input/output error"):
        part.write(b"x")

    part.close()


def test_a_full_disk_at_the_last_moment_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems say so only when they are asked to sync."""

    def fsync(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    part = a_storage(tmp_path).open_part(a_take())
    part.write(NEW)
    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(DiskFullError):
        part.seal()

    part.close()
    assert part.path.read_bytes() == NEW


def test_a_rejected_file_is_kept_under_a_name_that_says_so(tmp_path: Path) -> None:
    """It was paid for, and somebody may want to look at it."""
    storage, take = a_storage(tmp_path), a_take("a/b.c")
    part = storage.open_part(take)
    part.write(b"<html>")
    part.seal()

    kept = storage.reject(take)

    assert kept.name == "b.c.01234567.1.rejected"
    assert files(tmp_path) == {"clips/a/b.c.01234567.1.rejected": b"<html>"}


def test_a_rejected_file_is_not_overwritten(tmp_path: Path) -> None:
    """Both were paid for: a second useless file of a take does not replace the first."""
    storage, take = a_storage(tmp_path), a_take()

    for content in (b"<html>", b"{}"):
        part = storage.open_part(take)
        part.write(content)
        part.seal()
        storage.reject(take)

    assert files(tmp_path) == {
        "clips/fox.01234567.1.rejected": b"<html>",
        "clips/fox.01234567.1.2.rejected": b"{}",
    }


def test_free_bytes_are_those_of_its_disk(tmp_path: Path) -> None:
    """Asked before a download begins."""
    assert a_storage(tmp_path).free_bytes() > 0
