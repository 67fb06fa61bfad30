"""`from pipeline import run_manifest`: what another program gets, on the embedded simulator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import RunOptions, run_manifest
from pipeline.errors import BusyError, GatewayUnusableError, ManifestError, UsageError
from pipeline.events import Event, RunEnded, RunStarted, TakeMoved
from pipeline.model import LEGAL_MOVES, TakeState
from pipeline.storage.lock import batch_lock

MANIFEST = """\
version: 1
batch: api
provider: sim
defaults: {duration: 1, resolution: 480p, aspect_ratio: '1:1'}
jobs:
  - {id: candle, prompt: A candle.}
  - {id: candle-snow, edit: candle, prompt: Snow.}
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "api.yaml"
    path.write_text(MANIFEST)
    return path


def options(tmp_path: Path) -> RunOptions:
    return RunOptions(output=tmp_path / "output", env={})


@pytest.mark.slow
async def test_events_tell_every_legal_move_between_a_start_and_an_end(
    manifest: Path, tmp_path: Path
) -> None:
    """A listener can follow each take from planned to done, and the result agrees with what it heard."""
    heard: list[Event] = []

    result = await run_manifest(manifest, options(tmp_path), heard.append)

    moves = [event for event in heard if isinstance(event, TakeMoved)]
    assert isinstance(heard[0], RunStarted)
    assert heard[0].counts == {TakeState.PLANNED: 2}
    assert heard[-1] == RunEnded(exit_code=0, seconds=result.seconds)
    assert all(move.take.state in LEGAL_MOVES[move.before] for move in moves)
    assert [move.take.state for move in moves if move.take.job.key == "candle"] == [
        TakeState.SUBMITTING,
        TakeState.ACCEPTED,
        TakeState.READY,
        TakeState.DONE,
    ]
    assert (result.exit_code, result.counts) == (0, {TakeState.DONE: 2})
    assert (result.folder / "clips" / "candle-snow.mp4").is_file()
    assert result.simulated


@pytest.mark.slow
async def test_a_listener_that_fails_is_dropped_and_the_run_goes_on(manifest: Path, tmp_path: Path) -> None:
    """A fault in a caller's function must not cost a clip; the log says what happened."""

    def broken(event: Event) -> None:
        raise RuntimeError("no terminal here")

    result = await run_manifest(manifest, options(tmp_path), broken)

    assert result.exit_code == 0
    assert "no terminal here" in (result.folder / "log.jsonl").read_text()


@pytest.mark.slow
async def test_a_rehearsal_needs_no_key_and_lies_apart(manifest: Path, tmp_path: Path) -> None:
    """One field of the options; what it makes is told apart in the result."""
    manifest.write_text(MANIFEST.replace("sim", "cometapi"))

    result = await run_manifest(manifest, replace(options(tmp_path), rehearse="calm"))

    assert (result.exit_code, result.simulated) == (0, True)
    assert result.folder == tmp_path / "output" / "_rehearsal" / "api"
    assert [path.name for path in (tmp_path / "output").iterdir()] == ["_rehearsal"]


async def test_a_rehearsal_that_cannot_be_makes_no_folder(manifest: Path, tmp_path: Path) -> None:
    """A scenario that nobody knows, by name or as a file; an address beside it."""
    for scenario in ("storm", tmp_path / "storm.yaml"):
        with pytest.raises(UsageError, match="not one of broke, busy, calm, flaky, hostile"):
            await run_manifest(manifest, replace(options(tmp_path), rehearse=scenario))
    with pytest.raises(UsageError, match="leave out --base-url"):
        replace(options(tmp_path), rehearse="calm", base_url="https://gateway.example")

    assert not (tmp_path / "output").exists()


async def test_what_cannot_start_raises_an_error_with_the_commands_exit_code(
    manifest: Path, tmp_path: Path
) -> None:
    """Nothing is sent, and the caller can tell the cases apart."""
    manifest.write_text(MANIFEST.replace("sim", "cometapi"))
    with pytest.raises(GatewayUnusableError, match="COMETAPI_KEY is not set") as no_key:
        await run_manifest(manifest, options(tmp_path))
    assert no_key.value.exit_code == 3

    manifest.write_text(MANIFEST.replace("duration: 1", "duration: 99"))
    with pytest.raises(ManifestError, match="99 s is not offered") as bad:
        await run_manifest(manifest, options(tmp_path))
    assert bad.value.exit_code == 2

    with pytest.raises(UsageError, match="not found"):
        await run_manifest(tmp_path / "nothing.yaml", options(tmp_path))


async def test_a_batch_that_another_run_holds_is_left_alone(manifest: Path, tmp_path: Path) -> None:
    """Exit code 5, and not one file more than the lock."""
    folder = tmp_path / "output" / "api"
    folder.mkdir(parents=True)

    with batch_lock(folder), pytest.raises(BusyError) as busy:
        await run_manifest(manifest, options(tmp_path))

    assert busy.value.exit_code == 5
    assert [path.name for path in folder.iterdir()] == [".lock"]


async def test_a_wait_for_another_run_ends_with_the_deadline(manifest: Path, tmp_path: Path) -> None:
    """Nights must not queue up behind a run that never ends: exit 5."""
    waits = replace(options(tmp_path), if_running="wait", deadline="0s", grace_s=0.1)
    folder = tmp_path / "output" / "api"
    folder.mkdir(parents=True)

    with batch_lock(folder), pytest.raises(BusyError):
        await run_manifest(manifest, waits)


@pytest.mark.parametrize("text", ["half past six", "25:00"])
def test_what_is_no_deadline_is_refused_at_once(text: str) -> None:
    with pytest.raises(UsageError, match="--deadline"):
        RunOptions(deadline=text)
