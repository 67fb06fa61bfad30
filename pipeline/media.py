"""The door to video files: is this a whole, playable clip, and what is in it?

Blocking; the caller runs it off the loop. PyAV (FFmpeg's libraries) does the reading. It is imported on
first use: it is heavy, and a run that only validates never needs it.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import NotAClipError
from pipeline.model import Probe
from pipeline.sniff import HEAD_BYTES, not_video

MOST_DECODED = 5000  # frames; the longest clip of a gateway has some 720


def probe(path: Path) -> Probe:
    """Open the file, decode it, and see that every frame it announces is there and whole.

    Of a clip far longer than any gateway makes, only the beginning is decoded. Raises NotAClipError.
    """
    import av

    try:
        # Named, so that no still picture, playlist or subtitle passes for a clip.
        with av.open(str(path), format="mp4", options={"protocol_whitelist": "file"}) as container:
            if not container.streams.video:
                raise NotAClipError("no video stream in it")
            stream = container.streams.video[0]
            decoded = whole = 0
            for packet in container.demux(stream):
                whole += bool(packet.size and not packet.is_corrupt)
                frames = packet.decode() if whole <= MOST_DECODED else []
                if any(frame.is_corrupt for frame in frames):
                    raise NotAClipError(f"damaged at frame {decoded + 1}")
                decoded += len(frames)
            if not decoded:
                raise NotAClipError("its first frame cannot be decoded")
            if whole < stream.frames:
                raise NotAClipError(f"cut off: {whole} of {stream.frames} frames are there")
            length_s = container.duration / av.time_base if container.duration else None
            rate = stream.average_rate
            return Probe(
                width=stream.codec_context.width,
                height=stream.codec_context.height,
                duration_s=None if length_s is None else round(length_s, 3),
                codec=stream.codec_context.name,
                fps=None if rate is None else round(float(rate), 3),
            )
    except av.FFmpegError as exc:  # some of them are OSErrors, some are not
        raise NotAClipError(f"{_looks_like(path)}: {exc.strerror}") from exc
    except ValueError as exc:
        raise NotAClipError(str(exc)) from exc


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
