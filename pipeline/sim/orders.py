"""Orders: what one submission asks for, and the rules a gateway checks before it accepts.

The rules shared by the Grok dialects live here (provider-apis.md, 1.2 and 2.2); a dialect says which
fields its bodies have. A refused order raises `BadOrderError`, which the dialect words in its own form.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from pipeline.sim.pictures import BadPictureError, Picture, read_data_uri
from pipeline.sim.prices import GROK_MODELS, Model, price
from pipeline.sim.sizes import frame_size, ratio_of

RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
DURATIONS_S = range(1, 16)
EDIT_SOURCE_MAX_S = 8.7  # provider-apis.md, 1.2, edits
# A source elsewhere is never fetched, so an edit of it is made as if it were this long.
FOREIGN_SOURCE_S = 6


class BadOrderError(Exception):
    """A submission that the gateway refuses; `param` names the field, as in the error body."""

    def __init__(self, message: str, param: str = "") -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One submission, checked. For an edit the size and length are the source's: see `edit_of`."""

    operation: str
    model: str
    prompt: str
    duration_s: float
    resolution: str
    width: int
    height: int
    ticks: int
    picture: Picture | None = None
    picture_url: str = ""
    source_url: str = ""
    client_user: str = ""


def model_named(body: dict[str, Any], default: str, offered: tuple[str, ...]) -> Model:
    """The model of a body, if the gateway has it."""
    name = body.get("model", default) or default
    if not isinstance(name, str) or name not in offered:
        raise BadOrderError(f"model {reprlib.repr(name)} does not exist or is not available", "model")
    return GROK_MODELS[name]


def generation(body: dict[str, Any], model: Model) -> Order:
    """A generation from a Grok body: text, or text and one picture, which then sets the ratio."""
    prompt = _prompt(body)
    duration_s = _duration(body.get("duration", 8))
    resolution = _one_of(body.get("resolution", "480p"), tuple(model.second), "resolution")
    ratio = ratio_of(_one_of(body.get("aspect_ratio", "16:9"), RATIOS, "aspect_ratio"))
    picture, picture_url = _image(body.get("image"))
    if picture is not None:
        ratio = picture.width / picture.height
    width, height = frame_size(resolution, ratio)
    return Order(
        operation="generate",
        model=model.name,
        prompt=prompt,
        duration_s=duration_s,
        resolution=resolution,
        width=width,
        height=height,
        ticks=price(model, resolution, duration_s, pictures=1 if picture or picture_url else 0),
        picture=picture,
        picture_url=picture_url,
        client_user=_user(body),
    )


def edit(body: dict[str, Any], model: Model) -> Order:
    """An edit from a Grok body, as of a source that lies elsewhere; `edit_of` fits it to one of ours."""
    if model.source_second is None:
        raise BadOrderError(f"model {model.name!r} does not support video editing", "model")
    width, height = frame_size("720p", 16 / 9)
    return Order(
        operation="edit",
        model=model.name,
        prompt=_prompt(body),
        duration_s=FOREIGN_SOURCE_S,
        resolution="720p",
        width=width,
        height=height,
        ticks=price(model, "720p", FOREIGN_SOURCE_S, source_s=FOREIGN_SOURCE_S),
        source_url=_source(body.get("video")),
        client_user=_user(body),
    )


def edit_of(order: Order, *, width: int, height: int, resolution: str, duration_s: float) -> Order:
    """The same edit of a source of this size and length: the output keeps both, at most at 720p."""
    if duration_s > EDIT_SOURCE_MAX_S:
        raise BadOrderError(f"video is {duration_s:g} s long; the limit is {EDIT_SOURCE_MAX_S:g} s", "video")
    model = GROK_MODELS[order.model]
    if resolution not in model.second:
        resolution = "720p"
        width, height = frame_size(resolution, width / height)
    return replace(
        order,
        width=width,
        height=height,
        resolution=resolution,
        duration_s=duration_s,
        ticks=price(model, resolution, duration_s, source_s=duration_s),
    )


def _prompt(body: dict[str, Any]) -> str:
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise BadOrderError("prompt is required", "prompt")
    return prompt


def _duration(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in DURATIONS_S:
        raise BadOrderError(
            f"duration must be an integer from 1 to 15, got {reprlib.repr(value)}", "duration"
        )
    return value


def _one_of(value: Any, allowed: tuple[str, ...], field: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise BadOrderError(f"{field} must be one of {', '.join(allowed)}, got {reprlib.repr(value)}", field)
    return value


def _image(value: Any) -> tuple[Picture | None, str]:
    """The picture of a data URI, or the address of one elsewhere, which is never fetched."""
    if value is None:
        return None, ""
    url = value.get("url") if isinstance(value, dict) else None
    if not isinstance(url, str):
        raise BadOrderError("image must be an object with a url", "image")
    if not url.startswith("data:"):
        return None, _web_address(url, "image.url")
    try:
        return read_data_uri(url), ""
    except BadPictureError as exc:
        raise BadOrderError(f"image could not be read: {exc}", "image.url") from exc


def _source(value: Any) -> str:
    url = value.get("url") if isinstance(value, dict) else None
    if not isinstance(url, str):
        raise BadOrderError("video must be an object with a url", "video")
    return _web_address(url, "video.url")


def _web_address(url: str, field: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or not url.isprintable() or " " in url:
        raise BadOrderError(f"{field} must be a public http(s) URL: {url[:80]!r} could not be fetched", field)
    return url


def _user(body: dict[str, Any]) -> str:
    user = body.get("user")
    return user if isinstance(user, str) else ""
