"""Which event loop a run is on."""

from __future__ import annotations

import asyncio
import sys

import pytest

from pipeline.loop import run


async def loop_module() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def test_the_fast_loop_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra needs no option."""
    pytest.importorskip("uvloop")
    monkeypatch.delenv("NIGHTREEL_UVLOOP", raising=False)

    assert run(loop_module()) == "uvloop"


def test_it_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable, should it ever misbehave somewhere."""
    monkeypatch.setenv("NIGHTREEL_UVLOOP", "0")

    assert run(loop_module()) == "asyncio"


def test_nothing_is_missed_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is an extra."""
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert run(loop_module()) == "asyncio"
