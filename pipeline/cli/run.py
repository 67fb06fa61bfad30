"""`nightreel run`: the main job, and also every rerun."""

from __future__ import annotations

import asyncio
import resource
import sys
from contextlib import aclosing
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline import loop
from pipeline.again import NO_ENDS, ends_named
from pipeline.choices import RunOptions
from pipeline.cli import options as opt
from pipeline.cli import plan
from pipeline.cli.app import say
from pipeline.cli.endings import summary_line
from pipeline.cli.env import environment
from pipeline.cli.lines import Loudness
from pipeline.cli.news import News, notify_urls
from pipeline.cli.progress import Face, face, kept
from pipeline.cli.report import NAME as REPORT_NAME
from pipeline.cli.report import write_report
from pipeline.cli.table import SIMULATED, counts_text, out, put, take_facts, take_table
from pipeline.clock import LoopClock, local_day
from pipeline.deadline import seconds_of
from pipeline.errors import UsageError
from pipeline.events import Event
from pipeline.model import Take, TakeState
from pipeline.money import ticks_of, usd_text
from pipeline.notify import Notifier
from pipeline.opening import batch_takes, clip_finder
from pipeline.runner import RunResult
from pipeline.several import manifest_files
from pipeline.shown import shown_json
from pipeline.simulated import scenario_named
from pipeline.stages.base import STOPPED
from pipeline.together import BatchFailure, RunsResult
from pipeline.wiring import BatchListener, run_manifests

CALM = "calm"  # the scenario of a rehearsal that names none
INTERRUPTED = 130
MAX_ROWS = 40
MOST_USD = 1_000_000
MANY_FILES = 4096
LARGE = 20_000  # jobs, of whose page one waits for seconds
DONE = TakeState.DONE


class IfRunning(StrEnum):
    """What to do when another run holds the batch."""

    FAIL = "fail"
    WAIT = "wait"
    SKIP = "skip"


def command(
    manifests: Annotated[
        list[Path],
        typer.Argument(help="The YAML files with the jobs, or folders of them.", show_default=False),
    ],
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
    deadline: Annotated[
        str | None,
        typer.Option(
            help="Send nothing that may come later: in 3h30m, or at the next 06:30 here. Then exit 4.",
            metavar="T",
        ),
    ] = None,
    grace: Annotated[
        str, typer.Option(help="After the deadline, bring home what was sent for so long.", metavar="D")
    ] = "15m",
    canary: Annotated[
        int | None,
        typer.Option(
            min=1, help="Send so many first, and the others only once each of these is a clip; else exit 4."
        ),
    ] = None,
    only: opt.Only = None,
    tag: opt.Tag = None,
    limit: opt.Limit = None,
    date: opt.Date = None,
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
    notify: Annotated[
        list[str] | None,
        typer.Option(
            help="Tell this service (an Apprise URL) when the run needs you, and how it ended. May be"
            " repeated. Better in NIGHTREEL_NOTIFY or the --env-file: other users see command lines.",
            metavar="URL",
            show_default=False,
        ),
    ] = None,
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
    no_media_checks: Annotated[
        bool,
        typer.Option(
            "--no-media-checks",
            help="Only see that clips are whole: no posters, no look for black, frozen or unasked-for ones.",
        ),
    ] = False,
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
    """Make every clip of a manifest that is not there yet, or of several at once.

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
      nightreel run teasers.yaml --deadline 06:30 --grace 20m
      nightreel run teasers.yaml --collect
      nightreel run teasers.yaml --rehearse --scenario flaky
      nightreel run teasers.yaml trailers.yaml --budget 20
      nightreel run manifests/ --if-running skip
      nightreel run nightly.yaml --date 2026-11-23
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
        date=opt.day(date),
        retry=NO_ENDS if retry is None else ends_named(retry),
        resubmit_unknown=resubmit_unknown,
        collect=collect,
        budget_ticks=None if budget is None else ticks_of(budget),
        deadline=deadline,
        grace_s=seconds_of("--grace", grace),
        canary=canary,
        reuse=reuse,
        remake=remake,
        if_running=if_running.value,
        allow_insecure=allow_insecure,
        allow_private_hosts=allow_private_hosts,
        media_checks=not no_media_checks,
        rehearse=_rehearsed(rehearse, scenario),
        signals=True,
        env=environment(env_file),
    )
    if dry_run:
        _dry_run(manifests, options, as_json=as_json)
        return
    if not (yes or collect or options.rehearse is not None) and sys.stdin.isatty() and sys.stderr.isatty():
        options = _agreed(manifests, options)
    loudness = Loudness.QUIET if quiet else Loudness.VERBOSE if verbose else Loudness.NORMAL
    shown = face(loudness, live=not no_progress)
    urls = notify_urls(notify, options.env)
    news = News(Notifier(urls)) if urls else None
    listed = len(manifests) > 1 or manifests[0].is_dir()
    result, takes = _told(news, manifests, options, shown)
    for busy in result.left_out:
        say(f"left out: {busy}")
    if len(result.batches) == 1 and not (as_json and listed):
        _raise_failure(result.batches[0])
    if result.batches and (result.exit_code or not quiet) and not sys.stderr.isatty():
        say(summary_line(result))
    if as_json and (listed or result.batches):
        print(shown_json(_document(result, takes, listed=listed)))
    elif not as_json and not quiet:
        for end in (*result.batches, *(result.earlier or ())):
            _print_end(end, takes.get(end.batch, []))
    raise typer.Exit(result.exit_code)


def _told(
    news: News | None, manifests: list[Path], options: RunOptions, shown: Face
) -> tuple[RunsResult, dict[str, list[Take]]]:
    """The run; with `news`, whoever is to be told hears how it went, also where it could not start."""
    if news is None:
        return loop.run(_run(manifests, options, shown))
    code = 0
    try:
        result, takes = loop.run(_run(manifests, options, shown, news.hear))
        code = result.exit_code
        news.ended(result, takes)
        return result, takes
    except Exception as exc:
        news.failed(exc)
        raise
    finally:
        for undelivered in news.close(code):
            say(f"note: {undelivered}")


def _document(result: RunsResult, takes: dict[str, list[Take]], *, listed: bool) -> dict[str, object]:
    """What `--json` prints: the one batch, or a list of them; earlier nights apart."""
    batches = [_end_facts(end, takes.get(end.batch, [])) for end in result.batches]
    found = {"exit_code": result.exit_code, "batches": batches} if listed else batches[0]
    if result.earlier is not None:
        found["earlier"] = [_end_facts(end, takes.get(end.batch, [])) for end in result.earlier]
    return found


def _raise_failure(only: RunResult | BatchFailure) -> None:
    if isinstance(only, BatchFailure):
        raise only.error


def _rehearsed(rehearse: bool, scenario: str | None) -> str | None:
    """The scenario of a rehearsal; None where it is for real. Raises UsageError."""
    if scenario is not None and not rehearse:
        raise UsageError("--scenario says what goes wrong in a rehearsal: add --rehearse, or leave it out")
    return (CALM if scenario is None else scenario) if rehearse else None


def _dry_run(manifests: list[Path], options: RunOptions, *, as_json: bool) -> None:
    if options.rehearse is not None:
        scenario_named(options.rehearse)
    plan.show(_foreseen(manifests, options), as_json=as_json)
    if options.rehearse is not None and not as_json:
        out().print("a rehearsal: nothing of this would be bought")


def _agreed(manifests: list[Path], options: RunOptions) -> RunOptions:
    """Ask once before money is spent. Leaves with exit code 4 where that is not wanted."""
    today = local_day(LoopClock().wall())
    found = _foreseen(manifests, options)
    paid = [one for one in found if one.to_send and one.checked.provider.name != "sim"]
    if not paid:
        return options
    for line in plan.question(paid):
        say(line)
    if not _says_yes():
        say("nothing was sent; with --collect, what is in flight is brought home")
        raise typer.Exit(STOPPED)
    dated = any(one.checked.dated for one in paid)  # midnight may pass while somebody thinks
    return replace(options, remake=True, date=options.date or (today if dated else None))


def _says_yes() -> bool:
    """Asks on stderr alone: stdout is for results, also where it is a file. No line at all is a no."""
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        print(file=sys.stderr)  # behind the ^C
        raise typer.Exit(INTERRUPTED) from None


def _foreseen(manifests: list[Path], options: RunOptions) -> list[plan.Summary]:
    summaries = plan.summaries(
        manifests,
        provider=options.provider,
        env=options.env,
        output=options.batches,
        selection=options.selection,
        again=options.again,
        reuse=options.reuse,
        date=options.date,
        base_url=options.base_url,
        simulated=options.rehearse is not None,
    )
    return asyncio.run(summaries)


def _allow_many_files() -> None:
    """Each submit and download holds a file or two; some systems allow 256 unless one asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(MANY_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _run(
    manifests: list[Path], options: RunOptions, shown: Face, also: BatchListener = lambda _batch, _event: None
) -> tuple[RunsResult, dict[str, list[Take]]]:
    """The run, and the takes to show of each batch. `also` hears what is shown."""
    several = len(manifest_files(manifests)) > 1
    heard: set[str] = set()

    def hear(batch: str, event: Event) -> None:
        heard.add(batch)
        also(batch, event)  # first: a fault in what is shown must not keep it from who sleeps
        shown(event, batch if several or len(heard) > 1 else "")

    async with kept(shown):
        result = await run_manifests(manifests, options, hear)
    ran = [end for end in (*result.batches, *(result.earlier or ())) if isinstance(end, RunResult)]
    for one in ran:
        await _report(one)
    return result, {one.batch: await _takes_to_show(one) for one in ran}


async def _report(result: RunResult) -> None:
    """The page at a run's end. Clips are what a run is for: it does not fail for want of a page.

    That of a large batch is left as it is where nothing was sent, as a rerun takes no longer for it, and on
    a signal: whoever sent that waits.
    """
    large, idle = sum(result.counts.values()) > LARGE, not result.requests
    if large and (result.exit_code in (130, 143) or (idle and (result.folder / REPORT_NAME).is_file())):
        return say(f"note: {REPORT_NAME} is left as it is; nightreel report {result.folder} makes it anew")
    try:
        await write_report(result.folder)
    except Exception as exc:  # a full disk, a folder that cannot be written, or a fault in the page
        say(f"note: batch {result.batch}: no report was written: {exc}")
    return None


async def _takes_to_show(result: RunResult) -> list[Take]:
    """All of a small batch, only those without a clip of a large one."""
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
    return shown_takes


def _print_end(end: RunResult | BatchFailure, takes: list[Take]) -> None:
    """The table and the sums on stdout."""
    if isinstance(end, RunResult):
        print_result(end, takes)
    else:
        put(out(), f"not run to its end: batch {end.batch}: {end.error}")


def print_result(result: RunResult, takes: list[Take]) -> None:
    console, clip_of = out(), clip_finder(result.folder)
    rows = [(take, clip_of(take)) for take in takes]
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


def _end_facts(end: RunResult | BatchFailure, takes: list[Take]) -> dict[str, object]:
    if isinstance(end, RunResult):
        return _facts(end, takes)
    return {
        "batch": end.batch,
        "folder": str(end.folder),
        "exit_code": end.exit_code,
        "error": str(end.error),
    }


def _facts(result: RunResult, takes: list[Take]) -> dict[str, object]:
    clip_of = clip_finder(result.folder)
    return {
        "batch": result.batch,
        "folder": str(result.folder),
        "simulated": result.simulated,
        "exit_code": result.exit_code,
        "counts": {state.value: count for state, count in result.counts.items()},
        "cost_ticks": result.cost_ticks,
        "reserved_ticks": result.reserved_ticks,
        "reason": result.reason,
        "clips": result.clips,
        "spent_ticks": result.spent_ticks,
        "requests": result.requests,
        "seconds": round(result.seconds, 3),
        "takes": [take_facts(take, result.folder, clip_of(take)) for take in takes],
    }
