"""How fast one account may be asked: a lane per kind of call, and a cool-down for everybody.

Pure: times come in as arguments (monotonic seconds). The waiting is done in stages/turns.py.
"""

from __future__ import annotations

import math
import random
from collections.abc import Container
from dataclasses import dataclass

from pipeline.backoff import SUBMIT_BACKOFF, retry_delay
from pipeline.lane import FASTEST_PER_S, Lane

MOST_IN_A_ROW = 9  # submits, while a poll waits for a turn in the same lane


@dataclass(slots=True)
class Pace:
    """The lanes of one account. A rate limit met by anyone holds all calls, and slows those of its kind.

    `share`: the account counts polls and submits together. A poll then takes a turn of the submits too, and
    lets them go first, but for one turn in ten.
    """

    submit: Lane
    poll: Lane
    share: bool = False
    held_until: float = 0.0
    held_at: float = -math.inf
    refusals: int = 0  # in a row
    round_trip_s: float = 0.0  # of the last refusal
    in_a_row: int = 0

    @classmethod
    def by(cls, submit_per_s: float, poll_per_s: float, *, known: bool = True, share: bool = False) -> Pace:
        """`known`: `submit_per_s` is a limit, and not only where to start. `poll_per_s` always is one."""
        fastest = submit_per_s if known else max(FASTEST_PER_S, submit_per_s)
        return cls(Lane(submit_per_s, fastest), Lane(poll_per_s, poll_per_s), share)

    def wait_s(self, kind: str, now: float, waiting: Container[str] = ()) -> float:
        """Seconds until a call of this kind may go, or should ask again. `waiting`: kinds that wait."""
        wait_s = max(self.held_until, *(lane.free_at for lane in self._lanes(kind))) - now
        if wait_s <= 0 and self.share and self._yields(kind, now, waiting):
            return self.submit.spacing_s
        return wait_s

    def go(self, kind: str, at: float, waiting: Container[str] = ()) -> None:
        """A call goes. In a row of refusals the next one waits until this one can have been answered."""
        for lane in self._lanes(kind):
            lane.go(at, self.held_until)
            if self.refusals > 1:
                lane.free_at = max(lane.free_at, at + self.round_trip_s)
        self.in_a_row = self.in_a_row + 1 if kind == "submit" and "poll" in waiting else 0

    def refused(
        self, kind: str, now: float, sent_at: float, hint_s: float | None, rng: random.Random
    ) -> float:
        """A 429, or a 503 with `Retry-After`, came back: hold everybody. Returns the seconds held.

        Answers to calls that left before the present hold began are the same refusal, not a further one.
        """
        if sent_at > self.held_at:
            self.refusals += 1
            self.held_at = now
            self.round_trip_s = now - sent_at
        self.learner(kind).cut(now, sent_at)
        delay = retry_delay(max(self.refusals, 1), SUBMIT_BACKOFF, rng, hint_s)
        self.held_until = max(self.held_until, now + delay)
        return self.held_until - now

    def served(self, kind: str, now: float, sent_at: float) -> None:
        """A proper answer: the next refusal starts small again. What left before the hold proves nothing."""
        if sent_at > self.held_at:
            self.refusals = 0
            self.learner(kind).served(now)

    def learner(self, kind: str) -> Lane:
        """The lane whose limit a call of this kind meets."""
        return self.submit if self.share or kind == "submit" else self.poll

    def _lanes(self, kind: str) -> tuple[Lane, ...]:
        if kind == "submit":
            return (self.submit,)
        return (self.poll, self.submit) if self.share else (self.poll,)

    def _yields(self, kind: str, now: float, waiting: Container[str]) -> bool:
        if kind == "poll":
            return "submit" in waiting and self.in_a_row < MOST_IN_A_ROW
        return "poll" in waiting and self.in_a_row >= MOST_IN_A_ROW and self.poll.free_at <= now
