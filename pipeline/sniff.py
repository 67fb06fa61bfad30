"""What the first bytes of a file plainly are, where that is no video.

A quick word before gigabytes are loaded, and a hint for a person. Whether a file is a clip, only the probe
can say; so what might be some container of a video passes.
"""

from __future__ import annotations

HEAD_BYTES = 512

_BOXES = {b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"pnot", b"sidx"}
_NO_TEXT = bytes(set(range(32)) - set(b"\t\n\f\r")) + b"\x7f"
_SIGNATURES = {
    b"PK\x03\x04": "a zip file",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"7z\xbc\xaf": "a 7z file",
    b"Rar!": "a RAR file",
    b"%PDF": "a PDF file",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"ID3": "an MP3 file",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}


def not_video(head: bytes) -> str | None:
    """What a file that begins so is; None where it may be a video. `head`: up to HEAD_BYTES."""
    if head[4:8] in _BOXES:
        return None
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            return name
    is_text = head and not head.translate(None, bytes(set(range(256)) - set(_NO_TEXT)))
    return _kind_of_text(head) if is_text else None


def _kind_of_text(head: bytes) -> str:
    start = head.lower().removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"<html" in start or start.startswith(b"<!doctype html"):
        return "a web page"
    if start.startswith(b"<"):
        return "XML"
    return "JSON" if start[:1] in (b"{", b"[") else "plain text"
