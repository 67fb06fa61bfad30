"""A job as written that has names in it, or that stands for many clips: read and compiled once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from pipeline.manifest import fields
from pipeline.manifest.data import Cell
from pipeline.manifest.fields import ClipFields, FieldError, JobFields, TemplateFields
from pipeline.manifest.jobs import SOURCES, TEXTS
from pipeline.manifest.matrix import Matrix, read_matrix
from pipeline.manifest.names import (
    AbsentError,
    Cells,
    Text,
    UnfilledError,
    bare,
    first_name,
    has_names,
    key_part,
    text_of,
)
from pipeline.manifest.nodes import Flaw, Mapping, Mark, Node, Scalar, Sequence, place_of
from pipeline.manifest.rows import DataSource
from pipeline.manifest.rules import is_key, is_link
from pipeline.manifest.scalars import Null, quoted, resolve
from pipeline.manifest.values import plain_values
from pipeline.manifest.wording import did_you_mean

TEMPLATE = frozenset(fields.names(TemplateFields))
SETTABLE = tuple(name for name in fields.names(ClipFields) if name not in ("reference_images", "keyframes"))
"""Fields that a column, or a name of the matrix, sets by being called like them."""
_LISTS = ("tags", "allow")
_ROWS_ONLY = ("limit", "encoding", "delimiter")
_TABLES_ONLY = ("encoding", "delimiter")
_FIELDS = fields.names(JobFields)

Fill = Callable[[Cells], object]


class FieldUnfilledError(Exception):
    """A field whose text cannot be filled with these values; the text says why.

    `absent`: the name that has no value at all, if that is why.
    """

    def __init__(self, field: str, why: UnfilledError) -> None:
        self.field = field
        self.absent = why.name if isinstance(why, AbsentError) else None
        super().__init__(str(why))


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
    lists: dict[str, Callable[[Cells], Node]] = field(default_factory=dict)  # filled, with their places
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
                value = fill(cells)
                if value != "" and value is not Null.NULL:  # as with an empty cell: the field is left out
                    values[name] = value
            for name in settable:
                value = _value_of(name, cells.get(name))
                if value is not None:
                    values[name] = value
        except UnfilledError as exc:
            raise FieldUnfilledError(name, exc) from exc
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
    is_compiled = _compile(template)
    template.settable = tuple(name for name in SETTABLE if name not in own)
    is_compiled &= _read_how(template, node)
    if "matrix" in node.fields:
        template.matrix = read_matrix(node.fields["matrix"], template.flaws)
        if template.matrix is not None and is_compiled:
            _refuse_unused(template, template.matrix, node.fields["matrix"])
    for names, why in _out_of_place(template, node):
        template.flaws += [
            (place_of(node.fields[name].mark), f"{name}: {why}") for name in names if name in node.fields
        ]
    return template


def _out_of_place(template: Template, node: Mapping) -> Iterator[tuple[tuple[str, ...], str]]:
    """Fields that say how rows are read, where there are none, or none of a table."""
    if "from" not in node.fields:
        yield _ROWS_ONLY, 'belongs to "from", which is not here'
    elif template.source is not None and template.source.is_pictures:
        yield _TABLES_ONLY, 'is for tables, and "from" is a pattern of pictures here'


def _compile(template: Template) -> bool:
    """Whether every text could be read."""
    before = len(template.flaws)
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
            if not isinstance(node, Scalar):
                template.lists[name] = partial(_filled, node, compiled)
        else:
            constant[name] = node
    template.constants = plain_values(Mapping(constant, template.mapping.names, template.mapping.mark), TEXTS)
    return len(template.flaws) == before


def _fill(name: str, node: Node, compiled: dict[int, Text]) -> Fill:
    """What makes the field's value."""
    if isinstance(node, Scalar):
        text = compiled[id(node)]
        if name == "id":
            return lambda cells: text.fill(cells, in_key=True)
        if name in SOURCES:
            return lambda cells: _source(text, cells)
        if name in TEXTS:
            return text.fill
        return lambda cells: resolve(text.fill(cells).strip())
    return lambda cells: plain_values(
        Mapping({name: _filled(node, compiled, cells)}, {}, node.mark), TEXTS
    ).get(name)


def _source(text: Text, cells: Cells) -> str:
    """A URL as it is; else the key of a job, which was filled in the same way."""
    plain = text.fill(cells)
    return plain if is_link(plain) else text.fill(cells, in_key=True)


def _filled(node: Node, compiled: dict[int, Text], cells: Cells) -> Node:
    if isinstance(node, Sequence):
        return Sequence([_filled(item, compiled, cells) for item in node.items], node.mark)
    if isinstance(node, Mapping):
        inner = {name: _filled(one, compiled, cells) for name, one in node.fields.items()}
        return Mapping(inner, node.names, node.mark)
    if not isinstance(node, Scalar) or id(node) not in compiled:
        return node
    text = compiled[id(node)].fill(cells)
    return Scalar(text, isinstance(resolve(text), bool | int | float), node.mark)


def _read_how(template: Template, node: Mapping) -> bool:
    """Whether there is no name in it."""
    own = {name: one for name, one in node.fields.items() if name in TEMPLATE and name != "matrix"}
    for name, one in own.items():
        if isinstance(one, Scalar) and "${" in one.text:
            what_to_do = "write one job for each file" if name == "from" else "write a value"
            why = f"{first_name(one.text)} is not filled in here; {what_to_do}"
            template.flaws.append((place_of(one.mark), f"{name}: {why}"))
            return False
    values = plain_values(Mapping(own, node.names, node.mark), fields.text_fields(TemplateFields))
    how, template.errors = fields.check(TemplateFields, values)
    template.how = how or TemplateFields()
    if template.how.source is not None:
        template.source = DataSource(
            path=template.how.source, encoding=template.how.encoding, delimiter=template.how.delimiter
        )
    return True


def _refuse_unused(template: Template, matrix: Matrix, node: Node) -> None:
    """A name that is used nowhere makes clips that are all the same."""
    used = {slot.name for one in template.texts for slot in one.text.slots} | set(template.settable)
    if template.source is None:  # no column can be called so: it is told that this is no name
        used |= {bare(name) for name in used}
    for name in matrix.names:
        if name not in used:
            if not name.strip():
                why = "expected a name before the list, got empty text"
            elif name in SETTABLE:
                why = (
                    f"{quoted(name)} is set by the job too: write ${{{name}}} there, or leave one of them out"
                )
            elif name in _FIELDS:
                why = (
                    f"{quoted(name)} cannot be set by a matrix: set it in the job, or call the list otherwise"
                )
            else:
                near = did_you_mean(name, SETTABLE)
                why = f"{quoted(name)} is used nowhere: write ${{{name}}} where it belongs{near}"
            place = node.names.get(name, node.mark) if isinstance(node, Mapping) else node.mark
            template.flaws.append((place_of(place), f"matrix: {why}"))


def _value_of(name: str, cell: Cell) -> object | None:
    """A cell as the value of a field; None where it is empty, so that the field is left out."""
    if isinstance(cell, str):
        cell = cell.strip()
    if cell is None or cell == "":
        return None
    if name in _LISTS:
        return _listed(cell)
    if name == "id" or name in SOURCES:
        text = text_of(cell)
        if text is None:
            return cell
        return text if is_key(text) or (name != "id" and is_link(text)) else key_part(text)
    if name in TEXTS:
        text = text_of(cell)
        return cell if text is None else text
    return resolve(cell) if isinstance(cell, str) else cell


def _listed(cell: Cell) -> object:
    if isinstance(cell, str):
        return [part.strip() for part in cell.split(",") if part.strip()]
    if isinstance(cell, list):
        return [one if one is None else text_of(one) for one in cell]
    return cell


def node_of(value: object, mark: Mark) -> Node:
    """A value as if it stood in the file, for what a message says of it."""
    if isinstance(value, list):
        return Sequence([node_of(one, mark) for one in value], mark)
    if isinstance(value, str):
        return Scalar(value, plain=False, mark=mark)
    if isinstance(value, bool | int | float):
        return Scalar(json.dumps(value), plain=True, mark=mark)
    if value is None:
        return Scalar("", plain=True, mark=mark)
    if isinstance(value, dict):
        inner = {str(name): node_of(one, mark) for name, one in value.items()}
        return Mapping(inner, dict.fromkeys(inner, mark), mark)
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
