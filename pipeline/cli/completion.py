"""Completion in the shell: what the values of a command may be.

Loaded only while a shell asks about a command (app.py), so that nobody else pays for it. A value is known
by the name of its parameter, so a command that takes a `provider` or a `batch` need not say how to complete
it. Nothing here may raise: it would land in somebody's prompt. Where nothing is offered, the shell completes
files.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ParameterInfo

import pipeline
from pipeline.providers import PROVIDERS

Offers = list[tuple[str, str]]
"""Values and what they are."""

MAX_OFFERED = 200
# Folder names go through `eval` in some shells: nothing but what a batch may be called.
_BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLAIN = re.compile(r"[\w./+-]+")  # needs no quotes in any shell


def completing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, with offers for those of its parameters whose values are known."""
    hints = get_type_hints(command, include_extras=True)
    command.__annotations__ = {name: _offering(name, hint) for name, hint in hints.items()}
    return command


def _offering(name: str, hint: Any) -> Any:
    offers = OFFERS.get(name)
    if offers is None or get_origin(hint) is not Annotated:
        return hint
    kind, *notes = get_args(hint)
    return Annotated[(kind, *(_with(note, offers) for note in notes))]


def _with(note: Any, offers: Callable[..., Offers]) -> Any:
    if isinstance(note, ParameterInfo) and note.autocompletion is None:
        note = copy.copy(note)
        note.autocompletion = offers
    return note


def providers() -> Offers:
    return [(name, provider.capabilities.title) for name, provider in PROVIDERS.items()]


def models(ctx: typer.Context) -> Offers:
    """Models of the provider that was named before on the line, or of all."""
    chosen = ctx.params.get("provider")
    tables = {name: each.capabilities.models for name, each in PROVIDERS.items() if chosen in (None, name)}
    homes: dict[str, list[str]] = {}
    for provider, table in tables.items():
        for model in table:
            homes.setdefault(model, []).append(provider)
    return [(model, ", ".join(names)) for model, names in homes.items()]


def scenarios() -> Offers:
    """Those that are shipped; `pipeline.sim` itself would take long to load."""
    folder = Path(pipeline.__file__).parent / "sim" / "scenarios"
    return [(path.stem, "shipped scenario") for path in sorted(folder.glob("*.yaml"))]


def batches(ctx: typer.Context) -> Offers:
    """Folders with a ledger below the output folder."""
    output = Path(ctx.params.get("output") or "output")
    try:
        ledgers = sorted(output.glob("*/ledger.sqlite"))
    except OSError:
        return []
    names = [ledger.parent.name for ledger in ledgers]
    return [(name, f"in {output}") for name in names if _BATCH.fullmatch(name)][:MAX_OFFERED]


def manifests(incomplete: str) -> Offers:
    """YAML files, and folders on the way to them; into a folder that is the only offer.

    None where a name needs quotes or there are none: the shell's own completion does that better.
    """
    found = list(_yaml_files(incomplete))
    while len(found) == 1 and found[0].endswith("/"):
        found = list(_yaml_files(found[0]))
    if len(found) > MAX_OFFERED or not all(_PLAIN.fullmatch(name) for name in found):
        return []
    return [(name, "") for name in found]


def _yaml_files(incomplete: str) -> Iterator[str]:
    before, slash, start = incomplete.rpartition("/")
    try:
        entries = sorted(Path(before + slash or ".").iterdir())
        for entry in entries:
            if not entry.name.startswith(start) or (entry.name.startswith(".") and not start):
                continue
            if entry.is_dir():
                yield f"{before}{slash}{entry.name}/"
            elif entry.suffix in (".yaml", ".yml"):
                yield f"{before}{slash}{entry.name}"
    except OSError:
        return


OFFERS: Mapping[str, Callable[..., Offers]] = {
    "provider": providers,
    "model": models,
    "scenario": scenarios,
    "batch": batches,
    "manifest": manifests,
    "manifests": manifests,
}
"""By the name of a parameter."""
