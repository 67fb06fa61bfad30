"""First bytes: what may be some video passes, what is plainly something else is named."""

from __future__ import annotations

import io

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.sniff import HEAD_BYTES, not_video


def a_video(form: str, codec: str = "mpeg4") -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (32, 32)))))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("form", ["mp4", "mov", "matroska", "avi", "mpegts", "flv"])
def test_every_container_of_a_video_passes(form: str) -> None:
    """Also those that the probe refuses then: that is the probe's to say."""
    content = a_video(form, "flv" if form == "flv" else "mpeg4")

    assert not_video(content[:HEAD_BYTES]) is None


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"<!DOCTYPE html>\n<p>", "a web page"),
        (b"\xef\xbb\xbf\r\n <HTML lang=de>", "a web page"),
        (b"<!-- x --><html>", "a web page"),
        (b'<?xml version="1.0"?><Error/>', "XML"),
        (b"<Error><Code>AccessDenied</Code></Error>", "XML"),
        (b' {"error": 1}', "JSON"),
        (b"[]", "JSON"),
        (b"Forbidden\n", "plain text"),
        ("Kein Zugriff für Sie".encode("latin-1"), "plain text"),
        (b"#EXTM3U\n", "plain text"),
        (b"PK\x03\x04\x14\0", "a zip file"),
        (b"\x1f\x8b\x08\0", "a gzip file"),
        (b"%PDF-1.7\n%\xe2\0", "a PDF file"),
        (b"\xff\xd8\xff\xe0\0", "a JPEG picture"),
        (b"GIF89a\0", "a GIF picture"),
        (b"\x7fELF\2\1", "a program"),
    ],
)
def test_what_is_plainly_something_else_is_named(head: bytes, name: str) -> None:
    """For the reason of a take that was paid for."""
    assert not_video(head) == name


@given(st.binary(max_size=HEAD_BYTES), st.sampled_from([b"ftyp", b"moov", b"mdat", b"free"]), st.binary())
def test_what_begins_with_a_box_of_an_mp4_passes(size: bytes, box: bytes, rest: bytes) -> None:
    """Whatever the size before it and the bytes behind it look like."""
    assert not_video((size + b"<!DOCTYPE html>")[:4] + box + rest) is None
