"""`${name}` in the texts of a job: found once, filled for every row and every cell of a matrix.

`$$` is a dollar sign, any other `$` stands for itself. `${name:-text}` says what to put where the value is
empty. What is put in is never looked through again: a prompt in a spreadsheet may hold `${...}` as text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.manifest.data import Cell
from pipeline.manifest.scalars import quoted
from pipeline.manifest.wording import did_you_mean, listed

_PIECE = re.compile(r"\$\$|\$\{([^}]*)(\}?)")
_SHELL = re.compile(r"([^:?+=-]+)(:?[-?+=])(.*)", re.DOTALL)
"""`${name-text}` and the like, which mean something to a shell and nothing here."""
_CAPITALS = re.compile("[A-Z][A-Z0-9_]*")
_IN_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*")
_NOT_IN_KEY = re.compile(r"[^A-Za-z0-9._-]+")
_SPELT_OUT = str.maketrans(
    dict(zip("øØłŁđĐðÐı", "oOlLdDdDi", strict=True))
    | {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}
)
"""Letters that are no ASCII letter with an accent."""
_BETWEEN_DIGITS = re.compile(r"(?<=\d):(?=\d)")

Cells = Mapping[str, Cell]


class UnfilledError(Exception):
    """A text that cannot be filled with these values; the error says why and what to do."""


class AbsentError(UnfilledError):
    """There is not even an empty value of this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{quoted(name)} has no value here")


class _Slot(NamedTuple):
    name: str
    otherwise: str | None  # for an empty value


class Text:
    """A text with names in it."""

    __slots__ = ("_format", "altered", "slots")

    def __init__(self, text: str) -> None:
        """Raises UnfilledError for one that nothing can fill."""
        pieces, slots, at = [], [], 0
        for match in _PIECE.finditer(text):
            pieces.append(text[at : match.start()].replace("%", "%%"))
            at = match.end()
            if match[0] == "$$":
                pieces.append("$")
                continue
            slots.append(_slot(match))
            pieces.append("%s")
        self._format = "".join([*pieces, text[at:].replace("%", "%%")])
        self.slots = tuple(slots)
        self.altered = False  # a value was, to be safe for the last key that was filled

    def fill(self, cells: Cells, *, in_key: bool = False) -> str:
        """The text with these values. `in_key`: each made safe for a job key. Raises UnfilledError."""
        texts = []
        for slot in self.slots:
            text = cells.get(slot.name)
            texts.append(text if type(text) is str and text and not text.isspace() else _text(slot, cells))
        if in_key:
            safe = [text and key_part(text) for text in texts]
            self.altered = safe != texts
            texts = safe
        return self._format % tuple(texts)

    def column(self, rows: Sequence[Cells], fits: Callable[[str], object] = str.strip) -> list[str] | None:
        """The text for each row of a table; None where a value does not fit in as it is."""
        columns = []
        for slot in self.slots:
            texts: list[str] = [cells[slot.name] for cells in rows]  # type: ignore[misc]  # a table's
            if not all(map(fits, texts)):
                if slot.otherwise is None:
                    return None
                texts = [text if text.strip() else slot.otherwise for text in texts]
                if not all(fits(text) for text in texts if text):
                    return None
            columns.append(texts)
        return [self._format % texts for texts in zip(*columns, strict=True)]


def has_names(text: str) -> bool:
    """Whether it is anything but itself."""
    return "$" in text and _PIECE.search(text) is not None


def _slot(match: re.Match[str]) -> _Slot:
    if not match[2]:
        raise UnfilledError('"${" without a "}" behind it; write "$${" for the text itself')
    name, colon, otherwise = match[1].partition(":-")
    if not name.strip():
        raise UnfilledError(f"{quoted(match[0])} names nothing; write a name between the braces")
    return _Slot(name.strip(), otherwise if colon else None)


def _text(slot: _Slot, cells: Cells) -> str:
    if slot.name not in cells and slot.otherwise is None:
        raise AbsentError(slot.name)
    text = text_of(cells.get(slot.name))
    if text is None:
        raise UnfilledError(f"{quoted(slot.name)} is a list, which cannot stand in a text")
    if text and not text.isspace():
        return text
    if slot.otherwise is None:
        raise UnfilledError(f"{quoted(slot.name)} is empty here; fill it in, {or_instead(slot.name)}")
    return slot.otherwise


def or_instead(name: str) -> str:
    return f"or write ${{{name}:-text}} for what to put in its place"


def undefined(name: str, known: Iterable[str]) -> str:
    """That nothing is called so, and what is."""
    known, whole = list(known), quoted("${" + name + "}")
    if name == "date":
        return f'{whole} is known in "batch" only, not in a job'
    if said := _shell(whole, name, known):
        return said
    if near := did_you_mean(name, known):
        return f"{whole} is not defined{near}"
    env = ", and environment variables are not read" if _CAPITALS.fullmatch(name) else ""
    if known:
        return f"{whole} is not defined{env}; {listed(known)}"
    why = f'there is neither "from" nor "matrix" here{env}'
    return f'{whole} is not defined: {why}; write "$$" for a dollar sign'


def _shell(whole: str, name: str, known: list[str]) -> str:
    """What to write instead of what a shell knows."""
    match = _SHELL.fullmatch(name)
    if match is None:
        return ""
    head, sign, text = (quoted(part)[1:-1] for part in match.groups())
    if sign == "-" and head in known:
        return f"{whole} is not a name; for a value in its place write ${{{head}:-{text}}}"
    return f'"{sign}" is not known here; write ${{{head}}} or ${{{head}:-text}}' if sign[0] == ":" else ""


def bare(name: str) -> str:
    """The name in `name-text` and the like, as a shell reads it."""
    match = _SHELL.fullmatch(name)
    return match[1] if match else name


def first_name(text: str) -> str:
    """The first `${name}` in a text that holds one, in quotes."""
    match = re.search(r"\$\{[^}]*\}?", text)
    return quoted(match[0] if match else text)


def is_escaped(text: str) -> bool:
    """Whether each `${` in it is written `$${`."""
    return "${" in text and not any(match[0] != "$$" for match in _PIECE.finditer(text))


def text_of(cell: Cell) -> str | None:
    """A value as text: empty for none at all, None for a list."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, list):
        return None
    return "" if cell is None else json.dumps(cell)


def is_safe_in_key(text: str) -> bool:
    """Whether `key_part` leaves it as it is."""
    return _IN_KEY.fullmatch(text) is not None


def key_part(text: str) -> str:
    """A value made safe for a key: `16:9` is `16x9`, an accent falls away, all else becomes a dash."""
    if _IN_KEY.fullmatch(text):
        return text
    spelt_out = _BETWEEN_DIGITS.sub("x", text).translate(_SPELT_OUT)
    plain = unicodedata.normalize("NFKD", spelt_out).encode("ascii", "ignore").decode()
    safe = re.sub(r"\.{2,}", ".", _NOT_IN_KEY.sub("-", plain)).strip("-._")
    if not safe:
        what = f"{quoted(text)} has no letter A-Z and no digit that could stand in a key"
        raise UnfilledError(f"{what}; make the id of something else")
    return safe
