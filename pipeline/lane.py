"""One kind of call at one account: how fast it goes, and what it has learnt of a limit that nobody names.

Pure: times come in as arguments (monotonic seconds). Rates are calls per second.

It searches as TCP's CUBIC does (RFC 9438). Until a first refusal the rate doubles every 20 s. A refusal
leaves a *ceiling*, about where the limit is: between the rate that was refused and what really got through
in the last minute, holds and all. From somewhat below it the rate climbs back, ever more slowly, stays near
it for long, and then leaves it ever faster, so that a limit that was raised is found. A climb is measured
in minutes, since vendors count by the minute, and in calls, since each ends with one that is refused. What
comes of it against limits of several kinds: bench/pace.py.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

FASTEST_PER_S = 25.0  # where no limit is known: more is of no use to clips that take a minute to render
SLOWEST_PER_S = 0.1  # a limit below that is kept by holds alone
STEP, DOUBLING_S = 1.04, 20.0  # the most that one answer adds, and the least time to double
NEAR, FAR = 0.97, 0.7  # of the ceiling: after a refusal that was to be expected, and after one that came soon
WINDOW_S = 60.0  # what gets through is counted over so long
PROOF_CALLS = 10  # fewer than that tell nothing of it
CLIMB_CALLS, MOST_COST = 80.0, 4  # up to the ceiling, for each call that was refused last time; counted to 5
SHORTEST_CLIMB_S, LONGEST_CLIMB_S = 90.0, 600.0


@dataclass(slots=True)
class Lane:
    """`rate`: where to start; `cap`: never faster. Only calls that waited for their turn tell of a limit."""

    rate: float
    cap: float
    free_at: float = 0.0  # no call before
    ceiling: float | None = None  # about the limit; None: no refusal yet
    low: float = 0.0  # where the present climb began
    answers: int = 0  # proper ones, of this climb
    refused: int = 0  # calls since the last proper answer
    in_flight: float = 0.0  # about so many calls, when the first of these came
    cost: int = 1  # calls that are refused each time up
    got_through: float = math.inf  # when last refused
    busy: bool = False
    answered: deque[float] = field(default_factory=deque)  # when, within the window
    since: float = math.inf  # the lane has not been idle
    asked: float = field(init=False)
    told: int = 0

    def __post_init__(self) -> None:
        self.asked = self.rate = min(self.rate, self.cap)

    @property
    def spacing_s(self) -> float:
        return 1.0 / self.rate

    def go(self, at: float, held_until: float) -> None:
        """A call goes. While nobody waits, nothing is saved up, and nothing is learnt."""
        self.busy = self.since <= at and at - max(self.free_at, held_until) <= 0.1 * self.spacing_s
        if not self.busy:
            self.answered.clear()
            self.since = at
        self.free_at = at + self.spacing_s

    def served(self, now: float) -> None:
        """A proper answer to a call that left after the last hold."""
        if self.refused:
            self._begin_climb()
        if not self.busy:
            return
        self.answers += 1
        self.answered.append(now)
        while self.answered[0] <= now - WINDOW_S:
            self.answered.popleft()
        step = min(STEP, 2.0 ** min(1.0, 1.0 / (DOUBLING_S * self.rate)))
        self.rate = min(self.cap, max(self.rate, min(self._goal(), self.rate * step)))

    def cut(self, now: float, sent_at: float) -> None:
        """A refusal. One without a proper answer since the last is only counted: it tells nothing new."""
        self.refused += 1
        if self.refused > 1:
            return
        self.in_flight = self.rate * (now - sent_at)
        soon = self.ceiling is None or self.answers < max(CLIMB_CALLS, SHORTEST_CLIMB_S * self.ceiling) / 4
        self.got_through = self._through(now)
        self._aim(math.sqrt(self.rate * min(self.rate, self.got_through)), FAR if soon else NEAR)

    def found(self) -> float | None:
        """The ceiling, each time that it is half as high again: a half, a quarter, ... of what was asked."""
        order = 0 if self.ceiling is None else int(math.log2(max(1.0, self.asked / self.ceiling)))
        if order <= self.told:
            return None
        self.told = order
        return self.ceiling

    def _aim(self, ceiling: float, share: float) -> None:
        self.ceiling = max(ceiling, SLOWEST_PER_S)
        self.low = max(self.ceiling * share, SLOWEST_PER_S)
        self.rate = min(self.rate, self.low)

    def _begin_climb(self) -> None:
        """The first proper answer after a hold.

        Where the probes behind it, or most of the calls in flight, were refused too, a window was full that
        opens again later. That is dear, and then the ceiling is only what got through.
        """
        if self.refused > 1 + self.in_flight / 2 and self.got_through < self.rate / NEAR:
            self._aim(self.got_through, NEAR)
        self.cost = max(min(self.refused, MOST_COST), self.cost - 1)
        self.refused = self.answers = 0

    def _through(self, now: float) -> float:
        """Calls per second that were let through in the last minute without idling; no bound if too few."""
        count = sum(1 for at in self.answered if at > now - WINDOW_S)
        return math.inf if count < PROOF_CALLS else count / max(min(now - self.since, WINDOW_S), 1e-9)

    def _goal(self) -> float:
        """The rate after the answers of this climb: concave up to the ceiling, convex beyond it."""
        if self.ceiling is None:
            return math.inf
        shortest, longest = SHORTEST_CLIMB_S * self.ceiling, LONGEST_CLIMB_S * self.ceiling
        x = self.answers / max(shortest, min(CLIMB_CALLS * self.cost, longest)) - 1.0
        return self.ceiling + x**3 * (self.ceiling - self.low if x < 0 else self.ceiling)
