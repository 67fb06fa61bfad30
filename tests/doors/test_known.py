"""What is known of pictures from before: it saves time, and is never in the way."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sources import known as known_module
from pipeline.sources.known import Known, cache_path

NOW = 1_800_000_000.0
SHA = "ab" * 32


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A file that was changed an hour ago."""
    return a_file(tmp_path / "desk.png")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "home" / "nightreel" / "pictures.sqlite"


@pytest.fixture
def known(cache: Path) -> Iterator[Known]:
    opened = Known(cache, lambda: NOW)
    yield opened
    opened.close()


def a_file(path: Path, content: bytes = b"desk", age_s: float = 3600) -> Path:
    path.write_bytes(content)
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


def remember(known: Known, *paths: Path) -> None:
    for path in paths:
        known.add(path, path.stat(), SHA, "image/png")


def knows(known: Known, path: Path) -> bool:
    found = known.find(path, path.stat())
    assert found in (None, (SHA, "image/png"))
    return found is not None


def test_what_was_added_is_found(known: Known, picture: Path) -> None:
    """At once, and only that."""
    remember(known, picture)

    assert knows(known, picture)
    assert not knows(known, a_file(picture.with_name("other.png")))


def test_it_outlives_the_run(known: Known, cache: Path, picture: Path) -> None:
    """The next night finds it."""
    remember(known, picture)
    known.close()
    later = Known(cache, lambda: NOW + 86_400)

    assert knows(later, picture)
    later.close()
    assert not knows(known, picture)


def test_it_is_for_its_owner_alone(known: Known, cache: Path) -> None:
    """It tells what pictures a user has."""
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("flushed", [False, True])
def test_a_changed_picture_is_not_known(cache: Path, picture: Path, flushed: bool) -> None:
    """Another size, another time, or other content that was given the old time."""
    known = Known(cache, lambda: NOW)
    remember(known, picture)
    if flushed:
        known.close()
        known = Known(cache, lambda: NOW)

    os.utime(picture, (NOW - 10, NOW - 10))
    assert not knows(known, picture)
    a_file(picture, b"desk 2")
    assert not knows(known, picture)
    a_file(picture, b"desj")
    assert not knows(known, picture)
    known.close()


@pytest.mark.parametrize(("age_s", "kept"), [(-5, False), (0, False), (1.9, False), (2.1, True)])
def test_a_picture_that_was_changed_just_now_is_not_kept(
    known: Known, picture: Path, age_s: float, kept: bool
) -> None:
    """It may change again without another time to show for it."""
    a_file(picture, age_s=age_s)
    remember(known, picture)

    assert knows(known, picture) is kept


def test_new_rules_know_nothing(
    known: Known, cache: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What passed other checks must pass these."""
    remember(known, picture)
    known.close()
    monkeypatch.setattr(known_module, "RULES_VERSION", known_module.RULES_VERSION + 1)
    later = Known(cache, lambda: NOW)

    assert not knows(later, picture)
    later.close()


def test_a_name_in_no_encoding(known: Known, cache: Path, tmp_path: Path) -> None:
    """File names are bytes."""
    picture = a_file(tmp_path / os.fsdecode(b"d\xe9sk.png"))
    remember(known, picture)
    known.close()
    later = Known(cache, lambda: NOW)

    assert knows(later, picture)
    later.close()


def test_it_stays_bounded(cache: Path, tmp_path: Path) -> None:
    """What was not used for the longest time makes room."""
    pictures = [a_file(tmp_path / f"{number}.png") for number in range(9)]
    for day, some in enumerate((pictures[:3], pictures[3:6], pictures[:1], pictures[6:])):
        known = Known(cache, lambda day=day: NOW + day * 86_400, max_rows=6)
        for picture in some:
            if not knows(known, picture):
                remember(known, picture)
        known.close()

    last = Known(cache, lambda: NOW + 4 * 86_400, max_rows=6)
    kept = [number for number, picture in enumerate(pictures) if knows(last, picture)]
    last.close()
    assert len(kept) == 6
    assert {0, 6, 7, 8} <= set(kept)
    assert not {1, 2} & set(kept)


def test_many_are_written_on_the_way(cache: Path, tmp_path: Path) -> None:
    """A run that is killed loses the last few hundred at most."""
    known = Known(cache, lambda: NOW)
    picture = a_file(tmp_path / "desk.png")
    for number in range(1200):
        known.add(tmp_path / str(number), picture.stat(), SHA, "image/png")
    beside = sqlite3.connect(cache)

    (rows,) = beside.execute("SELECT count(*) FROM picture").fetchone()

    assert rows == 1000
    beside.close()
    known.close()


def test_many_threads_use_it(known: Known, cache: Path, tmp_path: Path) -> None:
    """Checks run in threads."""
    pictures = [a_file(tmp_path / f"{number}.png") for number in range(400)]
    threads = [
        threading.Thread(target=lambda part=part: [(remember(known, p), knows(known, p)) for p in part])
        for part in (pictures[n::8] for n in range(8))
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    known.close()
    later = Known(cache, lambda: NOW)
    assert all(knows(later, picture) for picture in pictures)
    later.close()


def test_two_processes_use_it(known: Known, cache: Path, picture: Path, tmp_path: Path) -> None:
    """Two runs beside each other, one of them new."""
    remember(known, picture)
    other = a_file(tmp_path / "other.png")
    code = (
        "import sys; from pathlib import Path; from pipeline.sources.known import Known\n"
        "known = Known(Path(sys.argv[1]), lambda: 1_800_000_000.0)\n"
        "known.add(Path(sys.argv[2]), Path(sys.argv[2]).stat(), 'ab' * 32, 'image/png'); known.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(cache), str(other)], check=True, timeout=30)
    known.close()

    later = Known(cache, lambda: NOW)
    assert knows(later, picture)
    assert knows(later, other)
    later.close()


# --- in nobody's way


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_one_knows_nothing(cache: Path, picture: Path, content: bytes) -> None:
    """And is left as it is."""
    cache.parent.mkdir(parents=True)
    cache.write_bytes(content)
    known = Known(cache, lambda: NOW)
    remember(known, picture)

    assert not knows(known, picture)
    known.close()
    assert cache.read_bytes() == content


def test_one_that_is_damaged_later_knows_nothing(cache: Path, tmp_path: Path) -> None:
    """Half a disk block is enough."""
    known = Known(cache, lambda: NOW)
    pictures = [a_file(tmp_path / f"{number}.png") for number in range(300)]
    remember(known, *pictures)
    known.close()
    with cache.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (cache.stat().st_size - 4096))
    known = Known(cache, lambda: NOW)
    remember(known, *pictures)

    assert not knows(known, a_file(tmp_path / "new.png"))
    known.close()


def test_a_database_of_somebody_else_is_left_alone(cache: Path, picture: Path) -> None:
    """Whatever lies there under our name."""
    cache.parent.mkdir(parents=True)
    db = sqlite3.connect(cache)
    db.execute("CREATE TABLE picture (mine TEXT)")
    db.close()
    before = cache.read_bytes()
    known = Known(cache, lambda: NOW)
    remember(known, picture)

    assert not knows(known, picture)
    known.close()
    assert cache.read_bytes() == before


@pytest.mark.parametrize("way", ["folder", "pipe", "file above", "nowhere"])
def test_where_none_can_be(tmp_path: Path, picture: Path, way: str) -> None:
    """A folder or pipe of its name, a file where its folder would be, a user without a home."""
    path: Path | None = tmp_path / "pictures.sqlite"
    if way == "folder":
        (tmp_path / "pictures.sqlite").mkdir()
    elif way == "pipe":
        os.mkfifo(tmp_path / "pictures.sqlite")
    else:
        path = picture / "pictures.sqlite" if way == "file above" else None
    known = Known(path, lambda: NOW)
    remember(known, picture)

    assert not knows(known, picture)
    known.close()


@pytest.mark.parametrize("when", ["opening", "working"])
def test_a_locked_one_does_not_hold_up(cache: Path, picture: Path, when: str) -> None:
    """One short wait, not one for each picture."""
    if when == "working":
        first = Known(cache, lambda: NOW)
        remember(first, picture)
        first.close()
        known = Known(cache, lambda: NOW + 86_400)
    else:
        cache.parent.mkdir(parents=True)
    other = sqlite3.connect(cache, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    if when == "opening":
        known = Known(cache, lambda: NOW)

    for _ in range(20):
        assert not knows(known, picture)
        remember(known, picture)
    known.close()

    assert time.monotonic() - began < 2
    other.close()


# --- its place


@pytest.mark.parametrize(
    ("env", "path"),
    [
        ({"HOME": "/home/ann"}, "/home/ann/.cache/nightreel/pictures.sqlite"),
        ({"HOME": "/home/ann", "XDG_CACHE_HOME": "/scratch"}, "/scratch/nightreel/pictures.sqlite"),
        ({"HOME": "/home/ann", "XDG_CACHE_HOME": ""}, "/home/ann/.cache/nightreel/pictures.sqlite"),
        ({"HOME": "/home/ann", "XDG_CACHE_HOME": "here"}, "/home/ann/.cache/nightreel/pictures.sqlite"),
        ({}, None),
        ({"HOME": "here"}, None),
    ],
)
def test_where_the_cache_lies(env: dict[str, str], path: str | None) -> None:
    """A relative path is to be ignored (XDG Base Directory)."""
    assert cache_path(env) == (None if path is None else Path(path))
