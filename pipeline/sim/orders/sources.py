"""Edits and extensions: orders about a video that exists already (provider-apis.md, 1.2).

An edit keeps the source's length, an extension adds to it; both keep its size, at most at 720p. What is
added and what goes in is billed; for an edit all of the output is new.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipeline.sim.orders.base import BadOrderError, Order
from pipeline.sim.orders.fields import prompt_of, url_of, user_of, web_address, whole_number
from pipeline.sim.prices import GROK_MODELS, Model, price
from pipeline.sim.sizes import fitted_size
from pipeline.sim.videos import BadVideoError, Video, read_data_uri

ADDED_S = range(2, 11)
ADDED_DEFAULT_S = 6
SOURCE_S = {"edit": (0.0, 8.7), "extend": (2.0, 15.0)}  # shortest and longest that is taken
SLACK_S = 0.05  # a file is a frame longer or shorter than what was ordered
# A source elsewhere is never fetched: an order about one is made as if it were like this.
FOREIGN = Video(width=1280, height=720, duration_s=6)


def edit(body: dict[str, Any], model: Model, *, inline: bool = False, details: tuple[str, ...] = ()) -> Order:
    """An edit; `inline`: the video may also come as a data URI."""
    return _about("edit", body, model, inline=inline, details=details)


def extension(
    body: dict[str, Any], model: Model, *, inline: bool = False, details: tuple[str, ...] = ()
) -> Order:
    """An extension; `duration` is the length of the added part."""
    added_s = whole_number(body.get("duration", ADDED_DEFAULT_S), ADDED_S, "duration")
    return _about("extend", body, model, added_s=added_s, inline=inline, details=details)


def fitted(order: Order, source: Video) -> Order:
    """The same edit or extension, of a source of this size and length."""
    shortest_s, longest_s = SOURCE_S[order.operation]
    if not shortest_s - SLACK_S <= source.duration_s <= longest_s + SLACK_S:
        limits = f"from {shortest_s:g} to {longest_s:g} s" if shortest_s else f"up to {longest_s:g} s"
        raise BadOrderError(f"video is {source.duration_s:g} s long; the limit is {limits}", "video")
    resolution, (width, height) = fitted_size(source.width, source.height)
    new_s = order.added_s or source.duration_s
    return replace(
        order,
        width=width,
        height=height,
        resolution=resolution,
        duration_s=source.duration_s + order.added_s,
        ticks=price(GROK_MODELS[order.model], resolution, new_s, source_s=source.duration_s),
    )


def _about(
    operation: str,
    body: dict[str, Any],
    model: Model,
    *,
    inline: bool,
    details: tuple[str, ...],
    added_s: float = 0,
) -> Order:
    """An order about the video of a body, as of one elsewhere until `fitted` knows better."""
    if model.source_second is None:
        raise BadOrderError(f"model {model.name!r} does not support video operation {operation!r}", "model")
    prompt = prompt_of(body)
    url = url_of(body.get("video"), "video")
    sent = _sent(url) if inline and url.startswith("data:") else None
    order = Order(
        operation=operation,
        model=model.name,
        prompt=prompt,
        duration_s=0,
        resolution="",
        width=0,
        height=0,
        ticks=0,
        source_url="" if sent else web_address(url, "video.url"),
        source_digest=sent.digest if sent else "",
        added_s=added_s,
        details=details,
        client_user=user_of(body),
    )
    return fitted(order, sent or FOREIGN)


def _sent(uri: str) -> Video:
    try:
        return read_data_uri(uri)
    except BadVideoError as exc:
        raise BadOrderError(f"video could not be read: {exc}", "video.url") from exc
