"""Single values of a scenario file, checked against the type that a dataclass gives its field.

Pure. A type is float, int, bool, str, None, a Literal of texts, one of these with `Limits` in an Annotated,
or a union of them. Every error is a ValueError that says what was expected.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the largest value of a number."""

    least: float
    most: float = math.inf

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f" from {self.least:g}" if self.most == math.inf else f" from {self.least:g} to {self.most:g}"


def types_of(kind: type) -> Mapping[str, Any]:
    """The type of each field of a dataclass."""
    hints = get_type_hints(kind, include_extras=True)
    return {item.name: hints[item.name] for item in dataclasses.fields(kind)}


def checked(value: Any, kind: Any) -> Any:
    """`value` as one of this type; a whole number passes as a float, and a number as one of a Literal."""
    if get_origin(kind) is Literal and str(value) in get_args(kind):
        return str(value)
    for one, limits in _options(kind):
        fit = float(value) if one is float and type(value) is int else value
        if (
            type(fit) is one
            and (one is not float or math.isfinite(fit))
            and (limits is None or fit in limits)
        ):
            return fit
    raise ValueError(f"{value!r}, expected {_words(kind)}")


def _options(kind: Any) -> list[tuple[Any, Limits | None]]:
    if get_origin(kind) in (Union, types.UnionType):
        return [option for part in get_args(kind) for option in _options(part)]
    if get_origin(kind) is Annotated:
        base, limits = get_args(kind)
        return [(base, limits)]
    return [(kind, None)]


_NAMES = {float: "a number", int: "a whole number", bool: "true or false", str: "text", type(None): "null"}


def _words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    return " or ".join(f"{_NAMES[one]}{limits or ''}" for one, limits in _options(kind))
