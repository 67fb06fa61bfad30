"""Where the cells of one row stand in the text: looked for only once something is wrong with the row.

Reads as the csv module does in strict mode: a cell is quoted if it begins with a quote; in any other cell a
quote is a character like others (`27" screen`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

LINE_END = re.compile(r"\r\n|\r|\n")

_QUOTED = re.compile(r'"(?:[^"]++|"")*+("?)')


class Span(NamedTuple):
    """A cell's first character and the one behind it."""

    begin: int
    end: int
    is_quoted: bool
    is_closed: bool


def spans(text: str, start: int, delimiter: str) -> Iterator[Span]:
    """The cells of the row that starts there, up to its end or to text behind a closing quote."""
    bare = re.compile(f"[^{re.escape(delimiter)}\r\n]*+")
    at = start
    while True:
        match = _QUOTED.match(text, at)
        if match is not None:
            yield Span(at, match.end(), True, match[1] != "")
        else:
            match = bare.match(text, at)
            assert match is not None
            yield Span(at, match.end(), False, True)
        at = match.end()
        if text[at : at + 1] != delimiter:
            return
        at += 1


def content_length(text: str, span: Span) -> int:
    """Characters in a cell, without its quotes and with doubled ones counted once."""
    if not span.is_quoted:
        return span.end - span.begin
    end = span.end - span.is_closed
    return end - span.begin - 1 - text.count('""', span.begin + 1, end)


class Places:
    """Line and column of any character in a stretch of text, whose first character begins a line.

    Looks through the text when it is first asked, which is seldom.
    """

    def __init__(self, text: str, first_line: int) -> None:
        self._text, self._first_line = text, first_line

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in LINE_END.finditer(self._text))]

    def start_of(self, line: int) -> int:
        return self._starts[line - self._first_line]

    def at(self, offset: int) -> tuple[int, int]:
        index = bisect_right(self._starts, offset) - 1
        return self._first_line + index, offset - self._starts[index] + 1
