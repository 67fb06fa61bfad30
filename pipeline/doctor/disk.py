"""The output folder: is there room, and can files be made, locked and put on disk for good there?

What is tried happens in one temporary file, beside the batches and never in one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from pipeline.doctor.finding import Finding, fine, problem, warning
from pipeline.storage.network import network_kind

GIB = 1 << 30
LITTLE_ROOM_BYTES = 5 * GIB
NO_ROOM_BYTES = 256 << 20
ELSEWHERE = "correct it, or choose another folder with --output"


def disk_checks(output: Path) -> list[Finding]:
    """Room and folder, in the nearest folder there is: a run makes the rest."""
    try:
        home = nearest(output)
        if not home.is_dir():
            return [problem("output", f"{home} is not a folder, so {output} cannot be one", ELSEWHERE)]
        if (kind := network_kind(home)) is not None:
            seen = f"{home} lies on a network file system ({kind}), where a ledger is not safe"
            return [problem("output", seen, "name a folder on a local disk with --output")]
        return [folder_check(output, home), room(shutil.disk_usage(home).free, home)]
    except OSError as exc:
        return [problem("output", f"{output} cannot be looked at: {exc.strerror}", ELSEWHERE)]


def nearest(path: Path) -> Path:
    """The path itself, or the first above it that is there, whatever it is."""
    path = path.absolute()
    return next(place for place in (path, *path.parents) if os.path.lexists(place))


def room(free_bytes: int, home: Path) -> Finding:
    """Whether clips have room. A night of 6 s clips at 720p is a few MB each."""
    seen = f"{free_bytes / GIB:.1f} GiB free at {home}"
    if free_bytes < NO_ROOM_BYTES:
        seen = f"only {free_bytes >> 20} MiB free at {home}"
        return problem("disk", seen, "free some space: a run stops when it cannot write")
    if free_bytes < LITTLE_ROOM_BYTES:
        return warning("disk", seen, f"see that a night's clips fit; {LITTLE_ROOM_BYTES // GIB} GiB are well")
    return fine("disk", seen)


def folder_check(output: Path, home: Path) -> Finding:
    """Make, lock and sync a file, and remove it."""
    doing = "made"
    try:
        with tempfile.NamedTemporaryFile(dir=home, prefix=".nightreel-doctor-") as file:
            doing = "written"
            file.write(b"doctor")
            file.flush()
            doing = "put on disk for good (fsync)"
            os.fsync(file.fileno())
            doing = "locked (flock)"
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            name = Path(file.name)
            one_name = name.with_name(name.name.upper()).exists()
    except OSError as exc:
        return problem("output", f"no file can be {doing} in {home}: {exc.strerror}", ELSEWHERE)
    what = str(output) if output.exists() else f"{output} (a run makes it)"
    note = "; names that differ in case only are one file there" if one_name else ""
    return fine("output", f"{what} is writable, files can be locked and synced{note}")
