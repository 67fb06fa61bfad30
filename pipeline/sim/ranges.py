"""Which bytes of a file a request gets: Range and If-Range of RFC 9110, sections 13.1.5 and 14. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)")


@dataclass(frozen=True, slots=True)
class Slice:
    """Status and part of the file to send; `length` is 0 with status 416."""

    status: int
    start: int
    length: int
    headers: Mapping[str, str]


def choose_slice(headers: Mapping[str, str], *, size: int, etag: str, last_modified: str) -> Slice:
    """The part asked for. Several ranges, or one that makes no sense, get the whole file with 200."""
    match = _ONE_RANGE.fullmatch(headers.get("range", "").strip())
    condition = headers.get("if-range", "").strip()
    if match is None or match[1] == match[2] == "" or (condition and condition not in (etag, last_modified)):
        return Slice(200, 0, size, {})
    if match[1]:
        start, last = int(match[1]), min(int(match[2] or size), size - 1)
        if match[2] and int(match[2]) < start:
            return Slice(200, 0, size, {})
    else:
        start, last = max(0, size - int(match[2])), size - 1
    if start > last:
        return Slice(416, 0, 0, {"Content-Range": f"bytes */{size}"})
    return Slice(206, start, last - start + 1, {"Content-Range": f"bytes {start}-{last}/{size}"})
