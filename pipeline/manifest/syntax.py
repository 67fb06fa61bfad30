"""Says in plain words where a file stops being YAML, and what to do about it."""

from __future__ import annotations

import yaml

from pipeline.manifest.problems import UnreadableError
from pipeline.manifest.scalars import quoted
from pipeline.manifest.source import Source

_TAB = "a tab is used for indentation; YAML wants spaces"
_HINTS = {
    "mapping values are not allowed in this context": (
        'a colon does not fit here; put text that holds ": " in quotes, and check the indentation'
    ),
    "did not find expected key": (
        "expected a field here; check the indentation, and quotes inside quoted text"
    ),
    "did not find expected '-' indicator": 'expected "-" for the next item; check the indentation',
    "block sequence entries are not allowed in this context": (
        'a "-" does not fit here; check the indentation'
    ),
    "found unexpected end of stream": "the file ends inside quoted text; is a closing quote missing?",
    "did not find expected ',' or ']'": 'a list in brackets goes wrong here; expected "," or "]"',
    "did not find expected ',' or '}'": 'a mapping in braces goes wrong here; expected "," or "}"',
    "found a tab character where an indentation space is expected": _TAB,
    "found a tab character that violates indentation": _TAB,
    "did not find expected alphabetic or numeric character": (
        'text that starts with "*" or "&" must be in quotes'
    ),
    "found undefined tag handle": 'text that starts with "!" must be in quotes',
    "found unknown escape character": (
        'unknown escape in double quotes; write "\\\\" for a backslash, or use single quotes'
    ),
}
_NO_COLON = "could not find expected ':'"
_NO_KEY = "did not find expected key"
_NO_DASH = "did not find expected '-' indicator"
_QUOTE_INSIDE = {'"': '\\"', "'": "''"}
_UNCLOSED = {
    "found unexpected end of stream",
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
}


def explain(error: yaml.YAMLError, source: Source) -> UnreadableError:
    """The parser's complaint as ours: one place, one line."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or error).split("\n")[0]
    opened = getattr(error, "context_mark", None)
    if mark is None:
        return UnreadableError((1, 1), f"not valid YAML: {problem}")
    if problem == "found character that cannot start any token":
        hint = _about(source.char_at(mark.index))
    else:
        hint = _about_place(problem, mark, opened, source) or _HINTS.get(problem, problem)
    if source.has_line_separator(mark.index):
        hint += " (remove the invisible line separator, such as U+2028, in the text before it)"
    if opened is not None and problem == _NO_COLON:
        mark = opened
    if opened is not None and problem in _UNCLOSED:
        hint += f" (it opens at line {opened.line + 1}, column {opened.column + 1})"
    return UnreadableError((mark.line + 1, mark.column + 1), f"not valid YAML: {hint}")


def _about_place(problem: str, mark: yaml.Mark, opened: yaml.Mark | None, source: Source) -> str:
    """What can be said once one looks at the line that it is about."""
    if problem == _NO_COLON and opened is not None:
        wanted = 'is not "field: value"; is a colon missing, or the indentation off?'
        return f"{quoted(source.line_at(opened.index)[1].rstrip(), 40)} {wanted}"
    before, after = source.line_at(mark.index)
    if problem == _NO_KEY and (quote := before.rstrip()[-1:]) in _QUOTE_INSIDE:
        within = f"write {_QUOTE_INSIDE[quote]} for a quote inside"
        return f"text behind a closing quote; put the whole text in quotes, and {within}"
    if problem == _NO_KEY and after.startswith("- "):
        return 'a "-" does not fit here, among fields; start each item of the list with one, as in "- id: a"'
    if problem == _NO_DASH and opened is not None and mark.column > opened.column:
        return "this line starts left of the lines above it; give all fields of a job the same indentation"
    return ""


def _about(char: str) -> str:
    if char == "\t":
        return _TAB
    return f"text cannot start with {quoted(char)}; put it in quotes" if char else "put this text in quotes"
