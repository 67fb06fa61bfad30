"""`nightreel validate`: every error of a manifest, before it costs anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import options as opt
from pipeline.cli.app import put, say
from pipeline.errors import ManifestError, Problem, UsageError
from pipeline.opening import check_manifest
from pipeline.shown import shown_json


def command(
    manifests: Annotated[list[Path], typer.Argument(help="YAML files to check.", show_default=False)],
    provider: opt.Provider = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Find everything wrong with manifests: the first 100 problems, each with its place. Sends nothing.

    \b
    Example:
      nightreel validate manifests/*.yaml
    """
    problems: list[Problem] = []
    total, found = 0, []
    for path in manifests:
        try:
            checked = check_manifest(path, provider)
        except ManifestError as exc:
            problems += exc.problems
            total += exc.total
            found.append({"manifest": str(path), "valid": False, "problems": exc.total})
        except UsageError as exc:  # no such file: the others are still worth a look
            problems.append(Problem(str(path), 1, 1, str(exc)))
            total += 1
            found.append({"manifest": str(path), "valid": False, "problems": 1})
        else:
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
