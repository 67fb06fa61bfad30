"""Words for what is wrong with a field: what was expected, what was found, and the likeliest fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

from pipeline.manifest import fields
from pipeline.manifest.fields import FieldError
from pipeline.manifest.nodes import Mapping, Sequence, found, place_of
from pipeline.manifest.scalars import quoted
from pipeline.manifest.shapes import Place

_LATER = {
    *("extend", "allow", "resize", "revision", "image_id", "repeat", "priority", "limit", "matrix", "from"),
    *("groups", "prices", "brake", "on_unknown", "max_unknown_usd", "budget_usd", "month_usd", "share"),
}
_HOMES = {
    "a job": fields.names(fields.JobFields),
    '"defaults"': fields.names(fields.DefaultFields),
    '"limits"': fields.names(fields.LimitFields),
    "the head of the manifest": fields.names(fields.ManifestFields),
}
_NEEDED = {
    "prompt": "expected a text that says what the clip shows",
    "version": 'expected "version: 1"',
}
_MAX_COMPARED = 500  # near names of 100,000 keys: comparing one costs about 20 us


def error_place(error: FieldError, mapping: Mapping) -> Place:
    """The field's name if it is unknown, its value (or the item of its list) if that is wrong."""
    if error.kind == "unknown":
        return place_of(mapping.names[error.field])
    node = mapping.fields.get(error.field, mapping)
    if error.item is not None and isinstance(node, Sequence):
        node = node.items[error.item]
    return place_of(node.mark)


def error_text(error: FieldError, mapping: Mapping, known: tuple[str, ...], label: str) -> str:
    """What is wrong with a field. `label` says what the field is in: `job "fox": ` or `defaults: `."""
    if error.kind == "unknown":
        return label + unknown_field(error.field, known)
    name = f"{label}{error.field}"
    if error.kind == "missing":
        return f"{name}: missing; {_NEEDED[error.field]}"
    node = mapping.fields[error.field]
    if error.item is not None and isinstance(node, Sequence):
        name, node = f"{name}: item {error.item + 1}", node.items[error.item]
    return f"{name}: {error.rule or f'expected {error.expected}, got {found(node)}'}"


def unknown_field(name: str, known: tuple[str, ...]) -> str:
    if name in _LATER:
        return f"the field {quoted(name)} is not supported by this version"
    if name == "<<":
        return 'unknown field "<<"; YAML 1.2 has no merge keys, put shared settings in "defaults"'
    homes = [home for home, theirs in _HOMES.items() if name in theirs]
    if homes:
        return f"the field {quoted(name)} has no place here; it belongs in {' or '.join(homes)}"
    near = did_you_mean(name, known)
    return f"unknown field {quoted(name)}" + (near or f"; known are {', '.join(known)}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "prompt"?`, or nothing if no known name is near."""
    if len(name) > 100:
        return ""
    near = difflib.get_close_matches(name, known, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def near_key(name: str, keys: Iterable[str]) -> str:
    """As `did_you_mean` over any number of keys: compares only the first that are alike at a glance."""
    alike = (key for key in keys if abs(len(key) - len(name)) <= 2 and key[:1].lower() == name[:1].lower())
    return did_you_mean(name, islice(alike, _MAX_COMPARED))
