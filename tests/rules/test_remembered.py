"""A batch knows its manifest again wherever both went, and no other manifest takes its clips over."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.remembered import is_same, refuse_other, spelled


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a manifest and its batch."""
    project = tmp_path / "project"
    (project / "output" / "teasers").mkdir(parents=True)
    (project / "teasers.yaml").write_text("version: 1\n")
    return project


def batch(project: Path) -> Path:
    return project / "output" / "teasers"


def remembered(project: Path) -> str:
    return spelled(project / "teasers.yaml", batch(project))


def test_a_manifest_is_remembered_from_the_batch_folder(project: Path) -> None:
    """Always with a dot in front, which tells it from a path that somebody typed."""
    assert remembered(project) == "../../teasers.yaml"
    assert spelled(batch(project) / "inside.yaml", batch(project)) == "./inside.yaml"


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree])
def test_manifest_and_batch_move_together(project: Path, how: object) -> None:
    """The whole project, moved or copied: it is the manifest there that counts."""
    before = remembered(project)
    there = project.with_name("elsewhere")
    how(project, there)  # type: ignore[operator]

    assert refuse_other(before, there / "teasers.yaml", batch(there)) is None


def test_another_spelling_is_the_same_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a link to the file, a link to its folder, or by way of another folder."""
    (project / "link.yaml").symlink_to("teasers.yaml")
    project.with_name("linked").symlink_to(project)
    monkeypatch.chdir(batch(project))
    names = [project / "link.yaml", project.with_name("linked") / "teasers.yaml", Path("../../teasers.yaml")]

    assert [refuse_other(remembered(project), name, batch(project)) for name in names] == [None] * 3
    assert spelled(names[1], batch(project)) == remembered(project)


def test_a_link_that_leads_to_another_version_now_is_the_same_manifest(project: Path) -> None:
    """It was remembered as the link that it is."""
    (project / "current.yaml").symlink_to("teasers.yaml")
    before = spelled(project / "current.yaml", batch(project))
    (project / "second.yaml").write_text("version: 1\n")
    (project / "current.yaml").unlink()
    (project / "current.yaml").symlink_to("second.yaml")

    assert refuse_other(before, project / "current.yaml", batch(project)) is None


def test_another_manifest_is_refused_while_the_first_is_there(project: Path) -> None:
    """Both are named, and what to do."""
    (project / "copy.yaml").write_text("version: 1\n")

    with pytest.raises(UsageError) as refused:
        refuse_other(remembered(project), project / "copy.yaml", batch(project))

    assert refused.value.exit_code == 2
    assert "teasers.yaml, and " in str(refused.value)
    assert f"write another `batch:` into {project / 'copy.yaml'}, or remove " in str(refused.value)


def test_a_renamed_manifest_goes_on_with_a_note(project: Path) -> None:
    """The old name is gone: nobody else can mean this batch."""
    before = remembered(project)
    os.rename(project / "teasers.yaml", project / "trailers.yaml")

    note = refuse_other(before, project / "trailers.yaml", batch(project))

    assert note is not None
    assert "teasers.yaml, which is gone; " in note


@pytest.mark.parametrize("typed", ["teasers.yaml", "manifests/teasers.yaml", "~/x.yaml", ""])
def test_what_older_runs_typed_stops_nobody(project: Path, typed: str) -> None:
    """From where it was typed is not known, so it says nothing."""
    (project / "copy.yaml").write_text("version: 1\n")

    assert refuse_other(typed, project / "copy.yaml", batch(project)) is None
    assert not is_same(typed, project / "copy.yaml", batch(project))


def test_an_absolute_path_of_older_runs_still_counts(project: Path) -> None:
    """It can be looked up."""
    (project / "copy.yaml").write_text("version: 1\n")

    assert refuse_other(str(project / "teasers.yaml"), project / "teasers.yaml", batch(project)) is None
    with pytest.raises(UsageError):
        refuse_other(str(project / "teasers.yaml"), project / "copy.yaml", batch(project))


def test_a_name_that_is_no_text(project: Path) -> None:
    """It can be put on record, too."""
    odd = Path(os.fsdecode(os.fsencode(project) + b"/\xff.yaml"))
    odd.write_text("version: 1\n")

    spelled(odd, batch(project)).encode("utf-8")
