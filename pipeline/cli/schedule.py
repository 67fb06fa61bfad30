"""`nightreel schedule`: what systemd or cron needs to run a manifest every night."""

from __future__ import annotations

import getpass
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli import options as opt
from pipeline.cli import run
from pipeline.cli.app import put, say
from pipeline.cli.units import MADE_BY, Nightly, crontab, systemd_units
from pipeline.deadline import GRACE_S, check_deadline, time_of_day
from pipeline.errors import UsageError

OWN = ("--output", "--env-file", "--deadline", "--if-running", "--collect")
NOT_AT_NIGHT = ("--dry-run", "--json", "--quiet", "-q", "--no-progress", "--help", "-h")
SENDING = (
    *("--budget", "--canary", "--retry", "--resubmit-unknown", "--reuse", "--remake", "--yes", "-y"),
    "--grace",
)
"""Options that mean nothing to a run that only collects, or that it refuses."""


def command(
    manifests: Annotated[
        list[Path],
        typer.Argument(help="The YAML files with the jobs, or folders of them.", show_default=False),
    ],
    at: Annotated[str, typer.Option(help="When a night begins, by this machine's clock.", metavar="HH:MM")],
    collect_at: Annotated[
        str | None,
        typer.Option(
            help="When to bring home what rendered on. Some links live for an hour only.", metavar="HH:MM"
        ),
    ] = None,
    deadline: Annotated[
        str | None,
        typer.Option(
            help="Of `nightreel run`; else 15 minutes, the time of grace, before --collect-at.", metavar="T"
        ),
    ] = None,
    form: Annotated[
        Literal["systemd", "cron"], typer.Option("--format", help="For whom the lines are.")
    ] = "systemd",
    output: opt.Output = opt.OUTPUT,
    env_file: opt.EnvFile = None,
    run_options: Annotated[
        str,
        typer.Option(
            help="More options of `nightreel run`, in one word: '--budget 5 --tag hero'.", metavar="OPTIONS"
        ),
    ] = "",
    name: Annotated[
        str | None, typer.Option(help="What the units are called; else nightreel- and the manifest's name.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="Write systemd's unit files into this folder, instead of printing.")
    ] = None,
) -> None:
    """Print what systemd or cron needs to run a manifest every night. Installs and sends nothing.

    Keys, and NIGHTREEL_NOTIFY if you want to be told, belong into the --env-file: neither systemd nor cron
    knows your shell's variables. docs/nightly.md walks through a first week.

    \b
    Examples:
      nightreel schedule nightly.yaml --at 02:00 --collect-at 06:30 --env-file keys.env
      nightreel schedule nightly.yaml --at 02:00 --deadline 5h --format cron --env-file keys.env
      nightreel schedule manifests/ --at 23:30 --run-options '--budget 20 --canary 3' --into units/
    """
    for path in [*manifests, *([env_file] if env_file is not None else [])]:
        if not path.exists():
            raise UsageError(f"{path} not found")
    if env_file is None:
        say("note: without --env-file no key is found at night: systemd and cron do not know your shell's")
    if into is not None and form == "cron":
        raise UsageError("--into is for systemd's files: add cron's lines with `crontab -e`")
    nightly = _nightly(
        [path.absolute() for path in manifests],
        begins=_time("--at", at),
        collects=None if collect_at is None else _time("--collect-at", collect_at),
        deadline=deadline,
        output=output.absolute(),
        env_file=None if env_file is None else env_file.absolute(),
        more=_options(run_options),
        quiet=form == "cron",
        name=name,
    )
    if form == "cron":
        sys.stdout.write(crontab(nightly))
    elif into is None:
        sys.stdout.write("\n".join(systemd_units(nightly).values()))
    else:
        _write(systemd_units(nightly), into)


def _nightly(
    manifests: Sequence[Path],
    *,
    begins: time,
    collects: time | None,
    deadline: str | None,
    output: Path,
    env_file: Path | None,
    more: Sequence[Sequence[str]],
    quiet: bool,
    name: str | None,
) -> Nightly:
    if deadline is None and collects is not None:
        deadline = _before(begins, collects)
    if deadline is not None:
        check_deadline(deadline)
    keys = [] if env_file is None else ["--env-file", str(env_file)]
    common = ["run", *map(str, manifests), "--output", str(output), *keys]
    plain = ["--quiet"] if quiet else ["--no-progress"]
    until = [] if deadline is None else ["--deadline", deadline]
    # With a deadline a wait has an end; without one, nights must not queue up behind each other.
    busy = ["--if-running", "skip" if deadline is None else "wait"]
    words = [*common, *until, *busy, *plain, *(word for option in more for word in option)]
    collecting = [word for option in more if option[0] not in SENDING for word in option]
    _check(words)
    return Nightly(
        name=_unit_name(name, manifests[0]),
        user=getpass.getuser(),
        program=_program(),
        run=words,
        collect=[*common, "--collect", "--if-running", "wait", *plain, *collecting],
        at=begins,
        collect_at=collects,
        output=output,
        paths=[output, *manifests, *([env_file] if env_file is not None else []), Path(sys.executable)],
    )


def _time(option: str, text: str) -> time:
    if (found := time_of_day(text)) is None:
        raise UsageError(f"{option} is a time of day such as 02:00, not {text!r}")
    return found


def _before(begins: time, collects: time) -> str:
    """The deadline after which the time of grace is just over when the collecting begins."""
    some_day = date(2026, 11, 24)
    begin, end = (datetime.combine(some_day, at) for at in (begins, collects))
    end += timedelta(days=end <= begin)
    deadline = end - timedelta(seconds=GRACE_S)
    if deadline <= begin:
        raise UsageError("leave more than 15 minutes between --at and --collect-at")
    return f"{deadline:%H:%M}"


def _program() -> list[str]:
    """How this very installation is called."""
    installed = Path(sys.executable).with_name("nightreel")
    return [str(installed)] if installed.is_file() else [sys.executable, "-m", "pipeline"]


def _unit_name(name: str | None, manifest: Path) -> str:
    wanted = f"nightreel-{manifest.stem}" if name is None else name.removesuffix(".service")
    found = re.sub(r"[^A-Za-z0-9_.-]+", "-", wanted).strip("-.")
    if not found:
        raise UsageError(f"no unit can be called {wanted!r}: choose letters and digits with --name")
    return found


# --- options of the run


def _run_command() -> typer.core.TyperCommand:
    app = typer.Typer(add_completion=False)
    app.command("run")(run.command)
    found = typer.main.get_command(app)
    assert isinstance(found, typer.core.TyperCommand), "an application of one command is that command"
    return found


def _options(text: str) -> list[tuple[str, ...]]:
    """Each option with its value. Raises UsageError for what is none, or is not for here."""
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise UsageError(f"--run-options: {exc}") from exc
    flags = {name: getattr(each, "is_flag", False) for each in _run_command().params for name in each.opts}
    found: list[tuple[str, ...]] = []
    while words:
        option, *words = words
        option, joined, value = option.partition("=")
        if option not in flags:
            raise UsageError(f"--run-options: {option!r} is no option of `nightreel run`")
        _refuse(option)
        if flags[option]:
            found.append((option,))
        elif joined or words:
            found.append((option, value if joined else words.pop(0)))
        else:
            raise UsageError(f"--run-options: {option} wants a value")
    return found


def _refuse(option: str) -> None:
    if option in OWN:
        raise UsageError(f"--run-options: {option} is set by schedule; see nightreel schedule --help")
    if option in NOT_AT_NIGHT:
        raise UsageError(f"--run-options: {option} has no place in a nightly run")
    if option == "--notify":
        why = "would show its URL to everybody: put NIGHTREEL_NOTIFY=URL into the --env-file"
        raise UsageError(f"--run-options: --notify {why}")


def _check(words: Sequence[str]) -> None:
    """What the run's own command line would say of these words. Raises UsageError."""
    found = _run_command()
    try:
        found.make_context("run", list(words[1:]))
    except Exception as exc:
        message = getattr(exc, "format_message", None)
        if message is None:
            raise
        raise UsageError(f"nightreel run: {message()}") from exc


# --- files


def _write(units: Mapping[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in units.items():
        path = folder / file
        if path.exists() and MADE_BY not in path.read_text("utf-8", "replace").partition("\n")[0]:
            raise UsageError(f"{path} is there, and not made by nightreel schedule: choose another --name")
        path.write_text(text, "utf-8")
    timers = " ".join(file for file in units if file.endswith(".timer"))
    sources = " ".join(shlex.quote(str(folder / file)) for file in units)
    put(f"sudo cp {sources} /etc/systemd/system/")
    put("sudo systemctl daemon-reload")
    put(f"sudo systemctl enable --now {timers}")
