"""Small real pictures for tests of what looks at files."""

from __future__ import annotations

import io

import PIL.Image


def a_picture(kind: str = "PNG") -> bytes:
    """A small picture with enough in it to be cut in the middle."""
    buffer = io.BytesIO()
    PIL.Image.effect_noise((48, 32), 60).convert("RGB").save(buffer, kind)
    return buffer.getvalue()
