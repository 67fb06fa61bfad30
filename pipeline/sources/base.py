"""What the submit stage needs of files: pictures as they are sent, and clips of our own to start from."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from pipeline.model import Job, Take
from pipeline.providers.base import FilePart


class NotAsPlannedError(Exception):
    """A picture changed or went away after planning; the text says which."""


class Material(Protocol):
    """Files that go into the body of a submit."""

    def pictures(self, take: Take) -> AbstractAsyncContextManager[Job]:
        """The take's job with its pictures as they are sent; what was made for that is gone afterwards.

        Raises NotAsPlannedError on entering, DiskFullError where there is no room for it.
        """

    async def clear(self) -> None:
        """Remove what a killed run left. Only while the batch is locked."""

    async def clip(self, take: Take, most_bytes: int) -> FilePart | None:
        """The clip of a done take, if it lies on this disk and is no larger."""
