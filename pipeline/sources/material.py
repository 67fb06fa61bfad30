"""`sources.base.Material` on this machine's disk: every preparation in a thread, in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from pipeline.model import Image, Job, Take
from pipeline.offload import Offload
from pipeline.providers.base import FilePart
from pipeline.sources.base import NotAsPlannedError
from pipeline.sources.layout import ImageError
from pipeline.sources.prepare import prepare

FOLDER = ".sending"


class LocalMaterial:
    """`where`: the path of a take's clip, or None if it is gone."""

    def __init__(self, batch_folder: Path, where: Callable[[Take], Path | None], threads: Offload) -> None:
        self._folder = batch_folder / FOLDER
        self._where = where
        self._threads = threads

    async def clear(self) -> None:
        await self._threads(shutil.rmtree, self._folder, True)

    @asynccontextmanager
    async def pictures(self, take: Take) -> AsyncIterator[Job]:
        if not take.job.pictures:
            yield take.job
            return
        folder = self._folder / str(take.id)
        try:
            yield await self._threads(self._prepared, take.job, folder)
        finally:
            with anyio.CancelScope(shield=True):
                await self._threads(shutil.rmtree, folder, True)

    def _prepared(self, job: Job, folder: Path) -> Job:
        def sent(image: Image) -> Image:
            return prepare(image, folder, job.resize)

        try:
            return job.with_pictures(sent)
        except ImageError as exc:
            raise NotAsPlannedError(str(exc)) from exc

    async def clip(self, take: Take, most_bytes: int) -> FilePart | None:
        if take.sha256 is None or take.size_bytes is None or take.size_bytes > most_bytes:
            return None
        path = await self._threads(self._where, take)
        if path is None:
            return None
        return FilePart(path=str(path), size_bytes=take.size_bytes, sha256=take.sha256)
