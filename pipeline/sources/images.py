"""Pictures that jobs start from: found, read, checked and hashed before anything is sent.

Blocking; the caller runs it off the loop. Pillow judges the format, and is imported on first use.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import warnings
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from pipeline.model import Image

MAX_IMAGE_BYTES = 20 << 20
MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""What the gateways take (xAI generation guide, read 22 November 2026)."""


class ImageError(Exception):
    """A picture that cannot be used; the text says why and where it was looked for."""


def check_image(image: Image, folder: Path) -> Image:
    """The image with absolute path, hash, size and media type. A link is left as it is.

    `folder`: where the manifest lies, to which paths are relative. Raises ImageError.
    """
    if image.path is not None:
        return _check_file(image, folder)
    assert image.url is not None, "an image is a path or a URL"
    return _check_data_uri(image) if image.url[:5].lower() == "data:" else image


def unchanged(image: Image) -> bool:
    """Whether the file is still the one that was planned."""
    if image.path is None:
        return True
    try:
        with Path(image.path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == image.sha256
    except OSError:
        return False


def _check_file(image: Image, folder: Path) -> Image:
    assert image.path is not None
    try:
        path = (folder / Path(image.path).expanduser()).absolute()
    except RuntimeError as exc:
        raise ImageError(f"image {image.path!r}: there is no such user") from exc
    try:
        if path.is_dir():
            raise ImageError(f"image {image.path!r} is a folder: name a JPEG, PNG or WebP file")
        if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
            raise ImageError(f"image {image.path!r} is not a file")
        with path.open("rb") as file:
            size = path.stat().st_size
            if size > MAX_IMAGE_BYTES:
                limit = MAX_IMAGE_BYTES >> 20
                raise ImageError(
                    f"image {image.path!r} is too large: {size / (1 << 20):.1f} MiB, at most {limit}"
                )
            kind = _kind(file, f"image {image.path!r}")
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as exc:
        raise ImageError(f"image {image.path!r} not found (looked in {folder}/)") from exc
    except (OSError, ValueError) as exc:
        raise ImageError(f"image {image.path!r} cannot be read: {getattr(exc, 'strerror', exc)}") from exc
    return replace(image, path=str(path), sha256=digest, size_bytes=size, media_type=kind)


def _check_data_uri(image: Image) -> Image:
    assert image.url is not None
    head, comma, text = image.url.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise ImageError("image data URI must look like data:image/png;base64,...")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ImageError("image data URI holds no valid base64") from exc
    kind = _kind(io.BytesIO(data), "image data URI")
    if head[5:-7].lower() != kind:
        raise ImageError(f"image data URI says {head[5:-7]!r}, but holds {kind}")
    return replace(image, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data), media_type=kind)


def _kind(file: BinaryIO, what: str) -> str:
    """The media type of a picture whose header and structure are sound."""
    import PIL.Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(file, formats=list(MEDIA_TYPES)) as picture:
                if picture.format == "JPEG":  # its `verify` looks at nothing; small is quick
                    picture.draft("L", (1, 1))
                    picture.load()
                else:
                    picture.verify()
                return MEDIA_TYPES[picture.format or ""]
    except (PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError) as exc:
        raise ImageError(f"{what} has too many pixels to be safe to open") from exc
    except (PIL.UnidentifiedImageError, OSError, SyntaxError, ValueError, KeyError) as exc:
        raise ImageError(f"{what} is not a readable JPEG, PNG or WebP picture") from exc
