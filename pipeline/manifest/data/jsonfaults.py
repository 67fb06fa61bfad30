"""What is wrong with a line of JSON Lines, in words and with its column. Only for lines that were refused."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from pipeline.manifest.data.rows import MAX_COLUMNS
from pipeline.manifest.scalars import quoted

MAX_DIGITS = 100  # as in the manifest: a longer row of digits is no amount

_EXAMPLE = 'expected an object such as {"name": "value"}'
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)
_ODD = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BARE = re.compile(r"[A-Za-z_]\w{0,40}(?=\s*:)", re.ASCII)
_PYTHON = {"True": "true", "False": "false", "None": "null"}


class Fault(NamedTuple):
    column: int
    message: str
    is_cut: bool = False  # the line ends before the object does


def is_odd(text: str) -> bool:
    """Whether there is a control character or half a character in it."""
    return _ODD.search(text) is not None


def digits_in(number: str) -> int:
    """Of a whole number."""
    return len(number) - number.startswith("-")


def find(raw: str, error: json.JSONDecodeError | None) -> Fault:
    """The first thing that is wrong. `error`: what the json module has to say, if anything."""
    walk = _Walk(raw, len(raw) if error is None else error.pos)
    own = walk.fault()
    if own is not None:
        return own
    return Fault(1, "this object cannot be read") if error is None else _syntax(raw, error, walk.closing)


def shape(raw: str, fault: Fault) -> str | None:
    """What is wrong with the file as a whole, if its first line is wrong in such a way."""
    if raw.lstrip().startswith("["):
        return (
            "a JSON array starts here; JSON Lines is one object on each line, without [ ] and commas around"
        )
    if fault.is_cut:
        return "an object that goes over several lines; JSON Lines wants each object on one line of its own"
    return None


class _Walk:
    """Goes over the tokens of a line that is JSON up to `end`, and stops at the first that we do not take."""

    def __init__(self, raw: str, end: int) -> None:
        self._raw, self._end = raw, end
        self._names: set[str] = set()
        self._name = ""  # whose value is next
        self._open = ""  # brackets around: "", "{" or "{["
        self._wants_name = False

    @property
    def closing(self) -> str:
        """The bracket that is to come."""
        return "]" if self._open.endswith("[") else "}"

    def fault(self) -> Fault | None:
        for match in _TOKEN.finditer(self._raw, 0, self._end):
            if said := self._step(match[0]):
                return Fault(match.start() + 1, said)
        return None

    def _step(self, part: str) -> str | None:
        if part in ("{", "["):
            return self._enter(part)
        if part in ("}", "]"):
            self._open = self._open[:-1]
        elif part in (",", ":"):
            self._wants_name = part == "," and self._open == "{"
        elif not self._open:
            return None if self._names else f"{_EXAMPLE}, got {_named(part)}"
        elif part.startswith('"'):
            return self._text(part)
        else:
            return _number(part)
        return None

    def _enter(self, part: str) -> str | None:
        if not self._open:
            self._open, self._wants_name = part, True
            return None if part == "{" else f"{_EXAMPLE}, got a list"
        at = f"in {quoted(self._name, 40)}"
        if part == "{":
            return f"a nested mapping {at}; flatten it, with one name for each value"
        if self._open == "{[":
            return f"a list within a list {at}; a list holds plain values alone"
        self._open += part
        return None

    def _text(self, part: str) -> str | None:
        try:
            text = str(json.loads(part))
        except ValueError:
            return None  # the module has said what is wrong with it
        if odd := _ODD.search(text):
            return _say_odd(odd[0])
        if not self._wants_name:
            return None
        if not text:
            return 'the name "" is empty; name every value'
        if text in self._names:
            return f"the name {quoted(text, 40)} is there twice in one object; remove one of them"
        self._names.add(text)
        self._name = text
        if len(self._names) > MAX_COLUMNS:
            return f"more than {MAX_COLUMNS:,} names in one object"
        return None


def _number(token: str) -> str | None:
    if token in ("NaN", "Infinity", "-Infinity"):
        return f"{token} is no number in JSON; write null, or put it in quotes"
    if token.lstrip("-").isdigit() and digits_in(token) > MAX_DIGITS:
        return f"a number of {digits_in(token):,} digits; put it in quotes if it is meant as text"
    try:
        is_endless = float(token) in (float("inf"), float("-inf"))
    except ValueError:
        return None
    return (
        f"the number {quoted(token, 20)} is too large; put it in quotes if it is meant as text"
        if is_endless
        else None
    )


def _say_odd(char: str) -> str:
    if "\ud800" <= char <= "\udfff":
        return (
            f'half of a character ("\\u{ord(char):04x}" without its other half); write the character itself'
        )
    return f"the control character U+{ord(char):04X} is not allowed; remove it"


def _named(token: str) -> str:
    if token in ("true", "false", "null"):
        return token
    return (
        f"the text {quoted(token.strip(chr(34)), 20)}"
        if token.startswith('"')
        else f"the number {token[:20]}"
    )


def _syntax(raw: str, error: json.JSONDecodeError, closing: str) -> Fault:
    """The module's messages, in our words. What is not known here keeps the module's."""
    line = raw.rstrip()
    at = min(error.pos, len(line))
    rest = line[at:]
    is_cut = not rest and line.lstrip().startswith("{")
    found = f"got {_found(rest)}" if rest else "but the line ends here"
    said = error.msg
    if not line[:at].strip():
        return Fault(at + 1, f"{_EXAMPLE}, got {quoted(rest, 20)}")
    if said.startswith("Illegal trailing comma") or (
        rest[:1] in ("}", "]") and line[:at].rstrip().endswith(",")
    ):
        comma = line.rindex(",", 0, at + 1)
        return Fault(comma + 1, "a comma with nothing behind it; remove it")
    if said.startswith("Extra data"):
        return Fault(at + 1, _say_extra(rest))
    if said.startswith("Unterminated string"):
        return Fault(at + 1, "a quote is opened here and not closed on this line")
    if said.startswith("Expecting property name") and (bare := _BARE.match(rest)):
        return Fault(at + 1, f'not JSON: the name {bare[0]} needs double quotes: "{bare[0]}"')
    for start, words in _WORDS:
        if said.startswith(start):
            return Fault(at + 1, words.format(found=found, closing=closing) + _hint(rest), is_cut)
    return Fault(at + 1, f"not JSON: {said[:1].lower()}{said[1:]}", is_cut)


_WORDS = (
    ("Expecting value", "not JSON: expected a value, {found}"),
    ("Expecting property name", "not JSON: expected a name in double quotes, {found}"),
    ("Expecting ':'", 'not JSON: expected ":" behind the name, {found}'),
    ("Expecting ','", 'not JSON: expected "," or a closing "{closing}", {found}'),
    ("Invalid control character", "a tab within quotes; write it as \\t"),
    ("Invalid \\u", "four hexadecimal digits belong behind \\u"),
    ("Invalid \\", "a backslash that escapes nothing; write it twice (\\\\)"),
)


def _found(rest: str) -> str:
    match = _TOKEN.match(rest)
    return quoted(match[0] if match else rest[0], 20)


def _hint(rest: str) -> str:
    match = _TOKEN.match(rest)
    word = _PYTHON.get(match[0]) if match else None
    if word:
        return f"; write {word}"
    return '; JSON wants double quotes (")' if rest.startswith("'") else ""


def _say_extra(rest: str) -> str:
    if rest.startswith("{"):
        return "a second object on one line; write each object on a line of its own"
    if rest == ",":
        return "a comma behind the object; JSON Lines has none between its lines"
    return f"not JSON: expected the end of the line, got {quoted(rest, 20)}"
