"""Units and crontab lines: as systemd, cron and a shell read them, they are the words that were meant."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import time
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.units import Nightly, cron_command, crontab, systemd_command, systemd_units
from pipeline.errors import UsageError

ODD = '/data/50% off $HOME/o\'clock \\ "tea"; #1.yaml'
NIGHTLY = Nightly(
    name="nightreel-launch",
    user="root",
    program=[sys.executable, "-m", "pipeline"],
    run=["run", ODD, "--deadline", "06:15"],
    collect=["run", ODD, "--collect"],
    at=time(2, 0),
    collect_at=time(6, 30),
    output=PurePosixPath("/data/output"),
    paths=[PurePosixPath(ODD), PurePosixPath("/data/output")],
)
WORDS = st.text(st.characters(exclude_categories=["C"]), max_size=12)


def as_systemd_reads(line: str) -> list[str]:
    """Quotes and backslashes, then `%%`; `$$` in all but the program. By systemd.service(5)."""
    words = [
        re.sub(r"\\(.)", r"\1", found[1:-1] if found.startswith('"') else found).replace("%%", "%")
        for found in re.findall(r'"(?:[^"\\]|\\.)*"|\S+', line)
    ]
    return [words[0], *(word.replace("$$", "$") for word in words[1:])]


def as_cron_reads(line: str) -> list[str]:
    """cron ends a command at a bare `%`, and takes the backslash from others; a shell reads the rest."""
    command = re.split(r"(?<!\\)%", line)[0].replace("\\%", "%")
    return shlex.split(command)


@given(st.lists(WORDS, max_size=4))
def test_systemd_reads_the_words_that_were_meant(words: list[str]) -> None:
    meant = ["/opt/a b/nightreel", *words]

    assert as_systemd_reads(systemd_command(meant)) == meant


def test_systemd_knows_neither_specifiers_nor_variables_in_them() -> None:
    line = systemd_command(["/opt/50%/$x", ODD])

    assert line.startswith('"/opt/50%%/$x" ')
    assert not re.search(r"(?<!%)%(?!%)", line.replace("%%", ""))
    assert not re.search(r"\$(?!\$)", line.partition(" ")[2].replace("$$", ""))


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_cron_reads_the_words_that_were_meant(words: list[str]) -> None:
    meant = [word.replace("\\", "/") for word in words]  # cron is not sure itself what `\\%` is

    assert as_cron_reads(cron_command(meant)) == meant


@pytest.mark.parametrize("word", ["a\nb", "a\x00b", "a\x1bb"])
def test_no_word_makes_a_second_line(word: str) -> None:
    with pytest.raises(UsageError, match="line break"):
        cron_command(["nightreel", word])
    with pytest.raises(UsageError, match="line break"):
        systemd_command(["nightreel", word])


def test_lines_that_cron_would_cut_are_refused() -> None:
    with pytest.raises(UsageError, match="cron cuts commands of more than 990 characters"):
        crontab(replace(NIGHTLY, run=["run", "x" * 1000]))


def test_times_and_exit_codes_are_set() -> None:
    units = systemd_units(NIGHTLY)
    lines = [line for line in crontab(NIGHTLY).splitlines() if not line.startswith("#")]

    assert set(units) == {
        "nightreel-launch.service",
        "nightreel-launch.timer",
        "nightreel-launch-collect.service",
        "nightreel-launch-collect.timer",
    }
    service, timer = units["nightreel-launch.service"], units["nightreel-launch-collect.timer"]
    assert "\nSuccessExitStatus=1 4 143\n" in service
    assert "\nRestart=no\n" in service
    assert "\nOnCalendar=*-*-* 06:30:00\n" in timer
    assert "\nPersistent=true\n" in timer
    assert [line.split()[:5] for line in lines] == [["0", "2", "*", "*", "*"], ["30", "6", "*", "*", "*"]]
    assert len(systemd_units(replace(NIGHTLY, collect_at=None))) == 2


def test_hardening_leaves_a_run_its_own_files() -> None:
    """A unit has a /tmp of its own, and cannot write /usr, unless its files lie there."""
    plain = systemd_units(NIGHTLY)["nightreel-launch.service"]
    in_tmp = replace(NIGHTLY, paths=[PurePosixPath("/var/tmp/a.yaml")])  # noqa: S108
    in_usr = replace(NIGHTLY, output=PurePosixPath("/usr/local/clips"))

    assert "PrivateTmp=yes" in plain
    assert "ProtectSystem=full" in plain
    assert "PrivateTmp" not in systemd_units(in_tmp)["nightreel-launch.service"]
    assert "ProtectSystem" not in systemd_units(in_usr)["nightreel-launch.service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """And complains of a broken one: else the look proves nothing."""

    def verified(text_of: dict[str, str]) -> str:
        for name, text in text_of.items():
            (tmp_path / name).write_text(text)
        command = ["systemd-analyze", "verify", *(str(tmp_path / name) for name in text_of)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stderr + done.stdout

    units = dict(systemd_units(NIGHTLY))

    assert "nightreel" not in verified(units)
    broken = {name: text.replace("Type=oneshot", "Type=onesot") for name, text in units.items()}
    assert "onesot" in verified(broken)
