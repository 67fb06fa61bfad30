"""What a check found: a verdict, one line of what was seen, and one of what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

FOLDER_EXIT = 2  # usage, manifest, folder, ledger
GATEWAY_EXIT = 3  # key, credits, address
EXIT_ORDER = (FOLDER_EXIT, GATEWAY_EXIT)
"""Exit codes of problems, the first that applies: docs/design.md, section 5."""


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check. `do` is None for `ok` alone; `exit_code` is that of a problem."""

    name: str
    verdict: Verdict
    seen: str
    do: str | None = None
    exit_code: int = 0


def fine(name: str, seen: str) -> Finding:
    return Finding(name=name, verdict=Verdict.OK, seen=seen)


def warning(name: str, seen: str, do: str) -> Finding:
    return Finding(name=name, verdict=Verdict.WARNING, seen=seen, do=do)


def problem(name: str, seen: str, do: str, exit_code: int = FOLDER_EXIT) -> Finding:
    return Finding(name=name, verdict=Verdict.PROBLEM, seen=seen, do=do, exit_code=exit_code)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 unless there is a problem: warnings stop nobody."""
    codes = {finding.exit_code for finding in findings if finding.verdict is Verdict.PROBLEM}
    return next((code for code in EXIT_ORDER if code in codes), 0)
