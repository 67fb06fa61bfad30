"""Explicit tags, as in `!!str 7`: the few of the core schema, and a clear no to all others."""

from __future__ import annotations

from pipeline.manifest.nodes import Broken, Mark, Node, Scalar
from pipeline.manifest.scalars import Null, quoted

_CORE = "tag:yaml.org,2002:"
_TEXT = ("!", _CORE + "str")
_TYPES: dict[str, tuple[type, ...]] = {
    _CORE + "null": (Null,),
    _CORE + "bool": (bool,),
    _CORE + "int": (int,),
    _CORE + "float": (float, int),
}

_NAMES = {
    _CORE + "null": "null",
    _CORE + "bool": "true or false",
    _CORE + "int": "a whole number",
    _CORE + "float": "a number",
}


def tagged(text: str, tag: str, mark: Mark) -> tuple[Node, str]:
    """The scalar as its tag wants it, or a broken one and what is wrong."""
    if tag in _TEXT:
        return Scalar(text, plain=False, mark=mark), ""
    scalar = Scalar(text, plain=True, mark=mark)
    if tag not in _TYPES:
        return Broken(mark), f'{unknown(tag)}, or put text that starts with "!" in quotes'
    if not isinstance(scalar.value, _TYPES[tag]):
        what = f"{quoted(text)} is not {_NAMES[tag]}, as the tag {quoted(_short(tag))} says"
        return Broken(mark), f"{what}; write {_NAMES[tag]}, or remove the tag"
    return scalar, ""


def fits(tag: str | None, kind: str) -> bool:
    """Whether a list (`seq`) or a mapping (`map`) may carry the tag."""
    return tag in (None, "!", _CORE + kind)


def unknown(tag: str) -> str:
    return f"the tag {quoted(_short(tag))} is not supported; remove it"


def _short(tag: str) -> str:
    return f"!!{tag.removeprefix(_CORE)}" if tag.startswith(_CORE) else tag
