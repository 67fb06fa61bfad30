"""Several manifests as one: the files of a folder, all their problems in one go, and no batch twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pipeline.errors import ManifestError, Problem, UsageError
from pipeline.plan import MAX_PROBLEMS, Checked
from pipeline.selection import Selection

ENDINGS = (".yaml", ".yml")


def manifest_files(named: Iterable[Path]) -> list[Path]:
    """The files among `named`, and those that lie in its folders, each once. Raises UsageError."""
    files: dict[str, Path] = {}
    for path in named:
        for file in _files_in(path) if path.is_dir() else [path]:
            files.setdefault(os.path.abspath(file), file)
    return list(files.values())


def _files_in(folder: Path) -> list[Path]:
    """Not those of its folders, and not hidden ones, which editors and copying tools leave about."""
    try:
        found = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in ENDINGS and not path.name.startswith(".") and not path.is_dir()
        )
    except OSError as exc:
        raise UsageError(f"folder {folder} cannot be read: {exc.strerror}") from exc
    if not found:
        raise UsageError(f"no manifest in folder {folder}: looked for files *.yaml and *.yml directly in it")
    return found


def check_manifests(files: Sequence[Path], check: Callable[[Path], Checked]) -> list[Checked]:
    """All of them, without a fault. Raises ManifestError with the problems of all, UsageError."""
    if len(files) == 1:
        return [check(files[0])]
    checked, problems, total = [], list[Problem](), 0
    for file in files:
        one, its_problems, count = looked_at(file, check)
        checked += [] if one is None else [one]
        problems, total = [*problems, *its_problems][:MAX_PROBLEMS], total + count
    twice = same_batches(checked)
    problems, total = [*problems, *twice][:MAX_PROBLEMS], total + len(twice)
    if total:
        raise ManifestError(tuple(problems), total)
    return checked


def chosen_manifests(
    named: Iterable[Path], selection: Selection, check: Callable[[Path], Checked], *, dated: bool = False
) -> list[Checked]:
    """The same for files and folders, where a selection leaves a job in at least one of them.

    `dated`: somebody named a day, which means nothing where no batch has one.
    """
    all_checked = check_manifests(manifest_files(named), check)
    selection.refuse_none(*(checked.jobs() for checked in all_checked))
    if dated and not any(checked.dated for checked in all_checked):
        raise UsageError(
            f"--date names the day of a batch, and {all_checked[0].path} has no ${{date}} in its batch:"
            " write for example `batch: nightly-${date}`, or leave --date out"
        )
    return all_checked


def looked_at(file: Path, check: Callable[[Path], Checked]) -> tuple[Checked | None, Sequence[Problem], int]:
    """A manifest, or its first problems and how many it has. That there is no such file is one, too."""
    try:
        return check(file), (), 0
    except ManifestError as exc:
        return None, exc.problems, exc.total
    except UsageError as exc:
        return None, (Problem(str(file), 1, 1, str(exc)),), 1


def same_batches(checked: Iterable[Checked]) -> list[Problem]:
    """A problem for each manifest whose batch is that of one before it. Some disks know no case."""
    first: dict[str, Checked] = {}
    found = []
    for one in checked:
        other = first.setdefault(one.batch.casefold(), one)
        if other is not one:
            why = f'batch: "{one.batch}" is also the batch of {other.path}; give one of them another name'
            found.append(one.head.problem("batch", why))
    return found
