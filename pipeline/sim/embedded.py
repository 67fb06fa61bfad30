"""The simulator inside another program: its own daemon thread, its own event loop, a free port.

Nothing is shared with the loop of the program around it, so it may be used from sync and async code
alike, and a busy client does not slow its gateway down other than by the processor.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.sim.scenario import Scenario
from pipeline.sim.server import SimServer


class EmbeddedSimulator:
    """A world served on 127.0.0.1 while the context is open, or between `start` and `close`.

    `folder` keeps the world: opening the same one again, also after a kill, finds its jobs, which went
    on rendering by the clock. `base_url` and `key` can be read once it has started.
    """

    base_url: str
    key: str

    def __init__(self, folder: Path, *, scenario: Scenario | None = None, seed: int = 0) -> None:
        self._folder = folder
        self._scenario = scenario or Scenario()
        self._seed = seed
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._closing = threading.Event()

    def start(self) -> Self:
        """Open the world and serve it. Raises `WorldFolderError` or `OSError` if that cannot be done."""
        if self._thread is not None:
            raise RuntimeError("the simulator is running already")
        self._closing.clear()
        ready: Future[tuple[str, str]] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="sim", daemon=True)
        self._thread.start()
        try:
            self.base_url, self.key = ready.result()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Stop serving and wait for the thread. May be called again."""
        self._closing.set()  # for a thread that has no loop yet
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()
        self._thread = self._loop = self._stop = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, ready: Future[tuple[str, str]]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as exc:
            if ready.done():
                raise
            ready.set_exception(exc)

    async def _serve(self, ready: Future[tuple[str, str]]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
            server = SimServer(self._folder, scenario=self._scenario, seed=self._seed)
            try:
                await server.start(listener)
                port = listener.getsockname()[1]
                ready.set_result((f"http://127.0.0.1:{port}", server.key))
                if not self._closing.is_set():
                    await self._stop.wait()
            finally:
                await server.close()
