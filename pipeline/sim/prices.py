"""Models, what they can do and what a second costs, in integer ticks (10^10 to the US dollar).

Source: provider-apis.md, 1.3 (xAI's price page as published on 29 September 2026); the tick is the
unit of `usage.cost_in_usd_ticks`. Cross-check there: 1 s at 480p on the classic model is 500,000,000.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TICKS_PER_USD = 10**10
CENT = TICKS_PER_USD // 100
CLASSIC = "grok-imagine-video"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One video model: ticks per output second by resolution, per input picture, per input second."""

    name: str
    second: Mapping[str, int]
    picture: int
    source_second: int | None  # None: this model does not edit or extend
    references: bool  # reference images
    frames: bool  # a last frame, keyframes, audio references


GROK_MODELS = {
    model.name: model
    for model in (
        Model(
            name=CLASSIC,
            second={"480p": 5 * CENT, "720p": 7 * CENT},
            picture=CENT // 5,
            source_second=CENT,
            references=True,
            frames=False,
        ),
        Model(
            name="grok-imagine-video-1.5",
            second={"480p": 8 * CENT, "720p": 14 * CENT, "1080p": 25 * CENT},
            picture=CENT,
            source_second=None,
            references=True,
            frames=True,
        ),
        Model(
            name="grok-imagine-video-1.5-lite",
            second={"480p": 2 * CENT, "720p": 3 * CENT, "1080p": 14 * CENT},
            picture=CENT,
            source_second=None,
            references=False,
            frames=False,
        ),
    )
}


def price(model: Model, resolution: str, duration_s: float, *, pictures: int = 0, source_s: float = 0) -> int:
    """Ticks for one accepted submission of `duration_s` new seconds; the seconds that go in cost as well."""
    ticks = round(model.second[resolution] * duration_s) + model.picture * pictures
    return ticks + round((model.source_second or 0) * source_s)
