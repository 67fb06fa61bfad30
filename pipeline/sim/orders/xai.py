"""What xAI itself takes beyond the shared Grok fields (provider-apis.md, 1.2 and 1.3).

Unknown fields are ignored without a word, as observed; a field that is null counts as left out.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any

from pipeline.sim.orders.base import BadOrderError, MalformedOrderError, Order, Still
from pipeline.sim.orders.fields import json_object, list_of, still_at, url_of
from pipeline.sim.orders.grok import DURATIONS_S, RATIOS, generation, model_named
from pipeline.sim.orders.sources import edit, extension
from pipeline.sim.prices import CLASSIC, GROK_MODELS, Model

NAMES = {name: name for name in GROK_MODELS} | {
    "grok-imagine-video-beta": "grok-imagine-video",
    "grok-imagine-video-1.5-preview": "grok-imagine-video-1.5",
}
WIDE_RATIOS = (*RATIOS, "21:9", "5:2")
REFERENCES_MAX = 7
CLASSIC_REFERENCES_MAX_S = 10
KEYFRAMES_MAX = 4
AUDIOS_MAX = 3
GRID_SLACK_S = 0.01  # 0.33 and 0.667 are on a grid of thirds too
# Part of every order's digest, so that equal orders at another gateway have another fate.
HERE = "xai"


def read_order(body: bytes, word: str) -> Order:
    """The order of a POST to /v1/videos/<word>: generations, edits or extensions."""
    value = {name: field for name, field in json_object(body).items() if field is not None}
    model = model_named(value, CLASSIC, NAMES)
    if word == "edits":
        return edit(value, model, inline=True, details=(HERE,))
    if word == "extensions":
        return extension(value, model, inline=True, details=(HERE,))
    return _generation(value, model)


def _generation(body: dict[str, Any], model: Model) -> Order:
    if "duration" not in body and "seconds" in body:
        body = body | {"duration": _seconds(body["seconds"])}
    extras = _extras(body, model)
    details = (HERE, *extras.details)
    others = (*extras.references, *extras.frames)
    order = generation(body, model, ratios=WIDE_RATIOS, others=others, details=details, prompt_optional=True)
    if extras.references:
        _check_references(order, with_image="image" in body)
    if extras.last_s > order.duration_s:
        raise BadOrderError(f"keyframes: {extras.last_s:g} s is after the end of the clip", "keyframes")
    return order


@dataclass(frozen=True, slots=True)
class _Extras:
    """Pictures beside `image`, the last keyframe's time, and what else makes the order another one."""

    references: tuple[Still, ...]
    frames: tuple[Still, ...]
    last_s: float
    details: tuple[str, ...]


def _extras(body: dict[str, Any], model: Model) -> _Extras:
    references = list_of(body.get("reference_images"), REFERENCES_MAX, "reference_images")
    keyframes = list_of(body.get("keyframes"), KEYFRAMES_MAX, "keyframes")
    audios = list_of(body.get("reference_audios"), AUDIOS_MAX, "reference_audios")
    if references and not model.references:
        raise BadOrderError(f"model {model.name!r} does not support reference images", "reference_images")
    for field in ("last_frame", "keyframes", "reference_audios"):
        if body.get(field) and not model.frames:
            raise BadOrderError(f"model {model.name!r} does not support {field}", field)
    times_s = tuple(_on_grid(entry) for entry in keyframes)
    frames = [_still(entry.get("image"), "keyframes.image") for entry in keyframes]
    if "last_frame" in body:
        frames.append(_still(body["last_frame"], "last_frame"))
    sound = body.get("generate_audio", True)
    if not isinstance(sound, bool):
        raise MalformedOrderError("generate_audio must be true or false", "generate_audio")
    return _Extras(
        references=tuple(_still(entry, "reference_images") for entry in references),
        frames=tuple(frames),
        last_s=max(times_s, default=0.0),
        details=(*(() if sound else ("silent",)), *map(repr, times_s), *map(_audio, audios)),
    )


def _check_references(order: Order, *, with_image: bool) -> None:
    field = "reference_images"
    if order.model != CLASSIC:
        if order.resolution == "1080p":
            raise BadOrderError("reference_images: the limit is 720p", field)
        return
    if with_image:
        raise BadOrderError(f"image and reference_images cannot be combined on {order.model}", field)
    if order.duration_s > CLASSIC_REFERENCES_MAX_S:
        raise BadOrderError(
            f"duration with reference_images is at most {CLASSIC_REFERENCES_MAX_S} s", "duration"
        )


def _still(value: Any, field: str) -> Still:
    return still_at(url_of(value, field), f"{field}.url")


def _audio(value: Any) -> str:
    """A voice or the address of a recording, which nobody listens to here."""
    fields = value if isinstance(value, dict) else {}
    mark = fields.get("voice_id") or fields.get("url")
    if not isinstance(mark, str):
        raise MalformedOrderError(
            "reference_audios must be objects with a voice_id or url", "reference_audios"
        )
    return mark


def _seconds(value: Any) -> Any:
    """The alias of `duration`, which may be a string."""
    try:
        return int(value) if isinstance(value, str) and len(value) < 9 else value
    except ValueError:
        complaint = f"seconds must be an integer from {DURATIONS_S[0]} to {DURATIONS_S[-1]}"
        raise BadOrderError(f"{complaint}, got {reprlib.repr(value)}", "duration") from None


def _on_grid(entry: Any) -> float:
    """The time of a keyframe, on a grid of thirds of a second."""
    time_s = entry.get("timestamp_s") if isinstance(entry, dict) else None
    if isinstance(time_s, bool) or not isinstance(time_s, int | float):
        raise MalformedOrderError("keyframes must be objects with image and timestamp_s", "keyframes")
    third_s = round(time_s * 3) / 3 if 0 <= time_s <= DURATIONS_S[-1] else -1.0
    if not abs(time_s - third_s) <= GRID_SLACK_S:  # also where it is not a number
        raise BadOrderError(f"keyframes: {time_s!r} s is not on a grid of 1/3 s", "keyframes")
    return third_s
