"""Bytes on their way to the YAML parser: checked to be text, counted, and hashed.

The parser could say "invalid byte at position 3"; this says line, column and what to do. It also keeps the
last stretch of text, so that an error can look at the character it is about.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from typing import BinaryIO

from pipeline.manifest.problems import UnreadableError
from pipeline.manifest.shapes import Place

MAX_PART_BYTES = 8 << 20  # one job, with everything in it; bounds the memory that a hostile file can take
_RECENT = 1 << 16  # characters; the parser reads ahead by at most a quarter of that

# What YAML calls printable, section 5.1 of the specification. A byte order mark is fine at the start only.
_BAD = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SEPARATOR = re.compile("[\x85\u2028\u2029]")  # line breaks to this parser; often come with pasted text
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SAVE_AS = "save the file as UTF-8"


class Source:
    """The `read` that the parser calls. Raises `UnreadableError` at the first byte that is not text."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._hash = hashlib.sha256()
        self._place: Place = (1, 1)  # of the next character; lines end at \n here
        self._recent = ""
        self._read_chars = 0
        self._read_bytes = 0
        self._part_at: Place = (1, 1)
        self._part_from = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        if self._read_bytes == 0 and data[:2] in _UTF16:
            raise UnreadableError((1, 1), f"the file is saved as UTF-16; {_SAVE_AS}")
        self._hash.update(data)
        self._read_bytes += len(data)
        if self._read_bytes - self._part_from > MAX_PART_BYTES:
            size_text = f"{MAX_PART_BYTES >> 20} MiB"
            raise UnreadableError(self._part_at, f"what starts here goes on for more than {size_text}")
        self._take(self._decode(data))
        return data

    def begin_part(self, place: Place) -> None:
        """A job or a field of the head ends here and another may begin: count its bytes from now."""
        self._part_at, self._part_from = place, self._read_bytes

    def char_at(self, index: int) -> str:
        """The character at a parser's index, or nothing if it is long gone or not there yet."""
        at = index - (self._read_chars - len(self._recent))
        return self._recent[at : at + 1] if at >= 0 else ""

    def line_at(self, index: int) -> tuple[str, str]:
        """The line around a parser's index, as far as it is there: what stands before, and from there on."""
        at = max(0, index - (self._read_chars - len(self._recent)))
        before, after = self._recent[:at], self._recent[at : at + 500]
        return before[before.rfind("\n") + 1 :], after.partition("\n")[0]

    def has_line_separator(self, index: int) -> bool:
        """Whether a line break that editors do not show as one stands shortly before the parser's index."""
        at = index - (self._read_chars - len(self._recent))
        return _SEPARATOR.search(self._recent[max(0, at - 500) : max(0, at) + 1]) is not None

    @property
    def digest(self) -> bytes:
        """SHA-256 of what was read so far."""
        return self._hash.digest()

    def _decode(self, data: bytes) -> str:
        try:
            return self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as exc:
            self._take(exc.object[: exc.start].decode("utf-8", "replace"))
            found = f"the byte 0x{exc.object[exc.start]:02x}"
            raise UnreadableError(self._place, f"not text in UTF-8 ({found} here); {_SAVE_AS}") from exc

    def _take(self, text: str) -> None:
        bad = _BAD.search(text)
        self._move_over(text if bad is None else text[: bad.start()])
        if bad is not None:
            raise UnreadableError(self._place, _say_bad(bad[0]))
        self._recent = (self._recent + text)[-_RECENT:]
        self._read_chars += len(text)

    def _move_over(self, text: str) -> None:
        line, column = self._place
        start = text.rfind("\n") + 1
        self._place = (line + text.count("\n"), len(text) - start + (1 if start else column))


def _say_bad(char: str) -> str:
    if char == "\0":
        return f"a NUL byte: this is not a text file, or not one in UTF-8; {_SAVE_AS}"
    if char == "\ufeff":
        return "a byte order mark in the middle of the file; remove it (were two files joined?)"
    return f"the control character U+{ord(char):04X} is not allowed in YAML; remove it"
