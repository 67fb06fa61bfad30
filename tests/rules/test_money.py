"""Ticks as people read them."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import a_take, steady

from pipeline.model import TICKS_PER_USD, TakeState
from pipeline.money import is_settled, spent, ticks_of, usd_text

# What a take counts, and whether that is settled: by the gateway's figure (none, 0, 7), and by the user's own
# price, whatever figure but 0 there is. Its estimate is 11, its reservation 13.
Counts = tuple[int, bool]
NOTHING = {None: (0, True), 0: (0, True), 7: (0, True), "own": (0, True)}
RESERVED = {None: (13, False), 0: (0, True), 7: (7, True), "own": (13, False)}
SETTLED = {None: (11, True), 0: (0, True), 7: (7, True), "own": (11, True)}
COUNTED: dict[TakeState, dict[int | str | None, Counts]] = {
    TakeState.PLANNED: NOTHING,
    TakeState.HELD: NOTHING,
    TakeState.BLOCKED: NOTHING,
    TakeState.SUBMITTING: RESERVED,
    TakeState.ACCEPTED: RESERVED,
    TakeState.READY: RESERVED,
    TakeState.UNDELIVERED: RESERVED,
    TakeState.UNKNOWN: RESERVED,
    TakeState.FAILED: RESERVED,
    TakeState.EXPIRED: RESERVED,
    TakeState.MODERATED: RESERVED,
    TakeState.DONE: SETTLED,
    TakeState.MISSING: SETTLED,
}
FREE = {TakeState.FAILED, TakeState.EXPIRED, TakeState.MODERATED}
"""A gateway's word that such an end costs nothing goes before the user's own price, too."""


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


@pytest.mark.parametrize("figure", [None, 0, 7])
@pytest.mark.parametrize("state", COUNTED)
def test_what_a_take_counts_at_the_list_price(state: TakeState, figure: int | None) -> None:
    """The gateway's figure where there is one; else what is reserved, or with a clip, the estimate."""
    take = a_take(state=state, cost_ticks=figure, estimate_ticks=11, reserved_ticks=13)

    assert (spent(take), is_settled(take)) == COUNTED[state][figure]


@pytest.mark.parametrize("figure", [None, 0, 7])
@pytest.mark.parametrize("state", COUNTED)
def test_what_a_take_counts_at_the_users_own_price(state: TakeState, figure: int | None) -> None:
    """That price, whatever the gateway says, unless it says that an end without a clip is free."""
    take = a_take(state=state, cost_ticks=figure, own_price=True, estimate_ticks=11, reserved_ticks=13)
    free = figure == 0 and state in FREE

    assert (spent(take), is_settled(take)) == ((0, True) if free else COUNTED[state]["own"])


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(("figure", "counted"), [(None, 0), (0, 0), (7, 7)])
def test_what_was_refused_counts_what_the_refusal_costs(figure: int | None, counted: int, own: bool) -> None:
    """Its reservation is free again."""
    take = a_take(
        state=TakeState.REJECTED, cost_ticks=figure, own_price=own, estimate_ticks=11, reserved_ticks=13
    )

    assert (spent(take), is_settled(take)) == (counted, True)


def test_every_state_has_its_row() -> None:
    assert set(COUNTED) | {TakeState.REJECTED} == set(TakeState)


def test_without_any_price_a_take_counts_nothing_until_its_figure_comes() -> None:
    """There was no cap, or it would not have been sent."""
    assert spent(a_take(state=TakeState.ACCEPTED)) == 0
    assert spent(a_take(state=TakeState.DONE, cost_ticks=7)) == 7


@steady
@given(cents=st.integers(1, 10**8))
def test_dollars_with_cents_become_their_very_ticks(cents: int) -> None:
    assert ticks_of(cents / 100) == cents * TICKS_PER_USD // 100
