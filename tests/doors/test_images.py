"""Pictures that jobs start from: only what a gateway takes, found out before anything is sent."""

from __future__ import annotations

import base64
import os
import signal
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors.pictures import a_picture
from support.builders_core import sha256_of

from pipeline.model import Image
from pipeline.sources.images import MAX_IMAGE_BYTES, ImageError, check_image, unchanged


def data_uri(content: bytes, head: str = "data:image/png;base64") -> str:
    return f"{head},{base64.b64encode(content).decode()}"


@pytest.mark.parametrize(
    ("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")]
)
@pytest.mark.parametrize("name", ["desk.png", "sub/desk", "färbe 1.JPG"])
def test_a_good_picture(tmp_path: Path, kind: str, media_type: str, name: str) -> None:
    """Absolute path, hash of the bytes as they lie there, size, and the type by content, not by name."""
    content = a_picture(kind)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)

    found = check_image(Image(path=name), tmp_path)

    assert found == Image(
        path=str(tmp_path / name),
        sha256=sha256_of(content),
        size_bytes=len(content),
        media_type=media_type,
    )


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    """The manifest's folder counts for relative paths alone."""
    (tmp_path / "desk.png").write_bytes(a_picture())

    found = check_image(Image(path=str(tmp_path / "desk.png")), tmp_path / "elsewhere")

    assert found.path == str(tmp_path / "desk.png")


def test_a_home_folder_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is where the user lives."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "desk.png").write_bytes(a_picture())

    assert check_image(Image(path="~/desk.png"), tmp_path / "x").path == str(tmp_path / "desk.png")


def test_the_home_of_nobody_is_refused(tmp_path: Path) -> None:
    """A user who does not exist has no pictures: one line, no crash."""
    with pytest.raises(ImageError, match="there is no such user"):
        check_image(Image(path="~nobody-of-that-name/desk.png"), tmp_path)


BAD_CONTENT = {
    "empty": b"",
    "html": b"<!DOCTYPE html><html></html>",
    "text": b"desk",
    "gif": a_picture("GIF"),
    "bmp": a_picture("BMP"),
    "tiff": a_picture("TIFF"),
    "png cut": a_picture("PNG")[:-100],
    "webp cut": a_picture("WEBP")[:-100],
    "png head": a_picture("PNG")[:20],
    "jpeg head": a_picture("JPEG")[:20],
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}


@pytest.mark.parametrize("name", BAD_CONTENT)
def test_what_is_no_picture_for_a_gateway_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever it is called: the content decides, and the text names the file as the manifest does."""
    (tmp_path / "desk.png").write_bytes(BAD_CONTENT[name])

    with pytest.raises(ImageError, match=r"^image 'desk\.png' is not a readable JPEG, PNG or WebP picture$"):
        check_image(Image(path="desk.png"), tmp_path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_jpeg_that_was_cut_is_refused(tmp_path: Path, share: float) -> None:
    """Wherever it was cut: found before the first request, as for PNG and WebP."""
    content = a_picture("JPEG")
    (tmp_path / "desk.jpg").write_bytes(content[: int(len(content) * share)])

    with pytest.raises(ImageError, match="is not a readable"):
        check_image(Image(path="desk.jpg"), tmp_path)


def test_a_picture_that_is_not_there(tmp_path: Path) -> None:
    """The text says where it was looked for."""
    with pytest.raises(ImageError, match=r"image 'desk\.png' not found") as caught:
        check_image(Image(path="desk.png"), tmp_path)

    assert f"(looked in {tmp_path}/)" in str(caught.value)


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    """Nor is a folder of pictures."""
    (tmp_path / "pictures").mkdir()

    with pytest.raises(ImageError, match="image 'pictures' is a folder"):
        check_image(Image(path="pictures"), tmp_path)


@pytest.fixture
def impatient() -> Iterator[None]:
    """Two seconds for what might wait for ever without letting anybody else in."""

    def late(*_: object) -> None:
        pytest.fail("it waits for ever")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(2)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("impatient")
def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    """Nobody writes into it: it is refused without being opened."""
    os.mkfifo(tmp_path / "desk.png")

    with pytest.raises(ImageError, match=r"image 'desk\.png' is not a file"):
        check_image(Image(path="desk.png"), tmp_path)


@pytest.mark.parametrize("name", ["file/desk.png", "n" * 300, "loop", "a\0.png"])
def test_a_picture_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """A path through a file, a name that no file system takes, a link to itself: one line, no crash."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(ImageError, match="cannot be read"):
        check_image(Image(path=name), tmp_path)


def test_a_picture_that_is_too_large(tmp_path: Path) -> None:
    """Refused by its size, before it is read; exactly the limit would pass."""
    path = tmp_path / "desk.png"
    path.write_bytes(a_picture())
    with path.open("r+b") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)

    with pytest.raises(ImageError, match=r"image 'desk\.png' is too large: 20\.0 MiB, at most 20"):
        check_image(Image(path="desk.png"), tmp_path)


def test_a_picture_that_would_fill_the_memory(tmp_path: Path) -> None:
    """A few kilobytes that unpack to gigabytes are refused by their header."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    bomb = a_picture()[:12] + header + struct.pack(">I", zlib.crc32(header)) + a_picture()[33:]
    (tmp_path / "bomb.png").write_bytes(bomb)

    with pytest.raises(ImageError, match="too many pixels"):
        check_image(Image(path="bomb.png"), tmp_path)


@pytest.mark.parametrize("url", ["https://example.com/desk.png", "HTTPS://example.com/a.gif?x=1#y"])
def test_a_link_is_left_as_it_is(tmp_path: Path, url: str) -> None:
    """It is the gateway that fetches it."""
    assert check_image(Image(url=url), tmp_path) == Image(url=url)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("PNG", "data:image/png;base64"),
        ("PNG", "DATA:IMAGE/PNG;BASE64"),
        ("JPEG", "data:image/jpeg;base64"),
        ("WEBP", "data:image/webp;base64"),
    ],
)
def test_a_picture_in_the_manifest(tmp_path: Path, kind: str, head: str) -> None:
    """The hash is of the picture, not of its base64: how it is written buys nothing again."""
    content = a_picture(kind)
    url = data_uri(content, head)

    found = check_image(Image(url=url), tmp_path)

    assert found.url == url
    assert (found.sha256, found.size_bytes) == (sha256_of(content), len(content))
    assert found.media_type == f"image/{kind.lower()}"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("data:image/png;base64", "must look like"),
        ("data:image/png," + "AA==", "must look like"),
        ("data:,", "must look like"),
        ("data:image/png;base64,@@@@", "no valid base64"),
        ("data:image/png;base64,AAA", "no valid base64"),
        ("data:image/png;base64,AA==\nAA==", "no valid base64"),
        ("data:image/png;base64,é", "no valid base64"),
        ("data:image/png;base64,", "not a readable"),
        (data_uri(b"<html>"), "not a readable"),
        (data_uri(a_picture("GIF"), "data:image/gif;base64"), "not a readable"),
        (data_uri(a_picture("PNG")[:-100]), "not a readable"),
        (data_uri(a_picture("JPEG")), "says 'image/png', but holds image/jpeg"),
        (data_uri(a_picture("PNG"), "data:;base64"), "but holds image/png"),
    ],
    ids=lambda value: value[:40],
)
def test_a_bad_picture_in_the_manifest(tmp_path: Path, url: str, complaint: str) -> None:
    """Said in one line, without repeating the picture."""
    with pytest.raises(ImageError, match=complaint) as caught:
        check_image(Image(url=url), tmp_path)

    assert len(str(caught.value)) < 120


def test_a_picture_that_changed_after_planning_is_noticed(tmp_path: Path) -> None:
    """What is sent must be what was asked: changed, gone or turned into a folder is not the same."""
    path = tmp_path / "desk.png"
    path.write_bytes(a_picture())
    image = check_image(Image(path="desk.png"), tmp_path)

    same = unchanged(image)
    path.write_bytes(a_picture() + b"\0")
    changed = unchanged(image)
    path.unlink()
    gone = unchanged(image)
    path.mkdir()

    assert (same, changed, gone, unchanged(image)) == (True, False, False, False)


def test_what_is_not_on_disk_cannot_change(tmp_path: Path) -> None:
    """Links and inline pictures are sent as they stand in the manifest."""
    assert unchanged(Image(url="https://example.com/desk.png"))
    assert unchanged(check_image(Image(url=data_uri(a_picture())), tmp_path))
