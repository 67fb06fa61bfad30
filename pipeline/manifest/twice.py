"""Words for two clips that would have one key: where both come from, and what tells them apart."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from pipeline.manifest.scalars import quoted
from pipeline.manifest.shapes import DataRow, Place, Spot


class Maker(Protocol):
    """A job as written that many clips are made from."""

    @property
    def place(self) -> Place:
        """Of its id, or its own if it has none."""

    def apart(self, *, in_row: bool) -> str:
        """What to do about clips of it that have one key. `in_row`: they are of one row."""


class Clip(Protocol):
    """What the keys want to know of a clip.

    `as_written` and `parent_as_written`: the two ids, where values in them were made safe for a key.
    `repeated`: the key before `repeat` added a number.
    """

    is_key_made: bool  # from prompt and settings
    as_written: str | None
    parent_as_written: str | None
    repeated: str | None
    row: DataRow | None
    maker: Maker | None


class Keyed(NamedTuple):
    """One clip that has the key, and where it is written."""

    key: str
    spot: Spot
    as_written: str | None
    repeated: str | None


class Twice(NamedTuple):
    """A clip whose key another has already. What follows is of the later one."""

    later: Keyed
    first: Keyed
    maker: Maker | None
    row: int | None
    is_key_made: bool


def row_label(number: int | None) -> str:
    return "" if number is None else f"row {number}: "


def say_two_readers(twice: Twice, reader: Place) -> str:
    """For the place of the second job in the manifest. `reader`: the place of the first."""
    file, data_line, _ = twice.first.spot
    what = f"the job at line {reader[0]}, column {reader[1]} makes this key of {file}:{data_line} too"
    if twice.is_key_made:
        return f'job "{twice.later.key}": {what}; give one of them an "id"'
    return f'job "{twice.later.key}": id: {what}; put something else into one of the two ids'


def say_twice(twice: Twice) -> str:
    later, first = twice.later, twice.first
    label = f'{row_label(twice.row if later.spot.file else None)}job "{later.key}": '
    if first.spot == later.spot and first.key == later.key:
        return label + _of_one_place(twice)
    where = _where(first.spot, later.spot)
    what = f"{'row' if first.spot.file else 'job'} at {where}"
    if twice.is_key_made:
        what_to_do = 'write an "id" that tells them apart' if first.spot.file else 'give one of them an "id"'
        return f"{label}this key, made from prompt and settings, is also that of the {what}; {what_to_do}"
    if first.key != later.key:
        return (
            f'{label}id: differs only in case from "{first.key}" at {where}, and file names may ignore case'
        )
    if later.repeated is not None:
        made = f'"{later.key}", made from "{later.repeated}" by "repeat"'
        return f"{label}id: {made}, is also the key of the {what}"
    made = "" if first.repeated is None else f', made from "{first.repeated}" by "repeat"'
    return f"{label}id: used twice (first at {where}{made}){_alike(twice)}"


def _of_one_place(twice: Twice) -> str:
    is_row = bool(twice.later.spot.file)
    what = f"this {'row' if is_row else 'job'} makes more than one clip with this key"
    if twice.is_key_made:
        return f'{what}, made from prompt and settings; write an "id" that tells them apart'
    apart = f"; {twice.maker.apart(in_row=is_row)}" if twice.maker else ""
    return f"id: {what}{_alike(twice)}{apart}"


def _alike(twice: Twice) -> str:
    """That they were two before their values were made safe."""
    one, other = (each.as_written or each.key for each in (twice.first, twice.later))
    return "" if one == other else f"; in a key, {quoted(one)} and {quoted(other)} are the same"


def _where(at: Spot, here: Spot) -> str:
    if at.file != here.file:
        return f"{at.file}:{at.line}" if at.file else f"line {at.line}, column {at.column} of the manifest"
    return f"line {at.line}" if at.file else f"line {at.line}, column {at.column}"
