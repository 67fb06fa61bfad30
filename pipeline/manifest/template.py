"""A job as written that has names in it, or that stands for many clips: read and compiled once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipeline.manifest import fields
from pipeline.manifest.data import Cell
from pipeline.manifest.fields import ClipFields, FieldError, TemplateFields
from pipeline.manifest.jobs import TEXTS
from pipeline.manifest.matrix import Matrix, read_matrix
from pipeline.manifest.names import Cells, Text, UnfilledError, has_names, key_part, text_of
from pipeline.manifest.nodes import Flaw, Mapping, Mark, Node, Scalar, Sequence, place_of
from pipeline.manifest.rows import DataSource
from pipeline.manifest.rules import is_key
from pipeline.manifest.scalars import quoted, resolve
from pipeline.manifest.values import plain_values
from pipeline.manifest.wording import did_you_mean

TEMPLATE = frozenset(fields.names(TemplateFields))
SETTABLE = tuple(name for name in fields.names(ClipFields) if name not in ("reference_images", "keyframes"))
"""Fields that a column, or a name of the matrix, sets by being called like them."""
_LISTS = ("tags", "allow")
_ROWS_ONLY = ("limit", "encoding", "delimiter")

Fill = Callable[[Cells], object]


class FieldUnfilledError(Exception):
    """A field whose text cannot be filled with these values; the text says why."""

    def __init__(self, field: str, why: str) -> None:
        self.field = field
        super().__init__(why)


@dataclass(slots=True)
class WrittenText:
    """One text with names, and where it stands."""

    field: str
    place: tuple[int, int]
    text: Text


@dataclass(slots=True)
class Template:
    """`mapping`: the clip's own fields as written. `flaws` and `errors`: what is wrong with them."""

    mapping: Mapping
    how: TemplateFields = field(default_factory=TemplateFields)
    source: DataSource | None = None
    matrix: Matrix | None = None
    texts: list[WrittenText] = field(default_factory=list)
    constants: dict[str, object] = field(default_factory=dict)
    fills: list[tuple[str, Fill]] = field(default_factory=list)
    settable: tuple[str, ...] = ()  # what the job does not set itself
    flaws: list[Flaw] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)

    def values(self, cells: Cells, settable: tuple[str, ...]) -> dict[str, object]:
        """What the clip's fields are with these values. Raises FieldUnfilledError.

        `settable`: those of `self.settable` that may be among the cells.
        """
        values = dict(self.constants)
        name = ""
        try:
            for name, fill in self.fills:
                values[name] = fill(cells)
            for name in settable:
                value = _value_of(name, cells.get(name))
                if value is not None:
                    values[name] = value
        except UnfilledError as exc:
            raise FieldUnfilledError(name, str(exc)) from exc
        return values


def is_template(mapping: Mapping) -> bool:
    """Whether there is more to it than one clip as it stands."""
    if not TEMPLATE.isdisjoint(mapping.fields):
        return True
    for node in mapping.fields.values():
        if type(node) is Scalar:
            if "$" in node.text:
                return True
        elif any("$" in scalar.text for scalar in _scalars(node)):
            return True
    return False


def read_template(node: Mapping, flaws: list[Flaw]) -> Template:
    """`flaws`: what is wrong with the job's YAML already."""
    own = {name: one for name, one in node.fields.items() if name not in TEMPLATE}
    template = Template(Mapping(own, node.names, node.mark), flaws=list(flaws))
    _compile(template)
    template.settable = tuple(name for name in SETTABLE if name not in own)
    _read_how(template, node)
    if "matrix" in node.fields:
        template.matrix = read_matrix(node.fields["matrix"], template.flaws)
        if template.matrix is not None:
            _refuse_unused(template, template.matrix, node.fields["matrix"])
    if "from" not in node.fields:
        template.flaws += [
            (place_of(node.fields[name].mark), f'{name}: belongs to "from", which is not here')
            for name in _ROWS_ONLY
            if name in node.fields
        ]
    return template


def _compile(template: Template) -> None:
    constant: dict[str, Node] = {}
    for name, node in template.mapping.fields.items():
        compiled: dict[int, Text] = {}
        for scalar in _scalars(node):
            if has_names(scalar.text):
                try:
                    compiled[id(scalar)] = text = Text(scalar.text)
                    template.texts.append(WrittenText(name, place_of(scalar.mark), text))
                except UnfilledError as exc:
                    template.flaws.append((place_of(scalar.mark), f"{name}: {exc}"))
        if compiled:
            template.fills.append((name, _fill(name, node, compiled)))
        else:
            constant[name] = node
    template.constants = plain_values(Mapping(constant, template.mapping.names, template.mapping.mark), TEXTS)


def _fill(name: str, node: Node, compiled: dict[int, Text]) -> Fill:
    """What makes the field's value."""
    if isinstance(node, Scalar):
        text = compiled[id(node)]
        if name == "id":
            return lambda cells: text.fill(cells, in_key=True)
        if name in TEXTS:
            return text.fill
        return lambda cells: resolve(text.fill(cells))
    return lambda cells: plain_values(
        Mapping({name: _filled(node, cells, compiled)}, {}, node.mark), TEXTS
    ).get(name)


def _filled(node: Node, cells: Cells, compiled: dict[int, Text]) -> Node:
    if isinstance(node, Sequence):
        return Sequence([_filled(item, cells, compiled) for item in node.items], node.mark)
    if isinstance(node, Mapping):
        inner = {name: _filled(one, cells, compiled) for name, one in node.fields.items()}
        return Mapping(inner, node.names, node.mark)
    if not isinstance(node, Scalar) or id(node) not in compiled:
        return node
    text = compiled[id(node)].fill(cells)
    return Scalar(text, node.plain and not isinstance(resolve(text), str), node.mark)


def _read_how(template: Template, node: Mapping) -> None:
    own = {name: one for name, one in node.fields.items() if name in TEMPLATE and name != "matrix"}
    values = plain_values(Mapping(own, node.names, node.mark), fields.text_fields(TemplateFields))
    how, template.errors = fields.check(TemplateFields, values)
    template.how = how or TemplateFields()
    if template.how.source is not None:
        template.source = DataSource(
            path=template.how.source, encoding=template.how.encoding, delimiter=template.how.delimiter
        )


def _refuse_unused(template: Template, matrix: Matrix, node: Node) -> None:
    """A name that is used nowhere makes clips that are all the same."""
    used = {slot.name for one in template.texts for slot in one.text.slots} | set(template.settable)
    for name in matrix.names:
        if name not in used:
            if name in SETTABLE:
                why = (
                    f"{quoted(name)} is set by the job too: write ${{{name}}} there, or leave one of them out"
                )
            else:
                near = did_you_mean(name, SETTABLE)
                why = f"{quoted(name)} is used nowhere: write ${{{name}}} where it belongs{near}"
            place = node.names.get(name, node.mark) if isinstance(node, Mapping) else node.mark
            template.flaws.append((place_of(place), f"matrix: {why}"))


def _value_of(name: str, cell: Cell) -> object | None:
    """A cell as the value of a field; None where it is empty, so that the field is left out."""
    if cell is None or cell == "":
        return None
    if name in _LISTS and isinstance(cell, str):
        return [part.strip() for part in cell.split(",") if part.strip()]
    if name == "id":
        text = text_of(cell)
        return cell if text is None else text if is_key(text) else key_part(text)
    if name in TEXTS:
        text = text_of(cell)
        return cell if text is None else text
    return resolve(cell) if isinstance(cell, str) else cell


def node_of(value: object, mark: Mark) -> Node:
    """A value as if it stood in the file, for what a message says of it."""
    if isinstance(value, list):
        return Sequence([node_of(one, mark) for one in value], mark)
    if isinstance(value, str):
        return Scalar(value, plain=False, mark=mark)
    if isinstance(value, bool | int | float):
        return Scalar(json.dumps(value), plain=True, mark=mark)
    return Mapping({}, {}, mark)


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items[: fields.MAX_TAGS + 1]:  # more are refused: aliases make long lists cheap
            yield from _scalars(item)
    elif isinstance(node, Mapping):
        for inner in node.fields.values():
            yield from _scalars(inner)
