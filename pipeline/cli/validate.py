"""`nightreel validate`: every error of a manifest, before it costs anything."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import options as opt
from pipeline.cli.app import put, say
from pipeline.errors import ManifestError, Problem
from pipeline.opening import check_manifest
from pipeline.plan import Checked
from pipeline.several import looked_at, manifest_files, same_batches
from pipeline.shown import shown_json


def command(
    manifests: Annotated[
        list[Path], typer.Argument(help="YAML files to check, or folders of them.", show_default=False)
    ],
    provider: opt.Provider = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Find everything wrong with manifests: the first 100 problems, each with its place. Sends nothing.

    \b
    Examples:
      nightreel validate teasers.yaml
      nightreel validate manifests/
    """
    problems: list[Problem] = []
    sound: list[Checked] = []
    total, found = 0, []
    for path in manifest_files(manifests):
        checked, its_problems, count = looked_at(path, partial(check_manifest, provider=provider))
        if checked is not None:
            its_problems = same_batches([*sound, checked])
            count = len(its_problems)
        problems += its_problems
        total += count
        if checked is None or count:
            found.append({"manifest": str(path), "valid": False, "problems": count})
            continue
        sound.append(checked)
        jobs = checked.manifest.jobs
        found.append({"manifest": str(path), "valid": True, "jobs": jobs})
        for note in checked.notes:
            say(f"note: {path}: {note}")
        if not as_json:
            put(f"{path}: {jobs} job{'s' * (jobs != 1)}, no problems")
    if as_json:
        listed = [
            {"file": each.file, "line": each.line, "column": each.column, "message": each.message}
            for each in problems[:100]
        ]
        result = {"manifests": found, "problems": listed, "total": total}
        print(shown_json(result))
        raise typer.Exit(2 if total else 0)
    if total:
        raise ManifestError(tuple(problems[:100]), total)
