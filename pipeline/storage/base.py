"""What the stages need of a disk. All calls block; the caller runs them off the loop.

A clip's file is whole or absent, and never overwritten: an older clip of the name moves to superseded/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.model import Take


class Part(Protocol):
    """A clip on its way to disk. Writing raises DiskFullError when there is no room."""

    @property
    def size_bytes(self) -> int: ...
    @property
    def path(self) -> Path: ...
    @property
    def head(self) -> bytes:
        """Its first bytes, as many as `sniff` looks at."""

    def write(self, piece: bytes) -> None: ...
    def restart(self) -> None:
        """Forget what is there: the next write is the first."""

    def seal(self) -> str:
        """Make it durable, close it, and give its SHA-256 (hex)."""

    def close(self) -> None: ...


class Storage(Protocol):
    """Where the clips of one batch live. A take is named by its `label` until it is placed."""

    def prepare(self) -> None: ...
    def free_bytes(self) -> int: ...
    def open_part(self, take: Take) -> Part:
        """The take's part file with what an earlier try left in it."""

    def part_path(self, take: Take) -> Path: ...
    def reject(self, take: Take) -> Path:
        """Keep a part that is no clip, under a name that says so."""

    def adoptable(self, take: Take) -> tuple[str, int] | None:
        """SHA-256 and size of the final file, if its side file says that it is this very take's."""

    def standing(self, take: Take) -> tuple[bool, bool]:
        """Whether the take's part is there, and whether a clip already bears the name it is to get."""

    def place(self, take: Take, side: Mapping[str, Any], labels: Mapping[str, str]) -> Path:
        """Give a sealed part its final name, side file first, durably.

        `labels`: the label of each take of this job by SHA-256, to name an older clip that must move.
        """

    def has_clip(self, key: str, size_bytes: int | None) -> bool:
        """Whether the job's clip is there with this size: a look, not a proof."""

    def bring_back(self, take: Take, labels: Mapping[str, str]) -> bool:
        """Find the take's clip by content, in clips/ or superseded/, and see that it bears the job's name.

        False: it is in neither place.
        """

    def borrow(self, take: Take, folder: Path, theirs: Take) -> bool:
        """Bring the clip of another batch, in `folder`, into the take's part file, durable and checked.

        False, and nothing is left: it is not there, or it is not the clip that their ledger tells of.
        """

    def borrowed(self, take: Take) -> bool:
        """Whether the part file is the very clip that the take took over."""

    def rename(self, old: str, takes: Sequence[Take]) -> None:
        """All files of a job that was called `old` get the name that its takes have now.

        May be done again, from wherever it was broken off. Nothing is overwritten.
        """

    def clip_path(self, take: Take) -> Path: ...
