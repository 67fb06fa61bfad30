"""Several batches side by side in one process: none of them ends because another one could not go on.

Owns the signals of the process. What the batches share is theirs to know (stages/access.py).
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from pipeline.errors import BusyError, PipelineError, UsageError
from pipeline.runner import SIGNAL_EXIT, Runner, RunResult

CODES = (70, 2, 5, 3, 130, 143, 4, 1, 0)  # docs/design.md, "Exit codes": the first that applies


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFailure:
    """A batch of several that could not be run, or not to its end. The others were, all the same."""

    batch: str
    folder: Path
    error: Exception

    @property
    def exit_code(self) -> int:
        return exit_code_of(self.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsResult:
    """How a run of several manifests ended. `left_out`: batches that another run holds, with `skip`.

    Nobody selected jobs of earlier nights in this run, so these do not count for its exit code.
    """

    batches: tuple[RunResult | BatchFailure, ...]  # in the manifests' order
    left_out: tuple[BusyError, ...] = ()
    earlier: tuple[RunResult | BatchFailure, ...] | None = None  # nights; None: no manifest has any

    @property
    def exit_code(self) -> int:
        return first_that_applies(batch.exit_code for batch in self.batches)


def exit_code_of(error: Exception) -> int:
    """What the command ends with for it."""
    if isinstance(error, PipelineError):
        return error.exit_code
    return UsageError.exit_code if isinstance(error, OSError) else PipelineError.exit_code


def first_that_applies(codes: Iterable[int]) -> int:
    """The exit code of several runs together."""
    return min(codes, key=CODES.index, default=0)


async def run_together(runners: Sequence[Runner], *, signals: bool) -> list[RunResult | Exception]:
    """Run them all; what each came to is in its place: a result, or why there is none.

    `signals`: SIGINT and SIGTERM drain all of them, a second one cancels (main thread only).
    """
    ends: dict[int, RunResult | Exception] = {}

    async def run(number: int, runner: Runner) -> None:
        try:
            ends[number] = await runner.run()
        except Exception as exc:  # also a fault of ours: the others hold work that is paid for
            ends[number] = error = the_error(exc)
            await runner.give_up(exit_code_of(error), str(error))
        finally:
            runner.leave()

    async with anyio.create_task_group() as group:
        if signals:
            group.start_soon(_watch_signals, runners)
        for number, runner in enumerate(runners):  # before the first of them sends anything
            try:
                await runner.count_earlier()
            except PipelineError as exc:
                ends[number] = exc
        async with anyio.create_task_group() as running:
            for number, runner in enumerate(runners):
                if number not in ends:
                    running.start_soon(run, number, runner)
        group.cancel_scope.cancel()
    return [ends[number] for number in range(len(runners))]


async def _watch_signals(runners: Sequence[Runner]) -> None:
    with anyio.open_signal_receiver(*SIGNAL_EXIT) as numbers:
        async for number in numbers:
            for runner in runners:
                runner.interrupt(signal.Signals(number))


def the_error(exc: Exception) -> Exception:
    """The error that a person should see: task groups wrap even a single one, one layer per group."""
    named = exc.subgroup(PipelineError) if isinstance(exc, ExceptionGroup) else None
    error: Exception = named or exc
    while isinstance(error, ExceptionGroup) and (named or len(error.exceptions) == 1):
        error = error.exceptions[0]
    return error
