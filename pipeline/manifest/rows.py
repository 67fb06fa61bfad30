"""Where the rows behind `from` come from: the lines of a data file, or the pictures that a pattern matches.

What may be read beside the manifest is handed in as `Files`; this package opens nothing itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, Literal, Protocol, cast

from pipeline.manifest.data import KINDS, DataError, Flaw, SettingError, read_rows
from pipeline.manifest.rules import is_link
from pipeline.manifest.scalars import quoted
from pipeline.manifest.shapes import DataRow

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_WILD = "*?["
_EXPECTED = "expected a .csv, .tsv or .jsonl file, or a pattern of pictures such as images/*.png"
_SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
DataKind = Literal["csv", "tsv", "jsonl"]


class Files(Protocol):
    """What a manifest may read beside itself. Paths are relative to it."""

    def open(self, path: str) -> BinaryIO:
        """Raises OSError, its text a reason for a person."""

    def matching(self, pattern: str, /) -> list[str]:
        """The files that match, sorted; `**` is any number of folders."""

    def shown(self, path: str) -> str:
        """As a person would call it from where the command was given."""


class NoFiles:
    """A manifest without a folder has no files beside it."""

    def open(self, path: str) -> BinaryIO:
        raise FileNotFoundError(f"{quoted(path)} not found")

    def matching(self, _: str, /) -> list[str]:
        return []

    def shown(self, path: str) -> str:
        return path


class SourceError(Exception):
    """Nothing can be read from there; the text says why, behind `from: ` or another field."""

    def __init__(self, message: str, field: str = "from") -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFlaw:
    """What is wrong with a data file at one place. `ends`: nothing behind it was read."""

    file: str
    line: int
    column: int
    message: str
    ends: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """What `from` names, and how to read it."""

    path: str
    encoding: str | None = None
    delimiter: str | None = None

    @property
    def kind(self) -> DataKind | Literal["pictures"]:
        """Raises SourceError."""
        if is_link(self.path):
            raise SourceError(
                f"{quoted(self.path)} is not loaded from there; save the file next to the manifest"
            )
        ending = PurePath(self.path).suffix.lower()
        is_pattern = any(char in self.path for char in _WILD)
        if ending == ".ndjson":
            ending = ".jsonl"
        if ending[1:] in KINDS and not is_pattern:
            return cast("DataKind", ending[1:])
        if is_pattern and (ending in PICTURES or ending[:1] != "." or any(char in ending for char in _WILD)):
            return "pictures"
        raise SourceError(f"{_EXPECTED}, got {quoted(self.path)}{_hint(self.path, ending)}")

    @property
    def is_pictures(self) -> bool:
        try:
            return self.kind == "pictures"
        except SourceError:
            return False

    @property
    def nothing(self) -> str:
        """That there is no row, and what was expected. Raises SourceError."""
        names = "" if self.kind == "jsonl" else "a line with the names of the columns, and "
        row = "one JSON object on each line" if self.kind == "jsonl" else "rows below it"
        return f"there is no row in {quoted(self.path)}; expected {names}{row}"

    @property
    def same_columns(self) -> bool:
        """Whether every row has the same names. Raises SourceError."""
        return self.kind != "jsonl"

    def rows(self, files: Files, sums: Sums) -> Iterator[DataRow | DataFlaw]:
        """Row by row. Raises SourceError where there is nothing, or where reading goes wrong."""
        if self.kind == "pictures":
            yield from self._pictures(files, sums)
            return
        file = files.shown(self.path)
        try:
            stream = files.open(self.path)
        except OSError as exc:
            raise SourceError(str(exc)) from exc
        with stream:
            summed = _Summed(stream, sums)
            rows = read_rows(
                cast("BinaryIO", summed), self.kind, encoding=self.encoding, delimiter=self.delimiter
            )
            try:
                for row in rows:
                    if isinstance(row, Flaw):
                        yield DataFlaw(
                            file=file, line=row.line, column=row.column, message=row.message, ends=False
                        )
                    else:
                        yield DataRow(file, row.number, row.line, row.values)
            except OSError as exc:
                raise SourceError(f"{quoted(self.path)} cannot be read: {exc.strerror or exc}") from exc
            except SettingError as exc:
                raise SourceError(exc.message, exc.setting) from exc
            except DataError as exc:
                yield DataFlaw(file=file, line=exc.line, column=exc.column, message=exc.message, ends=True)

    def _pictures(self, files: Files, sums: Sums) -> Iterator[DataRow]:
        names = files.matching(self.path)
        if not names:
            raise SourceError(f"no file matches {quoted(files.shown(self.path), 300)}")
        for number, name in enumerate(names, 1):
            sums.add(name.encode("utf-8", "surrogateescape"))
            cells = {"image": name, "path": name, "stem": PurePath(name).stem}
            yield DataRow(files.shown(name), number, 1, cells, is_picture=True)


class Sums:
    """A digest over all that was read beside the manifest, to see whether it changed."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, data: bytes) -> None:
        self._hash.update(data)

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


class _Summed:
    """A stream whose bytes are summed as they are read."""

    def __init__(self, stream: BinaryIO, sums: Sums) -> None:
        self._stream = stream
        self._sums = sums

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._sums.add(data)
        return data


def _hint(path: str, ending: str) -> str:
    if ending[1:] in KINDS:
        return "; name one file"
    if ending in _SPREADSHEETS:
        return "; save the sheet as CSV (UTF-8)"
    if ending in PICTURES:
        return '; for one picture, write "image"'
    if not ending:
        return f"; for the pictures in a folder, write {quoted(path.rstrip('/') + '/*.png')}"
    return "; write one JSON object per line, and call it .jsonl" if ending == ".json" else ""
