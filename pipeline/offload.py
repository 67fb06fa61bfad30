"""Where blocking work runs: a seam, so that a run in virtual time does it inline.

A call that was started is waited for, whatever is cancelled around it: its file may not be closed under it.
Threads, not processes: a child process outlives a killed parent and keeps its lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

import anyio

P = ParamSpec("P")
T = TypeVar("T")


class Offload(Protocol):
    """Runs a blocking call somewhere that does not stop the loop."""

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    def close(self) -> None: ...


class Threads:
    """A small pool of threads."""

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        with anyio.CancelScope(shield=True):
            result = await loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))
        return result

    def close(self) -> None:
        self._pool.shutdown(wait=True)


class Inline:
    """Runs the work on the spot: for virtual time, where threads would make a run wrong."""

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return work(*args, **kwargs)

    def close(self) -> None:
        """Nothing is kept."""
