"""A world's folder: what was answered is on record, what was torn is not, and one simulator at a time."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sim.builders import a_job, a_picture

from pipeline.sim import WorldFolderError
from pipeline.sim.folder import WorldFolder
from pipeline.sim.pictures import read_picture
from pipeline.sim.world import Job


def reopened(path: Path) -> tuple[Job, ...]:
    folder = WorldFolder(path)
    folder.close()
    return folder.jobs


def kept(path: Path, *jobs: Job) -> None:
    folder = WorldFolder(path)
    for job in jobs:
        folder.keep(job, None)
    folder.close()


def test_a_job_comes_back_as_it_was(tmp_path: Path) -> None:
    job = a_job(prompt="狐狸 \ud83e [[failed]]", now=1234.567891234)

    kept(tmp_path, job)

    assert reopened(tmp_path) == (job,)


OLD_LINE = (
    '{"id":"5f0c8a52-9a0e-4f4e-8e0b-7a9b1d6f2c11","dialect":"cometapi","operation":"generate",'
    '"model":"grok-imagine-video","prompt":"a fox","duration_s":6,"resolution":"480p","width":854,'
    '"height":480,"ticks":3000000000,"accepted_at":1234.5,"queue_s":0.15,"render_s":1.35,'
    '"outcome":"done","variety":7,"digest":"7f3c1de9a8d04be3b2b1c0aa","copy":0,"client_user":"",'
    '"picture":"","source":""}\n'
)


def test_a_journal_of_the_first_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text(OLD_LINE)

    (job,) = reopened(tmp_path)

    assert (job.id[:8], job.dialect, job.ticks) == ("5f0c8a52", "cometapi", 3_000_000_000)


def test_a_torn_last_line_is_dropped_and_the_next_one_stands_alone(tmp_path: Path) -> None:
    first, second, third = (a_job(prompt=text) for text in "abc")
    kept(tmp_path, first, second)
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])

    assert reopened(tmp_path) == (first,)
    kept(tmp_path, third)

    assert reopened(tmp_path) == (first, third)


def test_damage_elsewhere_is_an_error_with_its_place(tmp_path: Path) -> None:
    kept(tmp_path, a_job())
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"id": "x"}\n')

    with pytest.raises(WorldFolderError, match=r"journal\.jsonl:2: not an acceptance"):
        WorldFolder(tmp_path)


@pytest.mark.parametrize(
    "line", ["[" * 3000, OLD_LINE.replace("854", '"wide"'), OLD_LINE.replace("1.35", "NaN")]
)
def test_a_line_that_is_no_acceptance_is_an_error(tmp_path: Path, line: str) -> None:
    """Found when it is read, not when the job is asked about."""
    (tmp_path / "journal.jsonl").write_text(line.strip() + "\n")

    with pytest.raises(WorldFolderError, match=r"journal\.jsonl:1: not an acceptance"):
        WorldFolder(tmp_path)


@pytest.mark.parametrize("text", ['{"key": 1}', '{"key": 1, "secret": "00"}', "[" * 3000])
def test_a_damaged_identity_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "world.json").write_text(text)

    with pytest.raises(WorldFolderError, match="not a world"):
        WorldFolder(tmp_path)


def test_key_and_secret_stay_and_are_private(tmp_path: Path) -> None:
    folder = WorldFolder(tmp_path / "deep" / "world")
    folder.close()

    again = WorldFolder(tmp_path / "deep" / "world")
    again.close()

    file = tmp_path / "deep" / "world" / "world.json"
    assert again.identity == folder.identity
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(one.name for one in file.parent.iterdir()) == [
        "clips",
        "journal.jsonl",
        "pictures",
        "world.json",
    ]


def test_two_worlds_have_two_keys(tmp_path: Path) -> None:
    one, two = WorldFolder(tmp_path / "1"), WorldFolder(tmp_path / "2")
    one.close()
    two.close()

    assert one.identity.key != two.identity.key
    assert one.identity.secret != two.identity.secret


def test_a_world_in_use_is_refused(tmp_path: Path) -> None:
    folder = WorldFolder(tmp_path)

    with pytest.raises(WorldFolderError, match="another simulator"):
        WorldFolder(tmp_path)

    folder.close()
    assert reopened(tmp_path) == ()


def test_a_picture_is_kept_once(tmp_path: Path) -> None:
    folder = WorldFolder(tmp_path)
    picture = read_picture(a_picture())

    folder.keep(a_job(), picture)
    folder.keep(a_job(now=1.0), picture)
    folder.close()

    assert [one.name for one in (tmp_path / "pictures").iterdir()] == [f"{picture.digest}.jpg"]
    assert folder.picture_path(picture.digest).read_bytes() == picture.jpeg


class FullDisk:
    """A journal on a disk with no room left for a whole line."""

    def __init__(self, inner: object, room: int) -> None:
        self.inner, self.room = inner, room

    def __getattr__(self, name: str) -> Callable[..., object]:
        return getattr(self.inner, name)

    def write(self, data: bytes) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        return self.inner.write(data[: self.room])


@pytest.mark.parametrize("room", [0, 10])
def test_a_line_that_does_not_fit_leaves_nothing_behind(tmp_path: Path, room: int) -> None:
    first, second = a_job(prompt="a"), a_job(prompt="b")
    folder = WorldFolder(tmp_path)
    folder.keep(first, None)
    roomy = folder._journal
    folder._journal = FullDisk(roomy, room)

    with pytest.raises(OSError, match="could not be written"):
        folder.keep(second, None)
    folder._journal = roomy
    folder.keep(second, None)
    folder.close()

    assert reopened(tmp_path) == (first, second)
