"""Reading hostile answers: bytes into JSON, and JSON into the few values that we trust.

Owns every bound on what a gateway may tell us (lengths, ranges, characters). Nothing here raises, whatever
came: a value that is not what it should be is None. What an answer *means*: refusals.py and results.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from pipeline.model import TICKS_PER_USD
from pipeline.providers.base import Answer

T = TypeVar("T")

REASON_CHARS = 4000  # the engine cuts further, once the key is out of it: a key cut in half is still a leak
ID_CHARS = 512
URL_CHARS = 8192
MAX_TICKS = 10_000 * TICKS_PER_USD  # no single clip costs more; a larger figure is a fault, not a price
MAX_SECONDS = 86_400.0
_INT_DIGITS = 40
ID_KEYS = ("request_id", "id", "task_id")
_PERCENT = re.compile(r"\s*(\d{1,3})(?:\.\d{1,10})?\s*%?\s*", re.ASCII)


def read_json(body: bytes) -> object:
    """The JSON in `body`, or None where there is none. `NaN`, `Infinity` and giant integers become null."""
    try:
        return json.loads(body, parse_int=_bounded_int, parse_constant=lambda _: None)
    except (ValueError, RecursionError):  # ValueError covers bad UTF-8 and bad JSON
        return None


def _bounded_int(digits: str) -> int | None:
    return int(digits) if len(digits) <= _INT_DIGITS else None


def unwrapped(document: object) -> tuple[Mapping[str, object], ...]:
    """The object and those in its `data`, outermost first, down to the one that has the `video`.

    Flat bodies give one level, the older CometAPI envelope up to three. Rule: docs/provider-apis.md.
    """
    levels: list[Mapping[str, object]] = []
    while isinstance(document, dict) and len(levels) < 8:
        levels.append(document)
        if isinstance(document.get("video"), dict):
            break
        document = document.get("data")
    return tuple(levels)


def first(values: Iterable[T | None]) -> T | None:
    """The first that is not None."""
    return next((value for value in values if value is not None), None)


def is_html(answer: Answer) -> bool:
    """Whether a web page came instead of an answer: by its type, or by how it starts."""
    kind = answer.headers.get("content-type", "").lower()
    start = answer.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html")) or (
        ("text/html" in kind or "xhtml" in kind) and not isinstance(read_json(answer.body), dict)
    )


def plain(value: object, limit: int = REASON_CHARS) -> str | None:
    """A gateway's text, safe to store and show: one line, nothing invisible, cut; None if none is left."""
    if not isinstance(value, str):
        return None
    line = value[: 4 * limit]
    if not line.isprintable():
        line = "".join(char if char.isprintable() else " " for char in line)
    line = " ".join(line.split())
    cut = len(line) > limit or len(value) > 4 * limit  # and says so: what was cut may be a key
    return (line[: limit - 1] + "…" if cut else line) or None


def remote_id(document: object, keys: Sequence[str] = ID_KEYS) -> str | None:
    """The id of an accepted job, also inside `data`; None if there is none.

    A gateway may name two, of which one leads only to its logs: `keys` in order, and the innermost first.
    Opaque, but bounded and printable. Dots alone are no id: they would change the path of the poll.
    """
    levels = unwrapped(document)
    return first(_as_id(level.get(key)) for key in keys for level in reversed(levels))


def _as_id(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    if not isinstance(value, str) or not value.strip(" .") or len(value) > ID_CHARS:
        return None
    return value if value.isprintable() else None


def link(value: object) -> str | None:
    """`value` if it is an absolute http(s) URL in printable characters without spaces."""
    if not isinstance(value, str) or len(value) > URL_CHARS or " " in value or not value.isprintable():
        return None
    try:
        parts = urlsplit(value)
        return value if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:  # for example a broken IPv6 address
        return None


def charged(document: object) -> int | None:
    """The cost in ticks: from the innermost level that has one, or from inside the `error`.

    Errors carry it too: a clip that moderation rejects is charged in full.
    """
    levels = unwrapped(document)
    return first(_ticks(holder) for level in reversed(levels) for holder in (level, level.get("error")))


def _ticks(holder: object) -> int | None:
    """`usage.cost_in_usd_ticks` of one object; a float counts if it is whole, as `5e8` is."""
    usage = holder.get("usage") if isinstance(holder, dict) else None
    figure = _number(usage.get("cost_in_usd_ticks")) if isinstance(usage, dict) else None
    return int(figure) if figure is not None and figure <= MAX_TICKS and figure == int(figure) else None


def seconds(value: object) -> float | None:
    """A length of time from 0 to a day."""
    figure = _number(value)
    return float(figure) if figure is not None and figure <= MAX_SECONDS else None


def percent(value: object) -> int | None:
    """Progress from 0 to 100, written as a number or as text such as `45%`."""
    match = _PERCENT.fullmatch(value[:40]) if isinstance(value, str) else None
    figure = int(match[1]) if match else _number(value)
    return int(figure) if figure is not None and figure <= 100 else None


def _number(value: object) -> int | float | None:
    """A number from 0 up; the callers bound it above. True and False are not numbers here."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if value >= 0 else None
