"""Pictures of clips: whole or absent, of one take, and under its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from storage.placing import OLD, a_storage
from support.builders_core import a_take

from pipeline.errors import UsageError
from pipeline.storage.planted import refuse_links

TAKE = a_take("hero/fox", OLD)


def posters(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (folder / "posters").rglob("*")
        if path.is_file()
    }


def test_a_poster_bears_the_name_of_its_take(tmp_path: Path) -> None:
    """The next take of the job has one of its own, so that no clip is shown with another's picture."""
    storage, newer = a_storage(tmp_path), replace(TAKE, number=2)

    storage.keep_poster(TAKE, b"first")
    storage.keep_poster(newer, b"second")
    storage.keep_poster(TAKE, b"first, once more")

    assert posters(tmp_path) == {
        f"posters/{TAKE.label}.webp": b"first, once more",
        f"posters/{newer.label}.webp": b"second",
    }


def test_a_poster_follows_its_job_to_another_key(tmp_path: Path) -> None:
    """`nightreel mv` moves it with the clip."""
    storage, renamed = a_storage(tmp_path), replace(TAKE, job=replace(TAKE.job, key="wolf"))
    storage.keep_poster(TAKE, b"picture")

    storage.rename(TAKE.job.key, [renamed])

    assert posters(tmp_path) == {f"posters/{renamed.label}.webp": b"picture"}


def test_a_link_in_the_place_of_a_poster_is_replaced(tmp_path: Path) -> None:
    """Nothing is written through it."""
    storage, victim = a_storage(tmp_path), tmp_path / "victim"
    victim.write_bytes(b"mine")
    poster = tmp_path / "posters" / f"{TAKE.label}.webp"
    poster.parent.mkdir(parents=True)
    for name in (poster, poster.with_name(poster.name.replace(".webp", ".webp.tmp"))):
        name.symlink_to(victim)

    storage.keep_poster(TAKE, b"picture")

    assert victim.read_bytes() == b"mine"
    assert posters(tmp_path) == {f"posters/{TAKE.label}.webp": b"picture"}
    assert not poster.is_symlink()


def test_a_link_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """As with the folders of clips."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "posters").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UsageError, match="symbolic link"):
        refuse_links(tmp_path)
    with pytest.raises(OSError, match="symbolic link"):
        a_storage(tmp_path).keep_poster(TAKE, b"picture")

    assert list((tmp_path / "elsewhere").iterdir()) == []
