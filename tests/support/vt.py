"""A terminal of the simplest kind: enough to see what a few lines drawn in place come to."""

from __future__ import annotations

import re

_PIECES = re.compile(r"\x1b\[(\d*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


class Window:
    """Rows of text. `reflows`: whether lines that do not fit any more are broken, or cut, when it shrinks."""

    def __init__(self, columns: int, rows: int, *, reflows: bool = True) -> None:
        self.columns, self.rows, self._reflows = columns, rows, reflows
        self._lines: list[str] = [""]
        self._row = self._column = 0

    def write(self, text: str) -> None:
        for number, order, control, plain in _PIECES.findall(text):
            if control == "\r":
                self._column = 0
            elif control == "\n":
                self._down()
                self._column = 0
            elif plain:
                self._put(plain)
            else:
                self._obey(int(number or 1) if order == "A" else number, order)

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._lines):
            self._lines.append("")

    def _put(self, text: str) -> None:
        for char in text:
            if self._column == self.columns:
                self._down()
                self._column = 0
            line = self._lines[self._row].ljust(self._column)
            self._lines[self._row] = line[: self._column] + char + line[self._column + 1 :]
            self._column += 1

    def _obey(self, number: int | str, order: str) -> None:
        top = max(0, len(self._lines) - self.rows)  # what is above is scrollback, and out of reach
        if order == "A":
            self._row = max(top, self._row - int(number))
        elif order == "K":
            self._lines[self._row] = self._lines[self._row][: self._column]
        elif order == "J" and number == "2":
            self._lines[top:] = [""] * (len(self._lines) - top)
        elif order == "J":
            self._lines[self._row + 1 :] = []
            self._lines[self._row] = self._lines[self._row][: self._column]
        elif order == "H":
            self._row, self._column = top, 0
        else:
            assert order == "m", order

    def resize(self, columns: int, rows: int) -> None:
        if columns < self.columns:
            below = len(self._lines) - self._row
            if self._reflows:
                self._lines = [
                    line[start : start + columns]
                    for line in self._lines
                    for start in range(0, max(1, len(line)), columns)
                ]
            else:
                self._lines = [line[:columns] for line in self._lines]
            self._row = len(self._lines) - below
        self.columns, self.rows = columns, rows

    def text(self) -> list[str]:
        """All rows down to the last with text."""
        lines = [line.rstrip() for line in self._lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines
