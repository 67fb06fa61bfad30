"""Videos inside a submission are measured, and a broken one is found."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import av
import pytest
from sim.builders import a_picture

from pipeline.sim.drawing import plain_card
from pipeline.sim.encoding import encode
from pipeline.sim.sizes import fitted_size
from pipeline.sim.videos import BadVideoError, Video, read_data_uri, read_mp4


@pytest.fixture
def clip(tmp_path: Path) -> bytes:
    """Two seconds at 320x180."""
    encode(tmp_path / "clip.mp4", plain_card((320, 180)), 48, stop=lambda: False)
    return (tmp_path / "clip.mp4").read_bytes()


def an_mp4(codec: str, kind: str = "mp4", size: int = 64) -> bytes:
    data = io.BytesIO()
    with av.open(data, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=24)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(size, size, "yuv420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return data.getvalue()


def test_size_length_and_digest(clip: bytes) -> None:
    expected = Video(width=320, height=180, duration_s=2.0, digest=hashlib.sha256(clip).hexdigest())

    assert read_mp4(clip) == expected


@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
def test_a_file_that_was_cut_off_is_found(clip: bytes, share: float) -> None:
    """The index stands in front, so the file opens all the same."""
    with pytest.raises(BadVideoError):
        read_mp4(clip[: int(len(clip) * share)])


def test_what_is_no_video_is_refused_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    for data in (b"", b"\0" * 1000, b"<html>", a_picture(), b"\0\0\0\x18ftypmp42" + bytes(100)):
        with pytest.raises(BadVideoError):
            read_mp4(data)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (an_mp4("mpeg4"), "codec mpeg4"),
        (an_mp4("mpeg4", "matroska"), "not a readable MP4"),
        (an_mp4("libx264", size=4098), "too large"),
        (an_mp4("libx264", size=8), "too small"),
    ],
    ids=["codec", "container", "huge", "tiny"],
)
def test_other_codecs_and_odd_frames_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(BadVideoError, match=words):
        read_mp4(data)


@pytest.mark.parametrize("uri", ["data:video/mp4;base64", "data:video/mp4;base64,A", "data:,AAAA", "x"])
def test_what_is_no_data_uri_is_refused(uri: str) -> None:
    with pytest.raises(BadVideoError):
        read_data_uri(uri)


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((854, 480), ("480p", (854, 480))),
        ((848, 480), ("480p", (848, 480))),
        ((321, 181), ("480p", (320, 180))),
        ((1, 1), ("480p", (2, 2))),
        ((720, 1280), ("720p", (720, 1280))),
        ((960, 540), ("720p", (960, 540))),
        ((1920, 1080), ("720p", (1280, 720))),
        ((2160, 3840), ("720p", (720, 1280))),
    ],
)
def test_what_is_made_from_a_video_has_its_size_up_to_720p(
    size: tuple[int, int], fitted: tuple[str, tuple[int, int]]
) -> None:
    assert fitted_size(*size) == fitted
