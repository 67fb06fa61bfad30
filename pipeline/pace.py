"""How fast one account may be asked: a steady spacing per kind of call, and a cool-down for everybody.

Pure: times come in as arguments (monotonic seconds). The stages do the sleeping.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from pipeline.backoff import SUBMIT_BACKOFF, retry_delay


@dataclass(slots=True)
class Lane:
    """One kind of call: never faster than one per `spacing_s`, with no saved-up burst."""

    spacing_s: float
    next_at: float = 0.0


@dataclass(slots=True)
class Pace:
    """The lanes of one account. A rate limit met by anyone holds all of them."""

    submit_per_s: float
    poll_per_s: float
    lanes: dict[str, Lane] = field(init=False)
    held_until: float = 0.0
    held_at: float = -math.inf
    refusals: int = 0

    def __post_init__(self) -> None:
        self.lanes = {"submit": Lane(1.0 / self.submit_per_s), "poll": Lane(1.0 / self.poll_per_s)}

    def reserve(self, kind: str, now: float) -> float:
        """Seconds until this caller's turn. A caller that slept asks `held` before it goes."""
        lane = self.lanes[kind]
        turn = max(now, lane.next_at, self.held_until)
        lane.next_at = turn + lane.spacing_s
        return turn - now

    def held(self, now: float) -> bool:
        return now < self.held_until

    def refused(self, now: float, sent_at: float, hint_s: float | None, rng: random.Random) -> float:
        """A 429, or a 503 with `Retry-After`, came back: hold everybody. Returns the seconds held.

        Answers to calls that left before the present hold began are the same refusal, not a further one.
        """
        if sent_at > self.held_at:
            self.refusals += 1
            self.held_at = now
        delay = retry_delay(max(self.refusals, 1), SUBMIT_BACKOFF, rng, hint_s)
        self.held_until = max(self.held_until, now + delay)
        return self.held_until - now

    def served(self) -> None:
        """A proper answer: the next refusal starts small again."""
        self.refusals = 0
