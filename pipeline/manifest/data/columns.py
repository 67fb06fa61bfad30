"""The header of a table, and how a row is laid out under it.

A column without a name is what Excel leaves where a column was emptied: it counts for nothing as long as its
cells are empty, and so do empty cells behind the last column. Text in such a place is a flaw.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

from pipeline.manifest.data.rows import MAX_COLUMNS
from pipeline.manifest.scalars import quoted

_MOST_PLACED = 20_000  # columns, more than Excel has; behind them, nobody looks for the place of a cell


class Misfit(NamedTuple):
    """What is wrong, and with which cell (None: with the row as a whole)."""

    cell: int | None
    message: str


class Columns:
    """The columns up to the last one that has a name."""

    def __init__(self, header: Sequence[str], delimiter: str) -> None:
        self._delimiter = delimiter
        self._total = len(header)
        names = [name.strip() for name in header]
        while names and not names[-1]:
            names.pop()
        self.names = tuple(names)
        self._unnamed = [index for index, name in enumerate(names) if not name]

    def fit_all(self, rows: list[list[str]]) -> bool:
        """A quick look: whether all rows are laid out as the header is, and none is blank."""
        if self._unnamed or not set(map(len, rows)) <= {self._total}:
            return False
        width = len(self.names)
        if width < self._total and any(map(any, map(itemgetter(slice(width, None)), rows))):
            return False
        return all(map(str.strip, map(itemgetter(0), rows))) or all(map(str.strip, map("".join, rows)))

    def flaw(self) -> Misfit | None:
        """What is wrong with the header itself."""
        seen: dict[str, int] = {}
        for index, name in enumerate(self.names):
            first = seen.setdefault(name, index)
            if name and first != index:
                where = f"as column {first + 1} and column {index + 1}"
                return Misfit(index, f"the column {quoted(name)} is there twice, {where}; rename one of them")
        count = len(self.names) - len(self._unnamed)
        if count > MAX_COLUMNS:
            return Misfit(
                None, f"{count:,} columns, at most {MAX_COLUMNS:,} are allowed; is this the header?"
            )
        return None

    def values(self, row: list[str]) -> dict[str, str] | Misfit:
        width = len(self.names)
        if len(row) < width:
            return self._too_few(row)
        for index in self._unnamed:
            if row[index].strip():
                return self._unexpected(row, index)
        if len(row) > width and any(map(str.strip, row[width:])):
            return self._unexpected(row, next(i for i in range(width, len(row)) if row[i].strip()))
        if not self._unnamed:
            return dict(zip(self.names, row, strict=False))
        return {name: cell for name, cell in zip(self.names, row, strict=False) if name}

    def _unexpected(self, row: list[str], index: int) -> Misfit:
        if index < self._total:
            say = f"{quoted(row[index], 20)} in column {index + 1}, which has no name in the header"
            return Misfit(index, f"{say}; name the column, or empty it")
        found = f"{len(row):,} cells, expected {len(self.names):,} as in the header"
        if index > _MOST_PLACED:
            return Misfit(None, found)
        if any(cell.lstrip().startswith('"') for cell in row):
            return Misfit(index, f"{found}; a quote counts only as the first character of a cell")
        where = "a tab" if self._delimiter == "\t" else f'a "{self._delimiter}"'
        return Misfit(index, f"{found}; put a cell with {where} in it in quotes")

    def _too_few(self, row: list[str]) -> Misfit:
        found = (
            f"{len(row):,} cell{'' if len(row) == 1 else 's'}, expected {len(self.names):,} as in the header"
        )
        keep = "tab" if self._delimiter == "\t" else f'"{self._delimiter}"'
        return Misfit(None, f"{found}; an empty cell needs its {keep} too")
