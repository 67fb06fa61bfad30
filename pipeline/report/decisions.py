"""What a person has to decide or may do next, worst first, each with commands to paste. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.advice import ADVICE, advice
from pipeline.model import TakeState
from pipeline.report.commands import Commands
from pipeline.report.totals import IN_COMMAND, NAMED, Kind, Totals

_S = TakeState
SETTLED = 2  # takes whose commands stand above; those of the others are with their clips
_URGENT = (_S.UNKNOWN, _S.MISSING, _S.UNDELIVERED, _S.FAILED, _S.EXPIRED, _S.REJECTED, _S.MODERATED, _S.HELD)
_OPEN = (_S.BLOCKED, _S.READY, _S.ACCEPTED, _S.SUBMITTING, _S.PLANNED)
_RETRIED = frozenset({_S.FAILED, _S.EXPIRED, _S.REJECTED, _S.MODERATED})
_LOST = (
    "Sent, but the answer was lost: it may be running and billed, so it is not sent again by itself. Look at"
    " the gateway's own list of jobs or bill, then settle each."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`kind`: a state, or `noticed`. `jobs`: the first keys; `commands`: what each does, and the line."""

    kind: str
    count: int
    text: str
    jobs: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    commands: tuple[tuple[str, str], ...] = ()
    urgent: bool = True


def decisions(totals: Totals, commands: Commands) -> list[Decision]:
    found = [_of(state, totals.kinds[state], commands) for state in _URGENT if state in totals.kinds]
    for finding, kind in totals.noticed.items():
        keys = _keys(kind)
        text = f"Paid for and kept, but {finding}." if "asked" not in finding else f"{finding.capitalize()}."
        again = commands.redo(keys[:IN_COMMAND])
        name = "make anew" if kind.count <= IN_COMMAND else f"make the first {IN_COMMAND} anew"
        found.append(_decision("to look at", kind, text, ((name, again),)))
    found += [_of(state, totals.kinds[state], commands) for state in _OPEN if state in totals.kinds]
    return found


def _of(state: TakeState, kind: Kind, commands: Commands) -> Decision:
    if state is _S.UNKNOWN:
        return _decision(state, kind, _LOST, _settling(kind, commands))
    text = _sentence(advice(kind.first[0], commands.folder) or "")
    return _decision(state, kind, text, _lines(state, commands), urgent=state in _URGENT)


def _lines(state: TakeState, commands: Commands) -> tuple[tuple[str, str], ...]:
    if state in _RETRIED:
        return (("try again", commands.run("--retry", state.value)),)
    return () if state is _S.BLOCKED else (("go on", commands.run()),)


def _settling(kind: Kind, commands: Commands) -> tuple[tuple[str, str], ...]:
    lines: list[tuple[str, str]] = []
    for take in kind.first[:SETTLED]:
        lines.append(("it is there", commands.resolve(take, "--remote-id", "ID")))
        lines.append(("it is not", commands.resolve(take, "--not-charged")))
    if any(not take.replaced for take in kind.first):
        lines.append(("send all again, perhaps paying twice", commands.run("--resubmit-unknown")))
    return tuple(lines)


def _decision(
    kind: str, takes: Kind, text: str, commands: tuple[tuple[str, str], ...], *, urgent: bool = True
) -> Decision:
    reasons = dict.fromkeys(take.reason for take in takes.first if take.reason)
    return Decision(
        kind=str(kind),
        count=takes.count,
        text=text,
        jobs=tuple(_keys(takes)[:NAMED]),
        reasons=tuple(reasons)[:NAMED],
        commands=commands,
        urgent=urgent,
    )


def _keys(kind: Kind) -> list[str]:
    return [take.job.key for take in kind.first]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def steps(commands: Commands) -> dict[str, tuple[str, tuple[tuple[str, str], ...]]]:
    """For one take, by its state: what to do, and commands. Of `unknown`, the page itself names the job."""
    found = {}
    for state in TakeState:
        if (text := ADVICE.get(state)) is not None:
            found[state.value] = (_sentence(text), _lines(state, commands))
    return found | {_S.UNKNOWN.value: (_LOST, ())}
