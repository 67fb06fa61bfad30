"""Models, what they can do and what a second costs, in integer ticks (10^10 to the US dollar).

Source: provider-apis.md, 1.3 (xAI's price page as published on 29 September 2026); the tick is the
unit of `usage.cost_in_usd_ticks`. Cross-check there: 1 s at 480p on the classic model is 500,000,000.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TICKS_PER_USD = 10**10
CENT = TICKS_PER_USD // 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One video model: ticks per output second by resolution, per input picture, per input second."""

    name: str
    second: Mapping[str, int]
    picture: int
    source_second: int | None  # None: this model does not edit


GROK_MODELS = {
    model.name: model
    for model in (
        Model(
            name="grok-imagine-video",
            second={"480p": 5 * CENT, "720p": 7 * CENT},
            picture=CENT // 5,
            source_second=CENT,
        ),
        Model(
            name="grok-imagine-video-1.5",
            second={"480p": 8 * CENT, "720p": 14 * CENT, "1080p": 25 * CENT},
            picture=CENT,
            source_second=None,
        ),
        Model(
            name="grok-imagine-video-1.5-lite",
            second={"480p": 2 * CENT, "720p": 3 * CENT, "1080p": 14 * CENT},
            picture=CENT,
            source_second=None,
        ),
    )
}


def price(model: Model, resolution: str, duration_s: float, *, pictures: int = 0, source_s: float = 0) -> int:
    """Ticks for one accepted submission; an edit pays for the seconds that go in and those that come out."""
    ticks = round(model.second[resolution] * duration_s) + model.picture * pictures
    return ticks + round((model.source_second or 0) * source_s)
