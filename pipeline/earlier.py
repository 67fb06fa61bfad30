"""Earlier nights: batches of other days of a manifest with `${date}`, where something is to be collected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.feeder import COLLECT_ORDER
from pipeline.ledger.peek import peek
from pipeline.manifest.dated import day_of, is_dated
from pipeline.model import TakeState
from pipeline.opening import LEDGER_NAME
from pipeline.plan import Checked
from pipeline.remembered import is_gone, is_same
from pipeline.storage.planted import refuse_links

_LOST = frozenset({TakeState.UNKNOWN, TakeState.SUBMITTING})  # what a dead run was sending is unknown, too


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierNight:
    """A batch of another day. `open`: takes to ask the gateway about; `note`: what a person should know."""

    folder: Path
    open: int = 0
    note: str | None = None


def earlier_nights(batches: Path, checked: Checked) -> list[EarlierNight]:
    """Those of this manifest with something to collect or to tell, in the order of their names. Blocking."""
    template = checked.head.batch
    if template is None or not is_dated(template) or not batches.is_dir():
        return []
    names = sorted(folder.name for folder in batches.iterdir() if day_of(folder.name, template) is not None)
    return [night for name in names if name != checked.batch for night in _looked_at(batches / name, checked)]


def _looked_at(folder: Path, checked: Checked) -> Iterator[EarlierNight]:
    ledger = folder / LEDGER_NAME
    if not ledger.is_file():
        return
    try:
        refuse_links(folder)
        seen = peek(ledger, {*COLLECT_ORDER, *_LOST})
    except (UsageError, OSError) as exc:
        yield EarlierNight(folder=folder, note=f"not looked at: {exc}")
        return
    if seen.manifest is None or not _is_ours(seen.manifest, checked, folder):
        return
    lost = sum(seen.counts.get(state, 0) for state in _LOST)
    note = f"{lost} unknown, which nobody asks about: nightreel status {folder}" if lost else None
    if count := sum(seen.counts.values()):
        yield EarlierNight(folder=folder, open=count - lost, note=note)


def _is_ours(remembered: str, checked: Checked, folder: Path) -> bool:
    """This manifest's, or one's that is gone, as after a new name: nobody else would bring its clips home."""
    return is_same(remembered, checked.path, folder) or is_gone(remembered, folder)
