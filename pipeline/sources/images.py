"""Pictures that jobs start from: found, checked and hashed before anything is sent.

Blocking; the caller runs it off the loop. Pillow has the last word on whether a picture can be decoded, and
is imported on first use. It sees only what would be sent: metadata cannot lead it astray.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from pipeline.model import Image
from pipeline.sources.formats import FORMATS, MAX_IMAGE_BYTES, layout_of
from pipeline.sources.known import Known
from pipeline.sources.layout import DAMAGED, ImageChangedError, ImageError, Kept, Layout

__all__ = ["MAX_IMAGE_BYTES", "MAX_PIXELS", "ImageChangedError", "ImageError", "check_image"]

MAX_PIXELS = 50_000_000
"""Clips have 2 megapixels at most; what is decoded takes 4 bytes of memory for each pixel."""
MAX_CHECKED_PROGRESSIVE = 16_000_000
"""Pixels. To decode a progressive JPEG, all of it must be in memory at once, at any scale."""


def check_image(image: Image, folder: Path, known: Known | None = None) -> Image:
    """The image with absolute path, hash, size and media type. A link is left as it is.

    `folder`: where the manifest lies, to which paths are relative. `known`: what was checked before, and is
    not read again. Raises ImageError.
    """
    if image.path is not None:
        return _check_file(image, folder, known)
    assert image.url is not None, "an image is a path or a URL"
    return _check_data_uri(image) if is_data_uri(image) else image


def is_data_uri(image: Image) -> bool:
    return image.url is not None and not image.is_link


def data_of(image: Image) -> tuple[str, bytes]:
    """Media type, as claimed, and content of a data URI. Raises ImageError."""
    head, comma, text = (image.url or "").partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise ImageError("image data URI must look like data:image/png;base64,...")
    try:
        return head[5:-7], base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ImageError("image data URI holds no valid base64") from exc


def _check_file(image: Image, folder: Path, known: Known | None) -> Image:
    path = _absolute(image, folder)
    with _plain_errors(image, folder):
        now = _look(path, f"image {image.path!r}")
        found = known.find(path, now) if known is not None else None
        if found is not None:
            digest, kind = found
        else:
            with path.open("rb") as file:
                now = os.fstat(file.fileno())
                kind = _examine(file, f"image {image.path!r}").media_type
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                after = os.fstat(file.fileno())
            if known is not None and _same(now, after):
                known.add(path, now, digest, kind)
        return replace(image, path=str(path), sha256=digest, size_bytes=now.st_size, media_type=kind)


def _absolute(image: Image, folder: Path) -> Path:
    assert image.path is not None
    try:
        return (folder / Path(image.path).expanduser()).absolute()
    except RuntimeError as exc:
        raise ImageError(f"image {image.path!r}: there is no such user") from exc


@contextmanager
def _plain_errors(image: Image, folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as exc:
        raise ImageError(f"image {image.path!r} not found (looked in {folder}/)") from exc
    except (OSError, ValueError) as exc:
        raise ImageError(f"image {image.path!r} cannot be read: {getattr(exc, 'strerror', exc)}") from exc


def _look(path: Path, what: str) -> os.stat_result:
    """Looked at before it is opened: to open a pipe would wait for a writer."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise ImageError(f"{what} is a folder: name a JPEG, PNG or WebP file")
    if not stat.S_ISREG(found.st_mode):
        raise ImageError(f"{what} is not a file")
    if found.st_size > MAX_IMAGE_BYTES:
        size, limit = found.st_size / (1 << 20), MAX_IMAGE_BYTES >> 20
        raise ImageError(f"{what} is too large: {size:.1f} MiB, at most {limit}; save it smaller")
    return found


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


def _check_data_uri(image: Image) -> Image:
    claimed, data = data_of(image)
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageError(f"image data URI is too large: at most {MAX_IMAGE_BYTES >> 20} MiB")
    kind = _examine(io.BytesIO(data), "image data URI").media_type
    if claimed.lower() != kind:
        raise ImageError(f"image data URI says {claimed[:40]!r}, but holds {kind}")
    return replace(image, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data), media_type=kind)


def _examine(file: BinaryIO, what: str) -> Layout:
    """The layout of a picture that a gateway can show, and that we can turn and scale."""
    try:
        layout = layout_of(file)
        _refuse(layout)
        _decode(file, layout)
    except ImageError as exc:
        raise ImageError(f"{what} {exc}") from exc
    return layout


def _refuse(layout: Layout) -> None:
    if layout.pixels > MAX_PIXELS:
        has, limit = layout.pixels / 1e6, MAX_PIXELS // 1_000_000
        raise ImageError(f"has {has:.1f} megapixels, at most {limit} megapixels; make it smaller")
    if layout.animated:
        raise ImageError("is animated: save one frame of it as a still picture")
    if layout.cmyk:
        # To convert it silently would shift the colours of a clip that is paid for.
        raise ImageError("is CMYK, as for print: save it as RGB")


def _decode(file: BinaryIO, layout: Layout) -> None:
    """Let Pillow read it as far as that costs next to no memory.

    A JPEG is read to its end at an eighth of its size. A PNG's checksums were right. A WebP's structure is
    checked by libwebp on opening; its pixels have no checksum, and to decode them takes 16 bytes each.
    """
    import PIL.Image

    try:
        with PIL.Image.open(
            io.BufferedReader(Kept(file, layout.pieces)), formats=list(FORMATS.values())
        ) as picture:
            if picture.size != (layout.width, layout.height):
                raise ImageError(DAMAGED)
            if picture.format == "JPEG" and not (
                layout.progressive and layout.pixels > MAX_CHECKED_PROGRESSIVE
            ):
                picture.draft("L", (1, 1))
                picture.load()
    except Exception as exc:  # a decoder trips over hostile bytes in more ways than it documents
        if isinstance(exc, ImageError) or getattr(exc, "errno", None) is not None:
            raise
        raise ImageError(DAMAGED) from exc
