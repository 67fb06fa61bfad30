"""What people and programs see: help, results, messages, JSON, progress on a terminal, and never a key."""

from __future__ import annotations

import json
import re
import sys

import pytest
from e2e.terminal import on_a_terminal
from support.command import (
    Desk,
    Ended,
    Running,
    Sim,
    a_clip,
    clip_jobs,
    clips_of,
    holds,
    sha256_of,
    until,
)

pytestmark = pytest.mark.real
COMMANDS = (
    *(
        "run",
        "plan",
        "validate",
        "status",
        "report",
        "export",
        "resolve",
        "redo",
        "mv",
        "recover",
        "doctor",
        "providers",
        "init",
        "schema",
        "schedule",
        "sim",
    ),
)
ESCAPE = "\x1b"


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory, secretive: Sim) -> tuple[Desk, Ended]:
    """A desk with a finished batch, and what `run` said."""
    desk = Desk(folder=tmp_path_factory.mktemp("batch"), real=True).at(secretive)
    manifest = desk.manifest([a_clip("fox"), a_clip("forest/owl"), a_clip("bear", "[[failed]] A bear.")])
    return desk, desk.run("run", manifest).exits(1)


@pytest.mark.slow
def test_help_of_every_command_shows_an_example(desk: Desk) -> None:
    """`--help` exits 0, on stdout, and each command's ends in a line that can be copied."""
    top = desk.run("--help").exits(0)
    helps = {name: desk.warm.run(name, "--help").exits(0) for name in COMMANDS}

    assert re.findall(r"^  (\w+) ", top.out.partition("Commands:")[2].partition("Exit codes")[0], re.M) == [
        *COMMANDS
    ]
    assert "Exit codes: 0 every clip is there" in top.out
    for name, ended in helps.items():
        assert ended.err == ""
        assert re.search(rf"^ +(\w+=\S+ )*nightreel {name}\b", ended.out.partition("xample")[2], re.M), name


@pytest.mark.slow
def test_the_module_is_the_command(desk: Desk) -> None:
    """`python -m pipeline` says and does what `nightreel` does."""
    bad = desk.write("bad.yaml", "jobs: []\n")

    for words in (["--version"], ["--help"], ["validate", bad]):
        command = desk.run(*words)
        with Running(
            [sys.executable, "-m", "pipeline", *words], folder=desk.folder, env=desk.clean_env
        ) as run:
            module = run.end()
        assert (module.code, module.out, module.err) == (command.code, command.out, command.err)


@pytest.mark.slow
def test_results_go_to_stdout_and_all_else_to_stderr(batch: tuple[Desk, Ended]) -> None:
    """stdout: table, sums and what to do. stderr: a plain line per event, without escape codes."""
    _, ended = batch

    assert ended.out.splitlines()[0].split() == [
        "job",
        "state",
        "cost",
        "clip,",
        "or",
        "why",
        "there",
        "is",
        "none",
    ]
    assert re.search(r"^fox +done +\$0\.\d+ +output/clips/clips/fox\.mp4 *$", ended.out, re.M)
    assert re.search(r"^bear +failed +.*Video generation failed", ended.out, re.M)
    assert re.search(r"^2 done, 1 failed in output/clips \(\d+ requests, .*\)$", ended.out, re.M)
    assert re.search(r"^what to do: nightreel status output/clips$", ended.out, re.M)
    assert ended.lines[0].startswith("batch clips: 3 jobs, cometapi at http://127.0.0.1:")
    assert re.match(
        r"nightreel: clips: 2 of 3 clips, 1 failed, \$0\.80 spent, \d+ s, exit 1, some job has no clip;"
        r" next: nightreel status /\S+/output/clips$",
        ended.lines[-1],
    ), ended.lines[-1]
    assert ended.lines[1].startswith(
        "note: limits.poll_min_s of 0.05 s is below the 5 s that cometapi advises"
    )
    for line in ended.lines[2:-1]:
        assert re.match(r"(fox|forest/owl|bear): (accepted as \S+|done|failed \(.+\))$", line), line
    assert ESCAPE not in ended.text
    assert "done" not in ended.err.replace(": done\n", "")


@pytest.mark.slow
def test_json_agrees_with_the_folder(batch: tuple[Desk, Ended]) -> None:
    """`run --json` and `status --json` say the same of each take, and of each clip what is on disk."""
    desk, _ = batch

    run = desk.run("run", "clips.yaml", "--json").exits(1).json
    status = desk.warm.run("status", "clips", "--json").exits(0).json

    assert run["takes"] == status["takes"]
    assert run["counts"] == status["counts"] == {"done": 2, "failed": 1}
    assert run["simulated"] is status["simulated"] is False
    assert (run["batch"], status["batch"], run["exit_code"], run["requests"]) == ("clips", "clips", 1, 0)
    assert run["cost_ticks"] == sum(take["cost_ticks"] or 0 for take in run["takes"])
    takes = {take["job"]: take for take in run["takes"]}
    for key in clips_of(desk.batch()):
        clip = desk.folder / takes[key]["clip"]
        assert clip == desk.batch() / "clips" / f"{key}.mp4"
        assert takes[key]["sha256"] == sha256_of(clip)
    assert clips_of(desk.batch()) == {"fox", "forest/owl"}
    assert (takes["bear"]["clip"], takes["bear"]["state"]) == (None, "failed")
    assert takes["bear"]["next_step"]


@pytest.mark.slow
def test_status_says_what_to_do(batch: tuple[Desk, Ended]) -> None:
    """For a person: the table, the sums, and one line for what is not done; by name and by path alike."""
    desk, _ = batch

    by_name = desk.run("status", "clips").exits(0)
    by_path = desk.warm.run("status", "output/clips").exits(0)

    assert by_name.out == by_path.out
    assert by_name.err == ""
    assert re.match(r"bear: .*failed at the gateway; .+", by_name.out.splitlines()[-1])


def test_validate_names_file_line_and_column(desk: Desk) -> None:
    """Every problem of every file at its place, also as JSON; a good file is called good."""
    good = desk.manifest(clip_jobs(2), poll_min_s=5)
    bad = desk.write("bad.yaml", "version: 1\nprovider: sim\njobs:\n  - {id: a, prompt: x, durations: 3}\n")

    text = desk.run("validate", good.name, bad.name).exits(2)
    facts = desk.run("validate", good.name, bad.name, "--json").exits(2)

    assert text.out == "clips.yaml: 2 jobs, no problems\n"
    assert text.lines == [
        'error: bad.yaml:4:24: job "a": unknown field "durations"; did you mean "duration"?',
        "1 problem",
    ]
    message = 'job "a": unknown field "durations"; did you mean "duration"?'
    assert facts.err == ""
    assert facts.json == {
        "manifests": [
            {"manifest": "clips.yaml", "valid": True, "jobs": 2},
            {"manifest": "bad.yaml", "valid": False, "problems": 1},
        ],
        "problems": [{"file": "bad.yaml", "line": 4, "column": 24, "message": message}],
        "total": 1,
    }
    assert not (desk.folder / "output").exists()


@pytest.mark.slow
def test_progress_redraws_on_a_terminal(desk: Desk, secretive: Sim) -> None:
    """Bar and counts are drawn again and again in place, and gone at the end; no key in them."""
    manifest = desk.manifest(clip_jobs(4, "seen"))

    screen, ended = on_a_terminal(
        desk.at(secretive).with_env(TERM="xterm-256color"), "run", manifest, "--yes"
    )

    drawn = re.findall(r" (\d) of 4\b", without_colour(screen))
    assert ended.code == 0
    assert len(set(re.findall(r"^( +\d.* of 20 .*?)\x1b", screen, re.M))) >= 2, screen
    assert drawn[0] == "0"
    assert re.search(r"^ +to send +in flight +ready +loading +done +no clip", without_colour(screen), re.M)
    assert re.search(r"^now +\w", without_colour(screen), re.M)
    assert screen.endswith(f"A{ESCAPE}[J")  # the panel is gone, and nothing came in its place
    assert re.search(r"^seen-3 +done", ended.out, re.M)
    assert re.search(r"^4 done in output/clips", ended.out, re.M)
    assert ESCAPE not in ended.out
    assert secretive.key not in screen + ended.out


def without_colour(screen: str) -> str:
    return re.sub(rf"{ESCAPE}\[[0-9;]*m", "", screen)


@pytest.mark.slow
def test_the_log_is_json_and_the_key_is_nowhere(batch: tuple[Desk, Ended], secretive: Sim) -> None:
    """Each line of log.jsonl is an event without signatures; the key is in no byte that was written."""
    desk, ended = batch

    lines = (desk.batch() / "log.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]

    assert events[0]["event"] == "run.started"
    assert {"take.accepted", "take.done", "take.failed", "run.ended"} <= {event["event"] for event in events}
    assert all({"at", "level", "event"} <= set(event) for event in events)
    assert "sig=" not in "".join(lines)
    assert holds(desk.folder, secretive.key) == []
    assert secretive.key not in ended.text


@pytest.mark.slow
def test_a_key_that_a_gateway_repeats_is_not_written_down(desk: Desk, secretive: Sim) -> None:
    """Also where it is refused: the wrong key is in no file and no line."""
    manifest = desk.manifest(clip_jobs(1))
    wrong = "another-key-that-must-not-show"

    ended = desk.at(secretive).with_env(COMETAPI_KEY=wrong).run("run", manifest).exits(3)

    assert wrong not in ended.text
    assert holds(desk.folder, wrong) == []
    until(lambda: secretive.bill()["requests"]["submits"].get("401"), "the gateway was asked")
