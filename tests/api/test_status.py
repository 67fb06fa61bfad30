"""`status` of a batch too large for a table: what needs a person is shown, and memory stays flat."""

from __future__ import annotations

import contextlib
import json
import re
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from pipeline.cli import status, survey
from pipeline.model import TakeState
from tests.support.batches import a_batch, a_night

JOBS = survey.MOST_ROWS + 200


def test_a_large_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has the jobs whose clip is not there; as JSON it has all of them, in the manifest's order."""
    night = a_night(JOBS)
    folder = a_batch(tmp_path / "large", night)
    gone = next(take for take in night if take.state is TakeState.DONE)
    (folder / "clips" / f"{gone.job.key}.mp4").unlink()
    open_ = [take for take in night if take.state is not TakeState.DONE or take is gone]

    status.command(folder.name, tmp_path, as_json=False, watched=False)
    told = capsys.readouterr().out
    status.command(folder.name, tmp_path, as_json=True, watched=False)
    facts = json.loads(capsys.readouterr().out)

    rows = [line for line in told.splitlines() if line.startswith("scene-") and "  " in line]
    assert [row.split()[0] for row in rows] == [take.job.key for take in open_]
    assert f"{JOBS - len(open_)} more are not shown; all of them: nightreel export {folder}" in told
    assert [take["job"] for take in facts["takes"]] == [take.job.key for take in night]
    assert facts["counts"] == Counter(take.state.value for take in night)
    assert sum(line["takes"] for line in facts["money"]["by_state"].values()) == facts["money"]["takes"]


def test_no_job_is_left_out_of_a_smaller_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = a_batch(tmp_path / "small", night := a_night(20))

    status.command(folder.name, tmp_path, as_json=False, watched=False)

    told = capsys.readouterr().out
    assert all(take.job.key in told for take in night)
    assert "not shown" not in told


def test_a_large_batch_without_anything_left_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No table without rows."""
    monkeypatch.setattr(survey, "MOST_ROWS", 3)
    folder = a_batch(tmp_path / "done", [take for take in a_night(20) if take.state is TakeState.DONE])

    status.command(folder.name, tmp_path, as_json=False, watched=False)

    first = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(rf"\d+ are done; all of them: nightreel export {re.escape(str(folder))}", first)


@pytest.mark.parametrize("as_json", [False, True])
def test_memory_is_that_of_a_smaller_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    """2,000 more jobs, 6 MB if they were kept. Python's own table of names may grow by 2 MB meanwhile."""
    monkeypatch.setattr(survey, "MOST_ROWS", 100)
    few, many = (peak_of(a_batch(tmp_path / str(jobs), a_night(jobs)), as_json=as_json)
                 for jobs in (400, 2400))  # fmt: skip

    assert many - few < 3_000_000, (few, many)


def peak_of(folder: Path, *, as_json: bool) -> int:
    """The most bytes at once that `status` holds in Python's objects."""
    with Path("/dev/null").open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        tracemalloc.start()
        status.command(folder.name, folder.parent, as_json=as_json, watched=False)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak
