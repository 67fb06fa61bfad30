"""Draws terminal.svg: what a terminal of 80 columns shows in the middle of a run that is told here.

The clock is ours, so that the picture changes only when the display does. `make screenshots` runs it.
"""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from pipeline.cli.live import LiveFace
from pipeline.cli.panel import panel
from pipeline.cli.screen import Screen
from pipeline.events import BytesLoaded, Glance, RunStarted, TakeMoved, Trouble
from pipeline.model import TICKS_PER_USD, Job, Take, TakeState

HERE = Path(__file__).parent
JOBS, PLACES, RENDER_S, LOAD_S = 120, 20, 48.0, 4.0
UNTIL_S = 254.0
FAILS = {9: "Video generation failed: no reason given", 31: "the prompt was refused"}
WAY = (TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.READY, TakeState.DONE)


def staged() -> LiveFace:
    """A face that has heard four minutes of a run: one submit in 2.4 s, each clip 48 s at the gateway."""
    now = 0.0
    face = LiveFace(Screen(io.StringIO(), {}), monotonic=lambda: now, time_of_day=lambda: _time(now))
    glance = Glance(in_flight=PLACES, max_in_flight=PLACES, held_s=2.6, next_poll_s=4.0)
    face(
        RunStarted(
            batch="teasers",
            provider="cometapi",
            origin="https://api.cometapi.com:443",
            folder=Path("output/teasers"),
            simulated=False,
            counts={TakeState.PLANNED: JOBS},
            budget_ticks=25 * TICKS_PER_USD,
            look=lambda: glance,
        )
    )
    for now, take, state in sorted(_moves(), key=lambda move: move[0]):
        if now > UNTIL_S:
            break
        face(TakeMoved(take=replace(take, state=state), before=_before(state)))
        if state is TakeState.READY:
            for size_bytes in (0, 4_200_000):
                face(BytesLoaded(take=take, size_bytes=size_bytes, total_bytes=8_400_000))
    now = UNTIL_S
    broken = Trouble(
        event="take.download_interrupted",
        message="the file host answered HTTP 502; will go on",
        take=_take(82),
    )
    face(broken)
    return face


def _moves() -> list[tuple[float, Take, TakeState]]:
    found = []
    for number in range(JOBS):
        take, sent_at = _take(number), 2.4 * number
        ways = (*WAY[:2], TakeState.FAILED) if number in FAILS else WAY
        times = (0.0, 0.4, RENDER_S, RENDER_S + LOAD_S + number % 5)
        found += [(sent_at + time, take, state) for time, state in zip(times, ways, strict=False)]
    return found


def _take(number: int) -> Take:
    return Take(
        id=number,
        job=Job(key=f"scene-{number:03}", prompt=""),
        fingerprint="0" * 64,
        number=1,
        state=TakeState.PLANNED,
        provider="cometapi",
        estimate_ticks=TICKS_PER_USD // 5,
        reserved_ticks=TICKS_PER_USD // 5,
        own_price=True,
        reason=FAILS.get(number),
    )


def _before(state: TakeState) -> TakeState:
    if state is TakeState.FAILED:
        return TakeState.ACCEPTED
    return (TakeState.PLANNED, *WAY)[WAY.index(state)]


def _time(now: float) -> str:
    return f"02:{14 + int(now) // 60:02}:{int(now) % 60:02}"


def picture() -> str:
    """The drawing as SVG, which fetches nothing."""
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True, color_system="standard")
    for line in panel(staged().view(), 80):
        console.print(line)
    svg = console.export_svg(title="nightreel run teasers.yaml", theme=MONOKAI, unique_id="terminal")
    return re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL)


if __name__ == "__main__":
    (HERE / "terminal.svg").write_text(picture(), encoding="utf-8")
    print(HERE / "terminal.svg", file=sys.stderr)
