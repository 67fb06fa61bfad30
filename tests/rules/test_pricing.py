"""What a job costs before it is sent: the user's own prices go before the vendor's list."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import a_job

from pipeline.errors import UsageError
from pipeline.manifest.prices import prices_of
from pipeline.model import TICKS_PER_USD
from pipeline.money import ANY, Price, ticks_of, usd_text
from pipeline.pricing import Estimate, Pricing
from pipeline.providers.cometapi import COMETAPI
from pipeline.providers.rules import Shape
from pipeline.providers.xai import XAI

CENT = TICKS_PER_USD // 100
LIST = Pricing(facts=XAI)


def own(**price: object) -> Pricing:
    return Pricing(facts=XAI, own={"grok-imagine-video": Price(**price)})  # type: ignore[arg-type]


def test_the_list_is_used_where_the_user_says_nothing() -> None:
    job = a_job(duration_s=6, resolution="480p")

    assert LIST.estimate(job, None) == Estimate(ticks=30 * CENT, own=False)
    assert "29 September 2026" in LIST.source(job)


@pytest.mark.parametrize(
    ("price", "ticks"),
    [
        ({"clip": 40 * CENT}, 40 * CENT),
        ({"second": {ANY: 5 * CENT}}, 30 * CENT),
        ({"second": {"480p": 4 * CENT, ANY: 9 * CENT}}, 24 * CENT),
        ({"second": {"720p": 4 * CENT, ANY: 9 * CENT}}, 54 * CENT),
        ({"clip": 2 * CENT, "second": {ANY: 1 * CENT}}, 8 * CENT),
        ({"clip": 0}, 0),
    ],
)
def test_the_users_price_goes_first(price: dict[str, object], ticks: int) -> None:
    assert own(**price).estimate(a_job(duration_s=6, resolution="480p"), None) == Estimate(
        ticks=ticks, own=True
    )


def test_a_resolution_without_a_price_is_not_priced() -> None:
    """The vendor's list does not fill what the user's price leaves open: it is not what the user pays."""
    assert own(second={"1080p": CENT}).estimate(a_job(duration_s=6, resolution="480p"), None) is None


def test_a_price_for_every_other_model() -> None:
    pricing = Pricing(facts=COMETAPI, own={"*": Price(clip=40 * CENT)})

    assert pricing.estimate(a_job(), None) == Estimate(ticks=40 * CENT, own=True)
    assert Pricing(facts=COMETAPI).estimate(a_job(), None) is None


def test_an_edit_of_a_link_is_priced_where_its_length_does_not_matter() -> None:
    edit = a_job(edit="https://example.com/v.mp4")

    assert LIST.estimate(edit, None) is None
    assert own(clip=40 * CENT).estimate(edit, None) == Estimate(ticks=40 * CENT, own=True)
    assert own(clip=CENT, source_second=CENT).estimate(edit, None) is None
    assert own(clip=CENT, source_second=CENT).estimate(
        edit, Shape(duration_s=6, resolution="480p")
    ) == Estimate(ticks=7 * CENT, own=True)


# --- from the environment


def test_prices_of_the_environment_are_those_of_the_manifest() -> None:
    text = json.dumps({"grok-imagine-video": {"second": 0.05, "picture": 0.002}, "*": {"clip": 0.4}})

    found = prices_of({"XAI_PRICES": text}, XAI)

    assert found["grok-imagine-video"].second == {ANY: 5 * CENT}
    assert found["grok-imagine-video"].picture == CENT // 5
    assert found["*"].clip == 40 * CENT
    assert prices_of({}, XAI) == prices_of({"XAI_PRICES": " "}, XAI) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.05", "expected models with prices"),
        ("{", "is no JSON such as"),
        ('{"grok": {"clip": 1}}', "XAI_PRICES: grok: xAI has no such model; it has grok-imagine-video,"),
        ('{"*": 5}', r"XAI_PRICES: \*: expected prices in US dollars"),
        ('{"*": {}}', r"XAI_PRICES: \*: expected prices in US dollars"),
        ('{"*": {"clip": -1}}', "clip: expected a number of US dollars, at least 0"),
        ('{"*": {"clip": "1"}}', "clip: expected a number of US dollars"),
        ('{"*": {"clips": 1}}', "clips: unknown field"),
        ('{"*": {"clip": NaN}}', "clip: expected a number of US dollars"),
    ],
)
def test_a_wrong_price_of_the_environment_is_told(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        prices_of({"XAI_PRICES": text}, XAI)


@given(cents=st.integers(0, 10_000_000))
def test_dollars_are_exact(cents: int) -> None:
    """What is written as 0.29 is 29 cents, not a hair less."""
    assert ticks_of(float(f"{cents // 100}.{cents % 100:02d}")) == cents * CENT
    assert usd_text(cents * CENT) == f"${cents // 100}.{cents % 100:02d}"
