"""The disk that can lose its power: what it keeps, what it may lose, and that the product stands it."""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.opening import the_take
from nights.disk import Disk
from storage.effects import CrashError
from storage.placing import NEW, OLD, a_storage, clips, files, labels_of, placed
from support.builders_core import ANY_PROVIDER, a_row, a_take, mode_of

from pipeline.ledger.connection import Connection
from pipeline.ledger.copying import Health, health
from pipeline.ledger.sqlite import COPY_NAME, SqliteLedger
from pipeline.model import TakeState
from pipeline.offload import Inline
from pipeline.storage.local import make_folder
from pipeline.storage.lock import batch_lock

SEEDS = range(100)
A, B, C, ZEROS = (bytes([sign]) * 512 for sign in b"ABC\0")


class Moments:
    """Counts them, and ends the process at one of them."""

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.seen: list[str] = []

    def __call__(self, moment: str) -> None:
        self.seen.append(moment)
        if len(self.seen) == self.last:
            raise CrashError


def write(path: Path, content: bytes, *, at: int = 0, sync: bool = True) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.pwrite(fd, content, at)
    if sync:
        os.fsync(fd)
    os.close(fd)


def sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def after_cuts(
    folder: Path, work: Callable[[Path], object], begun: Callable[[Path], object] | None = None
) -> set[Any]:
    """All that a power cut after `work` can leave: files by name, for each seed."""
    left = set()
    for seed in SEEDS:
        root = folder / str(seed)
        root.mkdir()
        if begun is not None:
            begun(root)
        disk = Disk(root, Random(seed))
        with disk.mounted():
            work(root)
        disk.power_cut()
        left.add(tuple(files(root).items()))
    return left


def left_of(content: set[Any]) -> set[bytes]:
    """What can be left of the only file."""
    return {found[0][1] if found else b"nothing" for found in content}


# --- what it keeps, and what it may lose


def test_what_is_synced_stays(tmp_path: Path) -> None:
    """Content by an fsync of the file, its name by one of each folder above."""

    def work(root: Path) -> None:
        make_folder(root / "a" / "b", root)
        write(root / "a" / "b" / "kept", A)
        sync(root / "a" / "b")

    assert after_cuts(tmp_path, work) == {(("a/b/kept", A),)}


def test_unsynced_content_is_lost_or_kept_in_any_part(tmp_path: Path) -> None:
    """None of it, all, the first writes, torn between sectors, the second alone, or zeros for all."""

    def work(root: Path) -> None:
        write(root / "file", B + B, at=512, sync=False)
        write(root / "file", C, at=1536, sync=False)

    left = left_of(after_cuts(tmp_path, work, lambda root: write(root / "file", A)))

    assert left == {A, A + B, A + B + B, A + B + B + C, A + ZEROS + ZEROS + C, A + ZEROS * 3}


def test_a_cut_back_that_was_not_synced_may_be_undone(tmp_path: Path) -> None:
    """`truncate` is a write like others."""
    left = after_cuts(tmp_path, lambda root: truncated(root / "file"), lambda root: write(root / "file", A))

    assert left_of(left) == {A, A[:100]}


def truncated(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY)
    os.ftruncate(fd, 100)
    os.close(fd)


def test_what_python_writes_by_itself_is_found(tmp_path: Path) -> None:
    """The built-in `open` calls no function of `os`; its content is volatile all the same."""

    def work(root: Path) -> None:
        with (root / "file").open("ab") as file:
            file.write(B)

    left = left_of(after_cuts(tmp_path, work, lambda root: write(root / "file", A)))

    assert left == {A, A + B, A + ZEROS}


def two_files(root: Path) -> None:
    (root / "sub").mkdir()
    write(root / "one", A)
    write(root / "two", B)


CHANGES: dict[str, tuple[Callable[[Path], object], dict[str, bytes]]] = {
    "make": (lambda root: write(root / "new", C), {"one": A, "two": B, "new": C}),
    "rename": (lambda root: os.rename(root / "one", root / "new"), {"two": B, "new": A}),
    "replace": (lambda root: os.replace(root / "one", root / "two"), {"two": A}),
    "move": (lambda root: (root / "one").rename(root / "sub" / "one"), {"sub/one": A, "two": B}),
    "link": (lambda root: os.link(root / "one", root / "sub" / "1"), {"one": A, "sub/1": A, "two": B}),
    "unlink": (lambda root: (root / "one").unlink(), {"two": B}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_name_changes_wholly_or_not_at_all(tmp_path: Path, change: str) -> None:
    """Before its folder is synced it is the one or the other: a rename never loses both names."""
    work, after = CHANGES[change]

    left = after_cuts(tmp_path, work, two_files)

    assert left == {(("one", A), ("two", B)), tuple(sorted(after.items()))}


@pytest.mark.parametrize("change", CHANGES)
def test_a_name_in_a_synced_folder_stays(tmp_path: Path, change: str) -> None:
    """One fsync of either folder settles a move between two."""
    work, after = CHANGES[change]
    folder = "sub" if change in ("move", "link") else "."

    def synced(root: Path) -> None:
        work(root)
        sync(root / folder)

    assert after_cuts(tmp_path, synced, two_files) == {tuple(sorted(after.items()))}


def test_two_changes_may_be_kept_in_any_order(tmp_path: Path) -> None:
    """No folder but the synced one says anything, and of one folder's changes each falls by itself."""

    def work(root: Path) -> None:
        os.link(root / "one", root / "first")
        os.link(root / "two", root / "second")

    left = {tuple(dict(found)) for found in after_cuts(tmp_path, work, two_files)}

    assert left == {
        ("one", "two"),
        ("first", "one", "two"),
        ("one", "second", "two"),
        ("first", "one", "second", "two"),
    }


def test_a_new_folder_takes_with_it_what_is_in_it(tmp_path: Path) -> None:
    """However durable that is by itself."""

    def work(root: Path) -> None:
        (root / "new").mkdir()
        write(root / "new" / "file", A)
        sync(root / "new")

    assert after_cuts(tmp_path, work) == {(), (("new/file", A),)}


def test_a_rename_before_the_fsync_of_the_content_leaves_rubble(tmp_path: Path) -> None:
    """The classic fault: the new name is durable, what it names is not."""

    def work(root: Path) -> None:
        write(root / "file.tmp", B + B, sync=False)
        os.replace(root / "file.tmp", root / "file")
        sync(root)

    left = left_of(after_cuts(tmp_path, work, lambda root: write(root / "file", A)))

    assert left == {b"", B, B + B, ZEROS + ZEROS}


def test_two_names_of_a_file_share_its_content(tmp_path: Path) -> None:
    """Also after the cut they are one file."""
    disk = Disk(tmp_path, Random(1))
    with disk.mounted():
        write(tmp_path / "one", A, sync=False)
        os.link(tmp_path / "one", tmp_path / "two")
        sync(tmp_path)

    disk.power_cut()

    assert (tmp_path / "one").samefile(tmp_path / "two")
    assert mode_of(tmp_path / "one") == 0o600


@given(seed=st.integers(0, 2**32))
def test_the_seed_says_it_all(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same work and the same seed leave the same."""
    left = []
    for root in (tmp_path_factory.mktemp("disk"), tmp_path_factory.mktemp("disk")):
        disk = Disk(root, Random(seed))
        with disk.mounted():
            for number in range(4):
                write(root / str(number), A + B + C, sync=number == 2)
            os.replace(root / "0", root / "1")
        disk.power_cut()
        left.append(files(root))

    assert left[0] == left[1]


# --- processes


def killed_in_a_rename(disk: Disk, moments: Moments, root: Path) -> None:
    """And wants to tidy up when it is dead."""
    with disk.mounted():
        write(root / "file", A, sync=False)
        moments.last = len(moments.seen) + 1
        try:
            os.replace(root / "file", root / "other")
        finally:
            for act in (os.unlink, os.mkdir, disk.connect, lambda path: path.open("w")):
                with pytest.raises(CrashError):
                    act(root / "file")


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    """What it wrote is there; what it does in dying is not; a cut during the next may still lose it."""
    left = set()
    for seed in SEEDS:
        root = tmp_path / str(seed)
        root.mkdir()
        disk = Disk(root, Random(seed), moments := Moments())
        with pytest.raises(CrashError):
            killed_in_a_rename(disk, moments, root)
        assert files(root) == {"file": A}

        with disk.mounted():
            sync(root)
        disk.power_cut()
        left.add((root / "file").read_bytes())

    assert left == {A, b"", ZEROS}


def test_what_changes_while_no_process_has_the_disk_is_durable(tmp_path: Path) -> None:
    """A test may look and edit in between."""
    disk = Disk(tmp_path, Random(0))
    for seed in SEEDS:
        disk.rng = Random(seed)
        with disk.mounted():
            write(tmp_path / "file", B, sync=False)
        (tmp_path / "file").write_bytes(A)
        (tmp_path / "edited").write_bytes(C)
        with disk.mounted():
            pass

        disk.power_cut()

        assert files(tmp_path) == {"file": A, "edited": C}


def test_a_moment_stands_before_and_after_each_act(tmp_path: Path) -> None:
    """A harness counts them, and can tell by their names where it is."""
    moments = Moments()

    with Disk(tmp_path, Random(0), moments).mounted():
        write(tmp_path / "file.tmp", A)
        os.replace(tmp_path / "file.tmp", tmp_path / "file")
        sync(tmp_path)

    acts = ["open file.tmp", "write file.tmp", "sync file.tmp", "replace file.tmp file", "sync ."]
    assert moments.seen == [f"{when} {act}" for act in acts for when in ("before", "after")]


# --- the product on it


Live = Callable[[Path, Disk, list[Any]], None]


def every_cut(folder: Path, live: Live, every: int = 1) -> Iterator[tuple[Path, list[Any]]]:
    """The folder after a cut at each moment of a process, and what it had told until then."""
    for number in itertools.count(1, every):
        root = folder / str(number)
        root.mkdir()
        disk = Disk(root, Random(number), moments := Moments(number))
        told: list[Any] = []
        with suppress(CrashError), disk.mounted():
            live(root, disk, told)
        disk.power_cut()
        yield root, told
        if len(moments.seen) < number:
            return


@pytest.mark.parametrize("hard_links", [True, False], ids=["links", "no-links"])
def test_no_clip_that_was_placed_is_ever_lost(
    tmp_path: Path, hard_links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any moment of placings, over one another and back again, each is whole under some name."""
    older, newer = (
        a_take("a/fox", content, fingerprint=sign * 64) for sign, content in (("a", OLD), ("b", NEW))
    )

    def live(root: Path, _disk: Disk, told: list[Any]) -> None:
        storage = a_storage(root)
        for take, content, others in ((older, OLD, []), (newer, NEW, [older])):
            placed(storage, take, content, *others)
            told.append(content)
        assert storage.bring_back(older, labels_of(older, newer))

    if not hard_links:
        monkeypatch.setattr(os, "link", no_link)

    for root, told in every_cut(tmp_path, live):
        assert set(told) <= set(clips(root).values()) <= {OLD, NEW}, root


def no_link(_source: Path, _name: Path) -> None:
    raise PermissionError(1, "Operation not permitted")


STATES = [TakeState.PLANNED, TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.READY, TakeState.DONE]
COPIED = "copied"


@dataclass
class Tuned:
    """A connection that syncs as it is told, and whose WAL begins anew every few pages."""

    inner: Connection
    synchronous: str

    def __post_init__(self) -> None:
        self.inner.execute("PRAGMA wal_autocheckpoint = 6")

    def execute(self, sql: str, values: Any = None, /) -> Iterable[tuple[Any, ...]]:
        return self.inner.execute(self.synchronous if "synchronous" in sql else sql, values)

    def close(self) -> None:
        self.inner.close()


def a_ledgers_life(synchronous: str) -> Live:
    """A take on its way, with copies, and a second opening half-way. Tells each state that is on record."""

    def live(root: Path, disk: Disk, told: list[Any]) -> None:
        def connect(path: Path) -> Connection:
            return Tuned(disk.connect(path), f"PRAGMA synchronous = {synchronous}")

        async def opened(*states: TakeState) -> None:
            ledger = await SqliteLedger.open(root / "ledger.sqlite", Inline(), connect)
            await ledger.begin_run("teasers.yaml", 1.0)
            await ledger.plan([a_row("fox")], ANY_PROVIDER)
            for state in states:
                take = await the_take(ledger)
                told.append((await ledger.move(take, state)).state)
            await ledger.save_copy()
            told.append(COPIED)
            await ledger.close()

        asyncio.run(opened(*STATES[1:3]))
        asyncio.run(opened(*STATES[3:]))

    return live


def place_of(states: Iterable[TakeState]) -> int:
    """How far the furthest is."""
    return max((STATES.index(state) for state in states), default=0)


def on_record(root: Path) -> int:
    async def read() -> int:
        ledger = await SqliteLedger.open(root / "ledger.sqlite", Inline())
        try:
            return place_of([take.state async for take in ledger.all_takes()])
        finally:
            await ledger.close()

    return asyncio.run(read())


def test_no_commit_that_returned_is_ever_lost(tmp_path: Path) -> None:
    """At any third moment, through checkpoints, copies and a second opening; no copy is half a one."""
    for root, told in every_cut(tmp_path, a_ledgers_life("FULL"), every=3):
        known = place_of(state for state in told if state != COPIED)
        assert on_record(root) in (known, known + 1), root
        copies = {Health.WHOLE} if COPIED in told else {Health.WHOLE, Health.MISSING}
        assert health(root / COPY_NAME) in copies, root


def test_a_ledger_that_does_not_sync_its_commits_is_caught(tmp_path: Path) -> None:
    """NORMAL leaves a database that can be read, without its last commits."""
    lost = 0
    for root, told in every_cut(tmp_path, a_ledgers_life("NORMAL"), every=5):
        lost += on_record(root) < place_of(state for state in told if state != COPIED)

    assert lost > 5


def test_a_lock_is_free_after_a_cut(tmp_path: Path) -> None:
    """Whether or not its file is still there."""
    for seed in SEEDS:
        disk = Disk(tmp_path, Random(seed))
        with disk.mounted(), batch_lock(tmp_path):
            pass
        disk.power_cut()
        with batch_lock(tmp_path):
            pass


def test_a_connection_beside_the_ledgers_own_does_it_no_harm(tmp_path: Path) -> None:
    """`sqlite3.connect` is the disk's own too: two libraries on one file would undo each other's locks."""
    disk = Disk(tmp_path, Random(3))
    with disk.mounted(), closing(disk.connect(tmp_path / "db")) as db:
        for sql in ("PRAGMA journal_mode = WAL", "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)"):
            db.execute(sql)
        with closing(sqlite3.connect(tmp_path / "db")) as other:
            assert list(other.execute("SELECT x FROM t")) == [(1,)]
        db.execute("INSERT INTO t VALUES (2)")
        seen = list(db.execute("SELECT x FROM t"))
    disk.power_cut()

    with disk.mounted(), closing(disk.connect(tmp_path / "db")) as db:
        assert list(db.execute("SELECT x FROM t")) == seen == [(1,), (2,)]
