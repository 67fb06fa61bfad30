"""What stands on the screen while a run works: a handful of lines that neither wrap nor jump. Pure.

Drawn by `live.py` from a run's events, and by `watch.py` from a ledger.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from pipeline.events import Glance
from pipeline.money import usd_text
from pipeline.shown import shown

BAR = 40  # cells at most
MAX_PROBLEMS = 3
REASON_CELLS = 60
WIDE = (11, 18, 11, 11, 11, 11)  # cells for each stage
NARROW = (7, 11, 7, 9, 7, 8)
SOON_S = 1.0  # what comes sooner is not announced


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Jobs by where they stand. `loading` is part of `ready`; None: not known."""

    to_send: int
    in_flight: int
    ready: int
    loading: int | None
    done: int
    without_a_clip: int

    @property
    def total(self) -> int:
        return self.to_send + self.in_flight + self.ready + self.done + self.without_a_clip


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that is to be seen at one moment. Money in ticks, times in seconds, rates per second.

    `places`: `max_in_flight`, where it is known.
    """

    title: str
    elapsed_s: float
    counts: Counts
    places: int | None = None
    submits_per_s: float = 0.0
    clips_per_s: float = 0.0
    bytes_per_s: float = 0.0
    left_s: float | None = None
    settled_ticks: int = 0
    reserved_ticks: int = 0
    budget_ticks: int | None = None
    now: str
    problems: tuple[tuple[str, str], ...] = ()  # time of day, and what


def panel(view: View, columns: int) -> list[Text]:
    """The lines, none wider than `columns`."""
    lines = [_title(view), _bar(view, columns), *_stages(view, columns), _line("speed", _speed(view))]
    if view.settled_ticks or view.reserved_ticks or view.budget_ticks is not None:
        lines.append(_line("cost", cost_text(view.settled_ticks, view.reserved_ticks, view.budget_ticks)))
    lines.append(_line("now", shown(view.now)))
    if view.problems:
        lines.append(Text("last problems", style="dim"))
        lines += [
            Text.assemble((f"  {at} ", "dim"), (shown(what), "yellow"))
            for at, what in view.problems[-MAX_PROBLEMS:]
        ]
    for line in lines:
        line.truncate(max(1, columns - 1), overflow="ellipsis")  # the last column makes some terminals wrap
    return lines


def _title(view: View) -> Text:
    return Text.assemble((shown(view.title), "bold"), (f" · {duration(view.elapsed_s)}", "dim"))


def _line(name: str, text: str) -> Text:
    return Text.assemble((f"{name:6}", "dim"), text)


def _bar(view: View, columns: int) -> Text:
    counts = view.counts
    share = f" · {100 * counts.done // counts.total} %" if counts.total else ""
    left = "" if view.left_s is None else f" · {about(view.left_s)}"
    text = f" {counts.done:,} of {counts.total:,}{share}{left}"
    cells = max(0, min(BAR, columns - 1 - cell_len(text)))
    bar = Text()
    for width, style in zip(_widths(counts, cells), ("green", "red", "yellow", "bright_black"), strict=True):
        bar.append(("─" if style == "bright_black" else "━") * width, style=style)
    return bar.append(text)


def _widths(counts: Counts, cells: int) -> list[int]:
    """Cells for what is done, without a clip, on its way, and left to send; together all of them."""
    total = max(1, counts.total)
    ends, so_far = [], 0
    for part in (counts.done, counts.without_a_clip, counts.in_flight + counts.ready, counts.to_send):
        so_far += part
        ends.append(cells * so_far // total)
    ends[-1] = cells
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def _stages(view: View, columns: int) -> tuple[Text, Text]:
    """Two lines: names of the stages, and how many jobs are in each, in columns that stay in place."""
    counts = view.counts
    of = "" if view.places is None else f" of {view.places:,}"
    loading = counts.loading or 0
    stages = [
        ("to send", f"{counts.to_send:,}", ""),
        ("in flight", f"{counts.in_flight:,}{of}", ""),
        ("ready", f"{counts.ready - loading:,}", ""),
        *([] if counts.loading is None else [("loading", f"{loading:,}", "")]),
        ("done", f"{counts.done:,}", "green"),
        ("no clip", f"{counts.without_a_clip:,}", "red" if counts.without_a_clip else ""),
    ]
    widths = WIDE if columns > sum(WIDE) else NARROW
    head, row = Text(style="dim"), Text()
    for (name, value, style), width in zip(stages, widths, strict=False):
        head.append(f"{name:>{width}}")
        row.append(f"{value:>{width}}", style=style)
    return head, row


def _speed(view: View) -> str:
    parts = [f"{60 * view.submits_per_s:.1f} submits/min", f"{60 * view.clips_per_s:.1f} clips/min"]
    if view.bytes_per_s >= 50_000:
        parts.append(f"{view.bytes_per_s / 1e6:.1f} MB/s")
    return " · ".join(parts)


def cost_text(settled_ticks: int, reserved_ticks: int, budget_ticks: int | None = None) -> str:
    cost = f"{_usd(settled_ticks)} settled, {_usd(reserved_ticks)} reserved"
    return cost if budget_ticks is None else f"{cost}, of {_usd(budget_ticks)}"


def _usd(ticks: int) -> str:
    """To the cent: more digits would jump. What is below half a cent is told as it is."""
    cents = ticks / 1e8
    return usd_text(ticks) if 0 < abs(cents) < 0.5 else f"${cents / 100:,.2f}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min 5 s`, `3 h 7 min`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def about(seconds: float) -> str:
    """How long is left, no more exactly than one can know."""
    if seconds < 60:
        return "under 1 min left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 60 else f"about {minutes // 60} h {minutes % 60} min left"


def in_s(seconds: float) -> str:
    """When something comes: `in 3 s`."""
    return f"in {duration(max(1, math.ceil(seconds)))}"


def what_now(
    counts: Counts, glance: Glance | None, *, sending: bool, stopping: str | None, paused: str | None
) -> str:
    """What the run does, or what it waits for.

    `stopping`: what it says of its end, once it was told to end; `paused`: why nothing more is sent.
    """
    if stopping is not None:
        return stopping
    if glance is None:
        return "getting ready" if counts.to_send or counts.in_flight or counts.ready else "all is settled"
    waits = _waits(counts, glance, sending=sending)
    return waits if paused is None else f"nothing new is sent ({short(paused)}); {waits}"


def _waits(counts: Counts, glance: Glance, *, sending: bool) -> str:
    next_s = glance.next_poll_s
    polls = "" if next_s is None or next_s < SOON_S else f"; next poll {in_s(next_s)}"
    if glance.held_s > 0:
        return f"rate limit: next {'submit' if counts.to_send else 'call'} {in_s(glance.held_s)}"
    if counts.to_send and glance.behind:
        return f"downloads come first: {glance.behind:,} clips wait to be loaded"
    if counts.to_send and glance.in_flight >= glance.max_in_flight:
        return f"all {glance.max_in_flight:,} places at the gateway are taken{polls}"
    if counts.to_send and sending:
        return "sending, at the pace that the limits allow"
    if counts.to_send:
        return f"what is left to send waits for clips that are on their way{polls}"
    if counts.in_flight:
        return f"all is sent; waiting for the gateway{polls}"
    return "loading the last clips" if counts.ready else "finishing"


def short(text: str) -> str:
    """Enough of a reason for a line."""
    return text if len(text) <= REASON_CELLS else f"{text[: REASON_CELLS - 1]}…"
