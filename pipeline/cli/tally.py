"""A run in numbers, as its events tell them: takes by state, money, rates, and how long it may still take.

Pure: times are monotonic seconds, and come in as arguments. Its memory grows with what is in flight, not with
the manifest.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from pipeline.events import BytesLoaded, Event, Glance, RunEnded, RunStarted, TakeMoved, TakesHeld
from pipeline.model import Take, TakeState
from pipeline.money import is_settled, spent

WINDOW_S = 300.0  # rates are those of so long
LEAST_S = 10.0  # what a run does in its first second is no rate
LAST_RENDERS = 50  # of which the mean counts
BUSY = (TakeState.PLANNED, TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.READY)
_ASKED = frozenset({TakeState.SUBMITTING, TakeState.ACCEPTED})
Name = tuple[str, int]
"""A batch, and a take of it."""


class Meter:
    """How much of something came per second, over the last `WINDOW_S`, in buckets of one second."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._buckets: deque[list[float]] = deque()
        self._sum = 0.0

    def add(self, now: float, amount: float = 1.0) -> None:
        self._sum += amount
        if self._buckets and now - self._buckets[-1][0] < 1.0:
            self._buckets[-1][1] += amount
        else:
            self._buckets.append([now, amount])
            self._forget(now)

    def is_fair(self, now: float) -> bool:
        """Whether it has counted for long enough to tell a rate."""
        return now - self._began >= LEAST_S

    def per_s(self, now: float) -> float:
        self._forget(now)
        return self._sum / max(LEAST_S, min(now - self._began, WINDOW_S)) if self._buckets else 0.0

    def _forget(self, now: float) -> None:
        while self._buckets and now - self._buckets[0][0] > WINDOW_S:
            self._sum -= self._buckets.popleft()[1]


@dataclass(slots=True)
class Money:
    """Ticks: what is settled, what may still be charged, and the most that both together may come to."""

    settled_ticks: int = 0
    reserved_ticks: int = 0
    budget_ticks: int | None = None

    def add(self, take: Take, sign: int) -> None:
        ticks = spent(take)
        if is_settled(take):
            self.settled_ticks += sign * ticks
        else:
            self.reserved_ticks += sign * ticks


class Tally:
    """All batches of a run together."""

    def __init__(self, now: float) -> None:
        self.began = now
        self.batches: list[str] = []
        self.providers: list[str] = []
        self.simulated = False
        self.states: Counter[TakeState] = Counter()
        self.money = Money()
        self.submits, self.clips, self.bytes = Meter(now), Meter(now), Meter(now)
        self._loading: dict[Name, int] = {}  # bytes of each clip that is on its way
        self._under_way: dict[Name, Take] = {}  # as each counts at present
        self._sent_at: dict[Name, float] = {}  # when each take in flight was accepted in this run
        self._last_sent = now
        self._any_clip = False
        self._renders: deque[float] = deque(maxlen=LAST_RENDERS)
        self._looks: dict[tuple[str, str], tuple[str, Callable[[], Glance]]] = {}

    def hear(self, event: Event, now: float, batch: str = "") -> None:
        """`batch`: where several are run."""
        match event:
            case RunStarted():
                self._start(event, now)
            case TakeMoved():
                self._move(event, now, (batch, event.take.id))
            case BytesLoaded(take=take, size_bytes=size):
                before = self._loading.get((batch, take.id))
                self._loading[batch, take.id] = size
                if before is not None and size > before:
                    self.bytes.add(now, size - before)
            case TakesHeld(count=count):
                self.states[TakeState.PLANNED] -= count
                self.states[TakeState.HELD] += count
            case RunEnded():
                self._looks = {
                    account: look for account, look in self._looks.items() if batch and look[0] != batch
                }

    def _start(self, event: RunStarted, now: float) -> None:
        if not self.batches:
            self.began = now
            self.submits, self.clips, self.bytes = Meter(now), Meter(now), Meter(now)
        self.batches.append(event.batch)
        if event.provider not in self.providers:
            self.providers.append(event.provider)
        self.simulated = self.simulated or event.simulated
        self.states.update(event.counts)
        self._spend(event)
        if event.look is not None:
            self._looks[event.provider, event.origin] = event.batch, event.look

    def _spend(self, event: RunStarted) -> None:
        """Of one batch, its budget for life or this run's, whichever is nearer; of several, the sum only."""
        money = self.money
        so_far = event.settled_ticks + event.reserved_ticks
        caps = [] if event.budget_ticks is None else [event.budget_ticks]
        if event.run_budget_ticks is not None:
            caps.append(so_far + event.run_budget_ticks)
        money.budget_ticks = min(caps) if caps and len(self.batches) == 1 else None
        money.settled_ticks += event.settled_ticks
        money.reserved_ticks += event.reserved_ticks

    def _move(self, event: TakeMoved, now: float, name: Name) -> None:
        take, before = event.take, event.before
        if take.wanted:
            self.states[before] -= 1
            self.states[take.state] += 1
            if take.state is TakeState.DONE:
                if not self._any_clip:  # before the first one, there was nothing to count
                    self._any_clip, self.clips = True, Meter(now)
                self.clips.add(now)
        known = self._under_way.pop(name) if name in self._under_way else None
        self.money.add(known or _as_before(take, before), -1)
        self.money.add(take, +1)
        if take.state in BUSY[1:]:
            self._under_way[name] = take
        self._loading.pop(name, None)
        sent_at = self._sent_at.pop(name, None)
        if take.state is TakeState.ACCEPTED and before is TakeState.SUBMITTING:
            self._sent_at[name] = self._last_sent = now
            self.submits.add(now)
        elif take.state is TakeState.READY and sent_at is not None:
            self._renders.append(now - sent_at)

    # --- what is to be shown

    @property
    def total(self) -> int:
        return self.states.total()

    @property
    def without_a_clip(self) -> int:
        return self.total - self.states[TakeState.DONE] - sum(self.states[state] for state in BUSY)

    @property
    def loading(self) -> int:
        """Clips of which bytes came."""
        return min(len(self._loading), self.states[TakeState.READY])

    def glance(self) -> Glance | None:
        """All accounts together."""
        found = [look() for _, look in self._looks.values()]
        if not found:
            return None
        return Glance(
            in_flight=sum(each.in_flight for each in found),
            max_in_flight=sum(each.max_in_flight for each in found),
            behind=sum(each.behind for each in found),
            held_s=max(each.held_s for each in found),
            next_poll_s=min(_known(each.next_poll_s for each in found), default=None),
            usual_render_s=max(_known(each.usual_render_s for each in found), default=None),
        )

    def is_sending(self, now: float) -> bool:
        """Whether something is being sent, or was a moment ago."""
        usual_s = 1.0 / max(self.submits.per_s(now), 1e-3)
        return self.states[TakeState.SUBMITTING] > 0 or now - self._last_sent < max(5.0, 3.0 * usual_s)

    def left_s(self, now: float, glance: Glance | None) -> float | None:
        """Seconds until the end; None where nothing tells. What this run saw goes before what others did."""
        places = None if glance is None else glance.max_in_flight
        usual_s = None if glance is None else glance.usual_render_s
        renders = self._renders
        return left_s(
            to_send=self.states[TakeState.PLANNED] + self.states[TakeState.SUBMITTING],
            rendering=self.states[TakeState.ACCEPTED],
            loading=self.states[TakeState.READY],
            places=places,
            submits_per_s=self.submits.per_s(now),
            clips_per_s=self.clips.per_s(now) if self.clips.is_fair(now) else 0.0,
            render_s=sum(renders) / len(renders) if renders else usual_s,
            sent_ago_s=now - self._last_sent,
        )


def left_s(
    *,
    to_send: int,
    rendering: int,
    loading: int,
    places: int | None,
    submits_per_s: float,
    clips_per_s: float,
    render_s: float | None,
    sent_ago_s: float,
) -> float | None:
    """Seconds until nothing is left; None where nothing tells.

    What is to be sent goes as fast as it went of late, or else as fast as clips leave their `places`; the
    last one then renders. It takes longer where clips come home more slowly than that.
    """
    rest = to_send + rendering + loading
    if not rest:
        return 0.0
    home_s = rest / clips_per_s if clips_per_s else None
    if render_s is None:
        return home_s
    if to_send:
        rate = submits_per_s or (places / max(render_s, 1.0) if places else 0.0)
        return max(to_send / rate + render_s, home_s or 0.0) if rate else None
    if rendering and sent_ago_s > 2 * render_s:
        return None  # later than usual: who knows
    return max(render_s - sent_ago_s if rendering else 0.0, home_s or 0.0)


def _known(values: Iterable[float | None]) -> Iterator[float]:
    return (value for value in values if value is not None)


def _as_before(take: Take, before: TakeState) -> Take:
    """A take of an earlier run, as it counted before its move: what was asked about had no figure yet."""
    figure = None if before in _ASKED else take.cost_ticks
    return replace(take, state=before, cost_ticks=figure)
