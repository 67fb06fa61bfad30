"""The least mean delay for a mean number of polls, where the distribution of render times is known.

Written apart from the product's own search, on a finer grid and without its short cuts, so that it does not
share a mistake with what it is compared to. Ages are seconds since acceptance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

POINTS = 500
PRICES = 12

Odds = Callable[[float], float]
"""How many of all clips are ready by an age: 0 to 1."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a schedule costs per take: polls, and seconds from ready to known."""

    polls: float
    delay_s: float


def curve(odds: Sequence[Odds], floor_s: float = 0.0) -> list[Spent]:
    """The optimum for many prices, with kinds in equal shares: the same price holds for all of them.

    Few polls first. `floor_s`: between two polls of a take at least.
    """
    grids = [_Grid(each, floor_s) for each in odds]
    found = []
    for number in range(PRICES):
        price = 100.0 * 0.45**number
        spent = [grid.optimum(price) for grid in grids]
        polls = sum(one.polls for one in spent) / len(spent)
        found.append(Spent(polls, sum(one.delay_s for one in spent) / len(spent)))
    return found


def delay_at(found: Sequence[Spent], polls: float) -> float:
    """The optimum's mean delay at this number of polls: between two prices, a line in logarithms."""
    return _between([(one.polls, one.delay_s) for one in found], polls)


def _between(points: Sequence[tuple[float, float]], x: float) -> float:
    if x >= points[-1][0]:
        return points[-1][1]
    for (low, at_low), (high, at_high) in pairwise(points):
        if x <= high and high > low:
            part = (math.log(x) - math.log(low)) / (math.log(high) - math.log(low))
            return math.exp((1 - part) * math.log(at_low) + part * math.log(at_high))
    return points[-1][1]


class _Grid:
    """One distribution on a fine grid of ages."""

    def __init__(self, odds: Odds, floor_s: float) -> None:
        low, high = _inverse(odds, 1e-4), _inverse(odds, 1.0 - 1e-4)
        self._ages = [0.0, *(low * (high / low) ** (n / (POINTS - 1)) for n in range(POINTS))]
        self._ready = [0.0, *(odds(age) for age in self._ages[1:])]
        self._ready[-1] = 1.0
        self._floor_s = floor_s

    def optimum(self, price: float) -> Spent:
        ages, ready = self._ages, self._ready
        last = len(ages) - 1
        rest, then = [0.0] * (last + 1), [last] * (last + 1)
        for n in range(last - 1, -1, -1):
            best, delay = math.inf, 0.0
            for m in range(n + 1, last + 1):
                # everybody known to be missing waits for one step more, and half of it who came within
                step = ages[m] - ages[m - 1]
                delay += step * ((ready[m - 1] - ready[n]) + (ready[m] - ready[m - 1]) / 2.0)
                if delay >= best:
                    break
                allowed = ages[m] - ages[n] >= self._floor_s - 1e-9 or m == last
                if allowed and delay + rest[m] < best:
                    best, then[n] = delay + rest[m], m
            rest[n] = best + price * (1.0 - ready[n])
        polls, n = 0.0, 0
        while n < last:
            polls += 1.0 - ready[n]
            n = then[n]
        return Spent(polls, rest[0] - price * polls)


def _inverse(odds: Odds, share: float) -> float:
    low, high = 1e-3, 1e5
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if odds(middle) < share else (low, middle)
    return high
