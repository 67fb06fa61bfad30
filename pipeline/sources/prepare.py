"""Pictures as they are sent: upright, not larger than asked for, without metadata.

EXIF tells where a picture was taken, when, and with whose camera: nothing that a gateway needs. To remove
it, nothing is decoded: the file is copied without it, and the picture in it stays the same to the bit. Only
one that lies on its side or is too large is drawn anew (`redraw`). Blocking; the caller runs it off the loop.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import DiskFullError
from pipeline.model import Image
from pipeline.sources.formats import FORMATS, layout_of
from pipeline.sources.images import data_of, is_data_uri
from pipeline.sources.layout import ImageChangedError, ImageError, Piece, blocks
from pipeline.sources.redraw import drawn_side, redraw

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def prepare(image: Image, into: Path, resize: int | None) -> Image:
    """The picture as it is sent; path, size, hash and type are those of the bytes to send.

    `image`: as `check_image` gave it. `resize`: longest side in pixels; never scales up. Where nothing must
    change, `image` itself comes back and nothing is written; a link always does. Else a file is written below
    `into`, which is made if need be; the caller removes `into` once it was sent, and also after an error.

    Raises ImageChangedError where the file is not the one that was planned, ImageError where it cannot be
    drawn anew, DiskFullError.
    """
    if image.path is None and not is_data_uri(image):
        return image
    what = "image data URI" if image.path is None else f"image {image.path!r}"
    try:
        with _opened(image, what) as file:
            return _prepared(image, file, what, into, resize)
    except OSError as exc:
        if exc.errno in _NO_ROOM:
            message = f"no room left to write a copy of {what} in {into}: free some space and run again"
            raise DiskFullError(message) from exc
        raise ImageError(f"{what} cannot be copied to {into}: {exc.strerror or exc}") from exc


def _opened(image: Image, what: str) -> BinaryIO:
    if image.path is None:
        return io.BytesIO(data_of(image)[1])
    try:
        if not stat.S_ISREG(os.stat(image.path).st_mode):  # a pipe would wait for a writer
            raise ImageChangedError(f"{what} changed after planning: it is not a file any more")
        return open(image.path, "rb")
    except OSError as exc:
        raise ImageChangedError(f"{what} changed or went away after planning: {exc.strerror}") from exc


def _prepared(image: Image, file: BinaryIO, what: str, into: Path, resize: int | None) -> Image:
    try:
        layout = layout_of(file)
    except ImageError as exc:
        _planned(_copied(file, (), None), image, what)  # what was planned was sound: this must be another
        raise ImageError(f"{what} {exc}") from exc
    side = drawn_side(layout, resize)
    if layout.bare and side is None:
        _planned(_copied(file, (), None), image, what)
        return image
    path = _new_file(into, f".{FORMATS[layout.media_type].lower()}")
    with path.open("wb") as out:
        _planned(_copied(file, layout.pieces, out), image, what)
    if side is not None:
        try:
            redraw(path, layout, side)
        except ImageError as exc:
            raise ImageError(f"{what} {exc}") from exc
    return _described(image, path)


def _new_file(into: Path, suffix: str) -> Path:
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=into, suffix=suffix)
    os.close(number)
    return Path(name)


def _copied(file: BinaryIO, pieces: tuple[Piece, ...], out: BinaryIO | None) -> str:
    """SHA-256 of the whole of `file`. In the same pass `pieces` of it go to `out`: the very bytes hashed."""
    digest = hashlib.sha256()
    at = 0
    for piece in pieces:
        assert out is not None
        if isinstance(piece, bytes):
            out.write(piece)
            continue
        for block in blocks(file, at, piece.start):
            digest.update(block)
        for block in blocks(file, piece.start, piece.end):
            digest.update(block)
            out.write(block)
        at = piece.end
    for block in blocks(file, at, file.seek(0, os.SEEK_END)):
        digest.update(block)
    return digest.hexdigest()


def _planned(found: str, image: Image, what: str) -> None:
    if found != image.sha256:
        raise ImageChangedError(f"{what} changed after planning")


def _described(image: Image, path: Path) -> Image:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = os.fstat(file.fileno()).st_size
    return replace(image, path=str(path), url=None, sha256=digest, size_bytes=size)
