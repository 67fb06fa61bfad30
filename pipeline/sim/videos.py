"""Videos that come inside a submission, as data URIs: opened to be sure, and measured.

Pure and heavy (tens of MiB of base64), so the server calls it away from its event loop. Only the first
frame is decoded; of the rest the packets are counted, so that a file that was cut off is found.
"""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass

HEAD = "data:video/mp4;base64"
CODECS = ("h264", "hevc", "av1")  # provider-apis.md, 1.2, edits
SIDES_PX = range(16, 4097)  # bounds the one frame that is decoded, and what is made from it
FRAMES_MAX = 10_000  # far more than any clip that an edit or extension takes


class BadVideoError(ValueError):
    """No video that this gateway reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """Size in pixels, length, and the SHA-256 of the file where there is one."""

    width: int
    height: int
    duration_s: float
    digest: str = ""


def read_data_uri(uri: str) -> Video:
    """The MP4 in a base64 data URI. Raises `BadVideoError` for anything else."""
    head, comma, data = uri.partition(",")
    if not comma or head != HEAD:
        raise BadVideoError("not a base64 data URI of an MP4")
    try:
        file = base64.b64decode(data, validate=True)
    except ValueError as exc:
        raise BadVideoError("base64 is damaged") from exc
    return read_mp4(file)


def read_mp4(data: bytes) -> Video:
    """Open an MP4, decode its first frame, and see that every frame it announces is there."""
    import av  # heavy, and few submissions bring a video

    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            if not container.streams.video:
                raise BadVideoError("no video stream in it")
            stream = container.streams.video[0]
            context = stream.codec_context
            if context.codec.canonical_name not in CODECS:
                raise BadVideoError(f"codec {context.codec.canonical_name} is not one of {', '.join(CODECS)}")
            sides_fit = context.width in SIDES_PX and context.height in SIDES_PX
            if not sides_fit or stream.frames > FRAMES_MAX:
                raise BadVideoError("too small, too large or too long")
            if next(container.decode(stream), None) is None:
                raise BadVideoError("its first frame cannot be decoded")
            container.seek(0)
            whole = sum(1 for packet in container.demux(stream) if packet.size and not packet.is_corrupt)
            if not whole or whole < stream.frames:
                raise BadVideoError(f"cut off: {whole} of {stream.frames} frames are there")
            if not container.duration:
                raise BadVideoError("no length in it")
            return Video(
                width=context.width,
                height=context.height,
                duration_s=round(container.duration / av.time_base, 3),
                digest=hashlib.sha256(data).hexdigest(),
            )
    except av.FFmpegError as exc:  # some of them are OSErrors, some are ValueErrors
        raise BadVideoError("not a readable MP4") from exc
