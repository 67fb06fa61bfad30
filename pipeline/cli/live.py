"""A run on a terminal: a few lines that are drawn anew in place, for all batches together.

Events only move numbers; what they come to is drawn four times a second at most, and written beside the event
loop: a terminal that stands still (Ctrl-S) holds up no answer that is paid for.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
from rich.text import Text

from pipeline.cli.lines import Loudness, is_problem, said, stays
from pipeline.cli.panel import MAX_PROBLEMS, Counts, View, panel, what_now
from pipeline.cli.screen import Screen
from pipeline.cli.tally import Tally
from pipeline.events import Draining, Event, Paused, RunStarted, TakePolled, Trouble
from pipeline.model import TakeState

REDRAW_S = 0.25
LAST_WRITE_S = 2.0


@dataclass(frozen=True, slots=True)
class _Problem:
    at: str  # local time of day
    line: Text
    stays: bool
    kind: str | None  # of those that the run gets over by itself: the last of each kind is enough


@dataclass(slots=True)
class LiveFace:
    """Draws on `screen`; see there for what a window does. `time_of_day`: local, for problems."""

    screen: Screen
    loudness: Loudness = Loudness.NORMAL
    monotonic: Callable[[], float] = time.monotonic
    time_of_day: Callable[[], str] = lambda: time.strftime("%H:%M:%S")
    _tally: Tally = field(init=False)
    _stays: list[Text] = field(default_factory=list, init=False)  # lines for above, not written yet
    _problems: deque[_Problem] = field(default_factory=deque, init=False)
    _stopping: str | None = field(default=None, init=False)
    _paused: str | None = field(default=None, init=False)
    _passed: int = field(default=0, init=False)  # problems that are not to be seen any more
    _folders: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._tally = Tally(self.monotonic())

    def __call__(self, event: Event, batch: str = "") -> None:
        self._tally.hear(event, self.monotonic(), batch)
        verbose = self.loudness is Loudness.VERBOSE
        if isinstance(event, TakePolled) and not verbose:
            return
        match event:
            case RunStarted():
                self._folders.append(str(event.folder))
            case Draining():
                self._stopping = "stopping: finishing what is under way"
            case Paused():
                self._paused = event.reason
        if verbose or (stays(event) and not is_problem(event)):
            if (line := said(event, self.loudness, batch)) is not None:
                self._stays.append(line)
        elif is_problem(event) and (line := said(event, self.loudness, batch)) is not None:
            kind = event.event if isinstance(event, Trouble) and not stays(event) else None
            self._add(_Problem(self.time_of_day(), line, stays(event), kind))

    def _add(self, problem: _Problem) -> None:
        same = [other for other in self._problems if problem.kind is not None and other.kind == problem.kind]
        for other in same:
            self._problems.remove(other)
            self._let_go(other)
        self._problems.append(problem)
        if len(self._problems) > MAX_PROBLEMS:
            self._let_go(self._problems.popleft())

    def _let_go(self, problem: _Problem) -> None:
        """It leaves the panel: what a person should still find in the morning stays above it."""
        if problem.stays:
            self._stays.append(problem.line)
        else:
            self._passed += 1

    def view(self) -> View:
        """All that is to be seen at this moment."""
        tally, now, states = self._tally, self.monotonic(), self._tally.states
        glance = tally.glance()
        counts = Counts(
            to_send=states[TakeState.PLANNED],
            in_flight=states[TakeState.SUBMITTING] + states[TakeState.ACCEPTED],
            ready=states[TakeState.READY],
            loading=tally.loading,
            done=states[TakeState.DONE],
            without_a_clip=tally.without_a_clip,
        )
        places = None if glance is None else glance.max_in_flight
        return View(
            title=_title(tally),
            elapsed_s=now - tally.began,
            counts=counts,
            places=places,
            submits_per_s=tally.submits.per_s(now),
            clips_per_s=tally.clips.per_s(now),
            bytes_per_s=tally.bytes.per_s(now),
            left_s=None if self._stopping else tally.left_s(now, glance),
            settled_ticks=tally.money.settled_ticks,
            reserved_ticks=tally.money.reserved_ticks,
            budget_ticks=tally.money.budget_ticks,
            now=what_now(
                counts, glance, sending=tally.is_sending(now), stopping=self._stopping, paused=self._paused
            ),
            problems=tuple((problem.at, problem.line.plain) for problem in self._problems),
        )

    def drawing(self) -> str:
        """What brings the terminal up to date."""
        size = self.screen.size()
        lines = panel(self.view(), size[0]) if self._tally.batches else []
        above, self._stays = self._stays, []
        return self.screen.drawing(above, lines, size)

    async def keep(self) -> None:
        while True:
            await anyio.to_thread.run_sync(self.screen.write, self.drawing(), abandon_on_cancel=True)
            await anyio.sleep(REDRAW_S)

    def close(self) -> None:
        """The panel goes; what should stay, stays."""
        while self._problems:
            self._let_go(self._problems.popleft())
        if self._passed:
            where = ", ".join(f"{folder}/log.jsonl" for folder in self._folders[:3])
            self._stays.append(
                Text(f"problems on the way: {self._passed}, all of them in {where}", style="dim")
            )
        above, self._stays = self._stays, []
        last = self.screen.drawing(above, [], self.screen.size())
        writer = threading.Thread(target=self._write_last, args=(last,), daemon=True)
        writer.start()
        writer.join(LAST_WRITE_S)  # a terminal that stands still keeps no report from being written

    def _write_last(self, text: str) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone
            self.screen.write(text)


def _title(tally: Tally) -> str:
    what = tally.batches[0] if len(tally.batches) == 1 else f"{len(tally.batches)} batches"
    return " · ".join([what, *tally.providers, *["simulated"] * tally.simulated])
