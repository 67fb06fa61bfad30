"""How a picture file is laid out: what it is, how large, and which of its bytes are sent.

A layout is read without decoding. It keeps what is needed to show the picture, and leaves out all that tells
about its maker: EXIF with the place it was taken, XMP, IPTC, comments, previews, further pictures.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 1 << 20
CUT_SHORT = "is cut short, its end is missing: copy or download it again"
DAMAGED = "is damaged: save it again as JPEG, PNG or WebP"


class ImageError(Exception):
    """A picture that cannot be used; the text says why, where it was looked for and what to do."""


class ImageChangedError(ImageError):
    """A picture that is not the one that was planned any more, or is gone."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of the file, from `start` up to `end`."""

    start: int
    end: int


Piece = Stretch | bytes
"""A stretch of the file, or bytes that stand in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is known of a sound file. Width and height are in pixels as stored, before any turning.

    `pieces` joined are a whole picture file without metadata; their stretches are in the order of the file.
    `orientation` is EXIF's, 1 to 8; 1 is upright.
    """

    media_type: str
    width: int
    height: int
    size_bytes: int
    pieces: tuple[Piece, ...]
    orientation: int = 1
    animated: bool = False
    cmyk: bool = False
    progressive: bool = False
    lossless: bool = False

    @property
    def bare(self) -> bool:
        """Whether the file already holds nothing but what is kept."""
        return self.pieces == (Stretch(0, self.size_bytes),)

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def longer_side(self) -> int:
        return max(self.width, self.height)


class Assembly:
    """Gathers the pieces that are kept, in the order of the file. Neighbours become one."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []

    def keep(self, start: int, end: int) -> None:
        last = self._pieces[-1] if self._pieces else None
        if isinstance(last, Stretch) and last.end == start:
            self._pieces[-1] = Stretch(last.start, end)
        elif start < end:
            self._pieces.append(Stretch(start, end))

    def put(self, content: bytes) -> None:
        self._pieces.append(content)

    def pieces(self) -> tuple[Piece, ...]:
        return tuple(self._pieces)


class Kept(io.RawIOBase):
    """What is kept of a file, as a file of its own, so that nothing has to be written to look at it."""

    def __init__(self, file: BinaryIO, pieces: tuple[Piece, ...]) -> None:
        self._file = file
        self._pieces = pieces
        sizes = (len(p) if isinstance(p, bytes) else p.end - p.start for p in pieces)
        self._starts = list(accumulate(sizes, initial=0))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        if not view.nbytes or self._at >= self._starts[-1]:
            return 0
        number = bisect_right(self._starts, self._at) - 1
        inside = self._at - self._starts[number]
        wanted = min(view.nbytes, self._starts[number + 1] - self._at)
        piece = self._pieces[number]
        if isinstance(piece, bytes):
            data = piece[inside : inside + wanted]
        else:
            self._file.seek(piece.start + inside)
            data = self._file.read(wanted)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def read_at(file: BinaryIO, start: int, count: int) -> bytes:
    """Exactly `count` bytes from `start`. Raises ImageError where the file ends before."""
    file.seek(start)
    data = file.read(count)
    if len(data) < count:
        raise ImageError(CUT_SHORT)
    return data


def blocks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` up to `end`, or to the end of the file, in blocks."""
    file.seek(start)
    while start < end and (data := file.read(min(BLOCK_BYTES, end - start))):
        start += len(data)
        yield data
