"""Cuts a table's text into records: blocks of rows for whole stretches, and what is broken between them.

The csv module parses, a stretch at a time that ends with a line. If a stretch ends within quotes, its last
record is parsed again with more text behind it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pipeline.manifest.data import separators
from pipeline.manifest.data.cells import LINE_END, Places, Span, content_length, spans
from pipeline.manifest.data.rows import MAX_CELL, MAX_ROW, DataError, Kind
from pipeline.manifest.data.text import PIECE_BYTES, Text
from pipeline.manifest.scalars import quoted

if TYPE_CHECKING:
    from _csv import Reader

# The module's own limit, for all of the process, is 128 KiB: too little for a data URI.
csv.field_size_limit(max(MAX_CELL, csv.field_size_limit()))

_DOUBLE_IT = 'a quote inside a quoted cell is written twice ("")'


@dataclass(slots=True)
class Block:
    """Records that were parsed, the line on which each begins, and their text."""

    rows: list[list[str]]
    lines: Sequence[int]
    text: str
    places: Places
    delimiter: str

    def place_of_cell(self, row: int, cell: int) -> tuple[int, int]:
        start = self.places.start_of(self.lines[row])
        for index, span in enumerate(spans(self.text, start, self.delimiter)):
            if index == cell:
                return self.places.at(span.begin)
        return self.lines[row], 1

    def last_line_of(self, row: int) -> int:
        return self.lines[row] + _inner_breaks(self.rows[row])


class Broken(NamedTuple):
    """A record that cannot be parsed, where it is sure that the next line begins another."""

    line: int
    column: int
    message: str


class Records:
    """Iterates once over a table."""

    def __init__(self, text: Text, kind: Kind, declared: str | None) -> None:
        self._text = text
        self._kind: Kind = kind
        self._declared = declared
        self._delimiter = ""  # until the first line is there
        self._is_even = True  # no record so far went over several lines
        self._line = 1  # on which the text that is not yet parsed begins

    def __iter__(self) -> Iterator[Block | Broken]:
        carry, is_last = "", False
        while not is_last:
            if len(carry) > MAX_ROW:
                raise DataError(self._line, 1, f"what begins here goes on for more than {MAX_ROW >> 20} MiB")
            piece = self._text.read(carry, self._line)
            is_last = not piece
            text = carry + piece
            end = len(text) if is_last else end_of_lines(text)
            start = 0 if self._delimiter else self._open(text[:end], is_last)
            if not self._delimiter:
                carry = text
                continue
            used = yield from self._parse(text[start:end], is_last)
            carry = text[start + used :]

    def _open(self, text: str, is_last: bool) -> int:
        """Settles the delimiter once the header is there; returns how much of the text is no row."""
        delimiter, skipped = separators.in_use(text, self._kind, self._declared)
        if not is_last and not text[skipped:].strip():
            return 0
        self._delimiter = delimiter
        self._line += skipped > 0
        separators.check_header(text[skipped:], self._line, self._delimiter, self._kind, self._declared)
        return skipped

    def _parse(self, text: str, is_last: bool) -> Generator[Block | Broken, None, int]:
        """Returns how much of the text was used: not all of it, if it ends within quotes."""
        if not text:
            return 0
        first = self._line
        reader = self._reader(_lines_of(text))
        ends = [first]
        rows: list[list[str]] = []
        try:
            if self._is_even:
                rows = list(reader)
            else:
                for row in reader:
                    rows.append(row)
                    ends.append(first + reader.line_num)
        except csv.Error:
            return (yield from self._parse_singly(text, is_last))
        lines: Sequence[int] = ends[:-1]
        self._line += reader.line_num
        if self._is_even:
            self._is_even = reader.line_num == len(rows)
            lines = range(first, self._line) if self._is_even else _line_numbers(rows, first)
        yield Block(rows, lines, text, Places(text, first), self._delimiter)
        return len(text)

    def _parse_singly(self, text: str, is_last: bool) -> Generator[Block | Broken, None, int]:
        """As `_parse`, where something is broken or goes on behind the text: record by record up to there."""
        first = self._line
        buffer = io.StringIO(text, newline="")
        reader = self._reader(buffer)
        lines: list[int] = []
        places = Places(text, first)
        block = Block([], lines, text, places, self._delimiter)
        while True:
            start, self._line = buffer.tell(), first + reader.line_num
            try:
                row = next(reader)
            except StopIteration:
                yield block
                return len(text)
            except csv.Error as exc:
                trouble = _trouble(block, start, is_last, exc)
                yield block
                if trouble is None:
                    return start
                if isinstance(trouble, DataError):
                    raise trouble from exc
                yield trouble
                lines = []
                block = Block([], lines, text, places, self._delimiter)
            else:
                block.rows.append(row)
                lines.append(self._line)

    def _reader(self, lines: Iterable[str]) -> Reader:
        return csv.reader(lines, delimiter=self._delimiter, strict=True)


def _trouble(block: Block, start: int, is_last: bool, exc: csv.Error) -> Broken | DataError | None:
    """What is wrong with the record that starts there; nothing if it only goes on behind the text."""
    text = block.text
    for span in spans(text, start, block.delimiter):
        if content_length(text, span) > MAX_CELL:
            most = f"{MAX_CELL >> 20} MiB"
            unclosed = f"a quote is opened here and not closed within {most}; {_DOUBLE_IT}"
            said = f"a cell of more than {most}; is a quote missing?" if span.is_closed else unclosed
            return DataError(*block.places.at(span.begin), said)
        if not span.is_closed:
            unclosed = f"a quote is opened here and never closed; close it where the cell ends; {_DOUBLE_IT}"
            return DataError(*block.places.at(span.begin), unclosed) if is_last else None
        if span.is_quoted and text[span.end : span.end + 1] not in ("", "\r", "\n", block.delimiter):
            return _text_behind(block, span)
    return DataError(*block.places.at(start), f"this row cannot be read ({exc})")


def _text_behind(block: Block, span: Span) -> Broken | DataError:
    """Text between a closing quote and the end of the cell. Which quote is the wrong one, nobody can know."""
    opened, behind = block.places.at(span.begin), block.places.at(span.end)
    end = LINE_END.search(block.text, span.end)
    rest = block.text[span.end : end.start() if end else None]
    found = quoted(rest, 20)
    if opened[0] != behind[0]:
        closed = f"the quote that is opened here is closed on line {behind[0]}, with {found} behind it"
        return DataError(*opened, f"{closed}; close it where the cell ends; {_DOUBLE_IT}")
    trimmed = rest.lstrip(" \t" if block.delimiter != "\t" else " ")
    if not trimmed or trimmed.startswith(block.delimiter):
        message = "a blank between a closing quote and the end of its cell; remove it"
    else:
        message = f"{found} behind a closing quote, where the cell should end; {_DOUBLE_IT}"
    # With an even number of quotes left, the next line begins a row, as far as anybody can tell.
    return DataError(*behind, message) if rest.count('"') % 2 else Broken(*behind, message)


def end_of_lines(text: str) -> int:
    """How much of the text is whole lines. A CR at the very end may yet be followed by its LF."""
    return max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1


def _lines_of(text: str) -> Iterable[str]:
    """`splitlines` is the quickest, but knows line ends that are none here (the others are not let in)."""
    has_others = not text.isascii() and ("\u2028" in text or "\u2029" in text)
    is_large = len(text) > 2 * PIECE_BYTES  # for once; all of its lines at once would be too much
    return io.StringIO(text, newline="") if has_others or is_large else text.splitlines(keepends=True)


def _line_numbers(rows: list[list[str]], first: int) -> list[int]:
    found = []
    for row in rows:
        found.append(first)
        first += 1 + _inner_breaks(row)
    return found


def _inner_breaks(row: list[str]) -> int:
    text = ",".join(row)
    return text.count("\n") + text.count("\r") - text.count("\r\n")
