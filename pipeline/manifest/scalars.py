"""What a plain YAML scalar means: the core schema of YAML 1.2, with one change.

`no`, `16:9`, `1_000` and dates are text, where YAML 1.1 reads False, 969, 1000 and a date. Our change: a
number with leading zeros (`007`) is text too, because it is a name, not an amount.
Source: YAML 1.2.2, section 10.3.2. Also says in plain words what was found.
"""

from __future__ import annotations

import re
from enum import Enum

_NUMBER = re.compile(
    r"(?P<int>[-+]?(?:0|[1-9][0-9]*))"
    r"|0o(?P<oct>[0-7]+)"
    r"|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
)
_MAX_NUMBER = 100  # characters; a longer row of digits is no amount, and costly to turn into one


class Null(Enum):
    """YAML's null. Not None, which means "not in the file"."""

    NULL = "null"


Value = str | int | float | bool | Null

_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), Null.NULL),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
NULL_TEXTS = frozenset(text for text, value in _WORDS.items() if value is Null.NULL)


def resolve(text: str) -> Value:
    """The value of a plain (unquoted) scalar."""
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.fullmatch(text) if len(text) <= _MAX_NUMBER else None
    if match is None:
        return text
    kind, digits = match.lastgroup, match[match.lastgroup or 0]
    if kind == "float":
        return float(digits)
    return int(digits, {"oct": 8, "hex": 16}.get(kind or "", 10))


def quoted(text: str, longest: int = 60) -> str:
    """The text in quotes, on one line, with nothing in it that could disturb a terminal."""
    if len(text) > longest:
        text = text[: longest - 3] + "..."
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return f'"{shown}"'


def describe(text: str, plain: bool) -> str:
    """What was found, as a person would say it."""
    value = resolve(text) if plain else text
    if isinstance(value, str):
        return f"text {quoted(text)}" if text else "empty text"
    if value is Null.NULL:
        return f"{text}, which is nothing in YAML" if text else "nothing"
    return text
