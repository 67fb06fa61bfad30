"""Orders at GlobalAiOpc: the `grok_video3` family (provider-apis.md, 3.2 and 3.3).

The vendor's pages contradict each other; what any version of them takes is taken here, and what is left
out gets the newest page's default. The prices are INVENTED: the vendor publishes none, only whether a
model costs per second or per call.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.sim.orders.base import BadOrderError, MalformedOrderError, Order, Still, UnknownModelError
from pipeline.sim.orders.fields import (
    json_object,
    list_of,
    one_of,
    prompt_of,
    still_at,
    user_of,
    whole_number,
)
from pipeline.sim.prices import CENT
from pipeline.sim.sizes import frame_size, ratio_of

RATIOS = ("16:9", "9:16", "1:1", "3:2", "2:3")
HERE = "globalaiopc"  # part of every order's digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one model takes, and its ticks per second by resolution, or per call."""

    durations_s: Sequence[int]
    ratios: Sequence[str] = RATIOS
    pictures_max: int = 7
    inline: bool = True  # pictures as base64
    fixed: bool = False  # 10 s at 720p, whatever is asked
    second: Mapping[str, int] | None = None
    call: int = 0


MODELS = {
    "grok_video3": Rules(durations_s=range(6, 31), second={"480p": 2 * CENT, "720p": 3 * CENT}),
    "grok_video3_pro": Rules(durations_s=(10,), fixed=True, call=25 * CENT),  # number of pictures: not given
    "grok_video3_max": Rules(
        durations_s=(6, 10, 12, 16, 20, 30),
        ratios=RATIOS[:3],
        pictures_max=5,
        inline=False,
        second={"480p": 3 * CENT, "720p": 4 * CENT},
    ),
    "grok_video3_stable": Rules(durations_s=(6, 10), inline=False, call=30 * CENT),
}


def read_order(body: bytes) -> Order:
    """The order of a POST to /v1/grok/videos; a field that is null counts as left out."""
    value = {name: field for name, field in json_object(body).items() if field is not None}
    name, rules = _model(value)
    if rules.fixed:
        value = value | {"duration": 10, "resolution": "720p"}
    prompt = prompt_of(value)
    duration_s = whole_number(value.get("duration", 10), rules.durations_s, "duration")
    resolution = one_of(value.get("resolution", "720p"), ("480p", "720p"), "resolution")
    ratio = ratio_of(one_of(value.get("aspect_ratio", "16:9"), rules.ratios, "aspect_ratio"))
    urls = list_of(value.get("image_urls"), rules.pictures_max, "image_urls")
    stills = [_still(url, rules, name) for url in urls]
    width, height = frame_size(resolution, ratio)
    return Order(
        operation="generate",
        model=name,
        prompt=prompt,
        duration_s=duration_s,
        resolution=resolution,
        width=width,
        height=height,
        ticks=rules.call + (rules.second[resolution] * duration_s if rules.second else 0),
        picture=next((still.picture for still in stills if still.picture), None),
        details=(HERE, *(still.mark for still in stills)),
        client_user=user_of(value),
    )


def _model(body: dict[str, Any]) -> tuple[str, Rules]:
    name = body.get("model")
    if not isinstance(name, str):
        raise MalformedOrderError("model is required", "model")
    if name not in MODELS:
        raise UnknownModelError(f"model {reprlib.repr(name)} is not available", "model")
    return name, MODELS[name]


def _still(url: Any, rules: Rules, model: str) -> Still:
    if not isinstance(url, str):
        raise MalformedOrderError("image_urls must be an array of strings", "image_urls")
    if url.startswith("data:") and not rules.inline:
        raise BadOrderError(f"{model} takes public image URLs only, not base64", "image_urls")
    return still_at(url, "image_urls")
