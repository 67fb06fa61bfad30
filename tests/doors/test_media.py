"""Is this a whole, playable clip, and what is in it? Tried on real files."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import PIL.Image
import PIL.ImageStat
import pytest
from doors.pictures import a_picture

from pipeline.errors import NotAClipError
from pipeline.findings import STILL
from pipeline.media import look, probe

FPS, FRAMES, WIDTH, HEIGHT = 24, 12, 64, 48


def noise(number: int) -> PIL.Image.Image:
    picture = random.Random(number).randbytes(WIDTH * HEIGHT * 3)
    return PIL.Image.frombytes("RGB", (WIDTH, HEIGHT), picture)


def a_video(path: Path, *, faststart: bool = True, frame: Callable[[int], PIL.Image.Image] = noise) -> Path:
    """Half a second of H.264, each frame another noise. `faststart` puts the index before the pictures."""
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_image(frame(number))))
        container.mux(stream.encode())
    return path


def a_sound(path: Path) -> Path:
    """An MP4 without any picture."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44_100)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("faststart", [True, False])
@pytest.mark.parametrize("name", ["fox.mp4", "fox.01234567.1.part", "färbe: %d 狐.part"])
def test_a_whole_clip(tmp_path: Path, faststart: bool, name: str) -> None:
    """Size, length, codec and rate, whatever the file is called."""
    found = probe(a_video(tmp_path / name, faststart=faststart))

    assert (found.width, found.height, found.codec, found.fps) == (WIDTH, HEIGHT, "h264", FPS)
    assert found.duration_s == pytest.approx(FRAMES / FPS, abs=0.05)


@pytest.mark.parametrize("faststart", [True, False])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.97])
def test_a_clip_that_broke_off_is_none(tmp_path: Path, faststart: bool, share: float) -> None:
    """Wherever it was cut, also where the first frame can still be shown."""
    path = a_video(tmp_path / "fox.mp4", faststart=faststart)
    content = path.read_bytes()

    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(NotAClipError):
        probe(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "a web page, not a video"),
        (b"\r\n<HTML><head>" + b"x" * 2000, "a web page, not a video"),
        (b'{"error": {"code": "AccessDenied"}}', "JSON, not a video"),
        (b'  [{"error": 1}]', "JSON, not a video"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 100, "a damaged MP4"),
        (b"just some words\n" * 50, "plain text, not a video"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "a PNG picture, not a video"),
        (bytes(range(256)) * 40, "not a video"),
    ],
    ids=lambda value: repr(value[:16]),
)
def test_what_is_no_video_is_no_clip(tmp_path: Path, content: bytes, complaint: str) -> None:
    """Whatever a dead or wrong link leads to; the text says what it looks like, not where it lies."""
    path = tmp_path / "fox.part"
    path.write_bytes(content)

    with pytest.raises(NotAClipError, match=f"^{complaint}") as caught:
        probe(path)

    assert str(path) not in str(caught.value)
    assert "Errno" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_still_picture_is_no_clip(tmp_path: Path, kind: str) -> None:
    """A whole poster where the clip should be was not asked for."""
    path = tmp_path / "fox.part"
    path.write_bytes(a_picture(kind))

    with pytest.raises(NotAClipError):
        probe(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_clip_with_a_hole_is_none(tmp_path: Path, share: float) -> None:
    """Whole by its index and its length, and still not what was rendered."""
    path = a_video(tmp_path / "fox.mp4")
    content = bytearray(path.read_bytes())
    at = int(len(content) * share)
    content[at : at + 2500] = bytes(2500)
    path.write_bytes(content)

    with pytest.raises(NotAClipError, match="damaged"):
        probe(path)


def test_a_clip_without_pictures_is_none(tmp_path: Path) -> None:
    """Sound alone was not asked for."""
    with pytest.raises(NotAClipError, match="no video stream"):
        probe(a_sound(tmp_path / "fox.mp4"))


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '{}'\n",
    ],
    ids=["m3u8", "concat"],
)
def test_a_playlist_does_not_lead_to_another_file(tmp_path: Path, content: bytes) -> None:
    """An answer from outside must not make us read files of this machine."""
    other = a_video(tmp_path / "secret.mp4")
    path = tmp_path / "fox.part"
    path.write_bytes(content.replace(b"{}", str(other).encode()))

    with pytest.raises(NotAClipError):
        probe(path)


def _plain(level: int) -> PIL.Image.Image:
    return PIL.Image.new("RGB", (WIDTH, HEIGHT), (level,) * 3)


@pytest.mark.parametrize(
    ("frame", "brightness", "moves"),
    [
        (noise, pytest.approx(0.5, abs=0.05), True),
        (lambda _number: noise(1), pytest.approx(0.5, abs=0.05), False),
        (lambda _number: _plain(0), 0.0, False),
        (lambda number: _plain(200 if number == 6 else 0), pytest.approx(200 / 255, abs=0.03), True),
    ],
    ids=["noise", "frozen", "black", "flash"],
)
def test_what_a_look_at_a_few_frames_sees(
    tmp_path: Path, frame: Callable[[int], PIL.Image.Image], brightness: float, moves: bool
) -> None:
    """The brightest frame, whether anything moves, and a poster."""
    found = look(a_video(tmp_path / "fox.mp4", frame=frame))

    assert found.probe.brightness == brightness
    assert found.probe.change is not None
    assert (found.probe.change > STILL) is moves
    assert found.poster is not None
    with PIL.Image.open(io.BytesIO(found.poster)) as poster:
        assert (poster.format, poster.size) == ("WEBP", (WIDTH, HEIGHT))


def test_the_poster_is_the_frame_that_shows_most(tmp_path: Path) -> None:
    """A clip that fades in from black is not shown as black."""

    def fading(number: int) -> PIL.Image.Image:
        return PIL.Image.blend(_plain(0), noise(1), number / FRAMES)

    found = look(a_video(tmp_path / "fox.mp4", frame=fading))

    assert found.poster is not None
    with PIL.Image.open(io.BytesIO(found.poster)) as poster:
        assert PIL.ImageStat.Stat(poster.convert("L")).mean[0] > 90


def test_a_clip_without_a_poster_is_a_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that goes wrong with samples or a poster fails what was paid for."""
    path = a_video(tmp_path / "fox.mp4")

    def fails(*_: object, **__: object) -> None:
        raise OSError("no codec for WebP")

    monkeypatch.setattr(PIL.Image.Image, "save", fails)
    found = look(path)

    assert (found.probe.width, found.poster) == (WIDTH, None)
    assert look(path, samples=False).probe.brightness is None
