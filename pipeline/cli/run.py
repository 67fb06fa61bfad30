"""`nightreel run`: the main job, and also every rerun."""

from __future__ import annotations

import asyncio
import resource
import sys
from contextlib import aclosing
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.again import NO_ENDS, ends_named
from pipeline.cli import options as opt
from pipeline.cli import plan
from pipeline.cli.app import say
from pipeline.cli.env import environment
from pipeline.cli.progress import Face, Loudness, face
from pipeline.cli.table import SIMULATED, counts_text, out, put, take_facts, take_table
from pipeline.errors import BusyError, UsageError
from pipeline.model import Take, TakeState
from pipeline.money import ticks_of, usd_text
from pipeline.opening import batch_takes, clip_of
from pipeline.runner import RunResult
from pipeline.shown import shown_json
from pipeline.simulated import scenario_named
from pipeline.stages.base import STOPPED
from pipeline.wiring import RunOptions, run_manifest

CALM = "calm"  # the scenario of a rehearsal that names none
INTERRUPTED = 130
MAX_ROWS = 40
MOST_USD = 1_000_000
MANY_FILES = 4096
DONE = TakeState.DONE


class IfRunning(StrEnum):
    """What to do when another run holds the batch."""

    FAIL = "fail"
    WAIT = "wait"
    SKIP = "skip"


def command(
    manifest: Annotated[Path, typer.Argument(help="The YAML file with the jobs.", show_default=False)],
    output: opt.Output = opt.OUTPUT,
    provider: opt.Provider = None,
    base_url: opt.BaseUrl = None,
    max_in_flight: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="How many jobs the gateway may work on at once.")
    ] = None,
    downloads: Annotated[
        int | None, typer.Option(min=1, max=100, help="How many clips are downloaded at once.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            help="The most that this run's own submits may cost, in US dollars; see docs/money.md.",
            metavar="USD",
        ),
    ] = None,
    canary: Annotated[
        int | None,
        typer.Option(
            min=1, help="Send so many first, and the others only once each of these is a clip; else exit 4."
        ),
    ] = None,
    only: opt.Only = None,
    tag: opt.Tag = None,
    limit: opt.Limit = None,
    retry: Annotated[
        str | None,
        typer.Option(
            help="Make jobs anew that ended so: rejected, failed, expired, moderated, separated by commas;"
            " all means the first three.",
            metavar="REASONS",
        ),
    ] = None,
    resubmit_unknown: Annotated[
        bool,
        typer.Option(
            "--resubmit-unknown",
            help="Send unknown takes once more, although they may be running and billed already.",
        ),
    ] = False,
    reuse: opt.Reuse = False,
    remake: Annotated[
        bool,
        typer.Option(
            "--remake", help="Make more than 10 finished jobs anew, because they ask for something else now."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before money is spent (only a terminal is asked).")
    ] = False,
    collect: Annotated[
        bool,
        typer.Option(
            "--collect", help="Send nothing; bring home what is in flight. Exit 4 if some is still rendering."
        ),
    ] = False,
    if_running: Annotated[
        IfRunning,
        typer.Option(help="If another run holds the batch: fail (exit 5), wait, or skip it (exit 0)."),
    ] = IfRunning.FAIL,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be done, as `nightreel plan` does. Sends nothing."),
    ] = False,
    rehearse: Annotated[
        bool,
        typer.Option(
            "--rehearse",
            help="Buy nothing: the built-in simulator plays the gateway. No key; clips in _rehearsal/.",
        ),
    ] = False,
    scenario: Annotated[
        str | None,
        typer.Option(
            help="What goes wrong in a rehearsal: calm (default), busy, flaky, hostile, broke, or a file.",
        ),
    ] = None,
    env_file: opt.EnvFile = None,
    allow_insecure: opt.AllowInsecure = False,
    allow_private_hosts: opt.AllowPrivateHosts = False,
    as_json: opt.AsJson = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say more: every poll and submit.")
    ] = False,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="Plain lines, no redrawing, also on a terminal.")
    ] = False,
) -> None:
    """Make every clip of a manifest that is not there yet.

    The same command again does only what is missing: nothing that a gateway accepted is ever sent twice.
    The first Ctrl-C stops in good order, the second at once; both are safe.

    \b
    Examples:
      nightreel run manifests/quickstart.yaml
      COMETAPI_KEY=... nightreel run teasers.yaml --output clips --max-in-flight 10
      nightreel run teasers.yaml --env-file keys.env --tag hero --limit 3
      nightreel run teasers.yaml --only 'spring/*' --dry-run
      nightreel run teasers.yaml --retry failed,expired
      nightreel run teasers.yaml --only candle --resubmit-unknown
      nightreel run teasers.yaml --canary 3 --budget 5 --yes
      nightreel run summer.yaml --reuse
      nightreel run teasers.yaml --collect
      nightreel run teasers.yaml --rehearse --scenario flaky
    """
    _allow_many_files()
    if quiet and verbose:
        raise UsageError("say one of --quiet and -v")
    if budget is not None and not 0 < budget <= MOST_USD:  # also where it is `nan`
        raise UsageError(f"--budget is a number of US dollars above 0, at most {MOST_USD:,}")
    if collect and (retry is not None or resubmit_unknown or dry_run):
        raise UsageError("--collect sends nothing: leave out --retry, --resubmit-unknown and --dry-run")
    options = RunOptions(
        output=output,
        provider=provider,
        base_url=base_url,
        max_in_flight=max_in_flight,
        downloads=downloads,
        selection=opt.selection(only, tag, limit),
        retry=NO_ENDS if retry is None else ends_named(retry),
        resubmit_unknown=resubmit_unknown,
        collect=collect,
        budget_ticks=None if budget is None else ticks_of(budget),
        canary=canary,
        reuse=reuse,
        remake=remake,
        if_running="wait" if if_running is IfRunning.WAIT else "fail",
        allow_insecure=allow_insecure,
        allow_private_hosts=allow_private_hosts,
        rehearse=_rehearsed(rehearse, scenario),
        signals=True,
        env=environment(env_file),
    )
    if dry_run:
        _dry_run(manifest, options, as_json=as_json)
        return
    if not (yes or collect or options.rehearse is not None) and sys.stdin.isatty() and sys.stderr.isatty():
        options = _agreed(manifest, options)
    loudness = Loudness.QUIET if quiet else Loudness.VERBOSE if verbose else Loudness.NORMAL
    shown = face(loudness, live=not no_progress)
    try:
        result, takes = asyncio.run(_run(manifest, options, shown))
    except BusyError as exc:
        if if_running is not IfRunning.SKIP:
            raise
        say(f"left out: {exc}")
        return
    if as_json or not quiet:
        print_result(result, takes, as_json=as_json)
    raise typer.Exit(result.exit_code)


def _rehearsed(rehearse: bool, scenario: str | None) -> str | None:
    """The scenario of a rehearsal; None where it is for real. Raises UsageError."""
    if scenario is not None and not rehearse:
        raise UsageError("--scenario says what goes wrong in a rehearsal: add --rehearse, or leave it out")
    return (CALM if scenario is None else scenario) if rehearse else None


def _dry_run(manifest: Path, options: RunOptions, *, as_json: bool) -> None:
    if options.rehearse is not None:
        scenario_named(options.rehearse)
    found = asyncio.run(plan.summary(manifest, output=options.batches, env=options.env, **_what(options)))
    plan.show([found], as_json=as_json)
    if options.rehearse is not None and not as_json:
        out().print("a rehearsal: nothing of this would be bought")


def _agreed(manifest: Path, options: RunOptions) -> RunOptions:
    """Ask once before money is spent. Leaves with exit code 4 where that is not wanted."""
    found = asyncio.run(plan.summary(manifest, output=options.batches, env=options.env, **_what(options)))
    if not found.to_send or found.checked.provider.name == "sim":
        return options
    for line in plan.question(found):
        say(line)
    if not _says_yes():
        say("nothing was sent; with --collect, what is in flight is brought home")
        raise typer.Exit(STOPPED)
    return replace(options, remake=True)


def _says_yes() -> bool:
    """Asks on stderr alone: stdout is for results, also where it is a file. No line at all is a no."""
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        print(file=sys.stderr)  # behind the ^C
        raise typer.Exit(INTERRUPTED) from None


def _what(options: RunOptions) -> dict[str, Any]:
    return {
        "provider": options.provider,
        "selection": options.selection,
        "again": options.again,
        "reuse": options.reuse,
        "base_url": options.base_url,
        "simulated": options.rehearse is not None,
    }


def _allow_many_files() -> None:
    """Each submit and download holds a file or two; some systems allow 256 unless one asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(MANY_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _run(manifest: Path, options: RunOptions, shown: Face) -> tuple[RunResult, list[Take]]:
    """The run, and the takes to show: all of a small batch, only those without a clip of a large one."""
    try:
        result = await run_manifest(manifest, options, shown)
    finally:
        shown.close()
    total = sum(result.counts.values())
    small = total <= MAX_ROWS
    shown_takes: list[Take] = []
    if small or result.counts.get(DONE, 0) < total:
        async with batch_takes(result.folder) as takes, aclosing(takes):
            async for take in takes:
                if take.wanted and take.selected and (small or take.state is not DONE):
                    shown_takes.append(take)
                if len(shown_takes) == MAX_ROWS:
                    break
    return result, shown_takes


def print_result(result: RunResult, takes: list[Take], *, as_json: bool) -> None:
    """The table and the sums on stdout, or the same as JSON."""
    if as_json:
        print(shown_json(_facts(result, takes)))
        return
    console = out()
    rows = [(take, clip_of(result.folder, take)) for take in takes]
    if rows:
        console.print(take_table(rows))
    else:
        put(console, f"clips are in {result.folder / 'clips'}")
    left_out = sum(result.counts.values()) - result.counts.get(DONE, 0) - len(takes)
    if left_out > 0:
        console.print(f"... and {left_out} more without a clip")
    cost = f", batch so far {usd_text(result.cost_ticks)}" if result.cost_ticks else ""
    if result.reserved_ticks:
        cost += f", {usd_text(result.reserved_ticks)} more may be charged"
    put(
        console,
        f"{counts_text(result.counts)} in {result.folder}"
        f" ({result.requests} request{'s' * (result.requests != 1)}, {result.seconds:.1f} s{cost})",
    )
    if result.simulated:
        console.print(SIMULATED)
    if any(take.state is not DONE for take in takes):
        put(console, f"what to do: nightreel status {result.folder}")


def _facts(result: RunResult, takes: list[Take]) -> dict[str, object]:
    return {
        "batch": result.batch,
        "folder": str(result.folder),
        "simulated": result.simulated,
        "exit_code": result.exit_code,
        "counts": {state.value: count for state, count in result.counts.items()},
        "cost_ticks": result.cost_ticks,
        "reserved_ticks": result.reserved_ticks,
        "requests": result.requests,
        "seconds": round(result.seconds, 3),
        "takes": [take_facts(take, result.folder, clip_of(result.folder, take)) for take in takes],
    }
