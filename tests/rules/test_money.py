"""Ticks as people read them."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.model import TICKS_PER_USD
from pipeline.money import usd_text


@pytest.mark.parametrize(
    ("ticks", "text"),
    [
        (0, "$0.00"),
        (1, "$0.0000000001"),
        (500_000_000, "$0.05"),
        (525_000_000, "$0.0525"),
        (5_000_000_000, "$0.50"),
        (TICKS_PER_USD, "$1.00"),
        (TICKS_PER_USD - 1, "$0.9999999999"),
        (25 * TICKS_PER_USD + 10_000_000, "$25.001"),
        (10**22, "$1000000000000.00"),
    ],
)
def test_usd_text(ticks: int, text: str) -> None:
    """Cents at least, and as many digits more as the figure needs."""
    assert usd_text(ticks) == text


@steady
@given(ticks=st.integers(0, 10**30))
def test_no_tick_is_rounded_away(ticks: int) -> None:
    """The text names the very amount, without needless digits."""
    text = usd_text(ticks)

    assert Fraction(text[1:]) * TICKS_PER_USD == ticks
    assert re.fullmatch(r"\$\d+\.\d{2}(\d*[1-9])?", text)
