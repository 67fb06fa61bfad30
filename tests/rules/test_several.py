"""Several manifests as one: which files are meant, no batch twice, and one exit code for all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import ManifestError, UsageError
from pipeline.opening import check_manifest
from pipeline.plan import Checked
from pipeline.several import check_manifests, manifest_files
from pipeline.together import CODES, first_that_applies

GOOD = "version: 1\nbatch: {batch}\nprovider: sim\njobs: [{{prompt: A fox.}}]\n"


def written(folder: Path, **batches: str) -> list[Path]:
    """A manifest for each name, with this batch."""
    for name, batch in batches.items():
        (folder / f"{name}.yaml").write_text(GOOD.format(batch=batch))
    return [folder / f"{name}.yaml" for name in batches]


def check(path: Path) -> Checked:
    return check_manifest(path, env={})


def test_a_folder_means_its_manifests(tmp_path: Path) -> None:
    """Sorted; no folder in it, nothing hidden, and nothing else."""
    for name in ("b.yaml", "a.yml", "C.YAML", ".hidden.yaml", "notes.txt", "d.yaml~"):
        (tmp_path / name).write_text("")
    (tmp_path / "deeper.yaml").mkdir()
    (tmp_path / "deeper.yaml" / "e.yaml").write_text("")

    assert [path.name for path in manifest_files([tmp_path])] == ["C.YAML", "a.yml", "b.yaml"]


def test_a_file_that_is_named_twice_is_meant_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself and by its folder, in whatever spelling; the first one counts."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, a="a", b="b")
    named = [Path("b.yaml"), tmp_path, Path(os.curdir) / "x" / ".." / "b.yaml"]

    assert manifest_files(named) == [Path("b.yaml"), tmp_path / "a.yaml"]


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    """Nothing to do is not what somebody meant who named a folder."""
    with pytest.raises(UsageError, match=r"no manifest in folder .*: looked for files \*.yaml and \*.yml"):
        manifest_files([tmp_path])


def test_all_problems_of_all_files_come_in_one_go(tmp_path: Path) -> None:
    """Also that a file is missing, and a batch that two of the sound ones make."""
    a, b, c = written(tmp_path, a="one", b="ONE", c="two")
    c.write_text(c.read_text().replace("prompt", "promt"))

    with pytest.raises(ManifestError) as found:
        check_manifests([a, tmp_path / "gone.yaml", c, b], check)

    texts = [str(problem).removeprefix(f"{tmp_path}/") for problem in found.value.problems]
    assert found.value.total == len(texts) == 4
    assert texts[0].startswith("gone.yaml:1:1: manifest ")
    assert texts[3] == f'b.yaml:2:8: batch: "ONE" is also the batch of {a}; give one of them another name'


def test_the_first_hundred_problems_of_many(tmp_path: Path) -> None:
    """With the total of all."""
    files = written(tmp_path, a="one", b="two")
    for file in files:
        file.write_text(file.read_text().replace("[{prompt: A fox.}]", "\n" + "  - {promt: x}\n" * 80))

    with pytest.raises(ManifestError) as found:
        check_manifests(files, check)

    assert (len(found.value.problems), found.value.total) == (100, 320)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((), 0),
        ((0, 0), 0),
        ((0, 1), 1),
        ((1, 4), 4),
        ((4, 130), 130),
        ((130, 3), 3),
        ((143, 4), 143),
        ((3, 5), 5),
        ((5, 2, 0), 2),
        ((2, 70), 70),
    ],
)
def test_the_first_exit_code_that_applies(codes: tuple[int, ...], expected: int) -> None:
    """In the order of the design, whichever batch it is of."""
    assert first_that_applies(codes) == expected
    assert first_that_applies(reversed(codes)) == expected
    assert set(codes) <= set(CODES)
