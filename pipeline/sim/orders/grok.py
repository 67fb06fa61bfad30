"""Generations as the Grok dialects share them (provider-apis.md, 1.2 and 2.2).

A dialect says which models it has under which names, which ratios, and what else came with the order.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.sim.orders.base import Order, Still, UnknownModelError
from pipeline.sim.orders.fields import one_of, prompt_of, still_at, url_of, user_of, whole_number
from pipeline.sim.prices import GROK_MODELS, Model, price
from pipeline.sim.sizes import frame_size, ratio_of

RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
DURATIONS_S = range(1, 16)


def model_named(body: dict[str, Any], default: str, offered: Mapping[str, str]) -> Model:
    """The model of a body, if the gateway has it; `offered` maps the names it takes to models."""
    name = body.get("model", default) or default
    if not isinstance(name, str) or name not in offered:
        raise UnknownModelError(f"model {reprlib.repr(name)} does not exist or is not available", "model")
    return GROK_MODELS[offered[name]]


def generation(
    body: dict[str, Any],
    model: Model,
    *,
    ratios: Sequence[str] = RATIOS,
    others: Sequence[Still] = (),
    details: tuple[str, ...] = (),
    prompt_optional: bool = False,
) -> Order:
    """A generation from text, or from text and a picture, which then sets the ratio.

    `others` are further pictures, each billed like the first; `prompt_optional`: with any picture.
    """
    image = None if body.get("image") is None else still_at(url_of(body["image"], "image"), "image.url")
    stills = [still for still in (image, *others) if still is not None]
    prompt = prompt_of(body, optional=prompt_optional and bool(stills))
    duration_s = whole_number(body.get("duration", 8), DURATIONS_S, "duration")
    resolution = one_of(body.get("resolution", "480p"), tuple(model.second), "resolution")
    ratio = ratio_of(one_of(body.get("aspect_ratio", "16:9"), ratios, "aspect_ratio"))
    if image and image.picture:
        ratio = image.picture.width / image.picture.height
    width, height = frame_size(resolution, ratio)
    return Order(
        operation="generate",
        model=model.name,
        prompt=prompt,
        duration_s=duration_s,
        resolution=resolution,
        width=width,
        height=height,
        ticks=price(model, resolution, duration_s, pictures=len(stills)),
        picture=next((still.picture for still in stills if still.picture), None),
        picture_url=image.url if image else "",
        details=(*details, *(still.mark for still in stills)) if others else details,
        client_user=user_of(body),
    )
