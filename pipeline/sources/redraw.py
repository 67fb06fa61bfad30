"""Pictures drawn anew: turned upright and scaled down, in the format that they have, with their colours.

A decoded picture takes 4 bytes for each pixel, however small its file is, and turning it takes as much again.
So one is decoded at a time, and none is kept larger than any clip can show.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.sources.formats import FORMATS, MAX_IMAGE_BYTES
from pipeline.sources.layout import DAMAGED, ImageError, Layout
from pipeline.sources.png import colour_chunks

if TYPE_CHECKING:
    import PIL.Image

MAX_DRAWN_PIXELS = 8_000_000
"""The largest clip has 2 megapixels, and half the sides of more than 8 are still more than that. A JPEG is
decoded at half its size, or a quarter, to stay below; others are decoded whole: there is no other way."""
QUALITY = 95  # of JPEG and lossy WebP
_SHRINK = 0.7  # of the sides, where a picture drawn anew takes more bytes than a gateway accepts
_HALF_COLOUR = 2  # Pillow's number for 4:2:0
_PAINTER = ThreadPoolExecutor(1, thread_name_prefix="painter")
"""One thread, not a lock: the C library keeps what each thread freed for that thread, so that 8 taking turns
hold 8 pictures (measured with 64 photos of 50 megapixels: 250 MiB in all, in place of 100)."""


def drawn_side(layout: Layout, resize: int | None) -> int | None:
    """The longer side, in pixels, that a picture is to be drawn with; None: it may stay as it is.

    `resize`: the most that is wanted, of any picture.
    """
    whole = layout.longer_side
    wanted = whole if resize is None else min(whole, resize)
    if wanted == whole and layout.orientation == 1:
        return None
    most = math.floor(whole * math.sqrt(MAX_DRAWN_PIXELS / layout.pixels))
    return max(1, min(wanted, most))


def redraw(path: Path, layout: Layout, side: int) -> None:
    """Draw the picture in `path`, which holds what `layout` keeps, upright, with `side` as its longer side.

    Smaller still where it would take more bytes than a gateway accepts. Raises ImageError, OSError.
    """
    drawing = _PAINTER.submit(_redraw, path, layout, side)
    try:
        drawing.result()
    except Exception as exc:  # a decoder trips over hostile bytes in more ways than it documents
        if getattr(exc, "errno", None) is not None:
            raise
        raise ImageError(DAMAGED) from exc


def _redraw(path: Path, layout: Layout, side: int) -> None:
    drawn = path.with_name(f"drawn-{path.name}")
    picture, how = _upright(path, layout, side)
    while True:
        picture.save(drawn, FORMATS[layout.media_type], **how)
        if drawn.stat().st_size <= MAX_IMAGE_BYTES or side == 1:
            break
        side = max(1, int(side * _SHRINK))
        picture = _scaled(picture, side)
    drawn.replace(path)


def _upright(path: Path, layout: Layout, side: int) -> tuple[PIL.Image.Image, dict[str, Any]]:
    """The picture, scaled and turned, and how to save it."""
    import PIL.Image

    turns = PIL.Image.Transpose
    turn = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_270,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_90,
    }.get(layout.orientation)
    with closing(PIL.Image.open(path, formats=[FORMATS[layout.media_type]])) as opened:
        how = _saving(opened, path, layout, side)
        if layout.media_type == "image/jpeg":
            divisor = _divisor(layout, side)
            opened.draft(None, (max(1, layout.width // divisor), max(1, layout.height // divisor)))
        opened.load()
        scaled = _scaled(opened, side)
        return (scaled.copy() if turn is None else scaled.transpose(turn)), how


def _divisor(layout: Layout, side: int) -> int:
    """By how much a JPEG is made smaller while it is decoded: 1, 2, 4 or 8, as libjpeg can."""
    large = [n for n in (1, 2, 4, 8) if layout.longer_side // n >= side]
    small = [n for n in (1, 2, 4, 8) if layout.pixels <= n * n * MAX_DRAWN_PIXELS]
    return max(max(large, default=1), min(small, default=8))


def _scaled(picture: PIL.Image.Image, side: int) -> PIL.Image.Image:
    """The picture with `side` as its longer side, if that makes it smaller."""
    import PIL.Image

    longer = max(picture.size)
    if side >= longer:
        return picture
    width, height = (max(1, round(length * side / longer)) for length in picture.size)
    if picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode == "P" or "transparency" in picture.info:  # colours of a table have nothing in between
        clear = picture.has_transparency_data
        gray = picture.mode in ("L", "I;16")
        picture = picture.convert(("LA" if gray else "RGBA") if clear else "RGB")
    return picture.resize((width, height), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)


def _saving(opened: PIL.Image.Image, path: Path, layout: Layout, side: int) -> dict[str, Any]:
    """Pillow's settings for saving a picture like the one that was opened."""
    how: dict[str, Any] = {"icc_profile": opened.info.get("icc_profile")}
    match layout.media_type:
        case "image/jpeg":
            from PIL.JpegImagePlugin import get_sampling

            # Made smaller, the colours are as sharp as the rest; at full size there is no more in them.
            whole = side == layout.longer_side
            how["quality"] = QUALITY
            how["subsampling"] = _HALF_COLOUR if whole and get_sampling(opened) == _HALF_COLOUR else 0
        case "image/png":
            from PIL.PngImagePlugin import PngInfo

            how["pnginfo"] = PngInfo()
            with path.open("rb") as file:
                for kind, content in colour_chunks(file, path.stat().st_size):
                    how["pnginfo"].add(kind, content)
        case _:
            how |= {"lossless": layout.lossless, "quality": QUALITY, "exact": layout.lossless}
    return how
