"""Options that several commands share, so that they mean the same and read the same everywhere."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import UsageError
from pipeline.selection import Selection

Output = Annotated[
    Path, typer.Option(help="Where batches are kept, one folder each.", envvar="NIGHTREEL_OUTPUT")
]
Provider = Annotated[
    str | None,
    typer.Option(help="Another provider than the manifest names; see `nightreel providers`."),
]
Only = Annotated[
    list[str] | None,
    typer.Option(help="Only jobs whose key is like this, such as 'hero-*'. May be repeated.", metavar="GLOB"),
]
Tag = Annotated[list[str] | None, typer.Option(help="Only jobs with this tag. May be repeated.")]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Only the first so many of these jobs, in the manifest's order.")
]
EnvFile = Annotated[
    Path | None,
    typer.Option(help="A file of NAME=value lines with keys and addresses; goes before the environment."),
]
Date = Annotated[
    str | None,
    typer.Option(
        help="The day of a batch with ${date} in its name, such as 2026-11-23; else it is today's.",
        metavar="YYYY-MM-DD",
    ),
]
BaseUrl = Annotated[
    str | None, typer.Option(help="The gateway's address; also COMETAPI_BASE_URL and the like.")
]
AllowInsecure = Annotated[
    bool,
    typer.Option(
        "--allow-insecure", help="Allow plain http to another machine, also for clips. The key is readable."
    ),
]
AllowPrivateHosts = Annotated[
    bool,
    typer.Option(
        "--allow-private-hosts",
        help="Take clips also from this machine and its network, where a public gateway's links lead there.",
    ),
]
Reuse = Annotated[
    bool,
    typer.Option(
        "--reuse", help="Take over clips that other batches in the same --output have already, for nothing."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
OUTPUT = Path("output")


def day(text: str | None) -> date | None:
    """Raises UsageError for what is no day."""
    try:
        if text is None or (len(text) == len("2026-11-23") and text.isascii()):
            return None if text is None else date.fromisoformat(text)
    except ValueError:
        pass
    raise UsageError(f"--date is a day such as 2026-11-23, not {text!r}")


def selection(only: list[str] | None, tag: list[str] | None, limit: int | None) -> Selection:
    return Selection(only=tuple(only or ()), tags=tuple(tag or ()), limit=limit)
