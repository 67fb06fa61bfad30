"""Few files to open, a machine that slept, an end in the middle of a submit: nothing paid twice or lost."""

from __future__ import annotations

import signal
import time

import pytest
from e2e.gate import SUBMIT, gate_to
from support.command import NIGHTREEL, Desk, Running, Sim, calls_of, clip_jobs, clips_of, leftovers

pytestmark = pytest.mark.real
FEW_FILES = 'ulimit -n 64; exec "$0" "$@"'
ASLEEP_S = 3.0  # longer than a poll's wait, and than the simulator takes for all clips
DRAIN_S = 10


@pytest.mark.slow
def test_few_open_files(desk: Desk, gateway: Sim) -> None:
    """`ulimit -n 64` and more submits at once than that leaves room for: paid once, and kept."""
    manifest = desk.manifest(clip_jobs(70, "few-files"), max_in_flight=70, submit_per_s=200)

    with gate_to(gateway) as gate:
        at_gate = desk.at(gate.sim)
        gate.hold(SUBMIT)
        words = ["sh", "-c", FEW_FILES, NIGHTREEL, "run", manifest, "--json"]
        with Running(words, folder=desk.folder, env=at_gate.clean_env) as run:
            run.line("Too many open files; will try again")
            gate.open()
            run.end().exits(0, 3)
        billed = len(gateway.billed("few-files"))
        again = at_gate.warm.run("run", manifest, "--json").exits(0)

    assert billed > 30
    assert again.json["counts"] == {"done": 70}
    assert len(gateway.billed("few-files")) == 70
    assert leftovers(desk.folder / "output") == []


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on(desk: Desk, gateway: Sim) -> None:
    """SIGSTOP and SIGCONT, as a laptop that sleeps: the same run collects every clip, paid once."""
    manifest = desk.manifest(clip_jobs(12, "asleep"), submit_per_s=6)

    with desk.at(gateway).start("run", manifest, "--json") as run:
        run.line(r"^asleep-3: accepted as ")
        run.signal(signal.SIGSTOP)
        time.sleep(ASLEEP_S)  # time itself is what this is about
        run.signal(signal.SIGCONT)
        ended = run.end().exits(0)

    assert ended.json["counts"] == {"done": 12}
    assert len(gateway.billed("asleep")) == 12
    assert sum(count for (kind, _), count in calls_of(desk.batch()).items() if kind == "submit") == 12


@pytest.mark.slow
def test_sigterm_ends_in_time_with_a_submit_that_gets_no_answer(desk: Desk, gateway: Sim) -> None:
    """Within ten seconds, with the take `unknown`; no later run sends it again."""
    manifest = desk.manifest(clip_jobs(1, "no-answer"))

    with gate_to(gateway) as gate:
        at_gate = desk.at(gate.sim)
        hold = gate.hold(SUBMIT)
        with at_gate.start("run", manifest) as run:
            hold.wait()
            run.signal(signal.SIGTERM)
            run.end(DRAIN_S).exits(143)
        gate.open()
        again = at_gate.warm.run("run", manifest, "--json").exits(1)
        ended = at_gate.warm.resolve_by_bill(manifest, gate.sim, again)

    assert again.json["counts"] == {"unknown": 1}
    assert again.json["requests"] == 0
    assert ended.json["counts"] == {"done": 1}
    assert len(gateway.billed("no-answer")) == 1
    assert clips_of(desk.batch()) == {"no-answer-0"}
