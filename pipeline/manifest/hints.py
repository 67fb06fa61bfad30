"""The likeliest fix for a value of the wrong kind, from what was expected and what stands there."""

from __future__ import annotations

import re

from pipeline.manifest.fields import PATH, VIDEO, FieldError
from pipeline.manifest.nodes import Mapping, Node, Scalar, Sequence, place_of
from pipeline.manifest.scalars import resolve

_FREE = ("prompt", "user", "revision")  # may hold any text, and so begin in any way
_NO_DEFAULT = (PATH, VIDEO.expected)
AS_TEXT = "; put it in quotes if it is meant as text"
_LEADING_ZEROS = re.compile(r"(-?)0+(\d+)")
_PARTED = re.compile(r"-?\d[\d_,' ]*\d")


def hint(error: FieldError, node: Node) -> str:
    """To stand behind `got ...`; nothing where there is none."""
    wants_text = error.expected.startswith("text")
    if isinstance(node, Scalar):
        if node.is_null:
            return _of_null(error, wants_text) if node.text else ""
        return _of_number(node) if "number" in error.expected or error.field == "version" else ""
    if isinstance(node, Sequence) and error.field == "image" and error.expected == PATH:
        return '; for several pictures use "reference_images"'
    if error.field in _FREE and _is_in_brackets(node):
        return f'; put text that starts with "{"[" if isinstance(node, Sequence) else "{"}" in quotes'
    return ""


def _of_null(error: FieldError, wants_text: bool) -> str:
    if wants_text:
        return AS_TEXT
    if error.item is not None or error.field == "version":  # needed
        return ""
    return (
        "; leave the field out" if error.expected in _NO_DEFAULT else "; leave the field out for the default"
    )


def _of_number(node: Scalar) -> str:
    if type(resolve(node.text)) in (int, float):
        return "" if node.plain else " (remove the quotes to make it a number)"
    if zeros := _LEADING_ZEROS.fullmatch(node.text):
        return f" (write {zeros[1]}{zeros[2].lstrip('0') or '0'}: a number has no leading zero)"
    return " (a number has digits only)" if _PARTED.fullmatch(node.text) else ""


def _is_in_brackets(node: Node) -> bool:
    """Whether it was written as `{a}` or `[a]`, as text may begin that should have been in quotes."""
    line, column = place_of(node.mark)
    if isinstance(node, Mapping):
        return all(place_of(mark) != (line, column) for mark in node.names.values())
    return isinstance(node, Sequence) and all(
        place_of(one.mark) == (line, column + 1) for one in node.items[:1]
    )
