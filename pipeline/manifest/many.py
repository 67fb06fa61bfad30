"""The clips of one written job: one for each row of a file, each combination of a matrix, each repeat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from pipeline.manifest.fields import FieldError
from pipeline.manifest.jobs import NAMES, SOURCES, JobDraft, draft_of, flaws_of, job_label
from pipeline.manifest.matrix import Combination
from pipeline.manifest.names import Cells, or_instead, text_of, undefined
from pipeline.manifest.nodes import Broken, Flaw, Mapping, Node, Scalar, found, place_of
from pipeline.manifest.pages import ROWS, Page, Pages
from pipeline.manifest.problems import Message, Problems
from pipeline.manifest.rows import DataFlaw, Files, SourceError, Sums
from pipeline.manifest.rules import MAX_KEY
from pipeline.manifest.scalars import quoted
from pipeline.manifest.shapes import DataRow, Place
from pipeline.manifest.template import (
    FieldUnfilledError,
    node_of,
    read_template,
)
from pipeline.manifest.tree import JobNode
from pipeline.manifest.values import add_errors
from pipeline.manifest.wording import error_place, error_text, nearest

_NOTHING: Cells = {}


@dataclass(slots=True)
class Reading:
    """What all jobs of a manifest share as it is read.

    `lost`: a job could not be read, so that a key may be missing.
    """

    files: Files
    sums: Sums
    problems: Problems
    lost: bool = False


class Many:
    """The clips of one written job."""

    def __init__(self, part: JobNode, node: Mapping, reading: Reading) -> None:
        self._number = part.number
        self._node = node
        self._template = template = read_template(node, part.flaws)
        self._reading = reading
        self._problems = reading.problems
        self._told: set[tuple[Place, str, str]] = set()  # places in the manifest, with field and fault
        label = self._label(None)
        add_errors(self._problems, template.errors, node, NAMES, label)
        self._problems.add_all(template.flaws, label)
        broken = any(isinstance(one, Broken) for one in node.fields.values())
        self._sound = not (template.flaws or template.errors or broken)
        self._matrix_names = frozenset(template.matrix.names if template.matrix is not None else ())
        self._columns: tuple[str, ...] | None = None  # what the rows have, where all have the same
        self._same_columns = False
        self._has_flaws = False  # the data file, that is
        self._settable = tuple(name for name in template.settable if name in self._matrix_names)
        self._filled = tuple(name for name, _ in template.fills)
        self._varying: frozenset[str] = frozenset()
        self._where = template.mapping
        self._pages: Pages | None = None  # of a table, once its columns are known
        self._key_texts = {one.field: one.text for one in template.texts if one.field in _KEYS}
        self.place = place_of(node.fields.get("id", node).mark)

    def apart(self, *, in_row: bool) -> str:
        """What tells clips of one key apart: a name that the id does not hold yet."""
        matrix = self._template.matrix
        names = [*(matrix.names if matrix is not None else ()), *(() if in_row else self._columns or ())]
        used = {slot.name for slot in self._key_texts["id"].slots} if "id" in self._key_texts else set()
        name = next((name for name in names if name not in used), None)
        if name is None:
            return "change one of the values"
        written = self._node.fields.get("id")
        what = f"put {'a value of the matrix' if name in self._matrix_names else 'a column'} into it"
        what = what if isinstance(written, Scalar) else 'write an "id" in the job'
        before = written.text if isinstance(written, Scalar) else "${id}"
        return f"{what}, such as {quoted(before + '-${' + name + '}', 100)}"

    def drafts(self) -> Iterator[JobDraft | Page]:
        template = self._template
        if "from" in self._node.fields:
            if self._sound and template.source is not None:
                yield from self._of_rows()
        else:
            if template.matrix is not None or "matrix" not in self._node.fields:
                self._names_are_known(())
            if self._sound:
                yield from self._of_row(None)
        self._reading.lost |= not self._sound

    def _of_rows(self) -> Iterator[JobDraft | Page]:
        assert self._template.source is not None
        count = 0
        try:
            nothing = self._template.source.nothing
            self._same_columns = self._template.source.same_columns
            rows = islice(self._rows(), self._template.how.limit)
            while some := list(islice(rows, ROWS)):
                count += len(some)
                page = None if self._pages is None else self._pages.page(some)
                if page is not None:
                    yield page
                    continue
                for row in some:
                    if not self._take_columns(row):
                        return
                    yield from self._of_row(row)
        except SourceError as exc:
            self._fail(exc.field, str(exc))
            return
        if count == 0 and not self._has_flaws:
            self._fail("from", nothing)

    def _rows(self) -> Iterator[DataRow]:
        assert self._template.source is not None
        for row in self._template.source.rows(self._reading.files, self._reading.sums):
            if isinstance(row, DataFlaw):
                self._has_flaws = self._reading.lost = True
                self._problems.add((row.line, row.column), row.message, row.file)
            else:
                yield row

    def _fail(self, field: str, message: str) -> None:
        self._sound = False
        place = place_of(self._node.fields.get(field, self._node).mark)
        self._problems.add(place, f"{self._label(None)}{field}: {message}")

    # --- names

    def _take_columns(self, row: DataRow) -> bool:
        """What the rows have. Looked at once, where it is the same for all of them."""
        if self._columns is not None and self._same_columns:
            return True
        is_first, self._columns = self._columns is None, tuple(row.cells)
        self._take_settable(row.cells)
        doubled = sorted(self._matrix_names.intersection(row.cells))
        if doubled:
            where = "a column" if self._same_columns else f"in row {row.number}"
            self._fail("matrix", f"{quoted(doubled[0])} is also {where} of {row.file}; rename one of them")
            return False
        if is_first:
            for useless in self._useless(self._columns):
                self._fail("from", useless)
        if not self._same_columns:
            return self._sound
        if self._template.matrix is None and self._template.how.repeat is None:
            self._pages = Pages(self._template, self._settable)
        return self._names_are_known(self._columns)

    def _useless(self, columns: tuple[str, ...]) -> Iterator[str]:
        """Columns that look as if they should set a field, and would be ignored in silence."""
        used = {slot.name for one in self._template.texts for slot in one.text.slots}
        for column in columns:
            name = "_".join(re.split(r"[\s_-]+", column.strip().lower()))
            if (
                column in used
                or name in self._template.mapping.fields
                or (name in columns and name != column)
            ):
                continue
            if name in _NOT_BY_COLUMN:
                yield (
                    f"the column {quoted(column)} cannot set the field {quoted(name)}; write the field in the"
                    " job, and call the column otherwise"
                )
            elif name != column and name in self._template.settable:
                yield (
                    f"the column {quoted(column)} sets nothing, because the field is called {quoted(name)};"
                    f" rename the column, or write ${{{column}}} where it belongs"
                )

    def _take_settable(self, cells: Cells) -> None:
        template = self._template
        self._settable = tuple(
            name for name in template.settable if name in cells or name in self._matrix_names
        )
        by_row = {
            one.field
            for one in template.texts
            for slot in one.text.slots
            if slot.name not in self._matrix_names
        }
        own = {name for name in self._settable if name in cells}
        self._varying = frozenset(by_row | own)
        mark = template.mapping.mark
        self._where = Mapping(
            {**template.mapping.fields, **{name: Broken(mark) for name in sorted(own)}},
            template.mapping.names,
            mark,
        )

    def _names_are_known(self, columns: tuple[str, ...]) -> bool:
        known = list(dict.fromkeys([*columns, *sorted(self._matrix_names)]))
        for one in self._template.texts:
            for slot in one.text.slots:
                if slot.name not in known:
                    self._sound = False
                    message = f"{one.field}: {undefined(slot.name, known)}"
                    self._problems.add(one.place, self._label(None) + message)
        return self._sound

    # --- clips

    def _of_row(self, row: DataRow | None) -> Iterator[JobDraft]:
        cells = _NOTHING if row is None else row.cells
        if self._template.matrix is None:
            yield from self._repeated(self._draft(row, cells, self._where))
            return
        for combination in self._template.matrix.combinations():
            texts = {name: value.text for name, value in combination.items()}
            where = self._with_places_of(combination)
            yield from self._repeated(self._draft(row, {**cells, **texts}, where, combination))

    def _with_places_of(self, combination: Combination) -> Mapping:
        own = {name: combination[name] for name in self._settable if name in combination}
        return replace(self._where, fields={**self._where.fields, **own})

    def _draft(
        self, row: DataRow | None, cells: Cells, where: Mapping, combination: Combination | None = None
    ) -> JobDraft | None:
        """A clip with its problems told; None if it has not even values."""
        try:
            values = self._template.values(cells, self._settable)
        except FieldUnfilledError as exc:
            self._reading.lost = True
            place = place_of(where.fields.get(exc.field, where).mark)
            why = (
                f"{exc}{_of(combination)}"
                if exc.absent is None
                else self._absent(exc.absent, row, combination)
            )
            self._tell(exc.field, place, f"{self._label(row)}{exc.field}: {why}", row, why)
            return None
        varying, full = self._varying, where
        if unset := [name for name in (*self._settable, *self._filled) if name not in values]:
            # Empty: the default counts.
            own = {name: node for name, node in where.fields.items() if name not in unset}
            where, varying = replace(where, fields=own), varying.difference(unset)
        draft, errors = draft_of(where, values)
        draft.row, draft.varying, draft.maker, draft.inputs = row, varying, self, cells
        if draft.key is not None:
            draft.as_written = self._as_written("id", draft.key, cells)
        if draft.parent_key is not None:
            draft.parent_as_written = self._as_written(draft.link, draft.parent_key, cells)
        flaws: list[Flaw] = []
        if errors or not _RESTRICTED.isdisjoint(values):
            if "prompt" not in values and "prompt" in full.fields:
                self._tell_no_prompt(draft, place_of(full.fields["prompt"].mark))
                errors = [error for error in errors if error.field != "prompt"]
            flaws = self._tell_wrong(draft, errors, values, where, cells)
        if flaws:
            draft.values = None
        self._reading.lost |= draft.key is None
        if self._pages is not None:
            self._pages.learn(cells, draft)
        return draft

    def _absent(self, name: str, row: DataRow | None, combination: Combination | None) -> str:
        """That this row, or this combination of a matrix, has no such name."""
        if row is None or name in self._matrix_names:
            where = _where(combination or {})
            return f"{quoted(name)} has no value {where}; add one, or write ${{{name}:-text}}"
        near = nearest(name, row.cells)
        if near is not None:
            return f"this row has no {quoted(name)} (it has {quoted(near)}; is that a typo?)"
        return f"this row has no {quoted(name)}; add it, {or_instead(name)}"

    def _as_written(self, field: str, key: str, cells: Cells) -> str | None:
        """The key before its values were made safe, where that changed it."""
        text = self._key_texts.get(field)
        if text is not None:
            return text.fill(cells) if text.altered else None
        if field not in self._settable:
            return None
        cell = (text_of(cells.get(field)) or "").strip()
        return cell if cell and cell != key else None

    def _repeated(self, draft: JobDraft | None) -> Iterator[JobDraft]:
        repeat = self._template.how.repeat
        if draft is None or repeat is None or draft.key is None:
            if draft is not None:
                yield draft
            return
        for number in range(1, repeat + 1):
            key = f"{draft.key}-{number}"
            if len(key) > MAX_KEY:
                place = place_of(draft.mapping.fields.get("id", draft.mapping).mark)
                what = f'{quoted(key)} has {len(key)} characters with the "-{number}" that "repeat" adds'
                why = f"id: {what}; a job key has at most {MAX_KEY}"
                self._tell("id", place, self._label(draft.row) + why, draft.row, why)
                return
            as_written = draft.as_written and f"{draft.as_written}-{number}"
            yield replace(draft, key=key, repeated=draft.key, as_written=as_written)

    # --- problems

    def _label(self, row: DataRow | None, key: str | None = None) -> str:
        label = job_label(self._number, key)
        return label if row is None else row.label + label

    def _tell_no_prompt(self, draft: JobDraft, place: Place) -> None:
        why = (
            "prompt: the value is empty, so it sets nothing, and the job has no other prompt; write one here"
        )
        label = self._label(draft.row if "prompt" in self._varying else None, draft.key)
        self._tell("prompt", place, label + why, draft.row, why)

    def _tell_wrong(
        self,
        draft: JobDraft,
        errors: list[FieldError],
        values: dict[str, object],
        where: Mapping,
        cells: Cells,
    ) -> list[Flaw]:
        """What is wrong with the values; the flaws among it are returned."""
        nodes: dict[str, Node] = {
            name: node_of(value, where.fields.get(name, where).mark) for name, value in values.items()
        }
        nodes |= {
            name: node
            for name, node in self._template.mapping.fields.items()
            if name in self._template.constants or (name not in values and name not in self._filled)
        }
        nodes |= {name: fill(cells) for name, fill in self._template.lists.items() if name in values}
        filled = Mapping(nodes, self._template.mapping.names, where.mark)
        for error in errors:
            fault = error.rule or found(nodes.get(error.field, filled))
            label = self._label(draft.row if error.field in self._varying else None, draft.key)
            say = _worded(error, filled, label)
            self._tell(error.field, error_place(error, filled), say, draft.row, fault)
        flaws = flaws_of(filled)
        for place, message in flaws:
            name = message.partition(":")[0]
            label = self._label(draft.row if name in self._varying else None, draft.key)
            self._tell(name, place, label + message, draft.row, message)
        return flaws

    def _tell(self, field: str, place: Place, message: Message, row: DataRow | None, fault: str) -> None:
        """At the row, if the value came from one; else at its place in the manifest, and each fault once."""
        if row is not None and field in self._varying:
            self._problems.add((row.line, 1), message, row.file)
        elif (place, field, fault) not in self._told:
            self._told.add((place, field, fault))
            self._problems.add(place, message)


_KEYS = frozenset({"id", *SOURCES})
_RESTRICTED = frozenset({"edit", "extend", "image_id"})
_NOT_BY_COLUMN = ("repeat", "reference_images", "keyframes")


def _of(combination: Combination | None) -> str:
    """Which combination of a matrix it is about."""
    return f" ({_where(combination)})" if combination else ""


def _where(combination: Combination) -> str:
    named = [f"{name} is {quoted(value.text, 30)}" for name, value in islice(combination.items(), 4)]
    return f"where {' and '.join(named)}"


def _worded(error: FieldError, filled: Mapping, label: str) -> Message:
    return lambda: error_text(error, filled, NAMES, label)
