"""`nightreel export`: a batch as CSV or JSON Lines, for spreadsheets and programs."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import sys
from collections.abc import Sequence
from contextlib import aclosing
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import options as opt
from pipeline.cli.app import say
from pipeline.errors import UsageError
from pipeline.exporting import COLUMNS, INPUT, exported
from pipeline.opening import find_batch
from pipeline.shown import shown, shown_json

_FORMULA = re.compile(r"[=+@\t\r-]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*")
_BOM = "\ufeff"

Record = dict[str, Any]


class Format(StrEnum):
    """What the table is written as."""

    CSV = "csv"
    JSONL = "jsonl"


def command(
    batch: Annotated[str, typer.Argument(help="A batch below --output, or a path.", show_default=False)],
    output: opt.Output = opt.OUTPUT,
    format_: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.CSV,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="Also what the data file has in this column, or the matrix by this name. May be repeated.",
            metavar="NAME",
        ),
    ] = None,
    older: Annotated[
        bool, typer.Option("--older", help="Also older takes, and jobs that left the manifest.")
    ] = False,
    manifest: Annotated[
        Path | None, typer.Option(help="Where the manifest lies now, if it was moved.", show_default=False)
    ] = None,
    excel: Annotated[
        bool,
        typer.Option("--excel", help="Begin with a mark by which Excel knows UTF-8."),
    ] = False,
) -> None:
    """Print a batch as a table: a row for each job, with its state, cost, clip and place in the manifest.

    Sends nothing. What each column means: docs/manifest.md. In CSV, a text that a spreadsheet would take for
    a formula stands behind an apostrophe; JSON Lines hold every text as it is.

    \b
    Examples:
      nightreel export teasers > teasers.csv
      nightreel export mugs --input sku --input title --excel > mugs.csv
      nightreel export teasers --format jsonl --older | jq 'select(.state != "done")'
    """
    folder = find_batch(output, batch)
    inputs = tuple(dict.fromkeys(input_ or ()))
    if excel and format_ is Format.JSONL:
        raise UsageError("--excel is for CSV: leave it out with --format jsonl")
    table = _JsonLines() if format_ is Format.JSONL else _Csv(inputs, excel=excel)
    asyncio.run(_export(folder, inputs, manifest, table, older=older))


async def _export(
    folder: Path, inputs: Sequence[str], manifest: Path | None, table: _JsonLines | _Csv, *, older: bool
) -> None:
    def note(text: str) -> None:
        say(f"note: {text}")

    records = exported(folder, inputs=inputs, manifest=manifest, older=older, note=note)
    async with aclosing(records):
        async for record in records:
            table.write(record)
    table.end()


class _JsonLines:
    """An object on each line."""

    def write(self, record: Record) -> None:
        print(shown_json(record, indent=None))

    def end(self) -> None: ...


class _Csv:
    """Rows below a line with the names of the columns, as RFC 4180 has it."""

    def __init__(self, inputs: Sequence[str], *, excel: bool) -> None:
        self._names: list[str] | None = [*COLUMNS, *(INPUT + name for name in inputs)]
        self._mark = _BOM if excel else ""
        sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]  # the csv module ends lines itself
        self._is_seen = sys.stdout.isatty()
        self._rows = csv.writer(sys.stdout)

    def write(self, record: Record) -> None:
        self.end()
        self._row([_cell(value) for value in record.values()])

    def end(self) -> None:
        """The names come once it is known that there is a table."""
        if self._names is not None:
            sys.stdout.write(self._mark)
            self._row(self._names)
            self._names = None

    def _row(self, cells: list[str]) -> None:
        self._rows.writerow([shown(cell) for cell in cells] if self._is_seen else cells)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, list):
        value = ", ".join(value) if all(isinstance(one, str) for one in value) else json.dumps(value)
    return _guarded(str(value))


def _guarded(text: str) -> str:
    """A spreadsheet would run what looks like a formula, whoever wrote it: a gateway's message, too."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
