"""Every face with texts that attack it: what is printed is text, on as many lines as we meant."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from support.builders_core import a_job, a_take

from pipeline.cli import app, careful, doctor, plan
from pipeline.cli.lines import Loudness
from pipeline.cli.live import LiveFace
from pipeline.cli.progress import PlainFace
from pipeline.cli.screen import Screen
from pipeline.cli.survey import Survey
from pipeline.cli.table import take_table
from pipeline.doctor.finding import problem
from pipeline.events import Draining, Event, Paused, RunStarted, TakeMoved, TakePolled, Trouble
from pipeline.forecast import JobForecast, Outlook
from pipeline.model import TakeState

NASTY = "\x1b]0;owned\a\x1b[2J\x9b31m\r\nerror: [bold red]all is lost[/] \u202e:fox: \udcff"
WRITTEN = r"\x1b]0;owned\x07\x1b[2J\x9b31m\r\nerror: [bold red]all is lost[/] \u202e:fox: \udcff"
COLOURS = re.compile(r"\x1b\[(?:\d+;?)*m")  # what rich writes for styles of ours
DRAWN = re.compile(r"\x1b\[\d*[AKJ]|\r")  # and to draw the panel anew
TAKE = a_take(job=a_job(NASTY, prompt=NASTY), state=TakeState.FAILED, reason=NASTY, remote_id=NASTY)
EVENTS: list[Event] = [
    RunStarted(
        batch=NASTY, provider=NASTY, origin=NASTY, folder=Path(), simulated=False, counts={}, notes=(NASTY,)
    ),
    TakeMoved(take=TAKE, before=TakeState.ACCEPTED),
    TakeMoved(take=a_take(state=TakeState.ACCEPTED, remote_id=NASTY), before=TakeState.SUBMITTING),
    TakePolled(take=TAKE, status=NASTY, progress=3),
    Trouble(event="x.y", message=NASTY, take=TAKE),
    Paused(reason=NASTY, exit_code=3),
    Draining(reason=NASTY),
]


def assert_harmless(text: str, lines: int) -> None:
    assert WRITTEN in text
    assert len(text.splitlines()) == lines
    assert not [char for char in text if not (char.isprintable() or char == "\n")]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_plain_lines(event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    """A line per event; a run's start has one more for each note."""
    PlainFace(Loudness.VERBOSE)(event)

    assert_harmless(capsys.readouterr().err, 1 + isinstance(event, RunStarted))


@pytest.mark.parametrize("loudness", [Loudness.NORMAL, Loudness.VERBOSE])
def test_live_lines(loudness: Loudness) -> None:
    """On a terminal the only orders are ours: colours, and those that draw the panel anew."""
    terminal = io.StringIO()
    face = LiveFace(Screen(terminal, {"TERM": "xterm-256color"}), loudness)

    for event in EVENTS:
        face(event)
        terminal.write(face.drawing())
    face.close()

    text = DRAWN.sub("", COLOURS.sub("", terminal.getvalue()))
    assert NASTY not in text
    assert WRITTEN in text
    assert not [char for char in text if not (char.isprintable() or char == "\n")]


def printed(print_to: Callable[[Console], None]) -> str:
    console = Console(file=io.StringIO(), width=2000, force_terminal=True, color_system="standard")
    print_to(console)
    assert isinstance(console.file, io.StringIO)
    return COLOURS.sub("", console.file.getvalue())


def test_tables() -> None:
    """Cells of a table of takes: a row stays a row."""
    assert_harmless(printed(lambda console: console.print(take_table([(TAKE, None)]))), 2)


def test_a_table_of_what_is_to_come() -> None:
    job = JobForecast(key=NASTY, outlook=Outlook.NEW, reason=NASTY, price_ticks=None)

    table = plan._table([job])

    assert_harmless(printed(lambda console: console.print(table)), 2)


def test_findings_of_the_doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "2000")

    doctor.show([problem(NASTY, NASTY, NASTY)])

    assert_harmless(capsys.readouterr().out, 3)


def test_next_steps(capsys: pytest.CaptureFixture[str]) -> None:
    """What `status` says below its table."""
    survey = Survey(Path(NASTY))
    survey.add(TAKE, None)

    for line in survey.next_steps:
        app.put(line)

    assert_harmless(capsys.readouterr().out, 1)


def test_errors(capsys: pytest.CaptureFixture[str]) -> None:
    app.say(f"error: {NASTY}")

    assert_harmless(capsys.readouterr().err, 1)


def test_what_libraries_log() -> None:
    """Asyncio logs what nobody awaits: each line of it may be shown."""
    record = logging.LogRecord("asyncio", logging.ERROR, "", 0, "%s", (NASTY,), None)

    assert not [char for char in careful.Shown().format(record) if not (char.isprintable() or char == "\n")]
