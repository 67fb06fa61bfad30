"""What holds for any bytes that are read as a data file, whatever its kind, and however they arrive."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from pipeline.manifest.data import KINDS, DataError, Flaw, Kind, Row
from pipeline.manifest.data.disguises import HEAD_BYTES
from pipeline.manifest.data.jsonlines import read_lines
from pipeline.manifest.data.table import read_table
from pipeline.manifest.data.text import PIECE_BYTES, Text

ENCODINGS = (None, "utf-16", "utf-16-be", "utf-7", "cp1252", "shift_jis", "iso2022_jp", "gb18030", "hz")
BREAK = re.compile(r"\r\n|\r|\n")
SCALARS = (str, int, float, bool, type(None))
LONG_NAME = b"x" * (HEAD_BYTES + 3)  # the first piece is never shorter than that


class Trickle(io.BytesIO):
    """A stream that gives one byte at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, 1) if size is not None and size > 0 else size)


def tables_hold(data: bytes) -> None:
    """Rows and flaws in order, then perhaps one error; the same, whatever the pieces."""
    kind = KINDS[data[0] % len(KINDS)] if data else KINDS[0]
    encoding = ENCODINGS[data[1] % len(ENCODINGS)] if len(data) > 1 else None
    content = data[2:]
    read = outcome(content, kind, encoding)
    _in_order(read)
    _within(read, content, encoding)
    assert outcome(content, kind, encoding, stream=Trickle(content)) == read
    long = LONG_NAME + content
    whole = outcome(long, kind, encoding)
    for piece_bytes in (1, 2, 7):
        assert outcome(long, kind, encoding, piece_bytes=piece_bytes) == whole


def outcome(
    content: bytes,
    kind: Kind,
    encoding: str | None = None,
    *,
    piece_bytes: int = PIECE_BYTES,
    stream: io.BytesIO | None = None,
) -> list[Row | Flaw | str]:
    """All that is read; the error that ended it comes last, as text."""
    found: list[Row | Flaw | str] = []
    try:
        found.extend(_items(Text(stream or io.BytesIO(content), kind, encoding, piece_bytes), kind))
    except DataError as exc:
        _is_well_said(exc.line, exc.column, exc.message)
        found.append(f"{exc.line}:{exc.column}: {exc.message}")
    return found


def _items(text: Text, kind: Kind) -> Iterator[Row | Flaw]:
    return read_lines(text) if kind == "jsonl" else read_table(text, kind, None)


def _in_order(read: list[Row | Flaw | str]) -> None:
    lines = [item.line for item in read if not isinstance(item, str)]
    assert all(isinstance(item, Row | Flaw) for item in read[:-1])
    for number, item in enumerate(read, 1):
        if isinstance(item, Row):
            assert item.number == number
            _is_plain(item)
        elif isinstance(item, Flaw):
            assert re.match(rf"row {number}\b", item.message)
            _is_well_said(*item)
    assert lines == sorted(lines)


def _is_plain(row: Row) -> None:
    assert "" not in row.values
    for value in row.values.values():
        for part in value if isinstance(value, list) else [value]:
            assert isinstance(part, SCALARS)
            assert not isinstance(part, str) or part.encode() is not None


def _within(read: list[Row | Flaw | str], content: bytes, encoding: str | None) -> None:
    """No place lies behind the end of the file."""
    lines = len(BREAK.findall(content.decode(encoding or "utf-8", "replace"))) + 1
    for item in read:
        line = int(item.partition(":")[0]) if isinstance(item, str) else item.line
        assert 1 <= line <= lines


def _is_well_said(line: int, column: int, message: str) -> None:
    assert line >= 1
    assert column >= 1
    assert message
    assert message.isprintable()


def seeds() -> Iterator[bytes]:
    yield b'\0\0sku,title,,\r\na1,"Lamp, big",,\r\n\r\na2,"two\nlines",,\n,,,\na3,x"y,,'
    yield b'\0\0sep=;\nsku;title\n"a1"x;Lamp\na2\na3;b;c\n"a4;open\n'
    yield b'\1\0sku\ttitle\r\xef\xbb\xbf\ra1\t""\r'
    yield b"\0\1" + "sku,title\na1,Lämp\n".encode("utf-16")
    yield b"\0\6" + "sku,title\na1,机\n".encode("iso2022_jp")
    yield b"\0\3sku,title\na1,+2AA-\n"
    yield (
        b"\2\0" + '{"a": 1, "b": ["é", 1.5, null, true]}\n\n{"a": {}, "a": NaN}\n{"c": "\\ud83d"}\n'.encode()
    )
    yield b'\2\0{"a": 1e999}\n{"a": [[]]}\n{\'a\': True,}\n{} {}\n[\n{"a": "\\u0000\\x"\n1\n'
    yield b'\2\0{\n"a": 1\n}\n'
