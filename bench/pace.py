"""How much of a limit that nobody names is used, and how often the gateway has to refuse: in virtual time.

    python -m bench.pace

Every kind of limiter, each form of `Retry-After`, a limit that stays, is halved or doubled at half time,
and three round trips. A stretch counts from two minutes or 200 calls after it began, whichever is later:
that is the search. 100 % is what the limiter would have admitted: its rate times the time.

What no client can do: a burst of 1 admits only calls a full interval apart, and times of travel differ
(here by 20 ms at the door), so each call that comes early is refused, or each interval is a little longer.
Who knew the limit of 2/s and kept a little below it would use 96 %. A hold is told in whole seconds,
rounded up, with half a second of chance on top, and here counts from when the refusal is read: at 10/s that
is 15 calls, of which a bucket keeps 5. A window that is full refuses every call in flight: with 60 a
minute, one call each window is 1.6 %. And whoever finds a doubled limit in two minutes has lost a minute of
it.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from itertools import product

from bench.limiters import DATE, LIMITERS, NONE, SECONDS, Played, World, play, retry
from bench.rows import Measured, Row
from pipeline.pace import Pace

FORMS = (SECONDS, DATE, NONE)
CHANGES = {"steady": 1.0, "halved": 0.5, "doubled": 2.0}
ROUND_TRIPS_S = (0.05, 0.4, 2.0)
START_S, START_CALLS = 120.0, 200
GUESS_PER_S, POLL_PER_S, WORKERS = 1.0, 5.0, 20
SHOWN = (
    ("bucket 10/s, burst 5", SECONDS, "doubled", 0.4),
    ("fixed window 60/min", NONE, "halved", 0.4),
    ("sliding window 60/min", DATE, "doubled", 2.0),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of what was to be had after the search, the share used; of the calls then, the share refused."""

    used: float
    refused: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One place in the grid."""

    limiter: str
    form: str
    change: str
    round_trip_s: float

    def world(self, until_s: float) -> World:
        return World(
            limiter=LIMITERS[self.limiter](),
            form=self.form,
            change=CHANGES[self.change],
            round_trip_s=self.round_trip_s,
            until_s=until_s,
        )


def searching() -> Pace:
    """As at a gateway that names no limit."""
    return Pace.by(GUESS_PER_S, POLL_PER_S, known=False)


def fixed() -> Pace:
    """As before: one call a second, whatever the limit."""
    return Pace.by(GUESS_PER_S, POLL_PER_S, known=True)


def outcome(cell: Cell, played: Played, until_s: float) -> Outcome:
    half_s, per_s = until_s / 2, LIMITERS[cell.limiter]().per_s
    had = admitted = refused = 0.0
    for began, rate in ((0.0, per_s), (half_s, per_s * CHANGES[cell.change])):
        until = began + half_s
        times = [at for at, _ in played.calls if began <= at < until]
        since = max(began + START_S, times[START_CALLS] if len(times) > START_CALLS else began)
        had += rate * (until - since)
        admitted += played.admitted(since, until)
        refused += played.refused(since, until)
    return Outcome(admitted / had, refused / max(1.0, admitted + refused))


def grid() -> list[Cell]:
    return [Cell(*each) for each in product(LIMITERS, FORMS, CHANGES, ROUND_TRIPS_S)]


def measure(long: bool) -> Measured:
    """`long`: four hours a cell instead of one."""
    until_s = 4 * 3600.0 if long else 3600.0
    cells = grid()
    ours = {cell: outcome(cell, play(cell.world(until_s), searching()), until_s) for cell in cells}
    spaced = [outcome(cell, play(cell.world(until_s), fixed()), until_s) for cell in cells]
    few = [cell for cell in cells if cell.round_trip_s == 0.4]
    wild = [outcome(cell, retry(cell.world(600.0), WORKERS), 600.0) for cell in few]
    used, refused = [each.used for each in ours.values()], [each.refused for each in ours.values()]
    met = sum(each.used >= 0.95 and each.refused <= 0.02 for each in ours.values())
    worst = min(ours, key=lambda cell: ours[cell].used)
    measured = Measured(
        rows=[
            Row(name="unknown limit used, median", figure=_percent(statistics.median(used)), unit="%",
                goal=95.0, at_least=True, stable=True, note=f"{len(cells)} servers, virtual time"),
            Row(name="unknown limit used, worst", figure=_percent(min(used)), unit="%", goal=95.0,
                at_least=True, stable=True, note=f"{_words(worst)}; both goals met by {met} of {len(cells)}"),
            Row(name="calls answered 429, median", figure=_percent(statistics.median(refused)), unit="%",
                goal=2.0, stable=True),
            Row(name="calls answered 429, worst", figure=_percent(max(refused)), unit="%", goal=2.0,
                stable=True),
            Row(name="limit used by one call a second", unit="%", stable=True, note="median and worst 429: "
                + _both(spaced), figure=_percent(statistics.median(each.used for each in spaced))),
            Row(name="429s of 20 workers that retry", unit="%", stable=True, note="each backs off by itself;"
                f" limit used: {_percent(statistics.median(each.used for each in wild)):.1f} %",
                figure=_percent(statistics.median(each.refused for each in wild))),
        ]
    )  # fmt: skip
    measured.data["cells"] = [
        {"server": _words(cell), "used": each.used, "refused": each.refused} for cell, each in ours.items()
    ]
    measured.data["rates"] = [_series(Cell(*shown)) for shown in SHOWN]
    return measured


def _series(cell: Cell) -> dict[str, object]:
    """Seconds and calls per second, for a plot, and the limit before and after half time."""
    played, per_s = play(cell.world(3600.0), searching()), LIMITERS[cell.limiter]().per_s
    every = max(1, len(played.rates) // 1000)
    return {
        "server": _words(cell),
        "limits": [[0.0, per_s], [1800.0, per_s * CHANGES[cell.change]]],
        "rate": [[round(at, 1), round(rate, 3)] for at, rate in played.rates[::every]],
        "refused_at": [round(at, 1) for at, let_in in played.calls if not let_in],
    }


def _both(found: list[Outcome]) -> str:
    refused = [each.refused for each in found]
    return f"{_percent(statistics.median(refused)):.1f} and {_percent(max(refused)):.1f} %"


def _percent(share: float) -> float:
    return 100.0 * share


def _words(cell: Cell) -> str:
    return f"{cell.limiter}, {cell.change}, Retry-After {cell.form}, {cell.round_trip_s:g} s"


def main() -> None:
    measured = measure(long=False)
    for cell in measured.data["cells"]:
        print(f"{cell['server']:70} {cell['used']:7.1%} used {cell['refused']:6.2%} refused")
    for row in measured.rows:
        goal = "" if row.goal is None else f" (goal {row.goal:g}, {'met' if row.met else 'NOT met'})"
        print(f"{row.name:35} {row.figure:6.1f} {row.unit}{goal}  {row.note}")


if __name__ == "__main__":
    main()
