"""Which of a run's events a person sees on a terminal, and which in plain lines."""

from __future__ import annotations

import asyncio
import io
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from support.builders_core import a_job, a_take
from support.vt import Window

from pipeline.cli.lines import COMES_AND_GOES, Loudness
from pipeline.cli.live import LiveFace
from pipeline.cli.progress import Patient, PlainFace, kept
from pipeline.cli.screen import Screen
from pipeline.events import Event, Glance, Paused, RunStarted, TakeMoved, TakePolled, Trouble
from pipeline.model import Take, TakeState

BEHIND = Trouble(event="run.downloads_behind", message="17 clips wait to be downloaded")
STARTED = RunStarted(
    batch="clips",
    provider="xai",
    origin="https://api.x.ai",
    folder=Path("output/clips"),
    simulated=False,
    counts={TakeState.PLANNED: 3},
    look=lambda: Glance(in_flight=1, max_in_flight=8),
)


class Looker:
    """A live face, and what its terminal shows."""

    def __init__(self, loudness: Loudness = Loudness.NORMAL) -> None:
        self.window = Window(80, 24)
        self.wire = io.StringIO()
        self.face = LiveFace(Screen(self.wire, {"TERM": "xterm"}), loudness, lambda: 0.0, lambda: "14:02:11")

    def sees(self, *events: Event) -> list[str]:
        for event in events:
            self.face(event)
        self.window.write(self.face.drawing())
        return self.window.text()

    def left(self) -> list[str]:
        """What is still there once the run is over."""
        self.face.close()
        self.window.write(self.wire.getvalue())
        return self.window.text()


def fox(state: TakeState, reason: str | None = None) -> Take:
    return a_take(job=a_job("fox"), state=state, reason=reason)


def trouble(message: str, event: str = "take.not_sent") -> Trouble:
    return Trouble(event=event, message=message, take=fox(TakeState.PLANNED))


def test_before_the_plan_stands_only_lines_are_shown() -> None:
    assert Looker().sees(Trouble(event="batch.busy", message="another run holds it; waiting")) == []


def test_what_became_of_each_job_is_a_number() -> None:
    done = [TakeMoved(take=fox(TakeState.DONE), before=TakeState.READY)]

    lines = Looker().sees(STARTED, *done)

    assert lines[0] == "batch clips: 3 jobs, xai at https://api.x.ai"
    assert lines[1] == "clips · xai · 0 s"
    assert not any("fox" in line for line in lines)
    assert lines[-1].startswith("now ")


def test_the_last_three_problems() -> None:
    """Of what a run gets over by itself, the last of each kind; a job without a clip counts each time."""
    failed = TakeMoved(take=fox(TakeState.FAILED, "no"), before=TakeState.ACCEPTED)

    lines = Looker().sees(STARTED, trouble("first"), failed, trouble("second"), failed)

    assert lines[lines.index("last problems") + 1 :] == [
        "  14:02:11 fox: failed (no)",
        "  14:02:11 fox: second",
        "  14:02:11 fox: failed (no)",
    ]


def test_a_state_that_comes_and_goes_is_no_problem() -> None:
    assert "last problems" not in Looker().sees(STARTED, BEHIND)


def test_what_should_be_found_in_the_morning_stays() -> None:
    """Above the panel once newer problems come, and at the latest when it goes."""
    looker = Looker()
    lasting = Trouble(event="take.not_recorded", message="Accepted as vid_1, which is not on record yet")
    lines = looker.sees(STARTED, lasting)
    in_the_panel = lines.index(f"  14:02:11 {lasting.message}") > lines.index("last problems")

    pushed = looker.sees(
        *(trouble(f"number {n}", f"take.{n}") for n in range(3)), Paused(reason="x", exit_code=3)
    )
    assert in_the_panel
    assert pushed[1:3] == [lasting.message, "no more submits: x"]
    assert looker.left()[3:] == [f"fox: number {n}" for n in range(3)]


def test_the_log_is_named_for_what_went_by() -> None:
    looker = Looker()
    looker.sees(STARTED, trouble("first"), trouble("second"))

    assert looker.left()[1:] == ["problems on the way: 2, all of them in output/clips/log.jsonl"]


def test_all_is_said_where_a_person_wants_that() -> None:
    polled = TakePolled(take=fox(TakeState.ACCEPTED), status="queued", progress=7)

    lines = Looker(Loudness.VERBOSE).sees(STARTED, polled, trouble("first"))

    assert lines[1:3] == ["fox: queued, 7 %", "fox: first"]
    assert "last problems" not in lines


@pytest.mark.parametrize("event", sorted(COMES_AND_GOES))
@pytest.mark.parametrize(("loudness", "times"), [(Loudness.QUIET, 0), (Loudness.NORMAL, 2)])
def test_a_state_is_told_of_once_a_minute_and_not_to_the_quiet(
    event: str, loudness: Loudness, times: int, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    plain = PlainFace(loudness, lambda: now)

    for now in (0.0, 1.0, 59.0, 60.0, 61.0):  # noqa: B007 - the clock of the face
        plain(replace(BEHIND, event=event))

    assert len(capsys.readouterr().err.splitlines()) == times


async def test_what_a_run_raises_comes_out_as_it_is() -> None:
    """And its face is closed before."""
    face = PlainFace()
    closed: list[bool] = []
    face.close = lambda: closed.append(True)  # type: ignore[method-assign]

    with pytest.raises(KeyError):
        async with kept(face):
            raise KeyError

    assert closed == [True]


async def test_a_picture_that_fails_ends_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    face = LiveFace(Screen(io.StringIO(), {}))
    face(replace(STARTED, look=lambda: 1 // 0))

    async with kept(Patient(face)):
        await asyncio.sleep(0.01)

    assert "the display failed" in capsys.readouterr().err


class Still(io.StringIO):
    """A terminal that takes nothing, as after Ctrl-S, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.stands, self.go = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.stands.set()
        assert self.go.wait(10)
        return super().write(text)


async def test_a_terminal_that_stands_still_holds_no_run_up() -> None:
    """Events are heard meanwhile, and shown once it goes on."""
    still = Still()
    face = LiveFace(Screen(still, {"TERM": "xterm"}))

    async with kept(Patient(face)):
        await asyncio.to_thread(still.stands.wait, 10)
        face(STARTED)
        await asyncio.sleep(0)  # the loop turns
        still.go.set()

    assert "batch clips: 3 jobs" in still.getvalue()
