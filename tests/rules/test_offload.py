"""Work off the loop: begun is finished, whatever is cancelled around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import anyio
import pytest

from pipeline.offload import Inline, Offload, Threads


@pytest.fixture
def threads() -> Iterator[Threads]:
    pool = Threads("test", 2)
    yield pool
    pool.close()


@pytest.mark.parametrize("kind", ["threads", "inline"])
async def test_it_gives_what_the_work_gives(kind: str, threads: Threads) -> None:
    """Result, arguments and error are those of the work, wherever it ran."""
    offload: Offload = threads if kind == "threads" else Inline()

    assert await offload(divmod, 7, 2) == (3, 1)
    assert await offload(sorted, [2, 1], reverse=True) == [2, 1]
    with pytest.raises(ZeroDivisionError):
        await offload(divmod, 1, 0)


async def test_the_loop_goes_on_meanwhile(threads: Threads) -> None:
    """Blocking work blocks its thread alone."""
    go_on = threading.Event()

    async with anyio.create_task_group() as group:
        group.start_soon(threads, go_on.wait)
        await anyio.lowlevel.checkpoint()
        go_on.set()

    assert go_on.is_set()


async def test_a_cancelled_caller_still_waits_for_its_work(threads: Threads) -> None:
    """A file may not be closed under a thread that writes to it."""
    began, go_on, done = anyio.Event(), threading.Event(), threading.Event()
    token = anyio.lowlevel.current_token()

    def work() -> None:
        anyio.from_thread.run_sync(began.set, token=token)
        go_on.wait()
        done.set()

    async def let_go_once_cancelled(scope: anyio.CancelScope) -> None:
        await began.wait()
        scope.cancel()
        go_on.set()

    async with anyio.create_task_group() as group:
        group.start_soon(let_go_once_cancelled, group.cancel_scope)
        await threads(work)
        seen = done.is_set()

    assert seen
