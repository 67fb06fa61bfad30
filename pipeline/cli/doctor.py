"""`nightreel doctor`: is all there that a run needs? Asks each gateway once, for nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pipeline.cli import options as opt
from pipeline.cli.env import environment
from pipeline.cli.table import out
from pipeline.clock import LoopClock
from pipeline.doctor.checkup import Patient, examine
from pipeline.doctor.finding import Finding, Verdict, exit_code
from pipeline.shown import shown, shown_json

STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}
VERDICT_WIDTH = max(map(len, Verdict)) + 2


def command(
    manifests: Annotated[
        list[Path] | None, typer.Argument(help="YAML files to look at as well.", show_default=False)
    ] = None,
    output: opt.Output = opt.OUTPUT,
    provider: opt.Provider = None,
    base_url: opt.BaseUrl = None,
    allow_insecure: opt.AllowInsecure = False,
    env_file: opt.EnvFile = None,
    as_json: opt.AsJson = False,
) -> None:
    """Look whether all is there that a run needs: keys, gateways, clock, disk, codecs, manifests, batches.

    Asks each gateway one question that costs nothing, and changes nothing. Without a manifest or
    --provider it looks at every gateway whose key is set. Exit 0 unless there is a problem.

    \b
    Examples:
      nightreel doctor teasers.yaml
      COMETAPI_KEY=... nightreel doctor --provider cometapi --json
    """
    patient = Patient(
        manifests=manifests or (),
        output=output,
        provider=provider,
        base_url=base_url,
        allow_insecure=allow_insecure,
        env=environment(env_file),
    )
    findings = asyncio.run(examine(patient, LoopClock()))
    code = exit_code(findings)
    if as_json:
        print(shown_json(_facts(findings, healthy=code == 0)))
    else:
        show(findings)
    raise typer.Exit(code)


def show(findings: list[Finding]) -> None:
    """A line for each, and one below it where there is something to do."""
    console = out()
    width = max(len(finding.name) for finding in findings) + 2
    for finding in findings:
        verdict = f"{finding.verdict:<{VERDICT_WIDTH}}"
        line = Text.assemble(
            (verdict, STYLES[finding.verdict]), shown(f"{finding.name:<{width}}{finding.seen}")
        )
        if finding.do is not None:
            line.append(f"\n{'':<{VERDICT_WIDTH + width}}do: {shown(finding.do)}")
        console.print(line, soft_wrap=True)
    console.print(summary(findings))


def summary(findings: list[Finding]) -> str:
    counts = Counter(finding.verdict for finding in findings)
    parts = [
        f"{counts[verdict]} {verdict}{'s' * (counts[verdict] != 1)}"
        for verdict in (Verdict.PROBLEM, Verdict.WARNING)
        if counts[verdict]
    ]
    if not counts[Verdict.PROBLEM]:
        parts.insert(0, "healthy")
    return ", ".join(parts)


def _facts(findings: list[Finding], *, healthy: bool) -> dict[str, object]:
    checks = [
        {"name": one.name, "verdict": one.verdict.value, "seen": one.seen, "do": one.do} for one in findings
    ]
    return {"healthy": healthy, "checks": checks}
