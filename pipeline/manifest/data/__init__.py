"""Data files of a manifest: reads CSV, TSV and JSON Lines as a stream of rows, and says what is wrong where.

In: an open binary stream.  Out: rows and flaws in the order of the file; `DataError` where it cannot go on.
Opens nothing, knows nothing of jobs or templates. A cell of CSV or TSV is text exactly as it was written:
`007`, `no`, `16:9` and `=A1` mean nothing here. Holds a stretch of the file at a time, whatever its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.manifest.data.jsonlines import read_lines
from pipeline.manifest.data.rows import KINDS, Cell, DataError, Flaw, Kind, Row, SettingError
from pipeline.manifest.data.separators import chosen
from pipeline.manifest.data.table import read_table
from pipeline.manifest.data.text import Text

__all__ = ["KINDS", "Cell", "DataError", "Flaw", "Kind", "Row", "SettingError", "read_rows"]


def read_rows(
    stream: BinaryIO, kind: Kind, *, encoding: str | None = None, delimiter: str | None = None
) -> Iterator[Row | Flaw]:
    """Rows, and flaws in the place of rows that are wrong. Raises `DataError`, and what `stream.read` raises.

    `encoding`: a name that Python knows; without it, UTF-8 with or without a byte order mark.
    `delimiter`: one character; without it, what an Excel line `sep=;` says, then comma or tab by the kind.
    Lines end at LF, CRLF or CR. Source of the rules for tables: RFC 4180; for lines: jsonlines.org.
    """
    separator = chosen(kind, delimiter)
    text = Text(stream, kind, encoding)
    yield from read_lines(text) if kind == "jsonl" else read_table(text, kind, separator)
