"""JSON Lines: one object on each line, with plain values: text, numbers, true, false, null, or lists of them.

The json module parses; what it lets pass and we do not (names that come twice, NaN, half a character) is
found by `jsonfaults`, which also says in words what the module's errors mean.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from pipeline.manifest.data import jsonfaults
from pipeline.manifest.data.records import end_of_lines
from pipeline.manifest.data.rows import MAX_CELL, MAX_COLUMNS, DataError, Flaw, Row, row_of
from pipeline.manifest.data.text import Text

_PLAIN = {str, int, float, bool, type(None)}
_TOO_LONG = f"a line of more than {MAX_CELL >> 20} MiB; is all of the file on one line?"


class _FaultyError(Exception):
    """The line is JSON, but not such as we take."""


def read_lines(text: Text) -> Iterator[Row | Flaw]:
    carry, line, number, is_last = "", 0, 1, False
    while not is_last:
        if len(carry) > MAX_CELL:
            raise DataError(line + 1, 1, _TOO_LONG)
        piece = text.read(carry, line + 1)
        is_last = not piece
        carry += piece
        end = len(carry) if is_last else end_of_lines(carry)
        whole, carry = carry[:end], carry[end:]
        for ended in io.StringIO(whole, newline=""):
            line += 1
            raw = ended.rstrip("\r\n")
            if not raw or raw.isspace():
                continue
            if len(raw) > MAX_CELL:
                raise DataError(line, 1, _TOO_LONG)
            try:
                yield row_of((number, line, _values(raw)))
            except (ValueError, RecursionError, _FaultyError) as exc:
                fault = jsonfaults.find(raw, exc if isinstance(exc, json.JSONDecodeError) else None)
                if number == 1 and (said := jsonfaults.shape(raw, fault)):
                    raise DataError(line, fault.column, said) from None
                yield Flaw(line, fault.column, f"row {number}: {fault.message}")
            number += 1


def _values(raw: str) -> dict[str, Any]:
    values = _DECODER.decode(raw)
    if type(values) is not dict or len(values) > MAX_COLUMNS or "" in values:
        raise _FaultyError
    if not _PLAIN.issuperset(map(type, values.values())):
        for value in values.values():
            if type(value) is dict or (type(value) is list and not _PLAIN.issuperset(map(type, value))):
                raise _FaultyError
    if "\\" in raw and _has_odd_text(values):
        raise _FaultyError
    return values


def _has_odd_text(values: dict[str, Any]) -> bool:
    """Whether some text holds what only an escape can bring in: the file itself has been checked."""
    for name, value in values.items():
        texts = (name, *value) if type(value) is list else (name, value)
        if any(type(text) is str and jsonfaults.is_odd(text) for text in texts):
            return True
    return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _FaultyError
    return values


def _whole_number(text: str) -> int:
    if jsonfaults.digits_in(text) > jsonfaults.MAX_DIGITS:
        raise _FaultyError
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _FaultyError
    return value


def _constant(_name: str) -> float:
    raise _FaultyError


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole_number, parse_float=_number, parse_constant=_constant
)
