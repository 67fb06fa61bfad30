"""Events as lines for a person. What came from outside passes `shown.py`: it is no markup, no order to the
terminal, and no second line.
"""

from __future__ import annotations

from enum import Enum

from rich.text import Text

from pipeline.cli.table import style_of
from pipeline.events import (
    Draining,
    Event,
    Paused,
    RunStarted,
    TakeMoved,
    TakePolled,
    TakesHeld,
    Trouble,
)
from pipeline.model import Take, TakeState
from pipeline.shown import shown

QUIET_MOVES = {TakeState.SUBMITTING, TakeState.READY, TakeState.PLANNED}
WITHOUT_A_CLIP = {
    TakeState.MISSING,
    TakeState.UNDELIVERED,
    TakeState.REJECTED,
    TakeState.MODERATED,
    TakeState.FAILED,
    TakeState.EXPIRED,
    TakeState.UNKNOWN,
    TakeState.BLOCKED,
}
COMES_AND_GOES = {"gateway.rate_limited", "run.downloads_behind"}
"""Troubles that are states of a run, perhaps many a minute: nothing is to be done about them."""
GOES_ON = COMES_AND_GOES | {
    "take.download_interrupted",
    "take.not_sent",
    "take.poll_failing",
    "take.refused",
    "take.refused_poll",
    "take.source_unreadable",
    "take.status_unknown",
    "take.waits_for_link",
}
"""Troubles that the run gets over by itself, or that end in a state with a reason: they need not stay."""


class Loudness(Enum):
    """How much a person wants to hear."""

    QUIET = "quiet"  # what went wrong
    NORMAL = "normal"  # and what became of each job
    VERBOSE = "verbose"  # and every step on the way


def comes_and_goes(event: Event) -> bool:
    return isinstance(event, Trouble) and event.event in COMES_AND_GOES


def is_problem(event: Event) -> bool:
    """Whether a person who looks on should see it among the last problems."""
    if isinstance(event, Trouble):
        return event.event not in COMES_AND_GOES
    return isinstance(event, TakeMoved) and event.take.wanted and event.take.state in WITHOUT_A_CLIP


def stays(event: Event) -> bool:
    """Whether a person should still find it on the terminal in the morning."""
    if isinstance(event, Trouble):
        return event.event not in GOES_ON
    return isinstance(event, RunStarted | Paused | TakesHeld | Draining)


def describe(event: Event, loudness: Loudness = Loudness.NORMAL) -> Text | None:
    """An event as text for a person; None for those that only move numbers, or that nobody wants to hear."""
    if loudness is Loudness.QUIET and not _is_warning(event):
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


def said(event: Event, loudness: Loudness, batch: str) -> Text | None:
    """The same, with the batch in front of it, where several are run. A run's start names it anyhow."""
    line = describe(event, loudness)
    if line is None or not batch or isinstance(event, RunStarted):
        return line
    return Text.assemble(f"{shown(batch)}: ", line)


def _is_warning(event: Event) -> bool:
    return isinstance(event, Trouble | Paused | TakesHeld | Draining) and not comes_and_goes(event)


def _detail(take: Take) -> str:
    if take.state is TakeState.ACCEPTED:
        return f" as {take.remote_id}"
    return f" ({take.reason})" if take.reason else ""
