"""Times as people read them."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.clock import LoopClock, utc_text


@pytest.mark.parametrize(
    ("wall", "text"),
    [
        (0.0, "1970-01-01T00:00:00Z"),
        (1_700_000_000.999, "2023-11-14T22:13:20Z"),
        (1_709_164_800.0, "2024-02-29T00:00:00Z"),
    ],
)
def test_utc_text(wall: float, text: str) -> None:
    """ISO 8601 in UTC, to the second, never rounded up into the future."""
    assert utc_text(wall) == text


async def test_durations_are_the_loops_own_time() -> None:
    """A loop with virtual time drives everything that waits."""
    before = asyncio.get_running_loop().time()

    now = LoopClock().monotonic()

    assert before <= now <= asyncio.get_running_loop().time()
