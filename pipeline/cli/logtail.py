"""The end of a run's log, for somebody who looks on from another terminal."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.cli.lines import COMES_AND_GOES, WITHOUT_A_CLIP

TAIL_BYTES = 64 << 10
RECENT_S = 5.0  # a state that comes and goes is over by then
_ENDS = {f"take.{state.value}" for state in WITHOUT_A_CLIP}
_STOPS = {"run.paused", "run.held"}  # told as what the run does now
Entry = Mapping[str, Any]


def last_entries(path: Path) -> list[Entry]:
    """What the last run wrote, as far as it lies in the last `TAIL_BYTES`. Damaged lines are left out."""
    found: list[Entry] = []
    for entry in filter(None, map(_entry, _tail(path))):
        if entry["event"] == "run.started":
            found.clear()
        found.append(entry)
    return found


def _tail(path: Path) -> list[bytes]:
    """The last lines of a plain file, whole ones only; none where it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        start = max(0, os.fstat(fd).st_size - TAIL_BYTES)
        return os.pread(fd, TAIL_BYTES, start).splitlines()[1 if start else 0 :]
    except OSError:  # a folder, or a pipe
        return []
    finally:
        os.close(fd)


def _entry(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    return entry if isinstance(entry.get("event"), str) and _wall(entry) is not None else None


def _wall(entry: Entry) -> float | None:
    try:
        return datetime.fromisoformat(entry["at"]).replace(tzinfo=UTC).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def problems(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """Time of day, and what: as a run shows its last problems."""
    return [(_time_of_day(entry), _text(entry)) for entry in entries if _is_problem(entry)]


def _is_problem(entry: Entry) -> bool:
    event = entry["event"]
    warns = entry.get("level") == "warning" and event not in COMES_AND_GOES | _STOPS
    return warns or event in _ENDS


def _time_of_day(entry: Entry) -> str:
    wall = _wall(entry) or 0.0
    return datetime.fromtimestamp(wall, UTC).astimezone().strftime("%H:%M:%S")


def _text(entry: Entry) -> str:
    reason = entry.get("reason")
    who = f"{entry['job']}: " if "job" in entry else ""
    if entry["event"] in _ENDS:
        return f"{who}{entry['event'].removeprefix('take.')}" + (f" ({reason})" if reason else "")
    return f"{who}{reason}"


def waits_for(entries: Iterable[Entry], now: float) -> str | None:
    """What the run said a moment ago that it waits for; `now`: wall time."""
    said = [entry for entry in entries if entry["event"] in COMES_AND_GOES]
    recent = said and now - (_wall(said[-1]) or 0.0) <= RECENT_S
    return str(said[-1].get("reason")) if recent else None


def stopped_by(entries: Iterable[Entry]) -> str | None:
    """Why nothing more is sent in this run, if the log tells."""
    reasons = [entry.get("reason") for entry in entries if entry["event"] == "run.paused"]
    return str(reasons[-1]) if reasons else None
