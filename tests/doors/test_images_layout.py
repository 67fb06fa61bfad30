"""How pictures are laid out: read without decoding, from files that anybody may have made."""

from __future__ import annotations

import io
import struct
import time
from contextlib import suppress

import PIL.Image
import pytest
from doors.pictures import SECRET, a_flag, a_photo, a_picture, chunk, opened, segment
from fuzz.changes import changed
from fuzz.pictures import kept, laid_out, layouts_hold, sending_holds
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.model import Image
from pipeline.sources.exif import orientation
from pipeline.sources.formats import layout_of
from pipeline.sources.images import check_image
from pipeline.sources.jpeg import MAX_SCANS
from pipeline.sources.layout import ImageError, Kept

CLEAR = a_flag().convert("RGBA")
CLEAR.putalpha(100)
PHOTOS = {
    "jpeg": a_photo("JPEG", 6),
    "progressive": a_photo("JPEG", progressive=True),
    "restarts": a_photo("JPEG", restart_marker_rows=1),
    "png": a_photo("PNG", 6),
    "webp": a_photo("WEBP", 6),
    "webp with alpha": a_photo("WEBP", picture=CLEAR),
    "lossless webp": a_photo("WEBP", lossless=True),
    "simple webp": a_picture("WEBP"),
}
MARKS = [
    b"\xff",
    b"\xff\xd8",
    b"\xff\xd9",
    b"\xff\xda",
    b"\xff\xe1",
    b"\xff\xff",
    b"\0\0",
    b"\xff\xff\xff\xff",
]


@given(hostile=changed(list(PHOTOS.values()), MARKS))
@example(hostile=b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a\x10\0\0\0")
@settings(deadline=None, derandomize=True, max_examples=600)
def test_hostile_bytes_are_refused_or_harmless(hostile: bytes) -> None:
    """Cut, overwritten, longer and shorter lengths: an error of ours, or a file that is whole in itself."""
    layouts_hold(hostile)


@given(hostile=changed(list(PHOTOS.values()), MARKS))
@settings(deadline=None, derandomize=True, max_examples=150)
def test_hostile_bytes_are_sent_bare_or_not_at_all(hostile: bytes) -> None:
    """What the check let through is prepared: upright, without metadata, not larger than asked for."""
    sending_holds(hostile)


@given(
    name=st.sampled_from(sorted(PHOTOS)),
    place=st.floats(0, 0.999),
    value=st.integers(0, 255),
)
@settings(deadline=None, derandomize=True, max_examples=300)
def test_hostile_bytes_in_a_file_are_one_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: float, value: int
) -> None:
    """Whatever Pillow makes of them."""
    content = bytearray(PHOTOS[name])
    content[int(place * len(content))] = value
    folder = tmp_path_factory.getbasetemp()
    (folder / "hostile").write_bytes(content)

    said = "image 'hostile' "
    try:
        check_image(Image(path="hostile"), folder)
    except ImageError as exc:
        said = str(exc)

    assert said.startswith("image 'hostile' ")


@given(data=st.binary(max_size=80), head=st.sampled_from([b"", b"II*\0", b"MM\0*", b"Exif\0\0MM\0*"]))
@example(data=b"\0\0\0\x08\xff\xff\x01\x12\0\3\0\0\0\1\0\6\0\0", head=b"MM\0*")
@settings(deadline=None, derandomize=True)
def test_any_exif_tells_an_orientation(data: bytes, head: bytes) -> None:
    """Upright, where it makes no sense."""
    content = head + data

    assert orientation(io.BytesIO(content), 0, len(content)) in range(1, 9)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
@pytest.mark.parametrize("turned", range(1, 9))
def test_the_orientation_is_found(order: str, prefix: bytes, turned: int) -> None:
    """In both byte orders, behind other entries, wherever the directory begins."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = [(0x0100, 4, 1, 640), (0x0112, 3, 1, turned), (0x8769, 4, 1, 99)]
    if order == ">":
        entries[1] = (0x0112, 3, 1, turned << 16)
    packed = b"".join(struct.pack(order + "HHII", *entry) for entry in entries)
    content = (
        b"xx" + prefix + mark + struct.pack(order + "I", 12) + b"----" + struct.pack(order + "H", 3) + packed
    )

    assert orientation(io.BytesIO(content), 2, len(content)) == turned


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("turned", range(1, 9))
def test_a_layout_tells_what_pillow_finds(kind: str, turned: int) -> None:
    """Size and orientation, without decoding."""
    content = a_photo(kind, turned, a_flag((61, 37)))
    layout = laid_out(content)

    with opened(content) as picture:
        assert (layout.width, layout.height) == picture.size
        assert layout.orientation == picture.getexif()[0x0112] == turned
    assert not layout.bare


@pytest.mark.parametrize("name", sorted(PHOTOS))
def test_what_is_kept_reads_like_a_file(name: str) -> None:
    """From any place, in any portion: Pillow jumps about in it."""
    file = io.BytesIO(PHOTOS[name])
    pieces = layout_of(file).pieces
    whole = Kept(file, pieces).read()
    view = io.BufferedReader(Kept(file, pieces), 5)

    assert SECRET not in whole
    for at in (0, 1, 2, 15, len(whole) - 3, len(whole), len(whole) + 5):
        view.seek(at)
        assert view.tell() == at
        assert view.read(7) == whole[at : at + 7]
    assert view.seek(-4, io.SEEK_END) == len(whole) - 4
    assert view.read() == whole[-4:]


# --- work without end


def jpeg_of(*middle: bytes) -> bytes:
    plain = a_picture("JPEG")
    return plain[:2] + b"".join(middle) + plain[2:]


ENDLESS = {
    "segments": jpeg_of(segment(0xFE, b"") * 1_000_000),
    "filling": jpeg_of(b"\xff" * 5_000_000),
    "restarts": jpeg_of(b"\xff\xd0" * 2_500_000),
    "chunks": a_picture()[:33] + chunk(b"tEXt", b"") * 500_000 + a_picture()[33:],
    "riff chunks": b"RIFF" + struct.pack("<I", 4 + 8_000_000) + b"WEBP" + b"VP8 \0\0\0\0" * 1_000_000,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_much_ado_is_over_soon(name: str) -> None:
    """However many parts a file is made of."""
    began = time.process_time()

    with suppress(ImageError):
        laid_out(ENDLESS[name])

    assert time.process_time() - began < 2


@pytest.mark.parametrize(("scans", "fine"), [(MAX_SCANS, True), (MAX_SCANS + 1, False)])
def test_a_picture_has_not_a_thousand_scans(scans: int, fine: bool) -> None:
    """Each makes a decoder go over all pixels again: minutes of work in a few kilobytes."""
    plain = a_picture("JPEG")
    start = plain.index(b"\xff\xda")
    content = plain[:start] + plain[start:-2] * scans + plain[-2:]

    if fine:
        assert laid_out(content).bare
    else:
        with pytest.raises(ImageError, match="is damaged"):
            laid_out(content)


DAMAGED = {
    "two frames": jpeg_of(segment(0xC0, b"\x08\0\x10\0\x10\1\1\x11\0")),
    "no length": jpeg_of(b"\xff\xfe\0\1"),
    "no height": a_picture("JPEG").replace(b"\x08\0\x20\0\x30", b"\x08\0\0\0\x30"),
    "a picture in it": jpeg_of(b"\xff\xd8"),
    "an unknown marker": jpeg_of(segment(0xF5, b"")),
    "no scan": a_picture("JPEG")[: a_picture("JPEG").index(b"\xff\xda")] + b"\xff\xd9",
    "no IHDR": a_picture()[:8] + a_picture()[33:],
    "IHDR again": a_picture()[:33] + a_picture()[8:],
    "no IDAT": a_picture()[:33] + chunk(b"IEND", b""),
    "unknown and needed": a_picture()[:33] + chunk(b"ABCD", b"") + a_picture()[33:],
    "no letters": a_picture()[:33] + chunk(b"a\0cd", b"") + a_picture()[33:],
    "long acTL": a_picture()[:33] + chunk(b"acTL", bytes(9)) + a_picture()[33:],
    "two pictures": b"RIFF\x2e\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(10) + b"VP8 \0\0\0\0VP8L\0\0\0\0",
    "unknown first": b"RIFF\x0c\0\0\0WEBPABCD\0\0\0\0",
    "nothing": b"RIFF\x04\0\0\0WEBP",
    "short VP8X": b"RIFF\x14\0\0\0WEBPVP8X\x02\0\0\0\0\0VP8 \0\0\0\0"[:-2],
    "no height in a webp": b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a\x10\0\0\0",
    "no key frame": b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0" + bytes(10),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_that_makes_no_sense(name: str) -> None:
    """One rule of each format."""
    with pytest.raises(ImageError, match=r"is damaged|is cut short"):
        laid_out(DAMAGED[name])


def test_a_webp_without_its_extra_parts_says_so() -> None:
    """The flags of what went are cleared, the others stay, and the length is right."""
    content = a_photo("WEBP", picture=CLEAR)

    result = kept(content)

    assert (content[20], result[20]) == (0x3C, 0x30)
    assert struct.unpack("<I", result[4:8])[0] == len(result) - 8
    with PIL.Image.open(io.BytesIO(result)) as picture:
        assert picture.mode == "RGBA"
