"""Between nodes and the models of fields.py: values go in, errors come out as problems at their places."""

from __future__ import annotations

from functools import partial

from pipeline.manifest import fields
from pipeline.manifest.fields import FieldError
from pipeline.manifest.nodes import Broken, Mapping, Node, Scalar, Sequence
from pipeline.manifest.problems import Problems
from pipeline.manifest.wording import error_place, error_text


def plain_values(mapping: Mapping, texts: frozenset[str]) -> dict[str, object]:
    """Fields as the models want them. A broken value is left out: its flaw was reported."""
    values: dict[str, object] = {}
    for name, node in mapping.fields.items():
        if type(node) is Scalar:
            values[name] = node.text_value if name in texts else node.value
        elif isinstance(node, Sequence):
            # One too many is enough to see that there are too many: aliases make long lists cheap to write.
            items = node.items[: fields.MAX_TAGS + 1]
            if not any(isinstance(item, Broken) for item in items):
                values[name] = [_item(name, item) for item in items]
        elif isinstance(node, Mapping):
            values[name] = _numbers(node) if name in fields.NUMBERS else node
    return values


def _numbers(node: Mapping) -> object:
    """A mapping of names to numbers, as `second: {480p: 0.05}` is."""
    sound = {name: inner for name, inner in node.fields.items() if not isinstance(inner, Broken)}
    return {name: inner.value if isinstance(inner, Scalar) else inner for name, inner in sound.items()}


def _item(name: str, node: Node) -> object:
    if isinstance(node, Mapping) and name in fields.ITEMS:
        return plain_values(node, fields.text_fields(fields.ITEMS[name]))
    return node.text_value if isinstance(node, Scalar) else node


def add_errors(
    problems: Problems, errors: list[FieldError], mapping: Mapping, known: tuple[str, ...], label: str
) -> None:
    for error in errors:
        inside = _inside(mapping, error)
        if error.kind == "missing" and ((error.inner or error.field) in inside.fields or problems.stopped):
            continue  # it is there, broken in a way already told; or may stand in what was not read
        problems.add(error_place(error, mapping), partial(error_text, error, mapping, known, label))


def _inside(mapping: Mapping, error: FieldError) -> Mapping:
    """The mapping that the error is about: the job's, or that of one item of a list in it."""
    node = mapping.fields.get(error.field) if error.inner else None
    item = node.items[error.item or 0] if isinstance(node, Sequence) else None
    return item if isinstance(item, Mapping) else mapping
