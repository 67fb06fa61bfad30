"""Which way up a picture is, from its EXIF data.

Only the one number that is needed is looked up, in place: the data may be hostile, and is never sent.
Source: Exif 3.0 (CIPA DC-008-2023), 4.5 (structure) and 4.6.5 (Orientation); TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

_PREFIX = b"Exif\0\0"
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION = 0x0112
_SHORT = 3
_MAX_ENTRIES = 1000


def orientation(file: BinaryIO, start: int, end: int) -> int:
    """The orientation, 1 to 8, that the EXIF data between `start` and `end` tells; 1 if it tells none.

    Some writers put JPEG's prefix before it in PNG and WebP too. Whatever makes no sense counts as upright,
    as in browsers.
    """
    file.seek(start)
    if file.read(len(_PREFIX)) == _PREFIX:
        start += len(_PREFIX)
    file.seek(start)
    head = file.read(min(8, end - start))
    order = _ORDERS.get(head[:4])
    if order is None or len(head) < 8:
        return 1
    first = start + int(struct.unpack(order + "I", head[4:])[0])
    if first + 2 > end:
        return 1
    file.seek(first)
    (count,) = struct.unpack(order + "H", file.read(2).ljust(2, b"\0"))
    entries = file.read(max(0, min(12 * min(count, _MAX_ENTRIES), end - first - 2)))
    for at in range(0, len(entries) - 11, 12):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", entries, at)
        if tag == _ORIENTATION:
            return int(value) if kind == _SHORT and 1 <= value <= 8 else 1
    return 1
