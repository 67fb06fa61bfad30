"""Writing calls: JSON bodies with files in them, pictures and videos in them, and ids as part of a path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from pipeline.model import Handle, Image, Job
from pipeline.providers.base import Call, FilePart, Video

UNKNOWN_ID = "00000000-0000-0000-0000-000000000000"
"""An id that no gateway gave out, for questions that only want to see whether somebody answers."""

_JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Inline:
    """A file as a data URI, in the place of a text."""

    file: FilePart
    media_type: str


def post(path: str, fields: dict[str, object]) -> Call:
    return Call(method="POST", path=path, body=json_body(fields), headers=_JSON)


def poll(root: str, handle: Handle) -> Call:
    """Ask about a take. The id is opaque, perhaps typed by a person: it must not change the path."""
    segment = quote(handle.remote_id, safe="", errors="replace")
    return Call(method="GET", path=f"{root}/{segment if segment.strip('.') else '%2E' * len(segment)}")


def json_body(value: object) -> tuple[bytes | FilePart, ...]:
    """The value as JSON, in which every file is a part of its own, so that it is never in memory as a whole.

    Built from the inside, not by searching for a mark: no text can be taken for the place of a file.
    """
    parts: list[bytes | FilePart] = []
    for piece in _pieces(value):
        if isinstance(piece, bytes) and parts and isinstance(last := parts[-1], bytes):
            parts[-1] = last + piece
        else:
            parts.append(piece)
    return tuple(parts)


def _pieces(value: object) -> Iterator[bytes | FilePart]:
    match value:
        case Inline(file, media_type):
            yield f'"data:{media_type};base64,'.encode()
            yield file
            yield b'"'
        case dict():
            yield b"{"
            for number, (name, inner) in enumerate(value.items()):
                yield b"," * (number > 0) + _text(name) + b":"
                yield from _pieces(inner)
            yield b"}"
        case list():
            yield b"["
            for number, inner in enumerate(value):
                yield b"," * (number > 0)
                yield from _pieces(inner)
            yield b"]"
        case _:
            yield _text(value)


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def picture(image: Image) -> str | Inline:
    """A picture as a link, or as a data URI."""
    if image.path is None:
        assert image.url is not None, "an image is a path or a URL"
        return image.url
    if image.media_type is None or image.size_bytes is None or image.sha256 is None:
        raise ValueError(f"image {image.path!r}: type, size and hash must be known before it is sent")
    file = FilePart(path=image.path, size_bytes=image.size_bytes, sha256=image.sha256)
    return Inline(file, image.media_type)


def source(job: Job, video: Video | None) -> str | Inline:
    """The video that an edit or extension starts from, as a link or as a data URI."""
    found = video or (job.source if job.parent_key is None else None)
    if found is None:
        raise ValueError(f"job {job.key!r}: to start from another job's clip takes that clip")
    return Inline(found, "video/mp4") if isinstance(found, FilePart) else found
