"""What separates the cells of a table: declared, said by Excel's `sep=` line, or by the kind of file."""

from __future__ import annotations

import re

from pipeline.manifest.data.encodings import BESIDE
from pipeline.manifest.data.rows import DataError, Kind, SettingError
from pipeline.manifest.scalars import quoted

_USUAL = {"csv": ",", "tsv": "\t", "jsonl": ""}
_OTHERS = (";", "\t", ",", "|")
_SEP_LINE = re.compile(r'"?sep=([^\r\n"])"?(\r\n|\r|\n|\Z)', re.IGNORECASE)
_FIRST_LINE = re.compile(r"((?:[^\S\r\n]*+(?:\r\n|\r|\n))*+)([^\r\n]*)")
_QUOTED = re.compile(r'"(?:[^"]++|"")*+"?')


def chosen(kind: Kind, declared: str | None) -> str | None:
    """The declared delimiter, if it can be one."""
    if declared is None:
        return None
    if kind == "jsonl":
        raise SettingError("delimiter", "is for .csv and .tsv; JSON Lines has none, leave it out")
    if not _can_separate(declared):
        expected = 'expected one character such as ";" or a tab ("\\t")'
        raise SettingError("delimiter", f"{expected}, got {quoted(declared)}")
    return declared


def in_use(opening: str, kind: Kind, declared: str | None) -> tuple[str, int]:
    """The delimiter of a table whose text begins so, and the length of a line `sep=;`, which is no row."""
    match = _SEP_LINE.match(opening)
    said = match[1] if match and _can_separate(match[1]) else None
    length = match.end() if match and said else 0
    return declared or said or _USUAL[kind], length


def check_header(opening: str, at_line: int, delimiter: str, kind: Kind, declared: str | None) -> None:
    """Raises `DataError` if the first line holds no delimiter, but something else that usually is one."""
    match = _FIRST_LINE.match(opening)
    bare = _QUOTED.sub("", match[2]) if match else ""
    if match is None or delimiter in bare:
        return
    counts = {other: bare.count(other) for other in _OTHERS if other in bare}
    if not counts:
        return
    other = max(counts, key=lambda char: counts[char])
    line = at_line + len(re.findall(r"\r\n|\r|\n", match[1]))
    found = f"the line of column names has no {_shown(delimiter).removeprefix('a ')}, but {_shown(other)}"
    setting = "`delimiter: " + ('"\\t"`' if other == "\t" else f'"{other}"`')
    if declared is not None:
        what_to_do = "leave `delimiter` out" if other == _USUAL[kind] else f"say {setting}"
        raise SettingError("delimiter", f"{found}; {what_to_do}", line)
    single = f"; if {quoted(match[2], 40)} is the name of one column, put it in quotes in the file"
    raise DataError(line, 1, f"{found}; say {setting} {BESIDE}{single if bare == match[2] else ''}")


def _can_separate(text: str) -> bool:
    return len(text) == 1 and (text == "\t" or (text.isprintable() and not text.isalnum() and text != '"'))


def _shown(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else f'"{delimiter}"'
