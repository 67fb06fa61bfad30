"""`matrix`: every combination of some lists of values; `include` and `exclude` as in GitHub Actions.

`exclude` takes out what has all of its values. An `include` joins each combination that it does not
contradict; one that fits none becomes a combination of its own.
Source: docs.github.com, "Running variations of jobs in a workflow".
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pipeline.manifest.hints import AS_TEXT
from pipeline.manifest.names import first_name
from pipeline.manifest.nodes import Broken, Flaw, Mapping, Node, Scalar, Sequence, found, place_of
from pipeline.manifest.scalars import quoted
from pipeline.manifest.wording import did_you_mean, listed

MAX_COMBINATIONS = 100_000
_INCLUDE, _EXCLUDE = "include", "exclude"
_EXAMPLE = "such as {style: [noir, watercolor]}"
_VALUES = "such as [noir, watercolor]"

Combination = dict[str, Scalar]


@dataclass(slots=True)
class Matrix:
    axes: dict[str, list[Scalar]]
    include: list[Combination]
    exclude: list[Combination]

    @property
    def names(self) -> list[str]:
        """Every name that some combination has."""
        return list(dict.fromkeys([*self.axes, *(name for one in self.include for name in one)]))

    def combinations(self) -> Iterator[Combination]:
        joined: set[int] = set()
        for values in itertools.product(*self.axes.values()) if self.axes else ():
            combination = dict(zip(self.axes, values, strict=True))
            if any(_agrees(one, combination) for one in self.exclude):
                continue
            more: Combination = {}
            for number, one in enumerate(self.include):
                own = {name: value for name, value in one.items() if name in self.axes}
                if _agrees(own, combination):
                    more |= one
                    joined.add(number)
            yield {**combination, **{name: more[name] for name in more if name not in self.axes}}
        yield from (one for number, one in enumerate(self.include) if number not in joined)


def _agrees(one: Combination, combination: Combination) -> bool:
    return all(combination[name].text == value.text for name, value in one.items())


def read_matrix(node: Node, flaws: list[Flaw]) -> Matrix | None:
    """The matrix, or None and why there is none among the `flaws`."""
    before = len(flaws)
    if not isinstance(node, Mapping):
        _tell(flaws, node, f"matrix: expected lists of values by name, {_EXAMPLE}, got {found(node)}")
        return None
    axes = {
        name: _values(name, one, flaws)
        for name, one in node.fields.items()
        if name not in (_INCLUDE, _EXCLUDE)
    }
    matrix = Matrix(axes, _combinations(_INCLUDE, node, flaws), _combinations(_EXCLUDE, node, flaws))
    if len(flaws) == before:
        _check(matrix, node, flaws)
    return matrix if len(flaws) == before else None


def _values(name: str, node: Node, flaws: list[Flaw]) -> list[Scalar]:
    items = node.items if isinstance(node, Sequence) else []
    if not items:
        _tell(flaws, node, f"matrix: {name}: expected a list of values, {_VALUES}, got {found(node)}")
    for number, item in enumerate(items, 1):
        _check_value(f"matrix: {name}: item {number}", name, item, flaws)
    values = [item for item in items if isinstance(item, Scalar)]
    seen: set[str] = set()
    for value in values:
        if value.text in seen:
            _tell(flaws, value, f"matrix: {name}: {quoted(value.text)} stands here twice")
        seen.add(value.text)
    return values


def _combinations(name: str, matrix: Mapping, flaws: list[Flaw]) -> list[Combination]:
    node = matrix.fields.get(name)
    if node is None:
        return []
    if not isinstance(node, Sequence):
        wanted = "expected a list of mappings, such as [{style: noir, aspect_ratio: 16:9}]"
        _tell(flaws, node, f"matrix: {name}: {wanted}, got {found(node)}")
        return []
    combinations = []
    for number, item in enumerate(node.items, 1):
        where = f"matrix: {name}: item {number}"
        if not isinstance(item, Mapping) or not item.fields:
            _tell(
                flaws, item, f"{where}: expected values by name, such as {{style: noir}}, got {found(item)}"
            )
            continue
        for inner, value in item.fields.items():
            _check_value(f"{where}: {inner}", inner, value, flaws)
        combinations.append({key: one for key, one in item.fields.items() if isinstance(one, Scalar)})
    return combinations


def _check_value(where: str, name: str, node: Node, flaws: list[Flaw]) -> None:
    if not isinstance(node, Scalar) or node.is_null:
        hint = AS_TEXT if isinstance(node, Scalar) and node.text else ""
        _tell(flaws, node, f"{where}: expected text, a number, true or false, got {found(node)}{hint}")
    elif "${" in node.text:
        other = first_name(node.text)
        instead = f'write it where ${{{name}}} stands, as in "${{{name}}} {other[1:]}'
        _tell(flaws, node, f"{where}: {other} is not filled in the values of a matrix; {instead}")


def _check(matrix: Matrix, node: Mapping, flaws: list[Flaw]) -> None:
    if not matrix.axes and not matrix.include:
        _tell(flaws, node, f"matrix: expected lists of values by name, {_EXAMPLE}, got an empty mapping")
        return
    total = math.prod(len(values) for values in matrix.axes.values())
    if total > MAX_COMBINATIONS:
        _tell(flaws, node, f"matrix: has {total:,} combinations; at most {MAX_COMBINATIONS:,}")
        return
    wrong = False
    for number, one in enumerate(matrix.exclude, 1):
        for name, why in _excludes_nothing(one, matrix):
            wrong = True
            _tell(flaws, one[name], f"matrix: exclude: item {number}: {why}")
    _refuse_equal(matrix, node, flaws)
    if not wrong and next(matrix.combinations(), None) is None:
        _tell(flaws, node, "matrix: nothing is left of it; exclude fewer combinations")


def _refuse_equal(matrix: Matrix, node: Mapping, flaws: list[Flaw]) -> None:
    """Items of `include` that would be one combination twice."""
    items, seen = node.fields.get(_INCLUDE), dict[frozenset[tuple[str, str]], int]()
    for number, one in enumerate(matrix.include, 1):
        first = seen.setdefault(frozenset((name, value.text) for name, value in one.items()), number)
        if first != number and isinstance(items, Sequence) and not _joins(one, matrix):
            why = f"the same as item {first}; remove one of them"
            _tell(flaws, items.items[number - 1], f"matrix: {_INCLUDE}: item {number}: {why}")


def _joins(one: Combination, matrix: Matrix) -> bool:
    """Whether it fits a combination of the lists, as far as a look at each of its values can tell."""
    own = {name: value.text for name, value in one.items() if name in matrix.axes}
    known = {name: {value.text for value in matrix.axes[name]} for name in own}
    return bool(matrix.axes) and all(text in known[name] for name, text in own.items())


def _excludes_nothing(one: Combination, matrix: Matrix) -> Iterator[tuple[str, str]]:
    """The names that make it so, and why."""
    for name, value in one.items():
        if not matrix.axes:
            why = '"exclude" takes combinations out of the lists only, and there are none'
            yield name, f'{why}; remove "exclude", and remove what you do not want from "include"'
            return
        if name not in matrix.axes:
            yield name, f"there is no list {quoted(name)}{_near(name, matrix.axes)}"
            continue
        known = [other.text for other in matrix.axes[name]]
        if value.text not in known:
            yield name, f"{name} is never {quoted(value.text)}{_near(value.text, known)}"


def _near(text: str, known: Collection[str]) -> str:
    return did_you_mean(text, known) or f"; {listed(known)}"


def _tell(flaws: list[Flaw], node: Node, message: str) -> None:
    if not isinstance(node, Broken):  # told where it broke
        flaws.append((place_of(node.mark), message))
