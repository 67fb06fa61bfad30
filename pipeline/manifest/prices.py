"""The user's own prices: of the manifest's `prices`, and of an environment variable in the same shape."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipeline.errors import UsageError
from pipeline.manifest import fields
from pipeline.manifest.fields import PriceFields
from pipeline.money import Price, ticks_of
from pipeline.providers.base import Capabilities

EXPECTED = "prices in US dollars, such as {second: 0.05} or {clip: 0.4}"


def own_price(found: PriceFields) -> Price:
    """In ticks."""
    return Price(
        clip=ticks_of(found.clip or 0),
        second={name: ticks_of(usd) for name, usd in (found.second or {}).items()},
        picture=ticks_of(found.picture or 0),
        source_second=ticks_of(found.source_second or 0),
        source="your prices",
    )


def prices_of(env: Mapping[str, str], facts: Capabilities) -> dict[str, Price]:
    """Prices by model from `XAI_PRICES` and the like: JSON as the manifest has it. Raises UsageError."""
    text = env.get(facts.prices_env, "")
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f'{facts.prices_env} is no JSON such as {{"*": {{"clip": 0.4}}}}: {exc}') from exc
    if not isinstance(found, dict):
        raise UsageError(f"{facts.prices_env}: expected models with {EXPECTED}")
    return {model: _checked(model, price, facts) for model, price in found.items()}


def _checked(model: str, price: object, facts: Capabilities) -> Price:
    where = f"{facts.prices_env}: {model}"
    if model != "*" and model not in facts.models:
        raise UsageError(f"{where}: {facts.title} has no such model; it has {', '.join(facts.models)}")
    if not isinstance(price, dict) or not price:
        raise UsageError(f"{where}: expected {EXPECTED}")
    checked, errors = fields.check(PriceFields, price)
    if checked is None:
        wrong = errors[0]
        why = f"expected {wrong.expected}" if wrong.expected else f"unknown field; expected {EXPECTED}"
        at = f"{wrong.field}: {wrong.inner}" if wrong.inner else wrong.field
        raise UsageError(f"{where}: {at}: {why}")
    return own_price(checked)
