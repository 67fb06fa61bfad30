"""H.264 in MP4 by PyAV: real files, cheap to make, the same bytes for the same card each time.

One encoder thread and the `ultrafast` preset keep a 6 s clip at 720p within half a CPU second.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.sim.drawing import Bar

if TYPE_CHECKING:
    from PIL import Image

FPS = 24


class EncodingStoppedError(Exception):
    """The simulator closed while a clip was being made."""


def encode(path: Path, card: Image.Image, frames: int, *, fps: int = FPS, stop: Callable[[], bool]) -> None:
    """Write an MP4 of `frames` frames to `path`: yuv420p, index in front, a bar moving over the card."""
    import av  # heavy, and only a download needs it

    base = av.VideoFrame.from_image(card).reformat(format="yuv420p")  # type: ignore[no-untyped-call]
    planes = [bytes(plane) for plane in base.planes]
    bar = Bar(card.width, card.height, base.planes[0].line_size)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = card.width, card.height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "26", "threads": "1", "g": str(2 * fps)}
        for number in range(frames):
            if stop():
                raise EncodingStoppedError
            light = bar.painted(planes[0], number / max(1, frames - 1))
            frame = av.VideoFrame(card.width, card.height, "yuv420p")
            for plane, data in zip(frame.planes, (light, *planes[1:]), strict=True):
                plane.update(data)
            frame.pts = number
            frame.time_base = Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def pad(path: Path, size_bytes: int) -> None:
    """Grow an MP4 to this size with a `free` box, which players skip; sparse, so it costs no disk.

    A file that is larger already, or has no room for the box's head, stays as it is.
    """
    now = path.stat().st_size
    extra = size_bytes - now
    if extra < 16:
        return
    with path.open("ab") as out:
        # ISO/IEC 14496-12, 4.2: size 1 means that the true size follows in 64 bits.
        out.write((1).to_bytes(4, "big") + b"free" + extra.to_bytes(8, "big"))
        out.truncate(size_bytes)
