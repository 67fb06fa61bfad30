"""The files that a manifest names beside itself: data files, and the pictures that a pattern matches."""

from __future__ import annotations

import glob
import stat
from pathlib import Path
from typing import BinaryIO


class LocalFiles:
    """Files on this disk. `folder`: where the manifest lies, to which paths are relative."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, path: str) -> BinaryIO:
        """Raises OSError, its text a reason for a person."""
        place = self._at(path)
        try:
            kind = place.stat().st_mode
            if stat.S_ISREG(kind):  # looked at before it is opened: to open a pipe would wait for a writer
                return place.open("rb")
        except FileNotFoundError as exc:
            raise FileNotFoundError(f"{path!r} not found (looked in {place.parent}/)") from exc
        except (OSError, ValueError) as exc:
            raise OSError(f"{path!r} cannot be read: {getattr(exc, 'strerror', exc)}") from exc
        raise OSError(f"{path!r} is {'a folder: name a file in it' if stat.S_ISDIR(kind) else 'not a file'}")

    def matching(self, pattern: str) -> list[str]:
        """The files that match, sorted; `**` is any number of folders, hidden files are left out."""
        root = str(Path(pattern).expanduser())
        found = glob.iglob(root, root_dir=self._folder, recursive=True)
        return sorted(name for name in found if (self._folder / name).is_file())

    def shown(self, path: str) -> str:
        """As a person would call it from where the command was given."""
        return str(self._at(path))

    def _at(self, path: str) -> Path:
        try:
            return self._folder / Path(path).expanduser()
        except RuntimeError:  # `~nobody`
            return self._folder / path
