"""Tables, CSV and TSV: the first row that is not blank names the columns, each later one is a row of data."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import count, repeat

from pipeline.manifest.data.columns import Columns, Misfit
from pipeline.manifest.data.records import Block, Broken, Records
from pipeline.manifest.data.rows import DataError, Flaw, Kind, Row, row_of
from pipeline.manifest.data.text import Text


def read_table(text: Text, kind: Kind, delimiter: str | None) -> Iterator[Row | Flaw]:
    columns: Columns | None = None
    number = 1  # of the next row
    for part in Records(text, kind, delimiter):
        if isinstance(part, Broken):
            if columns is None:
                raise DataError(*part)
            yield Flaw(part.line, part.column, f"row {number}: {part.message}")
            number += 1
            continue
        start = 0
        if columns is None:
            header = next((index for index, row in enumerate(part.rows) if not _is_blank(row)), None)
            if header is None:
                continue
            columns = _columns(part, header)
            start = header + 1
        number = yield from _rows(part, start, columns, number)
    if columns is None:
        raise DataError(1, 1, "the file is empty; expected the names of the columns on its first line")


def _columns(block: Block, index: int) -> Columns:
    columns = Columns(block.rows[index], block.delimiter)
    if flaw := columns.flaw():
        raise DataError(*block.place_of_cell(index, flaw.cell or 0), flaw.message)
    return columns


def _rows(block: Block, start: int, columns: Columns, number: int) -> Generator[Row | Flaw, None, int]:
    """Returns the number of the next row."""
    rows, lines = block.rows[start:], block.lines[start:]
    if columns.fit_all(rows):
        # Without a line of Python for each row: half of the time.
        values = map(dict, map(zip, repeat(columns.names), rows))
        yield from map(row_of, zip(count(number), lines, values, strict=False))
        return number + len(rows)
    if not any(map(any, rows)):
        return number  # blank lines by the thousand
    for index, (row, line) in enumerate(zip(rows, lines, strict=True), start):
        if _is_blank(row):
            continue
        fit = columns.values(row)
        yield _flaw(block, index, fit, number) if isinstance(fit, Misfit) else row_of((number, line, fit))
        number += 1
    return number


def _is_blank(row: list[str]) -> bool:
    """A blank line, or one of empty cells alone, as Excel leaves behind the last row."""
    return not "".join(row).strip()


def _flaw(block: Block, index: int, misfit: Misfit, number: int) -> Flaw:
    first, last = block.lines[index], block.last_line_of(index)
    place = (first, 1) if misfit.cell is None else block.place_of_cell(index, misfit.cell)
    lines = f" (lines {first} to {last}; is a quote missing?)" if last > first else ""
    return Flaw(*place, f"row {number}{lines}: {misfit.message}")
