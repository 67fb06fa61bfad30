"""Small real pictures for tests of what looks at files."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import PIL.Image
import PIL.ImageCms

from pipeline.model import Image

SECRET = b"SECRET"  # stands in every kind of metadata that `a_photo` holds
PROFILE = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()


def a_picture(kind: str = "PNG", size: tuple[int, int] = (48, 32), mode: str = "RGB", **saving: Any) -> bytes:
    """A small picture with enough in it to be cut in the middle."""
    return saved(PIL.Image.effect_noise(size, 60).convert(mode), kind, **saving)


def a_flag(size: tuple[int, int] = (48, 32)) -> PIL.Image.Image:
    """A picture with a colour of its own in each corner, so that each way to turn it looks different."""
    flag = PIL.Image.new("RGB", size, (230, 20, 20))
    width, height = size[0] // 2, size[1] // 2
    flag.paste((20, 200, 20), (width, 0, size[0], height))
    flag.paste((20, 20, 230), (0, height, width, size[1]))
    flag.paste((240, 240, 240), (width, height, *size))
    return flag


def a_photo(kind: str, orientation: int = 1, picture: PIL.Image.Image | None = None, **saving: Any) -> bytes:
    """A picture as cameras and programs leave it, with metadata wherever its format has room for it."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = SECRET.decode()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    common = {"exif": exif, "icc_profile": PROFILE, "xmp": b"<x:xmpmeta>SECRET</x:xmpmeta>"} | saving
    picture = picture or a_flag()
    if kind == "JPEG":
        film = {"save_all": True, "append_images": [a_flag()]}
        content = saved(picture, "MPO", **({"quality": 95, "comment": SECRET} | common | film))
        apps = segment(0xED, b"Photoshop 3.0\0" + SECRET) + segment(0xEB, b"JP\0\1SECRET")
        return content[:2] + apps + segment(0xE0, b"JFXX\0\x10" + SECRET) + content[2:] + SECRET
    if kind == "PNG":
        del common["xmp"]
        content = saved(picture, kind, **common)
        before = chunk(b"tEXt", b"Author\0SECRET") + chunk(b"zzZz", SECRET) + chunk(b"gAMA", b"\0\0\xb1\x8f")
        after = chunk(b"tIME", b"\x07\xea\1\2\3\4\5") + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0SECRET")
        return content[:33] + before + content[33:-12] + after + content[-12:] + SECRET
    return saved(picture, kind, **common) + SECRET


def a_film(kind: str) -> bytes:
    """Three frames."""
    frames = [PIL.Image.effect_noise((48, 32), 60).convert("RGB") for _ in range(3)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def saved(picture: PIL.Image.Image, kind: str, **saving: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **saving)
    return buffer.getvalue()


def opened(content: bytes | Image) -> PIL.Image.Image:
    """The picture in these bytes, or in the file that an image names."""
    if isinstance(content, bytes):
        return PIL.Image.open(io.BytesIO(content))
    assert content.path is not None
    return PIL.Image.open(content.path)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def segment(code: int, content: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def a_huge_png(width: int, height: int) -> bytes:
    """A few bytes that say they are very large."""
    return (
        a_picture()[:8]
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + a_picture()[33:]
    )
