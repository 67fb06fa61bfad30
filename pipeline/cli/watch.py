"""`nightreel status --watch`: a run that works in another terminal, as its ledger and log tell of it.

Reads in short transactions, changes nothing, and asks for the lock only where the ledger leaves open whether
a run is alive.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.cli.logtail import last_entries, problems, stopped_by, waits_for
from pipeline.cli.panel import MAX_PROBLEMS, Counts, View, cost_text, panel, short
from pipeline.cli.screen import Screen, can_redraw
from pipeline.cli.tally import BUSY, Meter, left_s
from pipeline.clock import LoopClock, utc_text
from pipeline.ledger.peek import Sight, sight
from pipeline.model import TakeState
from pipeline.opening import LEDGER_NAME, LOG_NAME
from pipeline.shown import shown, shown_json
from pipeline.storage.lock import is_held

LOOK_S = 2.0  # from one look at the ledger to the next, at least
REDRAW_S = 0.5  # the clock goes on, and a window may change its size
SPARE = 20  # looks take a twentieth of the time at most: a large ledger is looked at more rarely
_UNSENT = (TakeState.PLANNED, TakeState.HELD, TakeState.BLOCKED)


def watch(folder: Path, *, as_json: bool) -> None:
    """Show how a batch stands until no run holds it. On a terminal drawn in place, else a line per change."""
    screen = Screen(sys.stdout) if not as_json and can_redraw(sys.stdout, os.environ) else None
    watcher, last = Watcher(folder), None
    while True:
        began = time.monotonic()
        moment = watcher.look(began, LoopClock().wall())
        if screen is not None:
            _draw(screen, watcher.view(moment, LoopClock().wall()))
        elif (facts := moment.facts(folder.name)) != last:
            last = facts
            told = {"at": utc_text(moment.wall), **facts}
            print(shown_json(told, indent=None) if as_json else _line(moment), flush=True)
        if not moment.running:
            return
        until = began + max(LOOK_S, SPARE * (time.monotonic() - began))
        while (rest_s := until - time.monotonic()) > 0:
            time.sleep(min(REDRAW_S, rest_s))
            if screen is not None:
                _draw(screen, watcher.view(moment, LoopClock().wall()))


def _draw(screen: Screen, view: View) -> None:
    size = screen.size()
    screen.write(screen.drawing([], panel(view, size[0]), size))


@dataclass(frozen=True, slots=True)
class Moment:
    """One look. `wall`: when; `now`: what the run does or waits for, or how it ended."""

    sight: Sight
    running: bool
    wall: float
    now: str
    problems: tuple[tuple[str, str], ...]

    @property
    def counts(self) -> Counts:
        states = self.sight.counts
        return Counts(
            to_send=states.get(TakeState.PLANNED, 0),
            in_flight=states.get(TakeState.SUBMITTING, 0) + states.get(TakeState.ACCEPTED, 0),
            ready=states.get(TakeState.READY, 0),
            loading=None,
            done=states.get(TakeState.DONE, 0),
            without_a_clip=sum(
                count for state, count in states.items() if state is not TakeState.DONE and state not in BUSY
            ),
        )

    def facts(self, batch: str) -> dict[str, Any]:
        """For `--json`: one line each time that any of them changes."""
        seen = self.sight
        return {
            "batch": batch,
            "run": seen.run,
            "running": self.running,
            "started_at": None if seen.started_at is None else utc_text(seen.started_at),
            "exit_code": seen.exit_code,
            "counts": {state.value: seen.counts[state] for state in TakeState if seen.counts.get(state)},
            "settled_ticks": seen.settled_ticks,
            "reserved_ticks": seen.reserved_ticks,
        }


@dataclass(slots=True)
class Watcher:
    """Looks at one batch again and again, and learns its rates from what changed in between."""

    folder: Path
    _last: Counts | None = field(default=None, init=False)
    _sent: int = field(default=0, init=False)
    _submits: Meter = field(init=False)
    _clips: Meter = field(init=False)

    def look(self, now: float, wall: float) -> Moment:
        """`now`: monotonic; `wall`: the same in UTC seconds. Blocking. Raises LedgerError."""
        seen = sight(self.folder / LEDGER_NAME)
        entries = last_entries(self.folder / LOG_NAME)
        running = seen.run > 0 and seen.ended_at is None and is_held(self.folder)
        if not running:  # it may have ended between the two looks
            seen = sight(self.folder / LEDGER_NAME)
        moment = Moment(seen, running, wall, "", tuple(problems(entries)[-MAX_PROBLEMS:]))
        self._learn(moment, now)
        told = waits_for(entries, wall) or _what_now(moment.counts, stopped_by(entries))
        text = told if running else _end(seen, moment.counts)
        return Moment(seen, running, wall, text, moment.problems)

    def _learn(self, moment: Moment, now: float) -> None:
        counts = moment.counts
        sent = sum(count for state, count in moment.sight.counts.items() if state not in _UNSENT)
        if self._last is None:
            self._submits, self._clips = Meter(now), Meter(now)
        else:
            self._submits.add(now, max(0, sent - self._sent))
            self._clips.add(now, max(0, counts.done - self._last.done))
        self._last, self._sent = counts, sent

    def view(self, moment: Moment, wall: float) -> View:
        seen, counts, now = moment.sight, moment.counts, time.monotonic()
        started_at = wall if seen.started_at is None else seen.started_at
        clips_per_s = self._clips.per_s(now)
        left = left_s(
            to_send=counts.to_send,
            rendering=counts.in_flight,
            loading=counts.ready,
            places=None,
            submits_per_s=0.0,
            clips_per_s=clips_per_s,
            render_s=None,
            sent_ago_s=0.0,
        )
        what = [self.folder.name, *([] if seen.provider is None else [seen.provider])]
        return View(
            title=" · ".join([*what, *["simulated"] * seen.simulated]),
            elapsed_s=(seen.ended_at or wall) - started_at,
            counts=counts,
            submits_per_s=self._submits.per_s(now),
            clips_per_s=clips_per_s,
            left_s=left if moment.running and self._clips.is_fair(now) else None,
            settled_ticks=seen.settled_ticks,
            reserved_ticks=seen.reserved_ticks,
            now=moment.now,
            problems=moment.problems,
        )


def _what_now(counts: Counts, paused: str | None) -> str:
    if paused is not None and counts.to_send:
        return f"nothing new is sent ({short(paused)})"
    if counts.to_send:
        return "sending and collecting" if counts.in_flight or counts.ready else "sending"
    if counts.in_flight:
        return "all is sent; waiting for the gateway"
    return "loading the last clips" if counts.ready else "beginning, or finishing"


def _end(seen: Sight, counts: Counts) -> str:
    """How the last run ended, and what that leaves to do."""
    if not seen.run:
        return "no run yet"
    how = "was killed" if seen.exit_code is None else f"ended with exit code {seen.exit_code}"
    open_takes = counts.in_flight + counts.ready
    rest = f"; {open_takes:,} on their way: run again to collect them" if open_takes else ""
    return f"the last run {how}{rest}"


def _line(moment: Moment) -> str:
    counts, seen = moment.counts, moment.sight
    what = (
        f"to send {counts.to_send}, in flight {counts.in_flight}, ready {counts.ready}, done {counts.done},"
        f" no clip {counts.without_a_clip}"
    )
    cost = f"; {cost_text(seen.settled_ticks, seen.reserved_ticks)}" if seen.settled_ticks else ""
    end = "" if moment.running else f"; {moment.now}"
    return shown(f"{time.strftime('%H:%M:%S', time.localtime(moment.wall))} {what}{cost}{end}")
