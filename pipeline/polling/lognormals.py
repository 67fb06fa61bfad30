"""How long clips of a kind take, from what our own polls saw: a mixture of one to three lognormals.

A poll never tells when a clip was ready, only that it was not there at one age and was there at a later one,
or is still not there. So the likelihood is that of intervals. EM on a grid in log time, with as many parts
as the observations pay for (BIC). Pure; ages are seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

BINS = 100
FINE = 4  # stretches begin and end at quarters of a bin
STEP = 0.02  # of the grid at least, in log time: 2 %
ROUNDS = 30
PARTS = 3
NARROWEST = 0.02  # sigma: no gateway is more regular than 2 %
_ROOT2, _ROOT_2PI = math.sqrt(2.0), math.sqrt(2.0 * math.pi)


@dataclass(frozen=True, slots=True)
class Seen:
    """A clip that was ready after `unready_s` and by `ready_s` (None: it is not ready yet)."""

    unready_s: float
    ready_s: float | None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """One lognormal of a mixture: its share, and mean and deviation of the logarithm."""

    share: float
    mu: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Lognormals:
    """A distribution of render times."""

    parts: tuple[Part, ...]

    def cdf(self, age_s: float) -> float:
        """The odds that a clip is ready at this age."""
        if age_s <= 0.0:
            return 0.0
        x, found = math.log(age_s), 0.0
        for part in self.parts:
            found += part.share * 0.5 * math.erfc((part.mu - x) / (part.sigma * _ROOT2))
        return min(found, 1.0)

    def density(self, age_s: float) -> float:
        """Odds per second of becoming ready at this age, which is above 0."""
        x = math.log(age_s)
        found = 0.0
        for part in self.parts:
            found += part.share * math.exp(-0.5 * ((x - part.mu) / part.sigma) ** 2) / part.sigma
        return found / (age_s * _ROOT_2PI)

    def quantile(self, share: float) -> float:
        """The age at which this share of the clips is ready."""
        low = min(part.mu - 8.0 * part.sigma for part in self.parts)
        high = max(part.mu + 8.0 * part.sigma for part in self.parts)
        for _ in range(40):
            middle = (low + high) / 2.0
            low, high = (low, middle) if self.cdf(math.exp(middle)) >= share else (middle, high)
        return math.exp(high)


def fit(seen: Sequence[Seen]) -> Lognormals:
    """The mixture that explains what was seen, by intervals. At least one of `seen` has a `ready_s`."""
    grid = _Grid(seen)
    weight = sum(one.weight for one in seen)
    best, best_score = None, math.inf
    for count in range(1, PARTS + 1):
        parts, fitness = grid.em(grid.start(count))
        score = (3 * count - 1) * math.log(max(weight, 2.0)) - 2.0 * fitness
        if score >= best_score:
            break
        best, best_score = parts, score
    assert best is not None, "one part is always fitted"
    return Lognormals(best)


class _Grid:
    """Observations as stretches of equal bins in log time, and EM over them.

    Stretches may begin and end inside a bin, where density is taken as constant.
    """

    def __init__(self, seen: Sequence[Seen]) -> None:
        ends = [one.ready_s for one in seen if one.ready_s is not None]
        lowest = min([*(one.unready_s for one in seen if one.unready_s > 0), *ends])
        highest = max([*ends, *(one.unready_s for one in seen)])
        self.low = math.log(lowest) - 0.5
        high = math.log(highest) + 1.0
        self.step = max((high - self.low) / BINS, STEP)
        self.bins = math.ceil((high - self.low) / self.step)
        self.middles = [self.low + (number + 0.5) * self.step for number in range(self.bins)]
        self.stretches = self._merged(seen)
        self.middle_of_ready = sorted(
            (math.log((one.unready_s + one.ready_s) / 2.0), one.weight)
            for one in seen
            if one.ready_s is not None
        )

    def _merged(self, seen: Sequence[Seen]) -> list[tuple[int, float, int, float, float]]:
        """First and last bin with the share of them that is inside, and the weight. Equal ones as one:
        many takes were asked about at the same ages."""
        weights: dict[tuple[int, int], float] = {}
        most = self.bins * FINE
        for one in seen:
            begin = self._fine(one.unready_s) if one.unready_s > 0 else 0
            end = most if one.ready_s is None else self._fine(one.ready_s)
            begin = min(max(begin, 0), most - 1)
            end = min(max(end, begin + 1), most)
            weights[begin, end] = weights.get((begin, end), 0.0) + one.weight
        return [
            (
                begin // FINE,
                1.0 - begin % FINE / FINE,
                (end - 1) // FINE,
                (end - 1) % FINE / FINE + 1.0 / FINE,
                weight,
            )
            for (begin, end), weight in weights.items()
        ]

    def _fine(self, age_s: float) -> int:
        return round((math.log(age_s) - self.low) / self.step * FINE)

    def start(self, count: int) -> list[Part]:
        """Parts of equal share, side by side over what was seen to become ready."""
        whole = sum(weight for _, weight in self.middle_of_ready)
        groups: list[list[tuple[float, float]]] = [[] for _ in range(count)]
        passed = 0.0
        for x, weight in self.middle_of_ready:
            groups[min(int(passed / whole * count), count - 1)].append((x, weight))
            passed += weight
        parts = []
        for group in filter(None, groups):
            total = sum(weight for _, weight in group)
            mu = sum(x * weight for x, weight in group) / total
            spread = sum((x - mu) ** 2 * weight for x, weight in group) / total
            parts.append(Part(1.0 / count, mu, max(math.sqrt(spread), 2.0 * self.step, NARROWEST)))
        return parts

    def em(self, parts: Sequence[Part]) -> tuple[tuple[Part, ...], float]:
        """Parts that explain the stretches better and better, and how well (log likelihood)."""
        fitness = -math.inf
        for _ in range(ROUNDS):
            before = fitness
            densities = [self._masses(part) for part in parts]
            total = [sum(column) + 1e-12 for column in zip(*densities, strict=True)]
            pull, fitness = self._pull(total)
            parts = [self._moved(part, masses, pull) for part, masses in zip(parts, densities, strict=True)]
            whole = sum(part.share for part in parts)
            parts = [Part(part.share / whole, part.mu, part.sigma) for part in parts]
            if fitness - before < 1e-3:
                break
        return tuple(parts), fitness

    def _masses(self, part: Part) -> list[float]:
        scale, factor = part.share * self.step / (part.sigma * _ROOT_2PI), -0.5 / part.sigma**2
        mu, exp = part.mu, math.exp
        return [scale * exp(factor * (x - mu) ** 2) for x in self.middles]

    def _pull(self, masses: list[float]) -> tuple[list[float], float]:
        """By how much each bin's mass has to grow for the observations, and the fitness of `masses`."""
        sums = [0.0]
        for mass in masses:
            sums.append(sums[-1] + mass)
        whole: list[float] = [0.0] * (self.bins + 1)  # differences, over bins that are inside as a whole
        partly = [0.0] * self.bins
        fitness = 0.0
        for first, head, last, tail, weight in self.stretches:
            if first == last:
                inside = masses[first] * (head + tail - 1.0)
                partly[first] += weight / inside * (head + tail - 1.0)
            else:
                inside = masses[first] * head + sums[last] - sums[first + 1] + masses[last] * tail
                each = weight / inside
                partly[first] += each * head
                partly[last] += each * tail
                whole[first + 1] += each
                whole[last] -= each
            fitness += weight * math.log(inside)
        running = 0.0
        for number in range(self.bins):
            running += whole[number]
            partly[number] = max(partly[number] + running, 0.0)  # differences leave dust
        return partly, fitness

    def _moved(self, part: Part, masses: list[float], pull: list[float]) -> Part:
        counts = [mass * by for mass, by in zip(masses, pull, strict=True)]
        total = sum(counts)
        if total < 1e-9:
            return Part(1e-9, part.mu, part.sigma)
        mu = sum(map(float.__mul__, counts, self.middles)) / total
        spread = sum(count * (x - mu) ** 2 for count, x in zip(counts, self.middles, strict=True)) / total
        return Part(total, mu, max(math.sqrt(spread), 0.6 * self.step, NARROWEST))
