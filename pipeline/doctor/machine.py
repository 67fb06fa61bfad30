"""What is installed here: versions, and codecs that are tried rather than listed."""

from __future__ import annotations

import platform
import sqlite3
from importlib.metadata import version
from io import BytesIO

from pipeline.doctor.finding import Finding, fine, problem
from pipeline.version import __version__

STRICT_TABLES_SINCE = (3, 37, 0)  # https://www.sqlite.org/stricttables.html
AGAIN = "install nightreel again, into a fresh virtual environment"
PICTURES = ("JPEG", "PNG", "WEBP")
SPARE_DECODERS = {"HEVC": ("hevc",), "AV1": ("libdav1d", "libaom-av1")}
"""What no gateway sends today. Not FFmpeg's own `av1`: it opens, but decodes by graphics card only."""

# One grey frame of 16 x 16 by x264, in Annex B form: parameter sets and an IDR picture.
H264_FRAME = bytes.fromhex(
    "000000016742c00ada7a1000000300100000030320f1226a0000000168ce039c80000000016588843a2780"
)


def versions() -> Finding:
    """What a report of a fault should begin with."""
    system = " ".join((platform.system(), platform.release(), platform.machine()))
    parts = [f"nightreel {__version__}", f"Python {platform.python_version()}", system]
    parts += [f"SQLite {sqlite3.sqlite_version}", f"aiohttp {version('aiohttp')}"]
    parts += [f"PyAV {version('av')}{_ffmpeg()}", f"Pillow {version('pillow')}"]
    seen = ", ".join(parts)
    if sqlite3.sqlite_version_info < STRICT_TABLES_SINCE:
        since = ".".join(map(str, STRICT_TABLES_SINCE))
        return problem("versions", seen, f"use a Python with SQLite {since} or newer")
    return fine("versions", seen)


def _ffmpeg() -> str:
    try:
        import av
    except (ImportError, OSError):
        return ""  # `codecs` says so
    return f" (FFmpeg {av.ffmpeg_version_info})"


def codecs() -> Finding:
    """Whether clips can be checked and pictures read."""
    faults = [fault for fault in (_h264_fault(), _picture_fault()) if fault]
    if faults:
        return problem("codecs", "; ".join(faults), AGAIN)
    spare = [name for name, decoders in SPARE_DECODERS.items() if any(map(_opens, decoders))]
    missing = [name for name in SPARE_DECODERS if name not in spare]
    note = f" (no {' and '.join(missing)}: no gateway sends it today)" if missing else ""
    return fine("codecs", f"{', '.join(['H.264', *spare])}{note} by PyAV; JPEG, PNG, WebP by Pillow")


def _h264_fault() -> str | None:
    try:
        import av
    except (ImportError, OSError) as exc:  # OSError: a library that it needs
        return f"PyAV cannot be loaded: {exc}"
    try:
        decoder = av.CodecContext.create("h264", "r")
        frames = [*decoder.decode(av.Packet(H264_FRAME)), *decoder.decode(None)]
    except (av.FFmpegError, ValueError) as exc:
        return f"PyAV cannot decode H.264: {exc}"
    return None if frames else "PyAV cannot decode H.264: no frame came of a sample"


def _opens(decoder: str) -> bool:
    """Whether there is such a decoder; called only once PyAV is known to load."""
    import av

    try:
        av.CodecContext.create(decoder, "r").open()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _picture_fault() -> str | None:
    try:
        from PIL import Image
    except (ImportError, OSError) as exc:
        return f"Pillow cannot be loaded: {exc}"
    failed = []
    for kind in PICTURES:
        try:
            file = BytesIO()
            Image.new("RGB", (8, 8)).save(file, kind)
            Image.open(file, formats=[kind]).load()
        except (KeyError, ValueError, OSError):  # KeyError: a form that this build does not know
            failed.append(kind)
    return f"Pillow cannot read and write {', '.join(failed)}" if failed else None
