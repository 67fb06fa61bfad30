"""The brake: a run whose clips end badly stops sending, before a mistake in every prompt has been paid for.

Listens to moves, and holds what is left. Rules: docs/money.md.
"""

from __future__ import annotations

import math
from collections import deque

from pipeline.events import Event, TakeMoved
from pipeline.model import TakeState
from pipeline.stages.base import ENDED_BEFORE, Switches

DEFAULT_SHARE = 0.2
WINDOW = 50
FIRST = 5
UNKNOWN_ROW = 5
_S = TakeState
BAD = frozenset({_S.REJECTED, _S.MODERATED, _S.FAILED})
FINISHED = BAD | {_S.DONE, _S.EXPIRED, _S.UNDELIVERED}


class Brake:
    """Counts how takes end. `share`: of the last 50 that may end badly; infinite for no brake."""

    def __init__(self, switches: Switches, share: float = DEFAULT_SHARE) -> None:
        self._switches = switches
        self._share = share
        self._most_bad = math.inf if math.isinf(share) else max(1, math.ceil(round(WINDOW * share, 6)))
        self._last: deque[bool] = deque(maxlen=WINDOW)
        self._finished = 0
        self._again: set[int] = set()  # takes that had come to an end before this run, or in it
        self._unknown_row = 0

    def hear(self, event: Event) -> None:
        if not isinstance(event, TakeMoved) or math.isinf(self._share):
            return
        if event.before is _S.SUBMITTING and event.take.state is not _S.PLANNED:
            self._unknown_row = self._unknown_row + 1 if event.take.state is _S.UNKNOWN else 0
        if event.before in ENDED_BEFORE:
            self._again.add(event.take.id)
        news = event.take.id not in self._again and event.take.reused_from is None
        if event.take.state in FINISHED and news:
            self._finished += 1
            self._last.append(event.take.state in BAD)
        if (why := self._why()) is not None:
            last = "" if event.take.reason is None else f"; the last: {event.take.reason}"
            self._switches.hold(f"brake: {why}{last}")

    def _why(self) -> str | None:
        bad = sum(self._last)
        if self._finished == bad == FIRST:
            return f"the first {FIRST} clips were all refused or failed"
        if bad >= self._most_bad and self._last[-1]:
            return f"{bad} of the last {len(self._last)} clips were refused or failed"
        if self._unknown_row >= UNKNOWN_ROW:
            return f"{self._unknown_row} submits in a row got no answer"
        return None
