"""Words for what is wrong with a field: what was expected, what was found, and the likeliest fix."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from itertools import islice

from pipeline.manifest import fields
from pipeline.manifest.fields import FieldError
from pipeline.manifest.hints import hint
from pipeline.manifest.nodes import Mapping, Node, Sequence, found, place_of
from pipeline.manifest.scalars import quoted
from pipeline.manifest.shapes import Place

_HOMES = {
    "a job": fields.names(fields.JobFields),
    '"defaults"': fields.names(fields.DefaultFields),
    '"limits"': fields.names(fields.LimitFields),
    "the head of the manifest": fields.names(fields.ManifestFields),
}
_OWN_STORE = (
    "is not supported: the gateway would deliver to a store of yours, and the clip would be neither checked"
    " nor kept here"
)
_NEVER = {
    **dict.fromkeys(("upload_url", "output", "storage_options"), _OWN_STORE),
    "image_urls": 'is called "image" (one picture) and "reference_images" (a list) here',
    "image_url": 'is called "image" here',
    "video": 'is called "edit" or "extend" here',
    "video_url": 'is called "edit" or "extend" here',
    **dict.fromkeys(("seconds", "length"), 'is called "duration" here'),
    "size": 'is not sent: gateways dropped it; use "resolution" and "aspect_ratio"',
    **dict.fromkeys(("seed", "fps"), "is not offered by any of the gateways"),
}
_NEEDED = {
    "image": f"expected {fields.PATH}",
    "timestamp_s": "expected a time in seconds",
    "prompt": "expected a text that says what the clip shows",
    "version": 'expected "version: 1"',
}
_MAX_LISTED = 12
_MAX_COMPARED = 500  # near names of 100,000 keys: comparing one costs about 20 us


def error_place(error: FieldError, mapping: Mapping) -> Place:
    """The field's name if it is unknown, its value (or the item of its list) if that is wrong."""
    if error.kind == "unknown" and not error.inner:
        return place_of(mapping.names[error.field])
    node = mapping.fields.get(error.field, mapping)
    if error.item is not None and isinstance(node, Sequence):
        node = node.items[error.item]
    if error.inner and isinstance(node, Mapping):
        if error.kind == "unknown":
            return place_of(node.names[error.inner])
        node = node.fields.get(error.inner, node)
    return place_of(node.mark)


def error_text(error: FieldError, mapping: Mapping, known: tuple[str, ...], label: str) -> str:
    """What is wrong with a field. `label` says what the field is in: `job "fox": ` or `defaults: `."""
    node: Node = mapping
    name = error.field
    if error.item is not None and isinstance(items := mapping.fields[error.field], Sequence):
        label, node = f"{label}{error.field}: item {error.item + 1}: ", items.items[error.item]
        name = error.inner
        known = fields.names(fields.ITEMS[error.field]) if error.inner else known
    elif error.inner:
        label, node, name = f"{label}{error.field}: ", mapping.fields[error.field], error.inner
    if error.kind == "unknown":
        return label + unknown_field(name, known)
    if error.kind == "missing":
        return f"{label}{name}: missing; {_NEEDED[name]}"
    if name and isinstance(node, Mapping):
        node = node.fields[name]
    where = f"{label}{name}: " if name else label
    return where + (error.rule or f"expected {error.expected}, got {found(node)}{hint(error, node)}")


def unknown_field(name: str, known: tuple[str, ...]) -> str:
    if name in _NEVER:
        return f"the field {quoted(name)} {_NEVER[name]}"
    if name == "<<":
        return 'unknown field "<<"; YAML 1.2 has no merge keys, put shared settings in "defaults"'
    homes = [home for home, theirs in _HOMES.items() if name in theirs]
    if homes:
        return f"the field {quoted(name)} has no place here; it belongs in {' or '.join(homes)}"
    near = did_you_mean(name, known)
    return f"unknown field {quoted(name)}" + (near or f"; known are {', '.join(known)}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "prompt"?`, or nothing if no known name is near."""
    near = nearest(name, known)
    return f'; did you mean "{near}"?' if near else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is near, if there is one."""
    if len(name) > 100:
        return None
    known = list(known)
    alike = [one for one in known if one.lower() == name.lower()]
    return next(iter(alike or difflib.get_close_matches(name, known, n=1)), None)


def listed(known: Collection[str]) -> str:
    """`known are a, b, c`: the first of them."""
    more = ", ..." if len(known) > _MAX_LISTED else ""
    return f"known {'is' if len(known) == 1 else 'are'} {', '.join(islice(known, _MAX_LISTED))}{more}"


def near_key(name: str, keys: Iterable[str]) -> str:
    """As `did_you_mean` over any number of keys: compares only the first that are alike at a glance."""
    alike = (key for key in keys if abs(len(key) - len(name)) <= 2 and key[:1].lower() == name[:1].lower())
    return did_you_mean(name, islice(alike, _MAX_COMPARED))
