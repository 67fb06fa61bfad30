"""What a clip shows: a still card with the prompt, or the picture, and the bar that moves over it.

The card is drawn once with Pillow; frames differ only by the bar, painted into the brightness plane.
Pillow is imported on first use: it is heavy, and only a download needs it.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.sim.world import Job

if TYPE_CHECKING:
    from PIL import Image

MAX_LINES = 6


def draw_card(job: Job, picture: Path | None) -> Image.Image:
    """The background of every frame of a job's clip: RGB, of exactly the job's size."""
    from PIL import Image, ImageOps

    size = (job.width, job.height)
    if picture is not None and picture.exists():
        with Image.open(picture) as image:
            card = ImageOps.fit(image.convert("RGB"), size)
    else:
        card = Image.new("RGB", size, _colour(job.digest))
    _write(card, job.prompt, f"{job.operation} · {job.model} · {job.resolution} · {job.duration_s:g} s")
    return card


def plain_card(size: tuple[int, int], shade: int = 0) -> Image.Image:
    """A background without words, too small for any; each shade is another one."""
    from PIL import Image

    return Image.new("RGB", size, (40 + shade * 50 % 200, 60, 90))


def _colour(digest: str) -> tuple[int, int, int]:
    """A dark colour of its own for each order, so that clips are told apart at a glance."""
    value = int(digest[:6], 16)
    return 30 + (value & 95), 30 + (value >> 8 & 95), 30 + (value >> 16 & 95)


def _write(card: Image.Image, prompt: str, caption: str) -> None:
    from PIL import ImageDraw, ImageFont

    draw = ImageDraw.Draw(card)
    size = max(14, min(card.size) // 14)
    margin = size
    columns = max(8, int((card.width - 2 * margin) / (0.55 * size)))
    # Fonts refuse half a surrogate pair, and line breaks are ours to choose.
    text = " ".join(prompt.encode(errors="replace").decode().split())
    lines = textwrap.wrap(text, columns, max_lines=MAX_LINES, placeholder=" …")
    font, small = ImageFont.load_default(size), ImageFont.load_default(max(12, size // 2))
    for top, words, face, gap in (
        (margin, "\n".join(lines), font, size // 3),
        (card.height - 3 * margin, caption, small, 4),
    ):
        draw.multiline_text(
            (margin, top),
            words,
            "white",
            face,
            spacing=gap,
            stroke_width=max(1, size // 14),
            stroke_fill="black",
        )


class Bar:
    """A light bar that walks along the lower edge once per clip."""

    def __init__(self, width: int, height: int, stride: int) -> None:
        self._stride = stride
        self._length = max(4, width // 12)
        self._way = width - self._length
        thickness = max(2, height // 40)
        self._rows = range(height - 2 * thickness, height - thickness)

    def painted(self, plane: bytes, share: float) -> bytes:
        """A copy of a brightness plane with the bar at this share (0 to 1) of its way."""
        copy = bytearray(plane)
        left = int(self._way * share)
        light = b"\xeb" * self._length  # 235: white in the limited range of H.264
        for row in self._rows:
            start = row * self._stride + left
            copy[start : start + self._length] = light
        return bytes(copy)
