"""Pictures as they are sent: upright, no larger than asked for, and nothing in them but the picture."""

from __future__ import annotations

import base64
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.ImageChops
import PIL.ImageOps
import pytest
from doors.pictures import PROFILE, SECRET, a_flag, a_photo, a_picture, chunk, opened, saved, segment
from support.builders_core import sha256_of

from pipeline.errors import DiskFullError
from pipeline.model import Image
from pipeline.sources import redraw
from pipeline.sources.formats import layout_of
from pipeline.sources.images import check_image
from pipeline.sources.layout import ImageChangedError, ImageError
from pipeline.sources.prepare import prepare

KINDS = ["JPEG", "PNG", "WEBP"]
SUFFIX = {"JPEG": ".jpeg", "PNG": ".png", "WEBP": ".webp"}


def planned(folder: Path, content: bytes, name: str = "desk") -> Image:
    (folder / name).write_bytes(content)
    return check_image(Image(path=name), folder)


def sent(folder: Path, content: bytes, size: int | None = None) -> Image:
    """What is sent for a picture that must not go as it is."""
    image = planned(folder, content)
    found = prepare(image, folder / "into" / "take", size)
    assert found != image
    assert (folder / "desk").read_bytes() == content
    assert_described(found, folder / "into" / "take")
    return found


def assert_described(image: Image, folder: Path) -> None:
    """Path, size, hash and type are those of the file, and the file holds a picture and nothing else."""
    assert image.path is not None
    path = Path(image.path)
    content = path.read_bytes()
    assert list(folder.iterdir()) == [path]
    assert (image.size_bytes, image.sha256) == (len(content), sha256_of(content))
    assert image.url is None
    assert SECRET not in content
    with opened(content) as picture:
        assert PIL.Image.MIME[str(picture.format)] == image.media_type
        assert path.suffix == SUFFIX[str(picture.format)]
        assert not {"exif", "xmp", "comment", "photoshop", "mp", "XML:com.adobe.xmp"} & set(picture.info)
        assert len(picture.getexif()) == 0
        picture.load()
    with path.open("rb") as file:
        assert layout_of(file).bare


def assert_alike(left: PIL.Image.Image, right: PIL.Image.Image, at_most: int = 0) -> None:
    assert (left.mode, left.size) == (right.mode, right.size)
    difference = PIL.ImageChops.difference(left.convert("RGBA"), right.convert("RGBA"))
    assert max(high for _, high in difference.getextrema()) <= at_most


# --- nothing to do


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [None, 48, 5000])
def test_a_picture_without_metadata_is_sent_as_it_is(tmp_path: Path, kind: str, size: int | None) -> None:
    """No copy, no folder. Colours belong to the picture."""
    image = planned(tmp_path, a_picture(kind, icc_profile=PROFILE))

    assert prepare(image, tmp_path / "into", size) is image
    assert not (tmp_path / "into").exists()


def test_a_link_is_sent_as_it_is(tmp_path: Path) -> None:
    """The gateway fetches what is behind it."""
    image = Image(url="https://example.com/desk.png")

    assert prepare(image, tmp_path / "into", 100) is image


# --- without decoding


SAVINGS: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("JPEG", {}, ("RGB", "L")),
    ("JPEG", {"progressive": True}, ("RGB", "L")),
    ("JPEG", {"restart_marker_rows": 1}, ("RGB", "L")),
    ("JPEG", {"subsampling": 0, "quality": 100}, ("RGB", "L")),
    ("PNG", {}, ("RGB", "L", "RGBA", "P")),
    ("PNG", {"compress_level": 0}, ("RGB", "L", "RGBA", "P")),
    ("WEBP", {}, ("RGB", "RGBA")),
    ("WEBP", {"lossless": True}, ("RGB", "RGBA")),
]


@pytest.mark.parametrize(
    ("kind", "saving", "mode"), [(kind, how, mode) for kind, how, modes in SAVINGS for mode in modes]
)
def test_metadata_goes_and_the_picture_stays(
    tmp_path: Path, kind: str, saving: dict[str, Any], mode: str
) -> None:
    """The same pixels to the bit, and the same profile for their colours."""
    content = a_photo(kind, picture=a_flag((200, 100)).convert(mode), **saving)
    assert SECRET in content

    found = sent(tmp_path, content)

    with opened(found) as after, opened(content) as before:
        assert_alike(after, before)
        assert after.info.get("icc_profile") == before.info["icc_profile"] == PROFILE


def test_a_preview_in_a_header_goes(tmp_path: Path) -> None:
    """JFIF has room for one, and its header is needed."""
    content = a_picture("JPEG", dpi=(300, 300))
    header = content[6:18] + b"\x02\x01" + SECRET
    found = sent(tmp_path, content[:2] + segment(0xE0, header) + content[20:])

    with opened(found) as after:
        assert after.info["dpi"] == (300, 300)


def test_what_stands_between_the_scans_goes(tmp_path: Path) -> None:
    """Comments may stand anywhere, also behind the first lines of a picture, and after filling."""
    content = a_picture("JPEG", (64, 64), progressive=True)
    second = content.index(b"\xff\xda", content.index(b"\xff\xda") + 2)
    found = sent(
        tmp_path, content[:second] + b"\xff\xff" + segment(0xFE, SECRET) + b"\0junk\xff" + content[second:]
    )

    with opened(found) as after, opened(content) as before:
        assert_alike(after, before)


def test_colour_chunks_of_a_png_stay(tmp_path: Path) -> None:
    """Without them it would look different."""
    colours = [chunk(b"gAMA", b"\0\1\x86\xa0"), chunk(b"cHRM", bytes(32)), chunk(b"sBIT", b"\x08\x08\x08")]
    content = a_picture()
    found = sent(tmp_path, content[:33] + b"".join(colours) + chunk(b"tEXt", SECRET) + content[33:])

    assert found.path is not None
    assert Path(found.path).read_bytes() == content[:33] + b"".join(colours) + content[33:]


def test_a_png_film_of_one_frame_becomes_a_plain_one(tmp_path: Path) -> None:
    """Some programs write every picture so."""
    content = a_picture()
    film = chunk(b"acTL", b"\0\0\0\1\0\0\0\0")
    found = sent(tmp_path, content[:33] + film + content[33:])

    assert found.path is not None
    assert Path(found.path).read_bytes() == content


# --- drawn anew


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [None, 40])
def test_it_stands_upright(tmp_path: Path, kind: str, orientation: int, size: int | None) -> None:
    """As every viewer shows it: a gateway may not look at EXIF, and gets none."""
    content = a_photo(kind, orientation, a_flag((96, 64)), **({"lossless": True} if kind == "WEBP" else {}))

    found = sent(tmp_path, content, size)

    with opened(found) as after, opened(content) as stored:
        expected = PIL.ImageOps.exif_transpose(stored)
        assert after.size == expected.size if size is None else max(after.size) == 40
        for share in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)):
            colours = [one.getpixel(spot(one, share)) for one in (after.convert("RGB"), expected)]
            assert all(abs(a - b) < 16 for a, b in zip(*colours, strict=True)), colours
        assert after.info["icc_profile"] == PROFILE
        if size is None and kind != "JPEG":
            assert_alike(after, expected)


def spot(picture: PIL.Image.Image, share: tuple[float, float]) -> tuple[int, int]:
    return int(picture.width * share[0]), int(picture.height * share[1])


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path: Path, value: int) -> None:
    """Nor does it stay in the file."""
    content = a_photo("JPEG", value)

    with opened(sent(tmp_path, content)) as after, opened(content) as before:
        assert_alike(after, before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("size", "wanted", "expected"),
    [((300, 200), 150, (150, 100)), ((200, 300), 150, (100, 150)), ((301, 1), 30, (30, 1))],
)
def test_the_longer_side_is_made_as_long_as_asked(
    tmp_path: Path, kind: str, size: tuple[int, int], wanted: int, expected: tuple[int, int]
) -> None:
    """The ratio stays; no side vanishes."""
    with opened(sent(tmp_path, a_picture(kind, size), wanted)) as after:
        assert after.size == expected


@pytest.mark.parametrize(("lossless", "chunk_kind"), [(True, b"VP8L"), (False, b"VP8 ")])
def test_a_webp_stays_of_its_kind(tmp_path: Path, lossless: bool, chunk_kind: bytes) -> None:
    """What was lossless is not compressed for good."""
    found = sent(tmp_path, a_picture("WEBP", lossless=lossless), 24)

    assert found.path is not None
    assert chunk_kind in Path(found.path).read_bytes()[:40]


@pytest.mark.parametrize(
    ("size", "stored", "expected"),
    [(None, "4:2:0", 2), (None, "4:2:2", 0), (None, "4:4:4", 0), (20, "4:2:0", 0)],
)
def test_colours_of_a_jpeg_stay_as_sharp(
    tmp_path: Path, size: int | None, stored: str, expected: int
) -> None:
    """At least: 4:2:2 turned on its side would be another kind."""
    from PIL.JpegImagePlugin import get_sampling

    with opened(sent(tmp_path, a_photo("JPEG", 6, subsampling=stored), size)) as after:
        assert get_sampling(after) == expected


def on_black(picture: PIL.Image.Image) -> PIL.Image.Image:
    """What is seen: a clear pixel has no colour."""
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", picture.size, "black"), picture.convert("RGBA"))


RED = (230, 20, 20)
PNGS: dict[str, tuple[PIL.Image.Image, dict[str, Any]]] = {
    "table": (a_flag().quantize(4), {}),
    "table with a clear colour": (a_flag().quantize(4), {"transparency": 0}),
    "black and white": (a_flag().convert("1", dither=PIL.Image.Dither.NONE), {}),
    "gray": (a_flag().convert("L"), {}),
    "gray with a clear one": (
        a_flag().convert("L"),
        {"transparency": a_flag().convert("L").getpixel((0, 0))},
    ),
    "16 bits": (PIL.Image.new("I;16", (48, 32), 40_000), {}),
    "16 bits with a clear one": (PIL.Image.new("I;16", (48, 32), 40_000), {"transparency": 5}),
    "gray with alpha": (a_flag().convert("LA"), {}),
    "colour": (a_flag(), {}),
    "colour with a clear one": (a_flag(), {"transparency": RED}),
    "colour with alpha": (a_flag().convert("RGBA"), {}),
}


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("size", [None, 24])
@pytest.mark.parametrize("name", PNGS)
def test_any_png_can_be_drawn_anew(tmp_path: Path, name: str, size: int | None, orientation: int) -> None:
    """Tables, bits, gray, alpha, one clear colour: what looks right before looks right after."""
    picture, saving = PNGS[name]
    content = a_photo("PNG", orientation, picture, **saving)

    with opened(sent(tmp_path, content, size)) as after, opened(content) as stored:
        before, result = on_black(PIL.ImageOps.exif_transpose(stored)), on_black(after)
        places = [(spot(result, share), spot(before, share)) for share in ((0.25, 0.25), (0.75, 0.75))]
        pairs = [(result.getpixel(a), before.getpixel(b)) for a, b in places]
        assert all(max(abs(x - y) for x, y in zip(*pair, strict=True)) < 8 for pair in pairs), pairs
        assert after.info["gamma"] == stored.info["gamma"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("orientation", "size"), [(6, None), (1, 180)])
def test_none_is_drawn_larger_than_any_clip_can_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, orientation: int, size: int | None
) -> None:
    """A decoded picture fills the memory, and a gateway would only make it smaller itself."""
    monkeypatch.setattr(redraw, "MAX_DRAWN_PIXELS", 100 * 80)

    with opened(sent(tmp_path, a_photo(kind, orientation, a_flag((200, 160))), size)) as after:
        assert sorted(after.size) == [80, 100]


def test_one_that_becomes_too_heavy_is_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoded anew it may take more bytes than before, and more than a gateway accepts."""
    monkeypatch.setattr(redraw, "MAX_IMAGE_BYTES", 10_000)

    found = sent(tmp_path, a_photo("PNG", 6, PIL.Image.effect_noise((200, 100), 90).convert("RGB")))

    assert found.size_bytes is not None
    assert found.size_bytes <= 10_000
    with opened(found) as after:
        assert after.size in ((49, 98), (34, 68))


def test_many_at_once_do_not_mix(tmp_path: Path) -> None:
    """Threads share one folder for a take with several pictures; only one is drawn at a time."""
    images = [planned(tmp_path, a_photo("PNG", 6, a_flag((60 + n, 40))), f"desk {n}") for n in range(12)]

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda image: prepare(image, tmp_path / "into", None), images))

    assert [opened(Path(image.path or "").read_bytes()).size for image in found] == [
        (40, 60 + n) for n in range(12)
    ]
    assert len(list((tmp_path / "into").iterdir())) == 12


# --- in the manifest


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_in_the_manifest_is_prepared_too(tmp_path: Path, kind: str) -> None:
    """Unchanged where it can be, else from a file."""
    clean, photo = (inline(content, kind, tmp_path) for content in (a_picture(kind), a_photo(kind, 6)))

    kept = prepare(clean, tmp_path / "into", None)
    found = prepare(photo, tmp_path / "into", None)

    assert kept is clean
    assert_described(found, tmp_path / "into")
    with opened(found) as after:
        assert after.size == (32, 48)


def inline(content: bytes, kind: str, folder: Path) -> Image:
    text = base64.b64encode(content).decode()
    return check_image(Image(url=f"data:image/{kind.lower()};base64,{text}"), folder)


# --- not as planned


@pytest.mark.parametrize("before", [a_picture(), a_photo("PNG", 6)])
@pytest.mark.parametrize("after", ["other", "longer", "shorter", "no picture", "gone", "folder", "pipe"])
def test_only_the_planned_picture_is_sent(tmp_path: Path, before: bytes, after: str) -> None:
    """Its hash is part of what is paid for."""
    image, path = planned(tmp_path, before), tmp_path / "desk"
    contents = {
        "other": a_photo("PNG", 6),
        "longer": before + b"\0",
        "shorter": before[:-1],
        "no picture": b"<html>",
    }
    path.unlink()
    if after in contents:
        path.write_bytes(contents[after] if contents[after] != before else a_photo("WEBP"))
    elif after == "folder":
        path.mkdir()
    elif after == "pipe":
        os.mkfifo(path)

    with pytest.raises(ImageChangedError, match=r"'.*desk' changed (or went away )?after planning"):
        prepare(image, tmp_path / "into", None)


def test_one_that_cannot_be_drawn_says_so(tmp_path: Path) -> None:
    """A PNG may have right checksums and nothing behind them."""
    content = a_photo("PNG", 6)
    start = content.index(b"IDAT") - 4
    end = content.index(b"tIME") - 4
    image = planned(tmp_path, content[:start] + chunk(b"IDAT", b"no pixels") + content[end:])

    with pytest.raises(ImageError, match=r"image '.*desk' is damaged: save it again") as caught:
        prepare(image, tmp_path / "into", None)

    assert not isinstance(caught.value, ImageChangedError)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_full_disk_is_not_the_fault_of_the_picture(tmp_path: Path, orientation: int) -> None:
    """It says what to do, and the run goes on from there."""
    noise = PIL.Image.effect_noise((200, 200), 90).convert("RGB")
    image = planned(tmp_path, a_photo("PNG", orientation, noise))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(
            DiskFullError, match=r"no room left to write a copy of image '.*desk' in .*: free"
        ):
            prepare(image, tmp_path / "into", None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """One line, no crash."""
    image = planned(tmp_path, a_photo("JPEG"))

    with pytest.raises(ImageError, match=r"cannot be copied to .*: Not a directory"):
        prepare(image, tmp_path / "desk" / "into", None)


MEASURE = """
import resource, shutil, sys
from pathlib import Path
import PIL.Image
from pipeline.model import Image
from pipeline.sources.images import check_image
from pipeline.sources.prepare import prepare

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (10 if sys.platform == "linux" else 20))

folder, size = Path(sys.argv[1]), int(sys.argv[2]) or None
check_image(Image(path="warm"), folder)
before = peak_mib()
image = check_image(Image(path="desk"), folder)
for _ in range(8):
    prepare(image, folder / "into", size)
    shutil.rmtree(folder / "into")
print(peak_mib() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("size", "at_most_mib"), [(None, 8), (1280, 40)])
def test_memory_stays_flat(tmp_path: Path, size: int | None, at_most_mib: float) -> None:
    """A photo of almost 20 MiB and 36 megapixels takes no more memory than a small one."""
    tile = PIL.Image.effect_noise((1000, 1000), 40).convert("RGB")
    large = PIL.Image.new("RGB", (6000, 6000))
    for number in range(36):
        large.paste(tile, (number % 6 * 1000, number // 6 * 1000))
    (tmp_path / "desk").write_bytes(saved(large, "JPEG", quality=85, comment=SECRET))
    (tmp_path / "warm").write_bytes(a_photo("JPEG"))

    ended = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path), str(size or 0)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert not ended.stderr
    assert float(ended.stdout) < at_most_mib
