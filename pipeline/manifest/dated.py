"""`batch: nightly-${date}`: a batch for each day, and which folders were those of other days.

`$$` is a dollar sign, which no folder may have. Nothing but `${date}` is known here.
"""

from __future__ import annotations

import re
from datetime import date

from pipeline.manifest.scalars import quoted

NAME = "${date}"
_PIECE = re.compile(r"\$\$|\$\{[^}]*\}?")
_DAY = r"\d{4}-\d{2}-\d{2}"


def is_dated(batch: str | None) -> bool:
    return batch is not None and any(piece[0] == NAME for piece in _PIECE.finditer(batch))


def batch_of(batch: str, day: date) -> str:
    """The name of the batch on that day. Raises ValueError for any other `${name}`."""

    def filled(piece: re.Match[str]) -> str:
        if piece[0] == "$$":
            return "$"
        if piece[0] != NAME:
            why = f'{quoted(piece[0])} is not defined here; known is "{NAME}" alone, the day of the run'
            raise ValueError(why)
        return day.isoformat()

    return _PIECE.sub(filled, batch)


def day_of(folder: str, batch: str) -> date | None:
    """The day whose batch this folder is; None for a folder of something else."""
    pieces = [re.escape(piece) for piece in batch.split(NAME)]
    pattern = f"({_DAY})".join(pieces[:2]) + r"\1".join(["", *pieces[2:]])
    found = re.fullmatch(pattern, folder, re.ASCII)
    if found is None or len(pieces) < 2:
        return None
    try:
        return date.fromisoformat(found[1])
    except ValueError:
        return None
