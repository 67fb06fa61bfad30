"""A night by a scheduler: the line that `nightreel schedule` prints, no credits half-way, the next night."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.command import Desk, Ended, Running, clip_jobs, clips_of, holds, sim
from support.webhook import TOKEN, webhook

pytestmark = pytest.mark.real
BROKE = ("--scenario", "broke")
COUNT = 20


def cron_line(desk: Desk, *words: str | Path) -> str:
    """What cron would hand to its shell, of the first line."""
    printed = desk.warm.run("schedule", *words, "--format", "cron").exits(0).out
    [line] = re.findall(r"^0 2 \* \* \* (.+)$", printed, re.M)
    return line.replace("\\%", "%")


def at_night(desk: Desk, line: str) -> Ended:
    """As cron starts it: a shell, and hardly any environment."""
    with Running(["/bin/sh", "-c", line], folder=desk.folder, env=desk.clean_env) as run:
        return run.end()


@pytest.mark.slow
def test_a_night_without_credits_and_the_next_one(desk: Desk) -> None:
    """Exit 3 and a notification; with credits again the same line finishes, in silence, and nothing is paid
    twice. `status` and the report tell of both."""
    manifest = desk.manifest(clip_jobs(COUNT, "night"), batch="nightly")
    world = desk.folder / "world"

    with webhook() as (url, heard):
        with sim(desk.warm, "--world", world, *BROKE) as broke:
            keys = [f"{name}={value}" for name, value in broke.env.items()]
            env_file = desk.write("keys.env", "\n".join([*keys, f"NIGHTREEL_NOTIFY={url}"]))
            env_file.chmod(0o600)
            words = (manifest, "--at", "02:00", "--deadline", "1h", "--env-file", env_file)
            line = cron_line(desk, *words)
            first = at_night(desk, line).exits(3)
            told = [each["title"] for each in heard]
        port = str(urlsplit(broke.base_url).port)
        with sim(desk.warm, "--world", world, "--port", port) as rich:
            second = at_night(desk, line).exits(0)
            billed = rich.billed("night")
    table = desk.warm.run("status", "nightly").exits(0).out
    history = desk.warm.run("status", "nightly", "--json").exits(0).json["runs"]
    page = (desk.batch("nightly") / "report.html").read_text("utf-8")
    runs = re.findall(r"<tr><td>(\d)</td>.*?<td>(\d: [^<]+)</td><td>([^<]*)</td><td>(\d*)</td>", page)

    assert "--deadline 1h" in line
    assert told == ["nightreel needs you: nightly", "nightreel: nightly: exit 3, gateway unusable"]
    assert "10 of 20 clips" in heard[1]["message"]
    assert "nightreel status" in heard[1]["message"]
    assert re.match(
        r"nightreel: nightly: 10 of 20 clips, 10 planned, .*exit 3, gateway unusable: .*; next: nightreel",
        first.lines[-1],
    )
    assert first.out == second.text == ""
    assert heard[2]["title"] == "nightreel: nightly: exit 0, every clip is there"
    assert [(run["exit_code"], run["clips"]) for run in history] == [(3, 10), (0, 10)]
    assert "refuses this account" in history[0]["reason"]
    assert re.search(
        r"^1 .* 10 +\$4\.00 +exit 3, gateway unusable: the gateway refuses this account", table, re.M
    )
    assert re.search(r"^2 .* 10 +\$4\.00 +exit 0, every clip is there *$", table, re.M)
    newest, eldest = runs
    assert newest == ("2", "0: every clip is there", "", "10")
    assert eldest == ("1", "3: gateway unusable", eldest[2], "10")
    assert "refuses this account" in eldest[2]
    assert len(billed) == len(clips_of(desk.batch("nightly"))) == COUNT
    assert holds(desk.folder / "output", TOKEN) == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_unit_files_are_written_and_sound(desk: Desk) -> None:
    """For paths with odd names too. Files of others are not touched."""
    manifest = desk.manifest(clip_jobs(1), batch="clips")
    odd = manifest.rename(manifest.with_name("50% off $x.yaml"))
    words = ("schedule", odd.name, "--at", "02:00", "--collect-at", "06:30", "--into", "units")
    more = ("--run-options", "--budget=5 --only 'a b*' --canary 1")

    ended = desk.warm.run(*words, *more).exits(0)
    units = sorted((desk.folder / "units").iterdir())
    verify = ["systemd-analyze", "verify", *map(str, units)]
    verified = subprocess.run(verify, capture_output=True, text=True, check=False)
    service, collect = (
        (desk.folder / "units" / f"nightreel-50-off-x{end}.service").read_text() for end in ("", "-collect")
    )
    units[0].write_text("mine\n")
    refused = desk.warm.run(*words).exits(2)

    assert [unit.name for unit in units] == [
        f"nightreel-50-off-x{end}" for end in ("-collect.service", "-collect.timer", ".service", ".timer")
    ]
    assert "nightreel-50" not in verified.stderr
    assert '--deadline 06:15 --if-running wait --no-progress --budget 5 --only "a b*" --canary 1\n' in service
    assert '--collect --if-running wait --no-progress --only "a b*"\n' in collect
    assert (
        "sudo systemctl enable --now nightreel-50-off-x.timer nightreel-50-off-x-collect.timer" in ended.out
    )
    assert ended.lines == [
        "note: without --env-file no key is found at night: systemd and cron do not know your shell's"
    ]
    assert "is there, and not made by nightreel schedule" in refused.lines[-1]
    assert units[0].read_text() == "mine\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--at", "2 am"], "--at is a time of day such as 02:00, not '2 am'"),
        (["--at", "02:00", "--deadline", "soon"], "--deadline is a time of day such as 06:30, or a duration"),
        (
            ["--at", "02:00", "--collect-at", "02:10"],
            "leave more than 15 minutes between --at and --collect-at",
        ),
        (["--at", "02:00", "--run-options", "--notify json://a"], "--notify would show its URL to everybody"),
        (["--at", "02:00", "--run-options", "--output x"], "--output is set by schedule"),
        (["--at", "02:00", "--run-options", "--bugdet 5"], "'--bugdet' is no option of `nightreel run`"),
        (["--at", "02:00", "--run-options", "--budget much"], "nightreel run: Invalid value for '--budget'"),
        (["--at", "02:00", "--env-file", "gone.env"], "gone.env not found"),
    ],
)
def test_what_would_fail_at_night_fails_now(desk: Desk, words: list[str], said: str) -> None:
    manifest = desk.manifest(clip_jobs(1))

    assert said in desk.warm.run("schedule", manifest.name, *words).exits(2).lines[-1]
