"""What a person sees while a run works: one live line on a terminal, plain lines anywhere else.

Listeners to events, both on stderr. What came from outside passes `shown.py`: it is no markup, no order to
the terminal, and no second line.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections import Counter
from enum import Enum
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from pipeline.cli.table import style_of
from pipeline.events import (
    BytesLoaded,
    Draining,
    Event,
    Paused,
    RunStarted,
    TakeMoved,
    TakePolled,
    TakesHeld,
    Trouble,
)
from pipeline.model import TICKS_PER_USD, Take, TakeState
from pipeline.shown import shown

QUIET_MOVES = {TakeState.SUBMITTING, TakeState.READY, TakeState.PLANNED}


class Loudness(Enum):
    """How much a person wants to hear."""

    QUIET = "quiet"  # what went wrong
    NORMAL = "normal"  # and what became of each job
    VERBOSE = "verbose"  # and every step on the way


class Face(Protocol):
    """Shows events to a person."""

    def __call__(self, event: Event, batch: str = "") -> None:
        """`batch`: to name it in front of the message, where several are run."""

    def close(self) -> None: ...


class Tally:
    """The run in numbers: takes by state, cost and pace so far."""

    def __init__(self) -> None:
        self.states: Counter[TakeState] = Counter()
        self.cost_ticks = 0
        self.finished = 0
        self._began = time.monotonic()

    def start(self, event: RunStarted) -> None:
        """One batch more, of perhaps several."""
        if not self.states:
            self._began = time.monotonic()
        self.states.update(event.counts)

    def move(self, event: TakeMoved) -> None:
        take, before = event.take, event.before
        if take.wanted:
            self.states[before] -= 1
            self.states[take.state] += 1
            self.finished += take.state is TakeState.DONE
        if take.state in (TakeState.READY, TakeState.MODERATED, TakeState.FAILED):
            self.cost_ticks += take.cost_ticks or 0

    def hold(self, count: int) -> None:
        self.states[TakeState.PLANNED] -= count
        self.states[TakeState.HELD] += count

    @property
    def total(self) -> int:
        return self.states.total()

    @property
    def settled(self) -> int:
        busy = (TakeState.PLANNED, TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.READY)
        return self.total - sum(self.states[state] for state in busy)

    def line(self) -> str:
        """`14/20 · 4 waiting · 2 rendering · 6.1/min · $1.20 · 1 min left`, short enough for 80 columns."""
        states = self.states
        stages = {
            "waiting": states[TakeState.PLANNED] + states[TakeState.SUBMITTING],
            "rendering": states[TakeState.ACCEPTED],
            "loading": states[TakeState.READY],
            "without a clip": self.settled - states[TakeState.DONE],
        }
        parts = [f"{states[TakeState.DONE]}/{self.total}"]
        parts += [f"{count} {stage}" for stage, count in stages.items() if count]
        minutes = (time.monotonic() - self._began) / 60
        if self.finished and minutes > 0:
            pace = self.finished / minutes
            left = (self.total - self.settled) / pace
            parts += [f"{pace:.1f}/min", f"{left:.0f} min left" if left >= 1 else "under 1 min left"]
        if self.cost_ticks:
            parts.append(f"${self.cost_ticks / TICKS_PER_USD:.2f}")
        return " · ".join(parts)


def describe(event: Event, loudness: Loudness = Loudness.NORMAL) -> Text | None:
    """An event as text for a person; None for those that only move numbers, or that nobody wants to hear."""
    if loudness is Loudness.QUIET and not isinstance(event, Trouble | Paused | TakesHeld | Draining):
        return None
    everything = loudness is Loudness.VERBOSE
    match event:
        case RunStarted():
            where = " (simulated: nothing is paid)" if event.simulated else f" at {event.origin}"
            jobs = sum(event.counts.values())
            head = f"batch {event.batch}: {jobs} job{'s' * (jobs != 1)}, {event.provider}{where}"
            return Text("\n".join(map(shown, [head, *(f"note: {note}" for note in event.notes)])))
        case TakeMoved(take=take) if everything or take.state not in QUIET_MOVES:
            line = Text.assemble(f"{shown(take.job.key)}: ", (take.state.value, style_of(take.state)))
            return line.append(shown(_detail(take)))
        case TakePolled(take=take) if everything:
            progress = "" if event.progress is None else f", {event.progress} %"
            return Text(shown(f"{take.job.key}: {event.status or 'not ready'}{progress}"), style="dim")
        case Trouble():
            who = "" if event.take is None else f"{event.take.job.key}: "
            return Text(shown(f"{who}{event.message}"), style="yellow")
        case Paused():
            return Text(shown(f"no more submits: {event.reason}"), style="red")
        case TakesHeld(count=count) if count:
            return Text(f"{count} job{'s' * (count != 1)} held back until the next run", style="red")
        case Draining():
            more = "; once more to stop at once" if event.reason.startswith("SIG") else ""
            return Text(shown(f"{event.reason}: finishing what is under way{more}"))
        case _:
            return None


def _said(event: Event, loudness: Loudness, batch: str) -> Text | None:
    """The same, with the batch in front of it. A run's start names it anyhow."""
    line = describe(event, loudness)
    if line is None or not batch or isinstance(event, RunStarted):
        return line
    return Text.assemble(f"{shown(batch)}: ", line)


def _detail(take: Take) -> str:
    if take.state is TakeState.ACCEPTED:
        return f" as {take.remote_id}"
    return f" ({take.reason})" if take.reason else ""


class _Stderr(Console):
    """stderr, where a reader that left is an error like any other: rich would end the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class PlainFace:
    """A line per event, for files, pipes and cron mail. Written plainly: drawing costs more than the job."""

    def __init__(self, loudness: Loudness = Loudness.NORMAL) -> None:
        self._loudness = loudness

    def __call__(self, event: Event, batch: str = "") -> None:
        if (line := _said(event, self._loudness, batch)) is not None:
            print(line.plain, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing is open."""


class LiveFace:
    """A bar that redraws, for all batches together, and above it the lines that should stay."""

    def __init__(self, loudness: Loudness = Loudness.NORMAL) -> None:
        self._loudness = loudness
        self._tally = Tally()
        self._console = _Stderr(file=sys.stderr, highlight=False)
        self._progress = Progress(
            BarColumn(bar_width=10),
            TextColumn("{task.description}", markup=False),
            console=self._console,
            transient=True,
        )
        self._bar = self._progress.add_task("", total=None)

    def __call__(self, event: Event, batch: str = "") -> None:
        match event:
            case RunStarted():
                self._tally.start(event)
                self._progress.start()
            case TakeMoved():
                self._tally.move(event)
            case TakesHeld(count=count):
                self._tally.hold(count)
            case BytesLoaded():
                return
            case TakePolled() if self._loudness is not Loudness.VERBOSE:
                return
        if (line := _said(event, self._loudness, batch)) is not None:
            self._console.print(line)
        self._progress.update(
            self._bar, total=self._tally.total, completed=self._tally.settled, description=self._tally.line()
        )

    def close(self) -> None:
        self._progress.stop()


class Patient:
    """Shows events while somebody looks: a run that holds paid clips does not end with its reader."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._gone = False

    def __call__(self, event: Event, batch: str = "") -> None:
        if not self._gone:
            try:
                self._face(event, batch)
            except OSError:  # broken pipe, full disk, closed terminal
                self._leave()

    def close(self) -> None:
        if not self._gone:
            try:
                self._face.close()
            except OSError:
                self._leave()

    def _leave(self) -> None:
        """Everything later goes nowhere, also what Python still holds for stderr when it leaves."""
        self._gone = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())
        os.close(nowhere)


def face(loudness: Loudness = Loudness.NORMAL, *, live: bool = True) -> Face:
    """The right one for where stderr goes. `live`: may redraw, on a terminal."""
    redraws = live and loudness is not Loudness.QUIET and sys.stderr.isatty()
    return Patient(LiveFace(loudness) if redraws else PlainFace(loudness))
