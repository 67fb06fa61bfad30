"""What is said of a run to those who were not there: one line for cron's mail, and notifications."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.builders_core import a_take

from pipeline.cli.endings import end_body, end_title, summary_line
from pipeline.cli.news import News, notify_urls
from pipeline.errors import LedgerError
from pipeline.events import Paused, RunStarted, TakeMoved
from pipeline.model import TICKS_PER_USD, TakeState
from pipeline.runner import RunResult
from pipeline.together import BatchFailure, RunsResult

FOLDER = Path("/data/out put/nightly")
REASON = "the gateway refuses this account: no credits left; look whether XAI_API_KEY is a key of xAI"


def a_result(batch: str = "nightly", **facts: Any) -> RunResult:
    known: dict[str, Any] = {
        "batch": batch,
        "folder": FOLDER.with_name(batch),
        "exit_code": 0,
        "reason": None,
        "clips": 10,
        "counts": {TakeState.DONE: 20},
        "spent_ticks": 4 * TICKS_PER_USD,
        "cost_ticks": 8 * TICKS_PER_USD,
        "reserved_ticks": 0,
        "simulated": False,
        "requests": 50,
        "seconds": 760.0,
    }
    return RunResult(**known | facts)


STOPPED = a_result(exit_code=3, reason=REASON, counts={TakeState.DONE: 10, TakeState.PLANNED: 10})


SPENT = "$4.00 spent, 13 min"
ALL_THERE = "exit 0, every clip is there"
UNUSABLE = f"exit 3, gateway unusable: {REASON}; next: nightreel status '/data/out put/nightly'"
DAMAGED = BatchFailure(batch="b", folder=Path("/b"), error=LedgerError("it is\ndamaged"))
LINES = {
    "all is well": ([a_result()], f"nightly: 20 of 20 clips, {SPENT}, {ALL_THERE}"),
    "no credits": ([STOPPED], f"nightly: 10 of 20 clips, 10 planned, {SPENT}, {UNUSABLE}"),
    "one of two": (
        [a_result("a", spent_ticks=0), STOPPED],
        f"2 batches: 30 of 40 clips, 10 planned, {SPENT}, {UNUSABLE}",
    ),
    "not run": (
        [a_result("a"), DAMAGED],
        (
            f"2 batches: 20 of 20 clips, {SPENT}, exit 2, bad usage, manifest or ledger: it is damaged;"
            " next: nightreel status /b"
        ),
    ),
    "rehearsed": (
        [a_result(simulated=True)],
        f"nightly: 20 of 20 clips, $4.00 spent (simulated), 13 min, {ALL_THERE}",
    ),
}


@pytest.mark.parametrize("case", LINES)
def test_one_line_tells_of_the_whole_run(case: str) -> None:
    ends, line = LINES[case]

    assert summary_line(RunsResult(batches=tuple(ends))) == f"nightreel: {line}"


def test_a_notification_has_totals_failures_and_what_to_do() -> None:
    """A few failures with their reasons, cut and harmless; the rest is counted."""
    evil = "\x1b[2J\nno " + "very " * 100
    bad = [a_take(f"job{number}", state=TakeState.FAILED, reason=evil) for number in range(7)]
    counts = {TakeState.DONE: 10, TakeState.FAILED: 7, TakeState.PLANNED: 3}
    result = RunsResult(batches=(a_result(exit_code=1, counts=counts),))

    lines = end_body(result, {"nightly": [a_take("other", state=TakeState.PLANNED), *bad]}).split("\n")

    assert end_title("nightly", 1) == "nightreel: nightly: exit 1, some job has no clip"
    assert lines[:3] == [
        "nightly: 10 of 20 clips, 3 planned, 7 failed, $4.00 spent, 13 min",
        "exit 1, some job has no clip",
        "batch so far: $8.00",
    ]
    assert lines[3].startswith(r"job0: failed: \x1b[2J no very very")
    assert max(map(len, lines)) < 230
    assert lines[8:] == [
        "and 2 more",
        "what to do: nightreel status '/data/out put/nightly'",
        "the same command again makes only what is missing",
    ]


class Heard:
    """In the place of a notifier."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def send(self, title: str, body: str) -> None:
        self.texts.append((title, body))


def test_each_need_is_told_once() -> None:
    """At once, with what to do; what somebody wished for needs nobody."""
    heard = Heard()
    news = News(heard)  # type: ignore[arg-type]
    started = RunStarted(
        batch="nightly", provider="xai", origin="https://a", folder=FOLDER, simulated=False, counts={}
    )
    unknown = TakeMoved(
        take=a_take("fox", state=TakeState.UNKNOWN, reason="no answer"), before=TakeState.SUBMITTING
    )
    news.hear("nightly", started)
    for _ in range(2):
        news.hear("nightly", Paused(reason=REASON, exit_code=3))
        news.hear("nightly", unknown)
        news.hear("nightly", Paused(reason="deadline 06:30 is reached", exit_code=4))
        news.hear("nightly", Paused(reason="budget: $5 are reached", exit_code=4))
        news.hear("nightly", Paused(reason="brake: the first 5 clips failed", exit_code=4))

    assert {title for title, _ in heard.texts} == {"nightreel needs you: nightly"}
    assert [body.split(":")[0] for _, body in heard.texts] == [
        "the gateway cannot be used",
        "fox",
        "nothing more is sent",
    ]
    assert "nightreel resolve /data/out put/nightly fox --remote-id ID" in heard.texts[1][1]


def test_urls_of_the_options_go_before_those_of_the_environment() -> None:
    env = {"NIGHTREEL_NOTIFY": "json://a  ntfy://b\nmailto://c"}

    assert notify_urls(None, env) == ["json://a", "ntfy://b", "mailto://c"]
    assert notify_urls(["json://d"], env) == ["json://d"]
    assert notify_urls(None, {}) == []
