"""The real `Loader` on a link, a disk and a ledger in memory: one try of one download."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from pipeline.clock import LoopClock
from pipeline.config import resolve
from pipeline.ledger.base import Ledger
from pipeline.manifest.shapes import Limits
from pipeline.model import Take
from pipeline.offload import Inline
from pipeline.providers import PROVIDERS
from pipeline.providers.base import Answer
from pipeline.stages.base import Record
from pipeline.stages.transfer import Loader, Transfer
from pipeline.storage.base import Storage
from pipeline.transport.base import Transport

FREE_BYTES = 1 << 40
SETTINGS = resolve("cometapi", PROVIDERS["cometapi"].capabilities, Limits(), {"COMETAPI_KEY": "key"})


@dataclass(slots=True)
class MemoryPart:
    """A part file in memory."""

    content: bytearray
    path: Path = Path("fox.part")

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def write(self, piece: bytes) -> None:
        self.content += piece

    def restart(self) -> None:
        self.content.clear()

    def seal(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def close(self) -> None:
        """Nothing is open."""


@dataclass(slots=True)
class World:
    """Disk, ledger and file host of one try."""

    part: MemoryPart
    answer: Answer
    asked: Mapping[str, str] = field(default_factory=dict)

    def open_part(self, _take: Take) -> MemoryPart:
        return self.part

    def adoptable(self, _take: Take) -> None:
        return None

    def free_bytes(self) -> int:
        return FREE_BYTES

    async def note(self, take: Take, **facts: Any) -> Take:
        return replace(take, **facts)

    @asynccontextmanager
    async def fetch(self, _url: str, headers: Mapping[str, str]) -> AsyncIterator[World]:
        self.asked = headers
        yield self

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self.answer.headers

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        for at in range(0, len(self.answer.body), 100):
            yield self.answer.body[at : at + 100]


@cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


def load(world: World, transfer: Transfer) -> Take:
    """One try. Raises what `Loader.load` raises."""
    return _runner().run(_load(world, transfer))


async def _load(world: World, transfer: Transfer) -> Take:
    record = Record(cast(Ledger, world), LoopClock(), lambda _event: None)
    loader = Loader(
        cast(Transport, world), cast(Storage, world), record, Inline(), lambda _kind, _what: None, SETTINGS
    )
    return await loader.load(transfer)
