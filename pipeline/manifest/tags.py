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


def tagged(text: str, tag: str, mark: Mark) -> tuple[Node, str]:
    """The scalar as its tag wants it, or a broken one and what is wrong."""
    if tag in _TEXT:
        return Scalar(text, plain=False, mark=mark), ""
    scalar = Scalar(text, plain=True, mark=mark)
    if tag not in _TYPES:
        return Broken(mark), unknown(tag)
    if not isinstance(scalar.value, _TYPES[tag]):
        return Broken(mark), f"{quoted(text)} is no {_short(tag)}"
    return scalar, ""


def fits(tag: str | None, kind: str) -> bool:
    """Whether a list (`seq`) or a mapping (`map`) may carry the tag."""
    return tag in (None, "!", _CORE + kind)


def unknown(tag: str) -> str:
    return f'the tag {quoted(_short(tag))} is not known; text that starts with "!" must be in quotes'


def _short(tag: str) -> str:
    return f"!!{tag.removeprefix(_CORE)}" if tag.startswith(_CORE) else tag
