"""Reads data files from bytes, for the tests of this folder."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from pipeline.manifest.data import DataError, Flaw, Kind, Row, read_rows

Said = str | tuple[int, int, dict[str, Any]]


class Case(NamedTuple):
    content: bytes
    said: list[Said]
    kind: Kind = "csv"
    encoding: str | None = None
    delimiter: str | None = None


def said(
    content: bytes, kind: Kind = "csv", encoding: str | None = None, delimiter: str | None = None
) -> list[Said]:
    """Rows as (number, line, values), flaws as a person sees them, and what ends the reading behind a `!`."""
    found: list[Said] = []
    try:
        found.extend(map(shown, read_rows(io.BytesIO(content), kind, encoding=encoding, delimiter=delimiter)))
    except DataError as exc:
        found.append(f"! {exc.line}:{exc.column}: {exc.message}")
    return found


def shown(item: Row | Flaw) -> Said:
    return tuple(item) if isinstance(item, Row) else f"{item.line}:{item.column}: {item.message}"
