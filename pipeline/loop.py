"""Runs the program's coroutine: on uvloop where it is installed, else on asyncio's own loop.

`pip install nightreel[fast]` brings uvloop; NIGHTREEL_UVLOOP=0 leaves it out again.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
_M_ARENA_MAX = -8  # malloc.h


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, on the fastest loop that there is."""
    _share_heaps()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _share_heaps() -> None:
    """Two heaps for all threads. By itself glibc gives each thread one, and what was large once stays in it:

    of a table that moves as it grows, 2 MiB in each of a dozen heaps. Other C libraries have no such heaps.
    """
    if sys.platform != "linux" or "MALLOC_ARENA_MAX" in os.environ:
        return
    with suppress(ImportError, OSError, AttributeError):  # a Python without ctypes, or a libc without it
        importlib.import_module("ctypes").CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """None: asyncio's own."""
    if os.environ.get("NIGHTREEL_UVLOOP") == "0":
        return None
    try:
        factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    except ImportError:
        return None
    return factory
