"""What holds for any bytes that are taken for a picture: refused in our words, or sent whole and bare."""

from __future__ import annotations

import base64
import io
import struct
import tempfile
import zlib
from pathlib import Path

from pipeline.model import Image
from pipeline.sources.formats import layout_of
from pipeline.sources.images import check_image
from pipeline.sources.layout import ImageChangedError, ImageError, Kept, Layout
from pipeline.sources.png import SIGNATURE
from pipeline.sources.prepare import prepare

LONGEST = 16  # pixels, of a picture that is sent smaller
MEDIA_TYPES = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png"}


def laid_out(content: bytes) -> Layout:
    return layout_of(io.BytesIO(content))


def kept(content: bytes) -> bytes:
    file = io.BytesIO(content)
    return Kept(file, layout_of(file).pieces).read()


def layout_holds(content: bytes) -> None:
    """An error of ours, or what is kept is a whole file: as large, upright, with nothing to leave out."""
    try:
        layout = laid_out(content)
    except ImageError as exc:
        assert str(exc).isprintable()
        return
    assert layout.width > 0
    assert layout.height > 0
    assert 1 <= layout.orientation <= 8
    result = kept(content)
    again = laid_out(result)
    assert again.bare
    assert again.orientation == 1
    assert (again.width, again.height) == (layout.width, layout.height)
    assert kept(result) == result


def layouts_hold(data: bytes) -> None:
    """As it is, and with right checksums: else hardly a change gets past the first chunk of a PNG."""
    layout_holds(data)
    if data.startswith(SIGNATURE):
        layout_holds(with_right_sums(data))


def with_right_sums(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what is in them."""
    fixed, at = bytearray(data), len(SIGNATURE)
    while at + 12 <= len(fixed):
        (length,) = struct.unpack_from(">I", fixed, at)
        end = at + 8 + int(length)
        if end + 4 > len(fixed):
            break
        struct.pack_into(">I", fixed, end, zlib.crc32(fixed[at + 4 : end]))
        at = end + 4
    return bytes(fixed)


def sending_holds(data: bytes) -> None:
    """A picture that passed the check is sent upright, bare and not larger than asked for, or refused."""
    data = with_right_sums(data) if data.startswith(SIGNATURE) else data
    kind = MEDIA_TYPES.get(data[:2], "image/webp")
    uri = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    try:
        checked = check_image(Image(url=uri), Path())
    except ImageError as exc:
        assert str(exc).startswith("image data URI ")
        return
    with tempfile.TemporaryDirectory() as folder:
        for longest in (None, LONGEST):
            _prepared_holds(checked, Path(folder), longest)


def _prepared_holds(checked: Image, folder: Path, longest: int | None) -> None:
    try:
        sent = prepare(checked, folder, longest)
    except ImageError as exc:
        assert not isinstance(exc, ImageChangedError), "nobody changed it"
        return
    if sent.path is None:
        assert sent is checked
        return
    layout = laid_out(Path(sent.path).read_bytes())
    assert layout.bare
    assert layout.orientation == 1
    assert longest is None or layout.longer_side <= longest
