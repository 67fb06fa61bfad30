"""What the reading of a data file gives, and how much of it there may be.

Tuples, not frozen dataclasses: one is made for each row of 100,000, and a dataclass takes thrice as long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple, cast

Kind = Literal["csv", "tsv", "jsonl"]
KINDS: tuple[Kind, ...] = ("csv", "tsv", "jsonl")

Scalar = str | int | float | bool | None
Cell = Scalar | list[Scalar]

MAX_CELL = 1 << 20  # characters; of a line of JSON too
MAX_ROW = 4 << 20  # characters
MAX_COLUMNS = 1000


class Row(NamedTuple):
    """One row. `number` counts rows of data from 1, without header and blank lines; `line` is its first."""

    number: int
    line: int
    values: dict[str, Cell]


class Flaw(NamedTuple):
    """A row that is wrong and left out; the reading goes on. Its message begins with the row's number."""

    line: int
    column: int
    message: str


class DataError(Exception):
    """The file cannot be read on from here. Line and column are counted from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        self.line, self.column, self.message = line, column, message
        super().__init__(message)


class SettingError(DataError):
    """The file cannot be read as `setting` says, which is `encoding` or `delimiter`."""

    def __init__(self, setting: str, message: str, line: int = 1) -> None:
        self.setting = setting
        super().__init__(line, 1, message)


# Row(...) runs a function in Python for each row; this does the same in C.
row_of = cast("Callable[[tuple[int, int, Mapping[str, Any]]], Row]", partial(tuple.__new__, Row))
