"""When to ask about a take, given how long clips of its kind take: the least delay for the polls it costs.

For a distribution of render times and a price per poll, dynamic programming backwards over a grid of ages
finds the polls with the least expected delay + price x polls. The price is such that takes cost about as
many polls as by the provider's advice. Pure; ages are seconds since acceptance.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.polling.lognormals import Lognormals
from pipeline.providers.base import PollAdvice
from pipeline.schedule import poll_gap_s

DOUBT = 0.02  # share of clips for which the past may tell nothing: any age of a wide range
DOUBT_SPAN = 16.0  # of that range, both ways from the median
COARSE = 80  # points over that range
PER_POLL, FINEST, COARSEST = 4.0, 0.005, 0.06  # points per poll; their distance as a share of the age
MOST_POLLS = 1000
UNHEARD_OF = 5e-4  # share of clips that are not worth a thought
FEW = 0.95
PRICES = 8  # halvings on the search for the price
CHEAPEST = 0.02  # price of a poll at least, as a share of the floor: what saves less is not worth asking


@dataclass(frozen=True, slots=True)
class Timetable:
    """`next_s[n]`: the age of the next poll for a take that was not ready at `ages_s[n]`; between, a line.

    Behind the last age the provider's advice counts.
    """

    ages_s: tuple[float, ...]
    next_s: tuple[float, ...]
    ready: tuple[float, ...]  # odds by age
    advice: PollAdvice

    def next_age(self, age_s: float) -> float:
        """The age of the next poll of a take that is not ready at this age; never below the floor."""
        at = bisect_right(self.ages_s, age_s)
        if at >= len(self.ages_s):
            return age_s + poll_gap_s(age_s, self.advice)
        low, high = self.ages_s[at - 1], self.ages_s[at]
        part = (age_s - low) / (high - low)
        return max(
            self.next_s[at - 1] + part * (self.next_s[at] - self.next_s[at - 1]), age_s + self.advice.min_s
        )

    @property
    def late_s(self) -> float:
        """The age at which few clips are not ready."""
        return self.ages_s[min(bisect_right(self.ready, FEW), len(self.ages_s) - 1)]

    def odds(self, unready_s: float, age_s: float) -> float:
        """How likely a take is ready at this age that was not at `unready_s`."""
        before, now = self._ready(unready_s), self._ready(age_s)
        return max((now - before) / (1.0 - before), 0.0) if before < 1.0 else 1.0

    def _ready(self, age_s: float) -> float:
        at = bisect_right(self.ages_s, age_s)
        if at >= len(self.ages_s):  # ever more likely, never sure
            return 1.0 - (1.0 - self.ready[-1]) * self.ages_s[-1] / age_s
        low, high = self.ages_s[at - 1], self.ages_s[at]
        return self.ready[at - 1] + (age_s - low) / (high - low) * (self.ready[at] - self.ready[at - 1])


class Plan:
    """What a distribution asks for: a price per poll, and the timetable for that price or another.

    `count`: of observations behind the distribution; few of them leave more doubt. `price_s`: at which a take
    costs `polls`, as many as by the provider's advice; less where the floor leaves nothing more to gain.
    """

    def __init__(self, times: Lognormals, advice: PollAdvice, count: float) -> None:
        self._advice = advice
        self.polls = _advised_polls(times, advice)
        middle, doubt = times.quantile(0.5), DOUBT + 1.0 / (count + 2.0)
        self._ages = _ages(times, middle, advice.min_s, self.polls)
        known = [times.cdf(age) for age in self._ages]
        self._ready = [
            (1.0 - doubt) * odds + doubt * _anywhere(age, middle)
            for odds, age in zip(known, self._ages, strict=True)
        ]
        self._search = _Search(self._ages, self._ready, advice.min_s)
        self.price_s = self._own_price(known, CHEAPEST * advice.min_s, middle)

    def _own_price(self, known: Sequence[float], low: float, high: float) -> float:
        """By halving, in logarithms."""
        price = low
        for _ in range(PRICES):
            if _path_polls(self._search.nexts(price), known) > self.polls:
                low = price
            else:
                high = price
            if high <= low:
                break
            price = math.sqrt(low * high)
        return price

    def table(self, price_s: float) -> Timetable:
        nexts = self._search.ages_of(self._search.nexts(price_s))
        return Timetable(tuple(self._ages), tuple(nexts), tuple(self._ready), self._advice)


def common_price(plans: Iterable[tuple[Plan, float]]) -> float:
    """One price for takes of several kinds, which costs as many polls as their own prices together.

    Each poll then goes where it saves most. Polls are about in proportion to 1 / sqrt(price). The second of
    each pair: how many takes of the kind there are.
    """
    roots = polls = 0.0
    for plan, takes in plans:
        roots += math.sqrt(plan.price_s) * plan.polls * takes
        polls += plan.polls * takes
    return (roots / polls) ** 2


def _ages(times: Lognormals, middle: float, floor_s: float, polls: float) -> list[float]:
    """0, and then ages over a wide range, a few for each poll of a schedule with so many.

    Where the hazard of becoming ready is h, the best gap is about sqrt(2 x price / h), and the polls of such
    a schedule are the integral of sqrt(survivors x density / 2 x price): that tells how close ages must lie.
    """
    wide = [middle * DOUBT_SPAN ** (2.0 * n / COARSE - 1.0) for n in range(COARSE + 1)]
    narrow = [math.exp(part.mu + part.sigma * n / 2.0) for part in times.parts for n in range(-6, 7)]
    coarse = sorted([*wide, *(age for age in narrow if wide[0] < age < wide[-1])])
    whole = sum(
        math.sqrt((1.0 - times.cdf(age)) * times.density(age)) * (age - before)
        for before, age in pairwise(coarse)
    )
    root = whole / polls  # of 2 x price
    ages, age = [0.0], coarse[0]
    while age < coarse[-1]:
        ages.append(age)
        left = max(1.0 - times.cdf(age), DOUBT)
        gap = root * math.sqrt(left / max(times.density(age), 1e-12))
        age += min(max(gap / PER_POLL, floor_s / PER_POLL, age * FINEST), age * COARSEST)
    return ages


def _anywhere(age_s: float, middle: float) -> float:
    """Odds of being ready where nothing is known but the order of magnitude."""
    if age_s <= middle / DOUBT_SPAN:
        return 0.0
    return min(math.log(age_s * DOUBT_SPAN / middle) / (2.0 * math.log(DOUBT_SPAN)), 1.0)


def _advised_polls(times: Lognormals, advice: PollAdvice) -> float:
    """How many polls a take costs by the provider's advice, on average."""
    polls, age, left = 0.0, 0.0, 1.0
    for _ in range(MOST_POLLS):
        polls += left
        age += poll_gap_s(age, advice)
        left = 1.0 - times.cdf(age)
        if left < UNHEARD_OF:
            break
    return polls


def _path_polls(nexts: Sequence[int], ready: Sequence[float]) -> float:
    polls, at = 0.0, 0
    while at < len(nexts) - 1 and ready[at] < 1.0 - UNHEARD_OF:
        polls += 1.0 - ready[at]
        at = nexts[at]
    return polls


class _Search:
    """Finds, for each age of a grid at which a take was not ready, the best next age to ask at."""

    def __init__(self, ages: Sequence[float], ready: Sequence[float], floor_s: float) -> None:
        self._ages = ages
        self._ready = ready
        self._floor_s = floor_s
        first_moments = [0.0]  # of the ages at which clips become ready, summed up
        for n in range(1, len(ages)):
            first_moments.append(
                first_moments[-1] + (ready[n] - ready[n - 1]) * (ages[n] + ages[n - 1]) / 2.0
            )
        self._moments = first_moments
        last = len(ages) - 1
        self._soonest = [min(bisect_right(ages, age + floor_s * (1 - 1e-9)), last) for age in ages]

    def ages_of(self, nexts: Sequence[int]) -> Iterator[float]:
        """Where as soon as possible is best, that is the floor, which may lie between two points."""
        for n, (age, then) in enumerate(zip(self._ages, nexts, strict=True)):
            at_floor = then == self._soonest[n] > n + 1
            yield age + self._floor_s if at_floor else self._ages[then]

    def nexts(self, price: float) -> list[int]:
        """Backwards, as the best rest of a path is then known.

        The sooner the last poll, the sooner the best next one (the cost is a Monge array), so only a few
        have to be looked at for each age.
        """
        ages, ready, moments, soonest = self._ages, self._ready, self._moments, self._soonest
        last = len(ages) - 1
        rest = [0.0] * (last + 1)
        nexts = [last] * (last + 1)
        furthest = last
        for n in range(last - 1, -1, -1):
            odds = ready[n]
            best, cost = last, math.inf
            for then in range(soonest[n], furthest + 1):
                found = ages[then] * (ready[then] - odds) - moments[then] + rest[then]
                if found < cost:
                    best, cost = then, found
            nexts[n] = furthest = best
            rest[n] = cost + moments[n] + price * (1.0 - odds)
        return nexts
