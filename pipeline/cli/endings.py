"""How a run ended, for who was not there: one line for cron's mail, and the texts of notifications.

Pure. What came from outside is cut and passes `shown.py`: job keys, reasons, the gateway's words.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence

from pipeline.cli.table import counts_text
from pipeline.deadline import in_words
from pipeline.errors import EXIT_MEANS
from pipeline.model import Take, TakeState
from pipeline.money import usd_text
from pipeline.runner import RunResult
from pipeline.shown import shown
from pipeline.together import BatchFailure, RunsResult

FEW = 5
REASON_CHARS = 200
QUIET = {TakeState.DONE, TakeState.PLANNED, TakeState.HELD}
"""Takes in these states ask for nothing that is not said of all of them together."""

Takes = Mapping[str, Sequence[Take]]
"""By batch, those that are worth a look."""


def exit_text(code: int) -> str:
    """`exit 3, gateway unusable`."""
    meaning = EXIT_MEANS.get(code)
    return f"exit {code}" + (f", {meaning}" if meaning else "")


def summary_line(result: RunsResult) -> str:
    """`nightreel: launch: 10 of 20 clips, ..., exit 3, gateway unusable: ...; next: nightreel status ...`."""
    ends = result.batches
    ran = [end for end in ends if isinstance(end, RunResult)]
    parts = [*totals(ran), exit_text(result.exit_code)]
    line = f"nightreel: {batches_text(ends)}: {', '.join(parts)}"
    if (why := _why(ends, result.exit_code)) is not None:
        line += f": {why}"
    unlike = next((end for end in ends if end.exit_code == result.exit_code != 0), None)
    return shown(line if unlike is None else f"{line}; next: {_status(unlike)}")


def batches_text(ends: Sequence[RunResult | BatchFailure]) -> str:
    return ends[0].batch if len(ends) == 1 else f"{len(ends)} batches"


def totals(ran: Sequence[RunResult]) -> list[str]:
    """Clips, the others by state, what the run spent, and how long it took."""
    counts: Counter[TakeState] = sum((Counter(end.counts) for end in ran), Counter())
    done, total = counts.pop(TakeState.DONE, 0), sum(sum(end.counts.values()) for end in ran)
    parts = [f"{done} of {total} clips"]
    parts += [counts_text(counts)] * bool(counts)
    if spent := sum(end.spent_ticks for end in ran):
        parts.append(f"{usd_text(spent)} spent" + " (simulated)" * all(end.simulated for end in ran))
    return [*parts, in_words(max((end.seconds for end in ran), default=0.0))]


def end_title(what: str, code: int) -> str:
    return shown(f"nightreel: {what}: {exit_text(code)}")


def end_body(result: RunsResult, takes: Takes) -> str:
    """Totals, what went wrong, and what to do."""
    lines: list[str] = []
    for end in result.batches:
        lines += _batch_lines(end, takes.get(end.batch, ()))
    lines += [f"left out: {busy}" for busy in result.left_out]
    return "\n".join(map(shown, lines))


def _batch_lines(end: RunResult | BatchFailure, takes: Sequence[Take]) -> list[str]:
    if isinstance(end, BatchFailure):
        return [f"{end.batch}: {exit_text(end.exit_code)}: {cut(str(end.error))}"]
    lines = [f"{end.batch}: {', '.join(totals([end]))}"]
    if end.exit_code:
        lines.append(exit_text(end.exit_code) + (f": {cut(end.reason)}" if end.reason else ""))
    if whole := end.cost_ticks + end.reserved_ticks:
        lines.append(f"batch so far: {usd_text(whole)}")
    if end.simulated:
        lines.append("simulated: nothing was bought")
    bad = [take for take in takes if take.state not in QUIET]
    lines += [_without_a_clip(take) for take in bad[:FEW]]
    lines += [f"and {len(bad) - FEW} more"] * (len(bad) > FEW)
    if end.exit_code:
        lines += [f"what to do: {_status(end)}", "the same command again makes only what is missing"]
    return lines


def _without_a_clip(take: Take) -> str:
    return f"{take.job.key}: {take.state}" + (f": {cut(take.reason)}" if take.reason else "")


def cut(text: str | None) -> str:
    """One line that fits a phone."""
    words = " ".join((text or "").split())
    return words if len(words) <= REASON_CHARS else f"{words[: REASON_CHARS - 1]}…"


def _why(ends: Sequence[RunResult | BatchFailure], code: int) -> str | None:
    """Of the first batch that ended so."""
    for end in ends:
        if end.exit_code == code and code:
            why = end.reason if isinstance(end, RunResult) else str(end.error)
            return None if why is None else cut(why)
    return None


def _status(end: RunResult | BatchFailure) -> str:
    return f"nightreel status {shlex.quote(str(end.folder.absolute()))}"
