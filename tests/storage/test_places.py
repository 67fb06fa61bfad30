"""A clip gets its name: whole or absent, and never over another clip, whenever the process dies."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from storage.effects import CrashError, Effects, watched
from storage.placing import (
    NEW,
    OLD,
    a_storage,
    clips,
    files,
    labels_of,
    look_of,
    placed,
    sealed,
    side_labels,
    side_of,
)
from support.builders_core import a_take, sha256_of

from pipeline.errors import DiskFullError
from pipeline.model import Take
from pipeline.storage.local import LocalStorage

OLD_PRINT, NEW_PRINT = "aaaaaaaa" * 8, "bbbbbbbb" * 8


def older(key: str = "fox") -> Take:
    return a_take(key, OLD, fingerprint=OLD_PRINT, id=1)


def newer(key: str = "fox") -> Take:
    return a_take(key, NEW, fingerprint=NEW_PRINT, id=2)


KEYS = ["fox", "hero/night/fox", "fox.v1.5", "a.b/c.mp4"]


@pytest.mark.parametrize("key", KEYS)
def test_a_first_clip(tmp_path: Path, key: str) -> None:
    """Clip and side file stand side by side under the job's key, dots and slashes as they are."""
    storage = a_storage(tmp_path)

    path = placed(storage, newer(key), NEW)

    assert path == storage.clip_path(newer(key)) == tmp_path / "clips" / f"{key}.mp4"
    assert clips(tmp_path) == {f"clips/{key}.mp4": NEW}
    assert side_labels(tmp_path) == {f"clips/{key}.json": f"{key}.bbbbbbbb.1"}
    assert len(files(tmp_path)) == 2
    assert storage.has_clip(*look_of(newer(key)))
    assert storage.adoptable(newer(key)) == (sha256_of(NEW), len(NEW))


@pytest.mark.parametrize("hard_links", [True, False], ids=["links", "no-links"])
@pytest.mark.parametrize("key", KEYS)
def test_an_older_clip_moves_with_its_side_file(tmp_path: Path, key: str, hard_links: bool) -> None:
    """It was paid for: it is kept in superseded/ under its own label, on any file system."""
    storage = a_storage(tmp_path)
    placed(storage, older(key), OLD)

    with watched(tmp_path, hard_links=hard_links):
        placed(storage, newer(key), NEW, older(key))

    assert clips(tmp_path) == {f"clips/{key}.mp4": NEW, f"superseded/{key}.aaaaaaaa.1.mp4": OLD}
    assert side_labels(tmp_path) == {
        f"clips/{key}.json": f"{key}.bbbbbbbb.1",
        f"superseded/{key}.aaaaaaaa.1.json": f"{key}.aaaaaaaa.1",
    }
    assert len(files(tmp_path)) == 4


def test_three_clips_of_one_job(tmp_path: Path) -> None:
    """Each earlier one is kept, none takes another's name."""
    storage = a_storage(tmp_path)
    takes = [a_take("fox", bytes([n]) * 100, fingerprint=OLD_PRINT, number=n, id=n) for n in (1, 2, 3)]

    for number, take in enumerate(takes):
        placed(storage, take, bytes([take.number]) * 100, *takes[:number])

    assert clips(tmp_path) == {
        "clips/fox.mp4": b"\3" * 100,
        "superseded/fox.aaaaaaaa.1.mp4": b"\1" * 100,
        "superseded/fox.aaaaaaaa.2.mp4": b"\2" * 100,
    }


def test_a_clip_that_nobody_knows_is_kept_under_its_content(tmp_path: Path) -> None:
    """A user's own file of that name is not ours to overwrite."""
    storage = a_storage(tmp_path)
    (tmp_path / "clips" / "fox.v1.mp4").write_bytes(b"my holiday")

    placed(storage, newer("fox.v1"), NEW)

    kept = f"superseded/fox.v1.{sha256_of(b'my holiday')[:8]}.mp4"
    assert clips(tmp_path) == {"clips/fox.v1.mp4": NEW, kept: b"my holiday"}


def test_a_side_file_of_another_clip_does_not_go_with_it(tmp_path: Path) -> None:
    """A side file that names another content says nothing about this one."""
    storage = a_storage(tmp_path)
    placed(storage, older(), OLD)
    (tmp_path / "clips" / "fox.mp4").write_bytes(b"edited by hand")

    placed(storage, newer(), NEW, older())

    kept = f"superseded/fox.{sha256_of(b'edited by hand')[:8]}"
    assert files(tmp_path)[f"{kept}.mp4"] == b"edited by hand"
    assert f"{kept}.json" not in files(tmp_path)


def test_an_identical_clip_leaves_both_takes_whole(tmp_path: Path) -> None:
    """A gateway may answer two prompts with the same bytes."""
    storage, again = a_storage(tmp_path), replace(newer(), sha256=sha256_of(OLD), size_bytes=len(OLD))
    placed(storage, older(), OLD)

    sealed(storage, again, OLD)
    storage.place(again, side_of(again), labels_of(older()))

    assert clips(tmp_path) == {"clips/fox.mp4": OLD, "superseded/fox.aaaaaaaa.1.mp4": OLD}
    assert side_labels(tmp_path)["clips/fox.json"] == "fox.bbbbbbbb.1"
    assert side_labels(tmp_path)["superseded/fox.aaaaaaaa.1.json"] == "fox.aaaaaaaa.1"


def test_a_crash_between_side_file_and_name_of_an_identical_clip_mislabels_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kept clip keeps the side file that tells how it was made."""
    storage = a_storage(tmp_path)
    twin = replace(newer(), sha256=sha256_of(OLD), size_bytes=len(OLD))
    placed(storage, older(), OLD)
    plainly = os.replace

    def dies(source: Path, name: Path) -> None:
        if str(name).endswith(".mp4"):
            raise CrashError
        plainly(source, name)

    sealed(storage, twin, OLD)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dies)
        with pytest.raises(CrashError):
            storage.place(twin, side_of(twin), labels_of(older()))
    storage.place(twin, side_of(twin), labels_of(older()))

    assert side_labels(tmp_path) == {
        "clips/fox.json": twin.label,
        f"superseded/{older().label}.json": older().label,
    }


def test_a_take_that_is_not_wanted_goes_to_superseded_at_once(tmp_path: Path) -> None:
    """An old take that ends late does not push the present clip away."""
    storage, late = a_storage(tmp_path), replace(older(), wanted=False)
    placed(storage, newer(), NEW)

    placed(storage, late, OLD, newer())

    assert clips(tmp_path) == {"clips/fox.mp4": NEW, "superseded/fox.aaaaaaaa.1.mp4": OLD}
    assert side_labels(tmp_path)["clips/fox.json"] == "fox.bbbbbbbb.1"
    assert storage.adoptable(late) == (sha256_of(OLD), len(OLD))


# --- crashes


def after_a_first_clip(folder: Path, key: str = "hero/fox") -> LocalStorage:
    """The older clip in its place and the newer one sealed: the moment before the placing."""
    storage = a_storage(folder)
    placed(storage, older(key), OLD)
    sealed(storage, newer(key), NEW)
    return storage


def place_newer(storage: LocalStorage, key: str = "hero/fox") -> None:
    storage.place(newer(key), side_of(newer(key)), labels_of(older(key), newer(key)))


def effects_of_a_placing(folder: Path, hard_links: bool) -> Effects:
    storage = after_a_first_clip(folder)
    with watched(folder, hard_links=hard_links) as effects:
        place_newer(storage)
    return effects


@pytest.mark.parametrize("hard_links", [True, False], ids=["links", "no-links"])
def test_a_crash_at_any_point_loses_no_clip(tmp_path: Path, hard_links: bool) -> None:
    """The older clip is whole under some name, the newer one or its part is there; the next try mends all."""
    steps = len(effects_of_a_placing(tmp_path / "whole", hard_links).seen)
    assert steps >= 8

    for step in range(steps):
        folder = tmp_path / f"crash-{step}"
        storage = after_a_first_clip(folder)
        with watched(folder, hard_links=hard_links, crash_before=step), pytest.raises(CrashError):
            place_newer(storage)

        found = clips(folder)
        assert OLD in found.values()
        assert set(found.values()) <= {OLD, NEW}  # whole or absent
        part = storage.part_path(newer("hero/fox"))
        adopted = storage.adoptable(newer("hero/fox"))
        assert (adopted is None) == part.exists()
        assert adopted is not None or part.read_bytes() == NEW
        assert storage.adoptable(older("hero/fox")) in (None, (sha256_of(OLD), len(OLD)))

        if adopted is None:
            with watched(folder, hard_links=hard_links):
                place_newer(storage)
        assert files(folder) == files(tmp_path / "whole")


@pytest.mark.parametrize("hard_links", [True, False], ids=["links", "no-links"])
def test_names_are_durable_before_the_next_step_relies_on_them(tmp_path: Path, hard_links: bool) -> None:
    """The second name is synced before the first is given away, the side file before the clip's name."""
    effects = effects_of_a_placing(tmp_path, hard_links)

    second = "link" if hard_links else "replace"
    kept = effects.index(second, "clips/hero/fox.mp4", "superseded/hero/fox.aaaaaaaa.1.mp4")
    side_synced = effects.index("fsync", "clips/hero/fox.json.tmp")
    side = effects.index("replace", "clips/hero/fox.json.tmp", "clips/hero/fox.json")
    named = effects.index("replace", "clips/hero/fox.bbbbbbbb.1.part", "clips/hero/fox.mp4")
    assert kept < side_synced < side < named
    assert ("fsync", "superseded/hero") in effects.seen[kept + 1 : side]
    assert {("fsync", "superseded"), ("fsync", ".")} <= set(effects.seen[:named])  # folders made for it
    assert ("fsync", "clips/hero") in effects.seen[named + 1 :]


def test_the_name_of_a_new_folder_is_durable(tmp_path: Path) -> None:
    """A synced file in a folder whose own name is lost would be lost with it."""
    storage = LocalStorage(tmp_path)

    with watched(tmp_path) as effects:
        placed(storage, newer("hero/night/fox"), NEW)

    assert {("fsync", folder) for folder in (".", "clips", "clips/hero", "clips/hero/night")} <= set(
        effects.seen
    )


@pytest.mark.parametrize("hard_links", [True, False], ids=["links", "no-links"])
def test_a_crash_while_a_clip_comes_back_loses_none(tmp_path: Path, hard_links: bool) -> None:
    """The swap with superseded/ is as safe as a placing, and can be done again."""
    takes = older("hero/fox"), newer("hero/fox")

    def after_two_clips(folder: Path) -> LocalStorage:
        storage = after_a_first_clip(folder)
        place_newer(storage)
        return storage

    whole = after_two_clips(tmp_path / "whole")
    with watched(tmp_path / "whole", hard_links=hard_links) as effects:
        assert whole.bring_back(takes[0], labels_of(*takes))

    for step in range(len(effects.seen)):
        folder = tmp_path / f"crash-{step}"
        storage = after_two_clips(folder)
        with watched(folder, hard_links=hard_links, crash_before=step), pytest.raises(CrashError):
            storage.bring_back(takes[0], labels_of(*takes))

        assert set(clips(folder).values()) == {OLD, NEW}
        with watched(folder, hard_links=hard_links):
            assert storage.bring_back(takes[0], labels_of(*takes))
        assert clips(folder) == clips(tmp_path / "whole")
        assert side_labels(folder)["superseded/hero/fox.bbbbbbbb.1.json"] == takes[1].label


@pytest.mark.parametrize("failing", ["replace", "link", "fsync"])
def test_a_full_disk_while_placing_is_named_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Exit 4; both clips are still there."""
    storage = after_a_first_clip(tmp_path)

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, no_room)
        if failing == "link":
            patch.setattr(os, "replace", no_room)  # what is tried where links fail
        with pytest.raises(DiskFullError):
            place_newer(storage)

    assert OLD in clips(tmp_path).values()
    assert storage.part_path(newer("hero/fox")).read_bytes() == NEW


# --- adopting


def test_a_final_file_is_adopted_by_its_own_take_alone(tmp_path: Path) -> None:
    """The side file names take and hash; another take of the same job does not get this clip."""
    storage = a_storage(tmp_path)
    placed(storage, older(), OLD)

    with watched(tmp_path) as effects:
        assert storage.adoptable(older()) == (sha256_of(OLD), len(OLD))
    assert effects.seen == [("fsync", "clips")]  # it counts as done next
    assert storage.adoptable(newer()) is None
    assert storage.adoptable(replace(older(), number=2)) is None


@pytest.mark.parametrize(
    "side",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}",
        json.dumps({"label": "fox.bbbbbbbb.1"}).encode(),
        json.dumps({"label": "fox.bbbbbbbb.1", "sha256": "00" * 32}).encode(),
        json.dumps({"label": "fox.bbbbbbbb.2", "sha256": sha256_of(NEW)}).encode(),
        json.dumps({"sha256": sha256_of(NEW)}).encode(),
    ],
    ids=repr,
)
def test_a_final_file_without_its_true_side_file_is_not_adopted(tmp_path: Path, side: bytes | None) -> None:
    """Missing, broken or about something else: fetched again rather than believed."""
    storage = a_storage(tmp_path)
    path = placed(storage, newer(), NEW)
    path.with_suffix(".json").unlink()
    if side is not None:
        path.with_suffix(".json").write_bytes(side)

    assert storage.adoptable(newer()) is None


def test_a_final_file_that_was_changed_is_not_adopted(tmp_path: Path) -> None:
    """One flipped byte, same length."""
    storage = a_storage(tmp_path)
    path = placed(storage, newer(), NEW)
    path.write_bytes(b"X" + NEW[1:])

    assert storage.adoptable(newer()) is None


def test_nothing_there_is_nothing_to_adopt(tmp_path: Path) -> None:
    """Also where only the side file is."""
    storage = a_storage(tmp_path)
    placed(storage, newer(), NEW).unlink()

    assert storage.adoptable(newer()) is None
    assert not storage.has_clip(*look_of(newer()))


# --- going back


def test_going_back_swaps_the_clips(tmp_path: Path) -> None:
    """The older prompt is wanted again: its clip bears the name, the other is kept; and back again."""
    storage, labels = a_storage(tmp_path), labels_of(older(), newer())
    placed(storage, older(), OLD)
    placed(storage, newer(), NEW, older())

    assert storage.bring_back(older(), labels)
    back = clips(tmp_path), side_labels(tmp_path)
    assert storage.bring_back(newer(), labels)
    forth = clips(tmp_path), side_labels(tmp_path)

    assert back == (
        {"clips/fox.mp4": OLD, "superseded/fox.bbbbbbbb.1.mp4": NEW},
        {"clips/fox.json": "fox.aaaaaaaa.1", "superseded/fox.bbbbbbbb.1.json": "fox.bbbbbbbb.1"},
    )
    assert forth == (
        {"clips/fox.mp4": NEW, "superseded/fox.aaaaaaaa.1.mp4": OLD},
        {"clips/fox.json": "fox.bbbbbbbb.1", "superseded/fox.aaaaaaaa.1.json": "fox.aaaaaaaa.1"},
    )


def test_a_clip_in_its_place_needs_nothing(tmp_path: Path) -> None:
    """Found by content; not a file is touched. Its name may be fresh, from a run that died: it is synced."""
    storage = a_storage(tmp_path)
    placed(storage, newer(), NEW)
    before = files(tmp_path)

    with watched(tmp_path) as effects:
        assert storage.bring_back(newer(), {})

    assert (effects.seen, files(tmp_path)) == ([("fsync", "clips")], before)


def test_a_clip_whose_name_was_deleted_comes_back_from_superseded(tmp_path: Path) -> None:
    """Nobody bears the name now; nothing has to move away."""
    storage = a_storage(tmp_path)
    placed(storage, older(), OLD)
    placed(storage, newer(), NEW, older()).unlink()

    assert storage.bring_back(older(), labels_of(older(), newer()))
    assert clips(tmp_path) == {"clips/fox.mp4": OLD}
    assert side_labels(tmp_path)["clips/fox.json"] == "fox.aaaaaaaa.1"


@pytest.mark.parametrize("damage", ["gone", "cut", "changed", "folder"])
def test_a_clip_that_is_nowhere_whole_is_missing(tmp_path: Path, damage: str) -> None:
    """Gone, cut off or changed: said so, and nothing else is moved into its place."""
    storage = a_storage(tmp_path)
    placed(storage, older(), OLD)
    placed(storage, newer(), NEW, older())
    kept = tmp_path / "superseded" / "fox.aaaaaaaa.1.mp4"
    kept.unlink()
    if damage == "folder":
        kept.mkdir()
    elif damage != "gone":
        kept.write_bytes(OLD[:-1] if damage == "cut" else OLD[:-1] + b"X")

    assert not storage.bring_back(older(), labels_of(older(), newer()))
    assert clips(tmp_path)["clips/fox.mp4"] == NEW
    assert storage.has_clip(*look_of(newer()))


def test_a_look_is_by_size_alone(tmp_path: Path) -> None:
    """A start must be cheap for a million clips: the content is proven where it matters."""
    storage = a_storage(tmp_path)
    path = placed(storage, newer(), NEW)

    path.write_bytes(bytes(len(NEW)))
    same_size = storage.has_clip(*look_of(newer()))
    path.write_bytes(NEW + b"x")

    assert same_size
    assert not storage.has_clip(*look_of(newer()))
