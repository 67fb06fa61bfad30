"""Reading single fields of a submission's body. A wrong type is malformed, a wrong value is refused."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pipeline.sim.orders.base import BadOrderError, MalformedOrderError, Still
from pipeline.sim.pictures import BadPictureError, read_data_uri


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise MalformedOrderError("request body is not valid JSON") from exc
    if not isinstance(value, dict):
        raise MalformedOrderError("request body must be a JSON object")
    return value


def prompt_of(body: dict[str, Any], *, optional: bool = False) -> str:
    """The prompt; an optional one may be missing or blank."""
    prompt = body.get("prompt")
    if prompt is None and optional:
        return ""
    if not isinstance(prompt, str):
        raise MalformedOrderError("prompt is required", "prompt")
    if not prompt.strip() and not optional:
        raise BadOrderError("prompt is required", "prompt")
    return prompt


def whole_number(value: Any, allowed: Sequence[int], field: str) -> int:
    """A whole number out of a range or a list."""
    wanted = f"from {allowed[0]} to {allowed[-1]}"
    if not isinstance(allowed, range):
        wanted = f"out of {', '.join(map(str, allowed))}"
    complaint = f"{field} must be an integer {wanted}, got {reprlib.repr(value)}"
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedOrderError(complaint, field)
    if value not in allowed:
        raise BadOrderError(complaint, field)
    return value


def one_of(value: Any, allowed: Sequence[str], field: str) -> str:
    """One of a few words."""
    complaint = f"{field} must be one of {', '.join(allowed)}, got {reprlib.repr(value)}"
    if not isinstance(value, str):
        raise MalformedOrderError(complaint, field)
    if value not in allowed:
        raise BadOrderError(complaint, field)
    return value


def list_of(value: Any, most: int, field: str) -> list[Any]:
    """A list of at most so many; None is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise MalformedOrderError(f"{field} must be an array", field)
    if len(value) > most:
        raise BadOrderError(f"{field} has {len(value)} entries; the limit is {most}", field)
    return value


def url_of(value: Any, field: str) -> str:
    """The address in an object `{url}`."""
    url = value.get("url") if isinstance(value, dict) else None
    if not isinstance(url, str):
        raise MalformedOrderError(f"{field} must be an object with a url", field)
    return url


def still_at(url: str, field: str) -> Still:
    """The picture of a data URI, or the address of one elsewhere."""
    if not url.startswith("data:"):
        return Still(url=web_address(url, field))
    try:
        return Still(read_data_uri(url))
    except BadPictureError as exc:
        raise BadOrderError(f"image could not be read: {exc}", field) from exc


def web_address(url: str, field: str) -> str:
    """An http(s) address as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or not url.isprintable() or " " in url:
        raise BadOrderError(f"{field} must be a public http(s) URL: {url[:80]!r} could not be fetched", field)
    return url


def user_of(body: dict[str, Any]) -> str:
    """The end user's name, which has no effect."""
    user = body.get("user")
    return user if isinstance(user, str) else ""
