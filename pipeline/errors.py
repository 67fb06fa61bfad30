"""What is raised on purpose, and the exit code each ends the command with.

A failed job is a record, not an exception: only what stops a run, or one call, is here.
Exit codes: docs/design.md, "Exit codes".
"""

from __future__ import annotations

from dataclasses import dataclass

EXIT_MEANS = {
    0: "every clip is there",
    1: "some job has no clip",
    2: "bad usage, manifest or ledger",
    3: "gateway unusable",
    4: "stopped with jobs left",
    5: "another run holds the batch",
    70: "internal error",
    130: "interrupted",
    143: "interrupted",
}
"""What a scheduler is told, in a few words."""


class PipelineError(Exception):
    """Base of everything raised on purpose. Its text is one clear line for a person."""

    exit_code = 70


class UsageError(PipelineError):
    """The command, its options or its folders cannot be used as given."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a manifest, at a place a person can go to. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class ManifestError(UsageError):
    """A manifest with problems: the first of them in order, and how many there are in all."""

    def __init__(self, problems: tuple[Problem, ...], total: int | None = None) -> None:
        self.problems = problems
        self.total = len(problems) if total is None else total
        super().__init__("\n".join(str(problem) for problem in problems))


class LedgerError(UsageError):
    """The ledger cannot be opened or used: foreign, newer, damaged, or of another gateway."""


class DiskFullError(PipelineError):
    """No room left where clips or ledger are written. Nothing is lost; free some space and rerun."""

    exit_code = 4


class BusyError(PipelineError):
    """Another run holds the batch."""

    exit_code = 5


class GatewayUnusableError(PipelineError):
    """The gateway cannot be used at all: key, credentials, credits or address."""

    exit_code = 3


class NotSentError(PipelineError):
    """The call failed before its headers left this machine, so nothing can have been accepted."""


class LostAnswerError(PipelineError):
    """The call left this machine and no whole answer came back."""


class BadLinkError(PipelineError):
    """A link that cannot lead to a file: no address, nothing that is fetched, or redirects without end."""


class NotAClipError(PipelineError):
    """The file is no whole, playable video; the text says what is wrong with it."""
