"""How a PNG file is laid out.

Source: PNG Specification, Third Edition (W3C), 5 (datastream structure) and 11 (chunks). Kept is what it
takes to show the picture, by a list of what is known: anybody may put other things into chunks of their own.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from pipeline.sources.exif import orientation
from pipeline.sources.layout import CUT_SHORT, DAMAGED, Assembly, ImageError, Layout, blocks, read_at

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 50_000
COLOUR_CHUNKS = frozenset({b"cHRM", b"gAMA", b"sRGB", b"cICP", b"mDCV", b"cLLI"})
"""How the numbers are meant, beside an ICC profile (iCCP)."""
_KEPT = COLOUR_CHUNKS | {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCP", b"sBIT", b"bKGD", b"pHYs"}


def png_layout(file: BinaryIO, size: int) -> Layout:
    """The layout of a file that begins like a PNG; checksums of what is kept are right. Raises ImageError."""
    kept = Assembly()
    kept.keep(0, len(SIGNATURE))
    at, width, height, turned = len(SIGNATURE), 0, 0, 1
    animated = pixels = False
    for number in range(MAX_CHUNKS):
        start = at
        kind, at = _chunk(file, start, size)
        if (number == 0) != (kind == b"IHDR"):
            raise ImageError(DAMAGED)
        if kind in _KEPT:
            _check_sum(file, start, at)
            kept.keep(start, at)
        elif not kind[0] & 0x20:  # a capital: nobody can show the picture without it
            raise ImageError(DAMAGED)
        match kind:
            case b"IHDR":
                width, height = _size(file, start, at)
            case b"IDAT":
                pixels = True
            case b"eXIf":
                turned = orientation(file, start + 8, at - 4)
            case b"acTL":
                animated = animated or _frames(file, start, at) > 1
            case b"fdAT":
                animated = True
            case b"IEND":
                break
    else:
        raise ImageError(DAMAGED)
    if not pixels:
        raise ImageError(DAMAGED)
    return Layout(
        media_type="image/png",
        width=width,
        height=height,
        size_bytes=size,
        pieces=kept.pieces(),
        orientation=turned,
        animated=animated,
        lossless=True,
    )


def colour_chunks(file: BinaryIO, size: int) -> list[tuple[bytes, bytes]]:
    """Kind and content of the chunks that say how the colours of a sound file are meant."""
    found: list[tuple[bytes, bytes]] = []
    at, kind = len(SIGNATURE), b""
    while kind != b"IDAT":
        start = at
        kind, at = _chunk(file, start, size)
        if kind in COLOUR_CHUNKS:
            found.append((kind, read_at(file, start + 8, at - start - 12)))
    return found


def _chunk(file: BinaryIO, start: int, size: int) -> tuple[bytes, int]:
    """Kind and end of the chunk at `start`."""
    length, kind = struct.unpack(">I4s", read_at(file, start, 8))
    end = start + 12 + int(length)
    if not kind.isalpha():
        raise ImageError(DAMAGED)
    if end > size:
        raise ImageError(CUT_SHORT)
    return kind, end


def _check_sum(file: BinaryIO, start: int, end: int) -> None:
    found = 0
    for block in blocks(file, start + 4, end - 4):
        found = zlib.crc32(block, found)
    if read_at(file, end - 4, 4) != struct.pack(">I", found):
        raise ImageError(DAMAGED)


def _size(file: BinaryIO, start: int, end: int) -> tuple[int, int]:
    if end - start != 25:
        raise ImageError(DAMAGED)
    width, height = struct.unpack(">II", read_at(file, start + 8, 8))
    if not width or not height:
        raise ImageError(DAMAGED)
    return width, height


def _frames(file: BinaryIO, start: int, end: int) -> int:
    if end - start != 20:
        raise ImageError(DAMAGED)
    return int.from_bytes(read_at(file, start + 8, 4))
