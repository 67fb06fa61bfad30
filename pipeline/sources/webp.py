"""How a WebP file is laid out.

Source: RFC 9649, sections 2.3 to 2.7 (RIFF, the simple formats, the extended format) and 3.4 (header of a
lossless picture); RFC 6386, section 9.1 (header of a lossy one).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from pipeline.sources.exif import orientation
from pipeline.sources.layout import CUT_SHORT, DAMAGED, Assembly, ImageError, Layout, Piece, read_at

MAX_CHUNKS = 1000
_HEAD_BYTES = 12  # "RIFF", the length of what follows, "WEBP"
_PICTURES = {b"VP8 ", b"VP8L"}
_KEPT = _PICTURES | {b"VP8X", b"ICCP", b"ALPH"}
_ANIMATION_FLAG, _XMP_FLAG, _EXIF_FLAG = 0x02, 0x04, 0x08


@dataclass(frozen=True, slots=True)
class _Chunk:
    """One chunk: where its 8 bytes of header begin, and how long its content is."""

    kind: bytes
    start: int
    length: int

    @property
    def content(self) -> int:
        return self.start + 8

    @property
    def end(self) -> int:
        return self.content + self.length + self.length % 2


def webp_layout(file: BinaryIO, size: int) -> Layout:
    """The layout of a file that begins like a WebP. Raises ImageError."""
    end = 8 + int.from_bytes(read_at(file, 4, 4), "little")
    if end > size:
        raise ImageError(CUT_SHORT)
    chunks = _chunks(file, end)
    extended = chunks[0].kind == b"VP8X"
    if not extended:
        chunks = chunks[:1]  # nothing else belongs to the simple formats
    flags = read_at(file, chunks[0].content, 1)[0] if extended else 0
    animated = bool(flags & _ANIMATION_FLAG)
    pictures = [chunk for chunk in chunks if chunk.kind in _PICTURES]
    if not animated and len(pictures) != 1:
        raise ImageError(DAMAGED)
    width, height = _canvas(file, chunks[0]) if extended else _frame(file, chunks[0])
    turned = [orientation(file, c.content, c.content + c.length) for c in chunks if c.kind == b"EXIF"]
    return Layout(
        media_type="image/webp",
        width=width,
        height=height,
        size_bytes=size,
        pieces=_pieces(file, chunks, size),
        orientation=turned[0] if turned else 1,
        animated=animated,
        lossless=any(chunk.kind == b"VP8L" for chunk in pictures),
    )


def _chunks(file: BinaryIO, end: int) -> list[_Chunk]:
    """All chunks up to `end`; the first is one that a WebP may begin with."""
    chunks: list[_Chunk] = []
    at = _HEAD_BYTES
    while at < end and len(chunks) < MAX_CHUNKS:
        kind, length = struct.unpack("<4sI", read_at(file, at, 8))
        chunks.append(_Chunk(kind, at, length))
        at = chunks[-1].end
    if at != end or not chunks or chunks[0].kind not in _PICTURES | {b"VP8X"}:
        raise ImageError(DAMAGED)
    return chunks


def _pieces(file: BinaryIO, chunks: list[_Chunk], size: int) -> tuple[Piece, ...]:
    """The file without what is not kept; where that is something, its two notes on it are put right."""
    kept = [chunk for chunk in chunks if chunk.kind in _KEPT]
    length = sum(chunk.end - chunk.start for chunk in kept)
    found = Assembly()
    if _HEAD_BYTES + length == size:
        found.keep(0, size)
        return found.pieces()
    found.put(b"RIFF" + struct.pack("<I", 4 + length) + b"WEBP")
    for chunk in kept:
        if chunk.kind == b"VP8X":
            head = bytearray(read_at(file, chunk.start, 9))
            head[8] &= ~(_EXIF_FLAG | _XMP_FLAG)
            found.put(bytes(head))
            found.keep(chunk.start + 9, chunk.end)
        else:
            found.keep(chunk.start, chunk.end)
    return found.pieces()


def _canvas(file: BinaryIO, chunk: _Chunk) -> tuple[int, int]:
    if chunk.length != 10:
        raise ImageError(DAMAGED)
    sides = read_at(file, chunk.content + 4, 6)
    return int.from_bytes(sides[:3], "little") + 1, int.from_bytes(sides[3:], "little") + 1


def _frame(file: BinaryIO, chunk: _Chunk) -> tuple[int, int]:
    """Width and height in the header of a simple file's one picture."""
    head = read_at(file, chunk.content, min(10, chunk.length))
    if chunk.kind == b"VP8L" and len(head) >= 5 and head[0] == 0x2F:
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk.kind == b"VP8 " and len(head) == 10 and head[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", head[6:])
        if width & 0x3FFF and height & 0x3FFF:
            return width & 0x3FFF, height & 0x3FFF
    raise ImageError(DAMAGED)
