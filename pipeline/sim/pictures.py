"""Pictures that come inside a submission, as data URIs: decoded to be sure, kept small for drawing.

Pure and heavy (20 MiB of base64 and a full decode), so the server calls it away from its event loop.
"""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass

FORMATS = ("JPEG", "PNG", "WEBP")
KEPT_PIXELS = 1280  # longest side of what is kept to draw with


class BadPictureError(ValueError):
    """No picture that this gateway reads."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Size as people see it (after EXIF orientation), and a small JPEG of it, named by its digest."""

    width: int
    height: int
    digest: str
    jpeg: bytes


def read_data_uri(uri: str) -> Picture:
    """The picture in a base64 data URI. Raises `BadPictureError` for anything else."""
    head, comma, data = uri.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise BadPictureError("not a base64 data URI of an image")
    try:
        file = base64.b64decode(data, validate=True)
    except ValueError as exc:
        raise BadPictureError("base64 is damaged") from exc
    return read_picture(file)


def read_picture(data: bytes) -> Picture:
    """Decode a JPEG, PNG or WebP completely and make the small copy."""
    from PIL import Image, ImageOps  # heavy, and few submissions bring a picture

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as exc:
        raise BadPictureError("not a readable JPEG, PNG or WebP") from exc
    width, height = upright.size
    upright.thumbnail((KEPT_PIXELS, KEPT_PIXELS))
    small = io.BytesIO()
    upright.save(small, "JPEG", quality=85)
    return Picture(width, height, hashlib.sha256(data).hexdigest()[:24], small.getvalue())
