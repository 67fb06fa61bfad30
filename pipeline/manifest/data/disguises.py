"""What a file really is that only calls itself a table: said in words, with what to do about it."""

from __future__ import annotations

import codecs
import re

from pipeline.manifest.data.encodings import BESIDE
from pipeline.manifest.data.rows import Kind

HEAD_BYTES = 1024

_SAVE = {"csv": 'save it as "CSV UTF-8"', "tsv": "save it as text with tabs, in UTF-8", "jsonl": "export it"}
_PICTURE = "a picture"
_SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook (.xlsx) or another zip file"),
    (b"PK\x05\x06", "an empty zip file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)"),
    (b"%PDF-", "a PDF file"),
    (b"{\\rtf", "a document in Rich Text Format"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89PNG\r\n\x1a\n", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
)
_PACKED = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh91AY&SY", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
)
_WEB_PAGE = re.compile(r"\s*<(?:!doctype html|html|head|body|table)\b", re.IGNORECASE)
_XML = re.compile(r"\s*<\?xml\b")
_JSON = re.compile(r'\s*(?:\{\s*(?:["}]|\Z)|\[\s*(?:[\[{"\]]|\Z))')


def of_bytes(head: bytes, kind: Kind, encoding: str | None) -> str | None:
    """What is wrong with a file that begins so, before it is decoded. `encoding`: as Python calls it."""
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            return f"this is {what}, not {_wanted(kind)}; {_what_to_do(what, kind)}"
    for signature, what in _PACKED:
        if head.startswith(signature):
            return f"this file is packed with {what}; unpack it first"
    return _wide(head, encoding)


def of_text(head: str, kind: Kind) -> str | None:
    """What is wrong with a file whose text begins so."""
    if _WEB_PAGE.match(head):
        return f"this is a web page, not {_wanted(kind)}; was it a page to sign in that was downloaded?"
    if _XML.match(head):
        return f"this is XML, not {_wanted(kind)}; {_SAVE[kind]} with the program that wrote it"
    if kind != "jsonl" and _JSON.match(head):
        return "this is JSON, not a table; with one object on each line, let the name end in .jsonl"
    return None


def _wanted(kind: Kind) -> str:
    return "JSON Lines" if kind == "jsonl" else f"a {kind.upper()} file"


def _what_to_do(what: str, kind: Kind) -> str:
    if what == _PICTURE:
        return "expected a table whose cells name the pictures"
    how = "one JSON object on each line" if kind == "jsonl" else ""
    return f"export it with {how}" if how else f"open it and {_SAVE[kind]}"


def _wide(head: bytes, encoding: str | None) -> str | None:
    """UTF-16 and UTF-32, where something else was said or nothing; and the other way round."""
    found, mark = _width(head)
    if encoding is not None and encoding.startswith(("utf-16", "utf-32")):
        if not found and head and head[:200].isascii() and b"\0" not in head[:200]:
            return f"this file is not saved as {encoding.upper()}; leave `encoding` out"
        return None
    if not found and mark and encoding not in (None, "utf-8", "utf-8-sig"):
        return f"this file is saved as UTF-8, and `encoding` says {encoding}; leave `encoding` out"
    if not found:
        return None
    known = found.lower() if mark else f"{found.lower()}-{_order(head)}"
    return f"this file is saved as {found}; save it as UTF-8, or say `encoding: {known}` {BESIDE}"


def _width(head: bytes) -> tuple[str, bool]:
    """UTF-16, UTF-32 or nothing, and whether there is a byte order mark."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32", True
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16", True
    if head.startswith(codecs.BOM_UTF8):
        return "", True
    some = head[:200]
    even, odd = some[::2].count(0), some[1::2].count(0)
    if len(some) >= 4 and 5 * max(even, odd) >= len(some) and not min(even, odd):
        return "UTF-16", False
    return "", False


def _order(head: bytes) -> str:
    """Little or big end first: Latin text has its NULs behind or before its letters."""
    return "be" if head[:200:2].count(0) else "le"
