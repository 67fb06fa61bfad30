"""`nightreel plan`: what a run would do, and what that costs by the list. `run --dry-run` is the same."""

from __future__ import annotations

import asyncio
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from pipeline.again import NO_ENDS, Ends
from pipeline.cli import options as opt
from pipeline.cli.env import environment
from pipeline.cli.table import out, put
from pipeline.forecast import SENT, JobForecast, Outlook
from pipeline.money import usd_text
from pipeline.opening import Finds, check_manifest, foreseen
from pipeline.plan import Checked
from pipeline.selection import Selection
from pipeline.several import chosen_manifests
from pipeline.shown import shown, shown_json

MAX_ROWS = 40
MAX_TAGS = 10
_NO_NEWS = frozenset({Outlook.DONE, Outlook.LEFT_OUT})
"""Not listed, unless there is something to say of it."""


@dataclass(slots=True)
class Summary:
    """One manifest's forecast in numbers, and the first jobs that are not simply done."""

    checked: Checked
    folder: Path  # of the batch
    reuse: bool = False
    finds: Finds = field(default_factory=Finds)
    counts: Counter[Outlook] = field(default_factory=Counter)
    ticks: int = 0
    unpriced: int = 0
    remade: int = 0
    spent_ticks: int = 0  # settled and reserved before
    sources: set[str] = field(default_factory=set)
    tags: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)  # how many jobs changed in each
    rows: list[JobForecast] = field(default_factory=list)
    more: int = 0  # that would be listed, too

    def add(self, job: JobForecast) -> None:
        self.counts[job.outlook] += 1
        if job.outlook in SENT:
            self.ticks += job.price_ticks or 0
            self.unpriced += job.price_ticks is None
            self.remade += job.remakes
            if job.price_source:
                self.sources.add(job.price_source)
            for tag in job.tags:
                self.tags[tag] += job.price_ticks or 0
        for name in {change.field for change in job.changes}:
            self.fields[name] += 1
        if job.outlook in _NO_NEWS and (job.reason is None or job.outlook is Outlook.LEFT_OUT):
            return
        if len(self.rows) < MAX_ROWS:
            self.rows.append(job)
        else:
            self.more += 1

    @property
    def to_send(self) -> int:
        return sum(self.counts[outlook] for outlook in SENT)


def command(
    manifests: Annotated[
        list[Path],
        typer.Argument(help="The YAML files with the jobs, or folders of them.", show_default=False),
    ],
    output: opt.Output = opt.OUTPUT,
    provider: opt.Provider = None,
    only: opt.Only = None,
    tag: opt.Tag = None,
    limit: opt.Limit = None,
    date: opt.Date = None,
    reuse: opt.Reuse = False,
    env_file: opt.EnvFile = None,
    as_json: opt.AsJson = False,
) -> None:
    """Show what a run would do for each job, and what that costs by the vendor's list. Sends nothing.

    \b
    Examples:
      nightreel plan teasers.yaml
      nightreel plan teasers.yaml --tag hero --limit 5
      nightreel plan summer.yaml --reuse
      nightreel plan manifests/
      nightreel plan nightly.yaml --date 2026-11-23
    """
    selection = opt.selection(only, tag, limit)
    env = environment(env_file)
    found = asyncio.run(
        summaries(
            manifests,
            provider=provider,
            env=env,
            output=output,
            selection=selection,
            again=NO_ENDS,
            reuse=reuse,
            date=opt.day(date),
        )
    )
    show(found, as_json=as_json)


async def summaries(
    manifests: Sequence[Path],
    *,
    provider: str | None,
    env: Mapping[str, str],
    output: Path,
    selection: Selection,
    again: Ends,
    reuse: bool,
    date: date | None,
    base_url: str | None = None,
    simulated: bool = False,
) -> list[Summary]:
    """What a run of these would do. `date`: of a batch per night, today where it is None.

    Raises UsageError where it could not begin.
    """
    all_checked = chosen_manifests(
        manifests,
        selection,
        partial(check_manifest, provider=provider, env=env, day=date),
        dated=date is not None,
    )
    what: dict[str, Any] = {
        "output": output,
        "selection": selection,
        "again": again,
        "reuse": reuse,
        "base_url": base_url,
        "simulated": simulated,
        "env": env,
    }
    return [await _summary(checked, **what) for checked in all_checked]


async def _summary(checked: Checked, **what: Any) -> Summary:
    """`what`: as `opening.foreseen` takes it."""
    async with foreseen(checked, **what) as seen, aclosing(seen.jobs) as jobs:
        folder = what["output"] / seen.checked.batch
        found = Summary(seen.checked, folder, reuse=what["reuse"], spent_ticks=seen.spent_ticks)
        async for job in jobs:
            found.add(job)
        found.finds = await seen.finds()
    return found


def show(found: list[Summary], *, as_json: bool) -> None:
    if as_json:
        print(shown_json([_facts(one) for one in found]))
        return
    for one in found:
        _print(one)


def _print(found: Summary) -> None:
    console = out()
    checked = found.checked
    title = checked.provider.capabilities.title
    put(console, f"{checked.path}: batch {checked.batch}, {title}")
    for note in checked.notes:
        put(console, f"  note: {note}")
    for line in _lines(found):
        put(console, f"  {line}")
    if found.rows:
        console.print(_table(found.rows))
    if found.more:
        console.print(f"... and {found.more} more")


def _lines(found: Summary) -> list[str]:
    counts = ", ".join(f"{found.counts[one]} {one}" for one in Outlook if found.counts[one])
    lines = [f"jobs: {counts}"]
    if found.fields:
        fields = (f"{name} in {_jobs(count)}" for name, count in found.fields.most_common())
        lines.append(f"changed: {', '.join(fields)}")
    if found.finds.gone:
        lines.append(f"no longer in the manifest: {_jobs(found.finds.gone)} on record; clips are kept")
    if not found.to_send:
        return [*lines, *savings(found), "nothing to send"]
    count = found.to_send
    lines.append(f"to send: {count} submit{'s' * (count != 1)}, and polls and downloads of each")
    lines.append(f"price: {price_text(found)}")
    if found.ticks and found.tags:
        tags = ", ".join(f"{tag} {usd_text(ticks)}" for tag, ticks in sorted(found.tags.items())[:MAX_TAGS])
        lines.append(f"by tag: {tags}")
    return [*lines, *_budget(found), *savings(found)]


def savings(found: Summary) -> list[str]:
    """What would cost less: jobs that only have another id, and clips that are there already."""
    finds, lines = found.finds, []
    if finds.renamed:
        lines.append(f"{_jobs(finds.renamed)} may only have another id; so that they are not paid again:")
        folder = shlex.quote(str(found.folder))
        lines += [f"  nightreel mv {folder} {pair.old} {pair.new}" for pair in finds.pairs]
        if finds.renamed > len(finds.pairs):
            lines.append(f"  ... and {finds.renamed - len(finds.pairs)} more")
    if finds.elsewhere and not found.reuse:
        batch, _, label = (finds.example or "").partition("/")
        clips = "clip exists" if finds.elsewhere == 1 else "clips exist"
        where = f"batch {batch}, job {label.rsplit('.', 2)[0]}"
        lines.append(f"{finds.elsewhere} {clips} already ({where}): --reuse takes them over for nothing")
    return [*lines, *(f"note: {note}" for note in finds.notes)]


def _jobs(count: int) -> str:
    return f"{count} job{'s' * (count != 1)}"


def _budget(found: Summary) -> list[str]:
    """How far the batch's budget goes."""
    cap = found.checked.head.limits.budget_ticks
    if cap is None:
        return []
    line = f"budget: {usd_text(cap)} for the batch, {usd_text(found.spent_ticks)} of it spent or reserved"
    short = found.spent_ticks + found.ticks - cap
    return [line + (f": {usd_text(short)} too little, what does not fit is held" if short > 0 else "")]


def question(all_found: Sequence[Summary]) -> list[str]:
    """What a person should know before money is spent, of each batch and of all together."""
    if len(all_found) == 1:
        return _question(all_found[0])
    lines = [f"{found.checked.batch}: {line}" for found in all_found for line in _question(found)]
    count, ticks = sum(found.to_send for found in all_found), sum(found.ticks for found in all_found)
    unpriced = sum(found.unpriced for found in all_found)
    price = "unknown" if unpriced == count else usd_text(ticks)
    if 0 < unpriced < count:
        price += f", and {unpriced} job{'s' * (unpriced != 1)} whose price is not known"
    return [*lines, f"together: {count} clips in {len(all_found)} batches: {price}"]


def _question(found: Summary) -> list[str]:
    count, where = found.to_send, found.checked.provider.capabilities.title
    lines = [f"{count} clip{'s' * (count != 1)} at {where}: {price_text(found)}", *_budget(found)]
    lines += savings(found)
    if found.remade:
        jobs = "1 job has a clip" if found.remade == 1 else f"{found.remade} jobs have their clips"
        lines.append(f"{jobs} already, and would be made anew: `nightreel plan` shows which")
    return lines


def price_text(found: Summary) -> str:
    """What is known of the cost, and by which price list. A list price is the vendor's, not a bill."""
    if found.checked.provider.name == "sim" and found.unpriced:
        return "none, the simulator bills nothing"
    if found.unpriced == found.to_send:
        why = f"{found.checked.provider.capabilities.title} publishes no prices; say yours in `prices:`"
        return f"unknown; {why}"
    if not found.unpriced:
        return f"{usd_text(found.ticks)} by {' and '.join(sorted(found.sources))}"
    return f"{usd_text(found.ticks)}, and {_jobs(found.unpriced)} whose price is not known"


def _table(rows: list[JobForecast]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("job", overflow="fold")
    table.add_column("what happens", no_wrap=True)
    table.add_column("price", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for job in rows:
        price = "" if job.price_ticks is None else usd_text(job.price_ticks)
        table.add_row(Text(shown(job.key)), job.outlook.value, price, Text(shown(job.reason or "")))
    return table


def _facts(found: Summary) -> dict[str, Any]:
    return {
        "manifest": str(found.checked.path),
        "batch": found.checked.batch,
        "provider": found.checked.provider.name,
        "counts": {outlook.value: found.counts[outlook] for outlook in Outlook if found.counts[outlook]},
        "submits": found.to_send,
        "list_ticks": found.ticks if found.unpriced < found.to_send or not found.to_send else None,
        "unpriced": found.unpriced,
        "price_sources": sorted(found.sources),
        "ticks_by_tag": dict(sorted(found.tags.items())),
        "remade": found.remade,
        "spent_ticks": found.spent_ticks,
        "budget_ticks": found.checked.head.limits.budget_ticks,
        "gone": found.finds.gone,
        "renamed": found.finds.renamed,
        "mv": [{"old": pair.old, "new": pair.new} for pair in found.finds.pairs],
        "reusable": found.finds.elsewhere,
        "notes": [*found.checked.notes, *found.finds.notes],
        "jobs": [
            {
                "job": job.key,
                "outlook": job.outlook.value,
                "reason": job.reason,
                "changes": [
                    {"field": change.field, "before": change.before, "after": change.after}
                    for change in job.changes
                ],
                "list_ticks": job.price_ticks,
            }
            for job in found.rows
        ],
    }
