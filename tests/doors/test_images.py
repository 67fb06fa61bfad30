"""Pictures that jobs start from: only what a gateway takes, found out before anything is sent."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from doors.pictures import PROFILE, a_film, a_huge_png, a_photo, a_picture
from support.builders_core import sha256_of

from pipeline.model import Image
from pipeline.sources.images import MAX_IMAGE_BYTES, ImageError, check_image
from pipeline.sources.known import Known


def data_uri(content: bytes, head: str = "data:image/png;base64") -> str:
    return f"{head},{base64.b64encode(content).decode()}"


PLAIN, PLAIN_JPEG = a_picture(), a_picture("JPEG")
FRAME = PLAIN_JPEG.index(b"\xff\xc0")
TWELVE_BITS = PLAIN_JPEG[: FRAME + 4] + b"\x0c" + PLAIN_JPEG[FRAME + 5 :]
ARITHMETIC = PLAIN_JPEG[:FRAME] + b"\xff\xc9" + PLAIN_JPEG[FRAME + 2 :]


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


READABLE = r"is not a readable JPEG, PNG or WebP picture"
BAD_CONTENT = {
    "empty": (b"", "is empty: copy or save it again"),
    "html": (
        b"<!DOCTYPE html><html></html>",
        "is a web page: open it in a browser and save the picture itself",
    ),
    "html after space": (b"\xef\xbb\xbf\n  <HTML lang=de>", "is a web page: .*"),
    "text": (b"desk", READABLE),
    "gif": (a_picture("GIF"), "is a GIF, which no gateway takes: save one frame of it as PNG"),
    "bmp": (a_picture("BMP"), "is a BMP or TIFF picture: save it as JPEG or PNG"),
    "tiff": (a_picture("TIFF"), "is a BMP or TIFF picture: save it as JPEG or PNG"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC picture: save it as JPEG"),
    "avif": (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "is an AVIF picture: save it as JPEG, PNG or WebP"),
    "svg": (b'<?xml version="1.0"?>\n<svg width="1"/>', "is an SVG drawing: export it as PNG"),
    "pdf": (b"%PDF-1.7", "is a document, not a picture: export it as JPEG or PNG"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is a document, not a picture: .*"),
    "cmyk": (a_picture("JPEG", mode="CMYK"), "is CMYK, as for print: save it as RGB"),
    "apng": (a_film("PNG"), "is animated: save one frame of it as a still picture"),
    "animated webp": (a_film("WEBP"), "is animated: save one frame of it as a still picture"),
    "100 megapixels": (
        a_huge_png(10_000, 10_000),
        "has 100.0 megapixels, at most 50 megapixels; make it smaller",
    ),
    "a bomb": (a_huge_png(2**31 - 1, 2**31 - 1), "has .* megapixels, at most 50 megapixels; make it smaller"),
    "flipped bit": (
        PLAIN[:60] + bytes([PLAIN[60] ^ 1]) + PLAIN[61:],
        "is damaged: save it again as JPEG, .*",
    ),
    "12 bit jpeg": (TWELVE_BITS, "has 12 bits per colour: save it again as an ordinary JPEG"),
    "arithmetic jpeg": (ARITHMETIC, "is a kind of JPEG that few programs read: .*"),
}


@pytest.mark.parametrize("name", BAD_CONTENT)
def test_what_is_no_picture_for_a_gateway_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever it is called: the content decides, and the text names the file as the manifest does."""
    content, complaint = BAD_CONTENT[name]
    (tmp_path / "desk.png").write_bytes(content)

    with pytest.raises(ImageError, match=rf"^image 'desk\.png' {complaint}$"):
        check_image(Image(path="desk.png"), tmp_path)


@pytest.mark.parametrize(
    ("kind", "saving"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"icc_profile": PROFILE}),
    ],
)
def test_a_picture_that_was_cut_anywhere_is_refused(
    tmp_path: Path, kind: str, saving: dict[str, Any]
) -> None:
    """Not one byte may be missing: found before the first request."""
    content = a_picture(kind, (16, 16), **saving)
    for length in range(13, len(content)):
        (tmp_path / "desk").write_bytes(content[:length])

        with pytest.raises(ImageError, match=r"is cut short, its end is missing|is damaged"):
            check_image(Image(path="desk"), tmp_path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_with_all_that_a_camera_adds_is_fine(tmp_path: Path, kind: str) -> None:
    """A film, further pictures and their index behind it are no reason to refuse it, nor to warn."""
    (tmp_path / "desk.gif").write_bytes(content := a_photo(kind))

    found = check_image(Image(path="desk.gif"), tmp_path)

    assert (found.media_type, found.sha256) == (f"image/{kind.lower()}", sha256_of(content))


def test_exactly_50_megapixels_pass(tmp_path: Path) -> None:
    """The limit itself is allowed."""
    PIL.Image.new("1", (10_000, 5_000)).save(tmp_path / "desk.png")

    assert check_image(Image(path="desk.png"), tmp_path).media_type == "image/png"


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
        ("data:image/png;base64,", "is empty"),
        (data_uri(b"<html>"), "is a web page"),
        (data_uri(a_picture("GIF"), "data:image/gif;base64"), "is a GIF"),
        (data_uri(a_picture("PNG")[:-100]), "is cut short"),
        (data_uri(a_huge_png(10_000, 10_000)), "at most 50 megapixels"),
        (data_uri(a_picture("JPEG", mode="CMYK"), "data:image/jpeg;base64"), "is CMYK"),
        (data_uri(a_film("PNG")), "is animated"),
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


# --- what is known from before


def test_a_known_picture_is_not_read_again(tmp_path: Path) -> None:
    """As long as path, size and times are the same: proven by one that would be refused."""
    path = tmp_path / "desk.png"
    path.write_bytes(b"no picture")
    os.utime(path, (1000, 1000))
    known = Known(tmp_path / "cache.sqlite", lambda: 2000.0)
    known.add(path, path.stat(), "ab" * 32, "image/png")

    found = check_image(Image(path="desk.png"), tmp_path, known)

    assert found == Image(path=str(path), sha256="ab" * 32, size_bytes=10, media_type="image/png")
    path.write_bytes(b"not it at all")
    with pytest.raises(ImageError, match="is not a readable"):
        check_image(Image(path="desk.png"), tmp_path, known)
    known.close()


@pytest.mark.parametrize(("content", "remembered"), [(a_picture(), True), (a_film("PNG"), False)])
def test_only_a_picture_that_passed_becomes_known(tmp_path: Path, content: bytes, remembered: bool) -> None:
    """What was refused is looked at again, and refused again with its reason."""
    path = tmp_path / "desk.png"
    path.write_bytes(content)
    os.utime(path, (1000, 1000))
    known = Known(tmp_path / "cache.sqlite", lambda: 2000.0)
    with suppress(ImageError):
        check_image(Image(path="desk.png"), tmp_path, known)

    found = known.find(path, path.stat())

    assert found == ((sha256_of(content), "image/png") if remembered else None)
    known.close()
