"""Lists and guesses in messages: `a, b or c`, and what somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def one_of(values: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *most, last = [str(value) for value in values] or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with a leading space, or nothing."""
    close = difflib.get_close_matches(word[:100].lower(), list(known), n=1)
    return f' Did you mean "{close[0]}"?' if close else ""


def spelled(values: Sequence[int]) -> str:
    """`1 to 15`, or `6, 10 or 12`."""
    row = list(values)
    if len(row) > 2 and row == list(range(row[0], row[-1] + 1)):
        return f"{row[0]} to {row[-1]}"
    return one_of(str(value) for value in row)
