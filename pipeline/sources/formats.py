"""What a file really is, whatever its name says: a JPEG, PNG or WebP, or something that no gateway takes."""

from __future__ import annotations

import re
from typing import BinaryIO

from pipeline.sources.jpeg import jpeg_layout
from pipeline.sources.layout import ImageError, Layout
from pipeline.sources.png import SIGNATURE, png_layout
from pipeline.sources.webp import webp_layout

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
"""What the gateways take, by Pillow's names (xAI generation guide, read 22 November 2026)."""
MAX_IMAGE_BYTES = 20 << 20
"""And how large: the same page."""

_WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body|!--)\b", re.IGNORECASE)
_OTHERS = (
    (re.compile(rb"GIF8[79]a"), "is a GIF, which no gateway takes: save one frame of it as PNG"),
    (_WEB_PAGE, "is a web page: open it in a browser and save the picture itself"),
    (re.compile(rb"....ftyp(avif|avis)", re.DOTALL), "is an AVIF picture: save it as JPEG, PNG or WebP"),
    (re.compile(rb"....ftyp(hei|hev|mif1|msf1)", re.DOTALL), "is a HEIC picture: save it as JPEG"),
    (re.compile(rb"BM.{12}|II\*\0|MM\0\*", re.DOTALL), "is a BMP or TIFF picture: save it as JPEG or PNG"),
    (re.compile(rb"8BPS|%PDF|%!PS"), "is a document, not a picture: export it as JPEG or PNG"),
    (re.compile(rb"\s*(<\?xml[^>]*>\s*)?<svg\b", re.IGNORECASE), "is an SVG drawing: export it as PNG"),
)


def layout_of(file: BinaryIO) -> Layout:
    """How the picture in `file` is laid out. Its errors are the end of a sentence that begins with its name.

    Reads in blocks and decodes nothing. Raises ImageError, OSError.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(512)
    if head.startswith(b"\xff\xd8\xff"):
        return jpeg_layout(file, size)
    if head.startswith(SIGNATURE):
        return png_layout(file, size)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return webp_layout(file, size)
    if not head:
        raise ImageError("is empty: copy or save it again")
    for pattern, complaint in _OTHERS:
        if pattern.match(head):
            raise ImageError(complaint)
    raise ImageError("is not a readable JPEG, PNG or WebP picture")
