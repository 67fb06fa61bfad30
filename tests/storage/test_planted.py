"""Links planted in a batch folder, one by one, in the place of everything that we make there.

For each it is said what happens: refused before anything else, or replaced by the file itself. What such a
link leads to is never written, read as ours, or moved. The batch folder itself may be a link.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage.placing import NEW, OLD, a_storage, labels_of, look_of, placed, sealed, side_of
from support.builders_core import a_take, steady

from pipeline import RunOptions, run_manifest
from pipeline.decisions import redo
from pipeline.doctor.batch import batch_check
from pipeline.doctor.finding import Verdict
from pipeline.errors import UsageError
from pipeline.manifest.rules import check_key
from pipeline.opening import batch_folder, batch_takes, check_manifest, foreseen
from pipeline.recovery import recover
from pipeline.storage.local import LocalStorage
from pipeline.storage.lock import batch_lock

REFUSED = [
    ".lock",
    ".sending",
    ".sim",
    "clips",
    "ledger.backup.sqlite",
    "ledger.backup.sqlite.tmp",
    "ledger.recovering.sqlite",
    "ledger.sqlite",
    "ledger.sqlite-shm",
    "ledger.sqlite-wal",
    "log.jsonl",
    "superseded",
]
"""What a command opens for long, or finds other files in."""
KEY = "sub/fox"
MANIFEST = "version: 1\nbatch: b\nprovider: sim\njobs:\n  - {id: fox, prompt: A fox.}\n"
TAKE = a_take(KEY, NEW, fingerprint="b" * 64)
OLDER = a_take(KEY, OLD, fingerprint="a" * 64, id=2)


def a_victim(folder: Path, name: str) -> Path:
    """What a link leads to: a folder where a folder is expected. It holds what must stay."""
    victim = folder / "victim"
    if name in ("clips", "superseded", ".sim", ".sending"):
        victim.mkdir()
        (victim / "kept").write_bytes(b"mine")
    else:
        victim.write_bytes(b"mine")
    return victim


def content(victim: Path) -> dict[str, bytes]:
    paths = sorted(victim.rglob("*")) if victim.is_dir() else [victim]
    return {path.name: path.read_bytes() for path in paths}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_link_to_what_stays_open_is_refused_by_each_command(tmp_path: Path, name: str) -> None:
    """Named, before anything is sent or written: by run, plan, status, redo, recover and doctor."""
    manifest, folder = tmp_path / "b.yaml", tmp_path / "output" / "b"
    manifest.write_text(MANIFEST)
    folder.mkdir(parents=True)
    victim = a_victim(tmp_path, name)
    (folder / name).symlink_to(victim)
    named = re.escape(f"{folder / name} is a symbolic link to {victim}")
    output = tmp_path / "output"

    with pytest.raises(UsageError, match=named):
        await run_manifest(manifest, RunOptions(output=output, env={}))
    with pytest.raises(UsageError, match=named):
        async with foreseen(check_manifest(manifest, env={}), output=output):
            pass
    with pytest.raises(UsageError, match=named):
        async with batch_takes(folder):
            pass
    with pytest.raises(UsageError, match=named):
        await redo(folder, ["fox"])
    with pytest.raises(UsageError, match=named):
        await recover(folder, 0.0)
    finding = batch_check(folder, None)

    assert (finding.verdict, finding.seen) == (
        Verdict.PROBLEM,
        f"{folder / name} is a symbolic link to {victim}",
    )
    assert content(victim) == {("kept" if victim.is_dir() else "victim"): b"mine"}
    assert [path.name for path in folder.iterdir()] == [name]


@pytest.mark.parametrize("name", ["journal.jsonl", "world.json", "clips", "pictures"])
async def test_a_link_in_the_simulators_folder_is_refused(tmp_path: Path, name: str) -> None:
    manifest, world = tmp_path / "b.yaml", tmp_path / "output" / "b" / ".sim"
    manifest.write_text(MANIFEST)
    world.mkdir(parents=True)
    (world / name).symlink_to(tmp_path / "victim")

    with pytest.raises(UsageError, match="is a symbolic link"):
        await run_manifest(manifest, RunOptions(output=tmp_path / "output", env={}))

    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("name", [".write-test", "clips/{label}.part", "clips/{key}.json.tmp"])
def test_a_link_to_what_is_written_as_a_whole_is_replaced(tmp_path: Path, name: str) -> None:
    """The link loses its name to the file that belongs there."""
    folder = tmp_path / "b"
    link = folder / name.format(key=KEY, label=TAKE.label)
    link.parent.mkdir(parents=True)
    victim = a_victim(tmp_path, name)
    link.symlink_to(victim)

    clip = placed(a_storage(batch_folder(tmp_path, "b")), TAKE, NEW)

    assert content(victim) == {"victim": b"mine"}
    assert clip.read_bytes() == NEW
    assert not link.is_symlink()


@pytest.mark.parametrize("name", ["clips/{key}.mp4", "clips/{key}.json", "superseded/{older}.mp4"])
@pytest.mark.parametrize("dangling", [False, True], ids=["to a file", "to nothing"])
def test_a_link_in_the_place_of_a_clip_or_side_file(tmp_path: Path, name: str, dangling: bool) -> None:
    """Never written through; where an older clip must be kept, it is."""
    storage = a_storage(tmp_path)
    link = tmp_path / name.format(key=KEY, older=OLDER.label)
    if not name.endswith("{key}.mp4"):
        placed(storage, OLDER, OLD)
    link.unlink(missing_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    victim = tmp_path / "victim"
    link.symlink_to(victim)
    if not dangling:
        victim.write_bytes(b"mine")

    clip = placed(storage, TAKE, NEW, OLDER)

    assert clip.read_bytes() == NEW
    assert not clip.is_symlink()
    assert not clip.with_suffix(".json").is_symlink()
    assert victim.exists() is not dangling
    assert dangling or victim.read_bytes() == b"mine"
    kept = tmp_path / "superseded" / f"{OLDER.label}.mp4"
    assert name.endswith("{key}.mp4") or (kept.read_bytes() == OLD and not kept.is_symlink())


def test_a_link_is_no_clip(tmp_path: Path) -> None:
    """Whatever it leads to: such a clip is missing, is not sent to a gateway, and is no earlier run's."""
    storage, victim = a_storage(tmp_path), tmp_path / "victim"
    clip = placed(storage, TAKE, NEW)
    clip.rename(victim)
    clip.symlink_to(victim)

    assert not storage.has_clip(*look_of(TAKE))
    assert storage.where(TAKE) is None
    assert storage.adoptable(TAKE) is None
    assert not storage.bring_back(TAKE, labels_of(TAKE))
    assert victim.read_bytes() == NEW


@pytest.mark.parametrize("dangling", [False, True], ids=["to a file", "to nothing"])
def test_a_rejected_name_that_is_a_link_stays(tmp_path: Path, dangling: bool) -> None:
    """The next free name is taken."""
    storage, victim = a_storage(tmp_path), tmp_path / "victim"
    sealed(storage, TAKE, NEW)
    (tmp_path / "clips" / f"{TAKE.label}.rejected").symlink_to(victim)
    if not dangling:
        victim.write_bytes(b"mine")

    kept = storage.reject(TAKE)

    assert kept == tmp_path / "clips" / f"{TAKE.label}.2.rejected"
    assert kept.read_bytes() == NEW
    assert victim.exists() is not dangling


@pytest.mark.parametrize("folder", ["clips/sub", "superseded/sub"])
def test_a_link_to_a_folder_below_is_refused(tmp_path: Path, folder: str) -> None:
    """Named in the error; nothing is made behind it, and nothing behind it counts as a clip."""
    storage, victim = a_storage(tmp_path), tmp_path / "victim"
    if folder.startswith("superseded"):
        placed(storage, OLDER, OLD)
    victim.mkdir()
    (tmp_path / folder).parent.mkdir(exist_ok=True)
    (tmp_path / folder).symlink_to(victim)

    with pytest.raises(OSError, match="symbolic link") as refused:
        placed(storage, TAKE, NEW, OLDER)

    assert refused.value.errno == errno.ELOOP
    assert refused.value.filename == str(tmp_path / folder)
    assert list(victim.iterdir()) == []


def test_nothing_behind_a_linked_folder_counts(tmp_path: Path) -> None:
    """A whole folder of clips that lies elsewhere is not ours."""
    placed(a_storage(tmp_path), TAKE, NEW)
    (tmp_path / "clips" / "sub").rename(tmp_path / "victim")
    (tmp_path / "clips" / "sub").symlink_to(tmp_path / "victim")
    storage = LocalStorage(tmp_path)

    assert not storage.has_clip(*look_of(TAKE))
    assert not storage.bring_back(TAKE, labels_of(TAKE))
    assert storage.where(TAKE) is None


@pytest.mark.parametrize("linked", ["output", "batch"])
def test_the_folder_of_a_batch_may_be_a_link(tmp_path: Path, linked: str) -> None:
    """Clips on another disk: the user's own doing."""
    disk = tmp_path / "disk"
    disk.mkdir()
    output = tmp_path / "output"
    if linked == "output":
        output.symlink_to(disk)
    else:
        output.mkdir()
        (output / "b").symlink_to(disk)

    clip = placed(a_storage(batch_folder(output, "b")), TAKE, NEW)

    assert clip.read_bytes() == NEW
    assert (disk / ("b" if linked == "output" else "") / "clips" / f"{KEY}.mp4").is_file()


def test_a_pipe_in_the_place_of_the_log_stops_nobody(tmp_path: Path) -> None:
    """To open it would wait for a reader, for ever."""
    os.mkfifo(tmp_path / "log.jsonl")

    with pytest.raises(UsageError, match="neither file nor folder"):
        batch_lock(tmp_path).__enter__()


def names_of(key: str, number: int) -> set[str]:
    """Every name that a take of a job may give to a file, as a disk sees it that ignores case."""
    storage, take = LocalStorage(Path()), a_take(key, fingerprint=f"{number:064x}")
    part, clip = storage.part_path(take), storage.clip_path(take)
    kept = Path("superseded") / f"{take.label}.mp4"
    rejected = [part.with_suffix(end) for end in (".rejected", ".2.rejected")]
    sides = [path.with_suffix(".json") for path in (clip, kept)]
    temporary = [path.with_name(f"{path.name}.tmp") for path in sides]
    return {str(path).lower() for path in (part, clip, kept, *rejected, *sides, *temporary)}


ENDS = st.sampled_from(["", ".part", ".json", ".mp4", ".rejected", ".2.rejected", ".00000000.1", ".tmp", "."])
KEYS = st.builds(lambda *parts: "".join(parts), st.sampled_from(["a", "A", "a/a", "b"]), ENDS, ENDS)


def fits(key: str) -> bool:
    try:
        check_key(key)
    except ValueError:
        return False
    return True


@steady
@given(
    one=KEYS.filter(fits), other=KEYS.filter(fits), numbers=st.tuples(st.integers(0, 3), st.integers(0, 3))
)
def test_no_two_jobs_share_a_file_name(one: str, other: str, numbers: tuple[int, int]) -> None:
    """Whatever their keys end in, on any disk; keys that differ only in case are refused before."""
    if one.lower() != other.lower():
        assert not names_of(one, numbers[0]) & names_of(other, numbers[1])


@pytest.mark.parametrize(
    "key", ["../up", "/etc/passwd", "a/../../b", "..", ".", "a/.hidden", "a//b", "a\\..\\b"]
)
def test_no_key_leads_out_of_the_folder(key: str) -> None:
    with pytest.raises(ValueError, match="cannot be a job key"):
        check_key(key)


def test_side_files_hold_no_orders_to_a_terminal(tmp_path: Path) -> None:
    """People look into them with `cat`."""
    storage = a_storage(tmp_path)
    sealed(storage, TAKE, NEW)

    clip = storage.place(TAKE, side_of(TAKE) | {"prompt": "\x9b31m \u202e狐"}, labels_of(TAKE))

    text = clip.with_suffix(".json").read_text("utf-8")
    assert r"\u009b31m \u202e狐" in text
