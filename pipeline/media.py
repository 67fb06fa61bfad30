"""The door to video files: is this a whole, playable clip, and what is in it?

Blocking; the caller runs it off the loop. PyAV (FFmpeg's libraries) does the reading, Pillow the posters.
Both are imported on first use: they are heavy, and a run that only validates never needs them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from operator import sub
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import NotAClipError
from pipeline.model import Probe
from pipeline.sniff import HEAD_BYTES, not_video

if TYPE_CHECKING:
    import av
    import PIL.Image

MOST_DECODED = 5000  # frames; the longest clip of a gateway has some 720
SAMPLES = 8
SPACING = 12  # frames between samples where the file does not say how many it has
GRID = (32, 18)  # cells of a sample
POSTER_SIDE = 480  # pixels, the longer one
POSTER_QUALITY = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is in a clip, and a WebP picture of it; None where none was wanted, or none can be made."""

    probe: Probe
    poster: bytes | None


def probe(path: Path) -> Probe:
    """See that a clip is whole, without samples and poster. Raises NotAClipError."""
    return look(path, samples=False).probe


def look(path: Path, *, samples: bool = True) -> Look:
    """Open the file, decode it, and see that every frame it announces is there and whole.

    Of a clip far longer than any gateway makes, only the beginning is decoded. `samples`: in the same pass, a
    few frames are looked at, and the one that shows most becomes the poster. Raises NotAClipError.
    """
    import av

    try:
        # Named, so that no still picture, playlist or subtitle passes for a clip.
        with av.open(str(path), format="mp4", options={"protocol_whitelist": "file"}) as container:
            if not container.streams.video:
                raise NotAClipError("no video stream in it")
            stream = container.streams.video[0]
            taken = _Samples(stream.frames)
            decoded = whole = 0
            for packet in container.demux(stream):
                whole += bool(packet.size and not packet.is_corrupt)
                frames = packet.decode() if whole <= MOST_DECODED else []
                if any(frame.is_corrupt for frame in frames):
                    raise NotAClipError(f"damaged at frame {decoded + 1}")
                if samples:
                    taken.add(decoded, frames)
                decoded += len(frames)
            if not decoded:
                raise NotAClipError("its first frame cannot be decoded")
            if whole < stream.frames:
                raise NotAClipError(f"cut off: {whole} of {stream.frames} frames are there")
            length_s = container.duration / av.time_base if container.duration else None
            rate = stream.average_rate
            found = Probe(
                width=stream.codec_context.width,
                height=stream.codec_context.height,
                duration_s=None if length_s is None else round(length_s, 3),
                codec=stream.codec_context.name,
                fps=None if rate is None else round(float(rate), 3),
            )
            return taken.told_with(found)
    except av.FFmpegError as exc:  # some of them are OSErrors, some are not
        raise NotAClipError(f"{_looks_like(path)}: {exc.strerror}") from exc
    except ValueError as exc:
        raise NotAClipError(str(exc)) from exc


class _Samples:
    """A few frames of a clip as grey cells, and the one that shows most. What fails here fails no clip."""

    def __init__(self, announced: int) -> None:
        self._every = max(1, announced // SAMPLES) if announced else SPACING
        self._failed = False
        self._before: bytes | None = None
        self._brightness: float | None = None
        self._change: float | None = None
        self._best: av.VideoFrame | None = None
        self._contrast = -1.0

    def add(self, first: int, frames: list[av.VideoFrame]) -> None:
        """Frames in the order they are shown; `first` is the number of the first of them, from 0."""
        for number, frame in enumerate(frames, start=first):
            if number % self._every == 0 and not self._failed:
                try:
                    self._add(frame)
                except (OSError, ValueError, RuntimeError, MemoryError):
                    self._failed = True

    def _add(self, frame: av.VideoFrame) -> None:
        cells = _cells(frame)
        mean = sum(cells) / len(cells)
        self._brightness = max(self._brightness or 0.0, mean / 255)
        if self._before is not None:
            self._change = max(self._change or 0.0, max(map(abs, map(sub, cells, self._before))) / 255)
        self._before = cells
        contrast = sum((cell - mean) ** 2 for cell in cells)
        if contrast > self._contrast:
            self._best, self._contrast = frame, contrast

    def told_with(self, found: Probe) -> Look:
        if self._failed or self._best is None or self._brightness is None:
            return Look(probe=found, poster=None)
        change = None if self._change is None else round(self._change, 4)
        found = replace(found, brightness=round(self._brightness, 4), change=change)
        try:
            return Look(probe=found, poster=_webp(self._best))
        except (OSError, ValueError, RuntimeError, MemoryError):
            return Look(probe=found, poster=None)


def _cells(frame: av.VideoFrame) -> bytes:
    """A frame as grey cells, row by row, 0 black to 255 white."""
    width, height = GRID
    plane = frame.reformat(width, height, "gray").planes[0]
    rows, step = bytes(plane), plane.line_size
    return b"".join(rows[row * step : row * step + width] for row in range(height))


def _webp(frame: av.VideoFrame) -> bytes:
    share = min(1.0, POSTER_SIDE / max(frame.width, frame.height))
    width, height = (max(2, round(side * share / 2) * 2) for side in (frame.width, frame.height))
    small = frame.reformat(width=width, height=height, format="rgb24")
    out = io.BytesIO()
    picture: PIL.Image.Image = small.to_image()  # type: ignore[no-untyped-call]
    picture.save(out, "WEBP", quality=POSTER_QUALITY, method=3)
    return out.getvalue()


def _looks_like(path: Path) -> str:
    """What the first bytes suggest, for a person who wonders what was paid for."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return "an empty file"
    if head[4:8] == b"ftyp":
        return "a damaged MP4"
    seems = not_video(head)
    return "not a video" if seems is None else f"{seems}, not a video"
