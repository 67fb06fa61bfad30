"""A few lines at the end of a terminal that are drawn anew in place, below lines that stay.

One write per drawing, so that nothing flickers. In a window that became smaller, the terminal may have broken
our lines or may have cut them: nobody can tell, so the window is cleared.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Literal, TextIO

from rich.console import Console
from rich.text import Text

CLEAR = "\x1b[H\x1b[2J"
ERASE_LINE, ERASE_BELOW = "\x1b[K", "\x1b[J"
NARROWEST, WIDEST = 20, 500


def can_redraw(file: TextIO, env: Mapping[str, str]) -> bool:
    """Whether this is a terminal that knows how to move its cursor."""
    return file.isatty() and env.get("TERM", "dumb").lower() not in ("", "dumb", "unknown")


class Screen:
    """Makes the text of each drawing; `write` is the only one to touch the terminal, and may block."""

    def __init__(self, file: TextIO | None = None, env: Mapping[str, str] = os.environ) -> None:
        self._file = sys.stderr if file is None else file
        colour: Literal["auto"] | None = None if env.get("NO_COLOR") else "auto"
        self._console = Console(
            file=self._file,
            color_system=colour,
            highlight=False,
            force_terminal=True,
            width=WIDEST,
            _environ=env,
        )
        self._lines = 0  # of the last frame
        self._size = (0, 0)

    def size(self) -> tuple[int, int]:
        """Columns and rows of the window, as it is now."""
        try:
            size = os.get_terminal_size(self._file.fileno())
        except (OSError, ValueError):
            return 80, 24
        return max(NARROWEST, size.columns or 80), max(2, size.lines or 24)

    def drawing(self, stays: Sequence[Text], frame: Sequence[Text], size: tuple[int, int]) -> str:
        """What to write: lines that stay, and below them the frame, in place of the last one."""
        if not (stays or frame or self._lines):
            return ""
        columns, rows = size
        smaller = columns < self._size[0] or self._lines >= rows
        start = CLEAR if self._lines and smaller else "\r" + f"\x1b[{self._lines}A" * bool(self._lines)
        kept = frame[: rows - 1]  # the cursor stands below
        self._lines, self._size = len(kept), size
        above = [f"{self._styled(line)}\n" for line in stays]
        below = [f"{self._styled(line)}{ERASE_LINE}\n" for line in kept]
        return "".join([start, ERASE_BELOW * bool(above), *above, *below, ERASE_BELOW])

    def _styled(self, line: Text) -> str:
        with self._console.capture() as capture:
            self._console.print(line, soft_wrap=True, end="")
        return capture.get()

    def write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()
