"""Clips on disk: encoded on first download in a thread, once, and kept in the world's folder.

`real`: one file per job, of the asked size and length. `small`: one tiny file per ratio that all jobs
share, for load tests. `clip_bytes` pads either to a size. The same job always gets the same bytes, so an
ETag, and a download broken off before a restart, stay good.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.sim.drawing import draw_card, plain_card
from pipeline.sim.encoding import FPS, encode, pad
from pipeline.sim.scenario import ClipMode
from pipeline.sim.world import Job

SMALL_SIDE = 36
IN_MEMORY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Clip:
    """A file to serve; `data` holds it as well when it is tiny and shared."""

    path: Path
    size_bytes: int
    etag: str
    data: bytes | None = None


class ClipStore:
    """Makes and finds the clips of one world. `encoded` counts how many were made."""

    def __init__(
        self,
        folder: Path,
        picture_path: Callable[[str], Path],
        *,
        mode: ClipMode,
        clip_bytes: int,
        threads: ThreadPoolExecutor,
    ) -> None:
        self.encoded = 0
        self._folder = folder
        self._picture_path = picture_path
        self._small = mode == "small"
        self._clip_bytes = clip_bytes
        self._threads = threads
        self._stopping = threading.Event()
        self._clips: dict[str, asyncio.Future[Clip]] = {}

    async def get(self, job: Job, edition: int = 0) -> Clip:
        """The clip of a job. Whoever asks while it is being made waits for the same one.

        Each `edition` is another file, as if the gateway had rendered the job anew.
        """
        name = self._name(job, edition)
        making = self._clips.get(name)
        if making is None:
            loop = asyncio.get_running_loop()
            making = loop.run_in_executor(self._threads, self._open_or_make, name, job, edition)
            self._clips[name] = making
            making.add_done_callback(lambda done: self._forget_failure(name, done))
        return await asyncio.shield(making)  # one caller going away must not cancel the others' wait

    def _forget_failure(self, name: str, done: asyncio.Future[Clip]) -> None:
        """Let the next caller try again; also where a failure that nobody waited for is looked at."""
        if done.cancelled() or done.exception() is not None:
            del self._clips[name]

    def stop(self) -> None:
        """Break off encoding; the threads are free within a frame."""
        self._stopping.set()

    def _name(self, job: Job, edition: int) -> str:
        base = "small-{}x{}".format(*_small_size(job)) if self._small else job.id
        base += f"-edition{edition}" if edition else ""
        return f"{base}-{self._clip_bytes}" if self._clip_bytes else base

    def _open_or_make(self, name: str, job: Job, edition: int) -> Clip:
        path = self._folder / f"{name}.mp4"
        if not path.exists():
            part = self._folder / f"{name}.part"
            self._make(part, job, edition)
            part.replace(path)
            self.encoded += 1
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            # The index stands in front and padding is zeros: a mebibyte and the size tell files apart.
            head = file.read(1024 * 1024)
        etag = f'"{hashlib.sha256(head).hexdigest()[:20]}-{size_bytes:x}"'
        return Clip(path, size_bytes, etag, head if self._small and size_bytes <= IN_MEMORY_BYTES else None)

    def _make(self, part: Path, job: Job, edition: int) -> None:
        if edition:
            job = replace(
                job, prompt=f"{job.prompt} (edition {edition})", digest=f"{edition:06x}{job.digest}"
            )
        if self._small:
            card = plain_card(_small_size(job), shade=edition)
            encode(part, card, 2, fps=1, stop=self._stopping.is_set)
        else:
            card = draw_card(job, self._picture_path(job.picture) if job.picture else None)
            encode(part, card, round(job.duration_s * FPS), stop=self._stopping.is_set)
        pad(part, self._clip_bytes)


def _small_size(job: Job) -> tuple[int, int]:
    """The job's ratio at about 36 pixels, even on both sides."""
    scale = SMALL_SIDE / min(job.width, job.height)
    return 2 * round(job.width * scale / 2), 2 * round(job.height * scale / 2)
