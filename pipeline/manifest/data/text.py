"""Bytes on their way to a parser of rows: decoded, and checked to be text.

What stands before a bad byte is handed on first, so that the rows before it are read and the places of
their flaws come in order. Pieces are always filled, so that a slow stream reads like a quick one.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO

from pipeline.manifest.data import disguises
from pipeline.manifest.data.cells import LINE_END
from pipeline.manifest.data.encodings import BESIDE, UTF_8, decoder_of
from pipeline.manifest.data.rows import DataError, Kind

PIECE_BYTES = 1 << 16
_LARGEST_PIECE = 1 << 18

_BAD = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_BAD_BYTES = bytes([*range(9), 11, 12, *range(14, 32), 127])
_BAD_PAIR = re.compile(b"\xc2[\x80-\x9f]")  # U+0080 to U+009F in UTF-8
_SAVE_AS = "save the file as UTF-8"


class Text:
    """Reads on with each call. Raises `DataError` at the first byte that is not text, when it comes to it."""

    def __init__(
        self, stream: BinaryIO, kind: Kind, encoding: str | None = None, piece_bytes: int = PIECE_BYTES
    ) -> None:
        self._stream = stream
        self._kind: Kind = kind
        self._declared = encoding
        self._codec, self._decoder = decoder_of(UTF_8 if encoding is None else encoding)
        self._piece_bytes = piece_bytes
        self._began = False  # the first bytes were looked at
        self._spoke = False  # the first text was looked at
        self._ended = False
        self._foreign = False  # there was something else than ASCII, so the encoding is known to be right
        self._error = ""  # what is wrong behind the text that was handed on

    def read(self, carried: str, line: int) -> str:
        """The next stretch of text; nothing at the end.

        `carried`: what was read last and is not yet used, from the start of a line. The more it is, the more
        is read, so that it is not parsed again and again; and errors are placed by it.
        """
        while not self._error and not self._ended:
            text = self._next(max(min(len(carried), _LARGEST_PIECE), self._piece_bytes))
            if text:
                return text
        if self._error:
            raise DataError(*_end_of(carried, line), self._error)
        return ""

    def _next(self, size: int) -> str:
        data = self._filled(size if self._began else max(size, disguises.HEAD_BYTES))
        self._ended = not data
        if not self._began:
            self._began = True
            if said := disguises.of_bytes(
                data, self._kind, self._codec if self._declared is not None else None
            ):
                raise DataError(1, 1, said)
        text, trouble = self._decoded(data)
        if not self._spoke and text:
            self._spoke = True
            text = text.removeprefix("\ufeff")
            if said := disguises.of_text(text[: disguises.HEAD_BYTES], self._kind):
                raise DataError(1, 1, said)
        if _is_suspicious(text) and (bad := _BAD.search(text)):
            text, trouble = text[: bad.start()], self._say_bad(bad[0])
        self._foreign = self._foreign or not text.isascii()
        self._error = trouble
        return text

    def _filled(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and (data := self._stream.read(size)):
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def _decoded(self, data: bytes) -> tuple[str, str]:
        """The text up to the first byte that cannot be, and what is wrong there."""
        before: Any = self._decoder.getstate()
        try:
            return self._decoder.decode(data, final=not data), ""
        except UnicodeError as exc:
            if not data:
                return "", self._say_undecodable(exc, "")
        self._decoder.setstate(before)
        good = ""
        try:
            for at in range(len(data)):
                good += self._decoder.decode(data[at : at + 1])
        except UnicodeError as exc:
            return good, self._say_undecodable(exc, good)
        return good, ""  # unreachable, unless a codec depends on the size of its pieces

    def _say_undecodable(self, exc: UnicodeError, good: str) -> str:
        byte = exc.object[exc.start] if isinstance(exc, UnicodeDecodeError) else None
        here = "" if byte is None else f" (the byte 0x{byte:02x} here)"
        foreign = self._foreign or not good.isascii()
        if self._ended and (foreign or self._codec.startswith(("utf-16", "utf-32"))):
            return "the file ends in the middle of a character; was it cut short?"
        if self._declared is not None and self._codec != UTF_8:
            to_do = f"correct it, or {_SAVE_AS} and leave it out"
            return f"not text in {self._codec}{here}, as `encoding` says; {to_do}"
        if foreign:
            return f"not text in UTF-8{here}, although the text before it is; {_SAVE_AS}"
        is_western = byte is not None and bytes([byte]).decode("cp1252", "ignore") != ""
        other = f", or name its encoding {BESIDE}, such as `encoding: cp1252`" if is_western else ""
        return f"not text in UTF-8{here}; {_SAVE_AS}{other}"

    def _say_bad(self, char: str) -> str:
        if char == "\0":
            name = "UTF-8" if self._codec == UTF_8 else self._codec
            return f"a NUL byte: this is not a text file, or not one in {name}; {_SAVE_AS}"
        if char == "\ufeff":
            return "a byte order mark in the middle of the file; remove it (were two files joined?)"
        if "\ud800" <= char <= "\udfff":
            return f"half of a character (U+{ord(char):04X}); {_SAVE_AS}"
        said = f"the control character U+{ord(char):04X} is not allowed"
        if "\x80" <= char <= "\x9f" and self._codec.startswith("iso8859"):
            return f"{said}; is the file in cp1252? Then say `encoding: cp1252` {BESIDE}"
        return f"{said}; remove it"


def _end_of(text: str, line: int) -> tuple[int, int]:
    ends = [match.end() for match in LINE_END.finditer(text)]
    return line + len(ends), len(text) - (ends[-1] if ends else 0) + 1


def _is_suspicious(text: str) -> bool:
    """A quick look: a class of characters in a regular expression costs ten times as much."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return True  # a lone surrogate, from a codec that lets it pass
    if len(data.translate(None, _BAD_BYTES)) != len(data):
        return True
    if data.isascii():
        return False
    return any(char in text for char in "\ufeff\ufffe\uffff") or _BAD_PAIR.search(data) is not None
