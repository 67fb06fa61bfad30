"""The root of the command line, and how every command ends.

Only the command that was asked for is imported: `nightreel --help` must not wait for an HTTP client and
a video library. Results go to stdout; progress, messages and errors to stderr.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import typer

from pipeline.cli.careful import leave_no_core, show_what_libraries_say
from pipeline.errors import ManifestError, PipelineError
from pipeline.shown import shown
from pipeline.version import __version__

COMMANDS = {
    "run": "Make every clip that is not there yet.",
    "plan": "Show what a run would do and cost. Sends nothing.",
    "validate": "Find everything wrong with manifests. Sends nothing.",
    "status": "Show each take of a batch, and what to do.",
    "report": "Write the page about a batch: clips, costs, what to decide.",
    "export": "Print a batch as a table: CSV or JSON Lines.",
    "resolve": "Settle a take whose submit got no answer.",
    "redo": "Mark clips to be made once more by the next run.",
    "mv": "Rename a job without paying for it again.",
    "recover": "Make a lost or damaged ledger anew.",
    "doctor": "Look whether all is there that a run needs. Spends nothing.",
    "providers": "Show what each provider and model takes, and its list price.",
    "init": "Write a first manifest, with its schema beside it.",
    "schema": "Print the JSON Schema of manifests, for editors.",
    "schedule": "Print units for systemd, or lines for cron.",
    "sim": "Run the simulator as a server: a gateway without costs.",
}
COMPLETING = "_NIGHTREEL_COMPLETE"
"""Set by a shell that wants to know how a line may go on; the line is in the environment too."""

EXIT_CODES = """
Exit codes: 0 every clip is there; 1 some job ended without one; 2 bad usage or manifest; 3 gateway
unusable (key, credits, address); 4 stopped with jobs left; 5 another run holds the batch; 130 and 143
interrupted, safe to run again; 70 internal error.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    leave_no_core()
    show_what_libraries_say()
    try:
        _built(words)(words, prog_name="nightreel")
    except ManifestError as exc:
        for problem in exc.problems:
            say(f"error: {problem}")
        hidden = exc.total - len(exc.problems)
        say(f"{exc.total} problem{'s' * (exc.total != 1)}" + (f", {hidden} not shown" if hidden else ""))
        sys.exit(exc.exit_code)
    except PipelineError as exc:
        say(f"error: {exc}")
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output left, as `head` does
        sys.stderr.close()
        sys.exit(1)
    except OSError as exc:  # a folder where a file should be, no permission, no room for our output
        what = "" if exc.filename is None else f" {exc.filename}"
        say(f"error: cannot use{what or ' a file'}: {exc.strerror or exc}")
        _forget_output()
        sys.exit(2)
    except Exception:
        if COMPLETING in os.environ:  # what we say would land in somebody's prompt
            sys.exit(70)
        for line in traceback.format_exc().splitlines():
            say(line)
        say("internal error: this is a fault of nightreel; what was paid for is on record, run again")
        sys.exit(70)


def _built(words: Sequence[str]) -> typer.Typer:
    """`build`, without a look for garbage: modules make hardly any as they load, and they stay."""
    gc.disable()
    try:
        return build(words)
    finally:
        gc.freeze()  # nor is it looked through later, at the latest as the process ends
        gc.enable()


def _forget_output() -> None:
    """What Python still holds for stdout has no place to go: without this it ends with code 120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def say(line: str) -> None:
    """One line to a person."""
    print(shown(line), file=sys.stderr)


def put(line: str) -> None:
    """One line of a result."""
    print(shown(line))


def build(words: Sequence[str]) -> typer.Typer:
    """The application, with the one command in `words` loaded and the others by name and help only."""
    app = typer.Typer(
        name="nightreel",
        help="Turns a YAML manifest of prompts and images into finished, checked MP4 files.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_root)
    if COMPLETING in os.environ:
        words = _words_to_complete(os.environ)
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, about in COMMANDS.items():
        command = _load(name) if name == chosen else _listed
        app.command(name, help=None if name == chosen else about, epilog=None)(command)
    return app


def _words_to_complete(env: Mapping[str, str]) -> list[str]:
    """What stands on the shell's line behind `nightreel`. Bash has its own variable for it."""
    line = env.get("COMP_WORDS") or env.get("_TYPER_COMPLETE_ARGS") or ""
    return line.split()[1:]


def _load(name: str) -> Callable[..., Any]:
    command: Callable[..., Any] = import_module(f"pipeline.cli.{name}").command
    if COMPLETING in os.environ:
        command = import_module("pipeline.cli.completion").completing(command)
    return command


def _listed() -> None:
    """Stands in for a command that was not asked for."""


def _version(wanted: bool) -> None:
    if wanted:
        print(f"nightreel {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and leave."
    ),
) -> None:
    pass
