"""The parts of a YAML document as the reader hands them on: scalar, list, mapping, each with its place.

Not frozen and without checks: one is made for every value of a file, and a frozen dataclass costs twice.
Nobody changes a node once it is built. Nodes that an alias repeats are shared, never copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pipeline.manifest.scalars import NULL_TEXTS, Null, Value, describe, resolve
from pipeline.manifest.shapes import Place


class Mark(Protocol):
    """The parser's own place; counts from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


Flaw = tuple[Place, str]
"""A thing wrong with one job or head field that does not stop the reading."""


class Start(NamedTuple):
    """The mark of the very start of a file."""

    line: int = 0
    column: int = 0


def place_of(mark: Mark) -> Place:
    return (mark.line + 1, mark.column + 1)


@dataclass(slots=True)
class Scalar:
    text: str
    plain: bool  # not in quotes, not a block: may mean a number, true, false or null
    mark: Mark

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in NULL_TEXTS

    @property
    def value(self) -> Value:
        return resolve(self.text) if self.plain else self.text

    @property
    def text_value(self) -> str | Null:
        """As text, where text is wanted: `id: 007` is written 007, and means that."""
        return Null.NULL if self.is_null else self.text


@dataclass(slots=True)
class Sequence:
    items: list[Node]
    mark: Mark


@dataclass(slots=True)
class Mapping:
    fields: dict[str, Node]
    names: dict[str, Mark]  # where each field's name stands
    mark: Mark


@dataclass(slots=True)
class Broken:
    """Stands where a value would. What is wrong with it is among the flaws of a job or head field."""

    mark: Mark


Node = Scalar | Sequence | Mapping | Broken


def found(node: Node) -> str:
    """What stands here, as a person would say it."""
    if isinstance(node, Scalar):
        return describe(node.text, node.plain)
    if isinstance(node, Sequence):
        count = len(node.items)
        return f"a list of {count:,} item{'' if count == 1 else 's'}" if count else "an empty list"
    if isinstance(node, Mapping):
        return "a mapping" if node.fields else "an empty mapping"
    return "a broken value"
