"""Which manifest a batch is made from: its ledger remembers the file, so that no other one takes it over."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.errors import UsageError


def spelled(manifest: Path, folder: Path) -> str:
    """The manifest as its batch remembers it: from the batch folder, so that both may be moved together.

    Begins with `./` or `../`. What older runs left is a path as somebody typed it, from wherever that was.
    """
    home = Path(os.path.realpath(manifest.parent))  # the file itself may be a link to this week's version
    path = os.path.relpath(home / manifest.name, os.path.realpath(folder))
    path = path if path.startswith(os.pardir) else os.path.join(os.curdir, path)
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def place_of(remembered: str, folder: Path) -> Path | None:
    """Where the remembered manifest should lie; None where nobody can tell."""
    if remembered.startswith((f"{os.curdir}/", f"{os.pardir}/")):
        return Path(os.path.realpath(folder), remembered)
    return Path(remembered) if os.path.isabs(remembered) else None


def from_here(remembered: str | None, folder: Path) -> Path | None:
    """The same as it is named from the working directory, where it lies below."""
    place = None if remembered is None else place_of(remembered, folder)
    if place is None:
        return None
    whole, here = Path(place).resolve(), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


def is_same(remembered: str, manifest: Path, folder: Path) -> bool:
    """Whether it is this very file, in whatever spelling."""
    place = place_of(remembered, folder)
    try:
        return place is not None and os.path.samefile(place, manifest)
    except (OSError, ValueError):
        return False


def is_gone(remembered: str, folder: Path) -> bool:
    """Whether it is known where it lay, and it lies there no more."""
    place = place_of(remembered, folder)
    return place is not None and not place.is_file()


def refuse_other(remembered: str | None, manifest: Path, folder: Path) -> str | None:
    """Raises UsageError where the batch is another manifest's, and that one is still there.

    Where it is gone, which it is by its old name after it was renamed, a note says so.
    """
    place = None if remembered is None else place_of(remembered, folder)
    if remembered is None or place is None or is_same(remembered, manifest, folder):
        return None
    other = _shown(place)
    if is_gone(remembered, folder):
        return f"this batch was made from {other}, which is gone; {manifest} goes on with it"
    raise UsageError(
        f"batch {folder.name!r} in {folder} is made from {other}, and {manifest} would take over its clips:"
        f" write another `batch:` into {manifest}, or remove {other} if this one stands in its place"
    )


def _shown(place: Path) -> str:
    """From here, where that is no longer than the whole path."""
    whole = os.path.normpath(place)
    return min(os.path.relpath(whole), whole, key=len)
