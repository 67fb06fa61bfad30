"""How a JPEG file is laid out.

Source: ITU-T T.81, annex B (markers, segments, fill bytes); JFIF 1.02 (APP0); ICC.1, annex B.4 (APP2);
Adobe TN 5116 (APP14). What stands behind the end of the picture, as phones and cameras put it there (a film,
a larger preview, a depth map), is left out, and so is the index to it (CIPA DC-007, MPF, in APP2).
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from pipeline.sources.exif import orientation
from pipeline.sources.layout import BLOCK_BYTES, CUT_SHORT, DAMAGED, Assembly, ImageError, Layout, read_at

MAX_SEGMENTS = 10_000
MAX_SCANS = 100  # each makes a decoder go over the whole picture once more; encoders write about ten
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)  # not a stuffed byte, fill byte or restart
_EOI, _SOS, _APP0, _APP1, _COM = 0xD9, 0xDA, 0xE0, 0xE1, 0xFE
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: those that every decoder knows
_RARE_FRAMES = {0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
_TABLES = {0xC4, 0xDB, 0xDC, 0xDD}  # Huffman, quantization, number of lines, restart interval
_NEEDED_APPS = {0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}  # without them colours come out wrong
_JFIF, _JFIF_BYTES = b"JFIF\0", 14


def jpeg_layout(file: BinaryIO, size: int) -> Layout:
    """The layout of a file that begins like a JPEG. Raises ImageError."""
    return _Walk(file, size).run()


class _Walk:
    """One pass over the segments, with what was met on the way."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._kept = Assembly()
        self._frame: tuple[int, int, int, int] | None = None  # marker, height, width, components
        self._orientation: int | None = None
        self._scans = 0

    def run(self) -> Layout:
        self._kept.keep(0, 2)
        at, coded = 2, False
        for _ in range(MAX_SEGMENTS):
            start, code = self._next_marker(at)
            if coded:  # else a decoder skips what stands here, so it need not be sent
                self._kept.keep(at, start)
            if code == _EOI:
                self._kept.keep(start, start + 2)
                return self._layout()
            at = self._segment(start, code)
            coded = code == _SOS
        raise ImageError(DAMAGED)

    def _next_marker(self, at: int) -> tuple[int, int]:
        """Place and code of the next marker that is more than a part of the coded picture."""
        while at < self._size - 1:
            self._file.seek(at)
            block = self._file.read(BLOCK_BYTES)
            if found := _MARKER.search(block):
                return at + found.start(), block[found.start() + 1]
            if len(block) < 2:
                break
            at += len(block) - (block[-1] == 0xFF)
        raise ImageError(CUT_SHORT)

    def _segment(self, start: int, code: int) -> int:
        """Take in one segment; says where it ends."""
        length = int.from_bytes(read_at(self._file, start + 2, 2))
        end = start + 2 + length
        if length < 2:
            raise ImageError(DAMAGED)
        if end > self._size:
            raise ImageError(CUT_SHORT)
        payload, room = start + 4, length - 2
        if code in _FRAMES:
            self._frame_header(payload, room, code)
            self._kept.keep(start, end)
        elif code == _SOS:
            self._scans += 1
            if self._frame is None or self._scans > MAX_SCANS:
                raise ImageError(DAMAGED)
            self._kept.keep(start, end)
        elif code in _TABLES:
            self._kept.keep(start, end)
        elif 0xE0 <= code <= 0xEF or code == _COM:
            self._application(start, end, code)
        elif code in _RARE_FRAMES:
            raise ImageError("is a kind of JPEG that few programs read: save it again as an ordinary JPEG")
        else:
            raise ImageError(DAMAGED)
        return end

    def _frame_header(self, payload: int, room: int, code: int) -> None:
        if self._frame is not None or room < 6:
            raise ImageError(DAMAGED)
        bits, height, width, components = struct.unpack(">BHHB", read_at(self._file, payload, 6))
        if bits != 8:
            raise ImageError(f"has {bits} bits per colour: save it again as an ordinary JPEG")
        if not height or not width or room != 6 + 3 * components:
            raise ImageError(DAMAGED)
        self._frame = (code, height, width, components)

    def _application(self, start: int, end: int, code: int) -> None:
        """Keep what colours need; an older preview in a JFIF header is cut off it."""
        payload = start + 4
        head = read_at(self._file, payload, min(_JFIF_BYTES, end - payload))
        if code in _NEEDED_APPS and head.startswith(_NEEDED_APPS[code]):
            self._kept.keep(start, end)
        elif code == _APP0 and head.startswith(_JFIF) and len(head) == _JFIF_BYTES:
            if end - payload == _JFIF_BYTES:
                self._kept.keep(start, end)
            else:
                self._kept.put(b"\xff\xe0\x00\x10" + head[:12] + b"\0\0")
        elif code == _APP1 and self._orientation is None and head.startswith(b"Exif\0"):
            self._orientation = orientation(self._file, payload, end)

    def _layout(self) -> Layout:
        if self._frame is None or not self._scans:
            raise ImageError(DAMAGED)
        code, height, width, components = self._frame
        return Layout(
            media_type="image/jpeg",
            width=width,
            height=height,
            size_bytes=self._size,
            pieces=self._kept.pieces(),
            orientation=self._orientation or 1,
            cmyk=components == 4,
            progressive=code == 0xC2,
        )
