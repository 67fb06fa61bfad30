"""Somebody in front of a terminal: a window that changes, a second terminal, and Ctrl-C."""

from __future__ import annotations

import json
import re
import signal

import pytest
from e2e.terminal import seat
from support.command import Desk, Sim, clip_jobs

pytestmark = [pytest.mark.slow, pytest.mark.real]
CLEAR = "\x1b[H\x1b[2J"


def plain(screen: str) -> str:
    return re.sub(r"\x1b\[\d*[A-KS-Z]|\r", "", screen)


def test_two_terminals(desk: Desk, unhurried: Sim) -> None:
    """A run is drawn within its window whatever its size, in no colour where that is wanted; another
    terminal shows the same, as text and as JSON Lines, and leaves by itself when the run was stopped."""
    jobs = clip_jobs(12, "watched")
    manifest = desk.manifest(jobs, submit_per_s=1)
    at = desk.at(unhurried).with_env(TERM="xterm-256color", NO_COLOR="1")

    with seat(at, "run", manifest, columns=100) as run:
        run.until("in flight")
        colourful = at.with_env(NO_COLOR="")
        with (
            seat(colourful, "status", "clips", "--watch") as other,
            desk.start("status", "clips", "--watch", "--json") as piped,
        ):
            other.until("in flight")
            piped.line('"running": true')
            run.resize(50, 20)
            run.until(CLEAR)
            small = plain(run.until("now "))
            drawn = run.screen
            run.process.send_signal(signal.SIGINT)
            last, left = run.rest(), other.rest()
            facts = [json.loads(line) for line in piped.end().exits(0).out.splitlines()]
            codes = run.process.wait(), other.process.wait()

    assert not re.search(r"\x1b\[[\d;]*m", drawn)
    assert max(map(len, small.splitlines())) < 50
    assert "stopping: finishing what is under way" in last or "SIGINT: finishing" in last
    assert codes == (130, 0)
    assert "ended with exit code 130" in left
    assert "\x1b[32m" in other.screen
    assert [fact["running"] for fact in facts] == [True] * (len(facts) - 1) + [False]
    assert facts[-1]["exit_code"] == 130
    assert sum(facts[-1]["counts"].values()) == len(jobs)
