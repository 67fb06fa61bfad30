"""An HTTP answer as one text, so that what a fuzzer changes, and what it found, can be read by a person.

206
content-range: bytes 5-9/10

the body
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.providers.base import Answer

MAX_HEADER_CHARS = 8190  # aiohttp refuses longer ones


def message(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    lines = [str(status), *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\n".join(lines).encode() + b"\n\n" + body


def answer_of(data: bytes) -> Answer:
    """The answer that `data` stands for: any bytes stand for one. Text as aiohttp reads it."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("utf-8", "surrogateescape").split("\n")
    fields = (line[:MAX_HEADER_CHARS].partition(":") for line in lines)
    return Answer(
        status=int(first) if len(first) == 3 and first.isascii() and first.isdigit() else 200,
        headers={name.strip().lower(): value.strip(" \t") for name, _, value in fields},
        body=body,
    )
