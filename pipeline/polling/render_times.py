"""What a run knows of how long clips take, by kind, and when to ask about a take by that.

A kind is what decides how long a clip takes, as far as we know (`kind_of`). Of each, a cohort of recent takes
is followed from their first poll to their end, whatever comes of them: so takes that are still waiting count
as evidence too, and a night that is slower than the past is noticed before its clips are there. Pure; ages
are seconds since acceptance, `now` is monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from pipeline.model import Take
from pipeline.polling.lognormals import Lognormals, Seen, fit
from pipeline.polling.progress import Progress, predicted
from pipeline.polling.timetable import Plan, Timetable, common_price
from pipeline.providers.base import PollAdvice
from pipeline.schedule import poll_gap_s

Kind = str
KEEP = 300  # takes in a cohort
OPEN = 100  # of them at most still waiting, so that a cohort of a wide flow does not consist of these
HALF = 80  # a take counts half of one that came so many later
ENOUGH = 10  # clips that were ready; before, the provider's advice counts
PAST = 15.0  # what earlier nights tell counts like so many takes of tonight
MOST_KINDS = 64
LONGEST_S = 7 * 86400.0
REST_S = 5.0  # between two fits for a kind: they cost some milliseconds


def kind_of(take: Take) -> Kind:
    """Provider, operation, model, duration, resolution, and whether it starts from a picture: as the ledger
    has it."""
    job = take.job
    told = (take.provider, job.operation, job.model, job.duration_s, job.resolution, job.image and "image")
    return " ".join("-" if word is None else str(word) for word in told)


@dataclass(slots=True)
class Watch:
    """One take and what its polls told. `counts`: its age tells about its kind."""

    kind: Kind
    counts: bool = True
    unready_s: float = 0.0
    ready_s: float | None = None
    progress: int | None = None  # at the last poll
    predicted_s: float | None = None  # the age at which it will be ready, by its first telling progress
    weight: float = 1.0
    home: object = field(default=None, init=False)  # the cohort that it is or was in
    followed: bool = field(default=False, init=False)  # has been in one
    open: bool = field(default=False, init=False)  # is there, and still waiting


@dataclass(slots=True)
class _Known:
    """All about one kind."""

    cohort: deque[Watch] = field(default_factory=deque)  # in the order of their first polls
    open: int = 0
    ready: int = 0
    tonight: int = 0  # takes that this run followed
    news: float = 0.0  # answers since the last fit
    fitted_at: float = float("-inf")
    times: Lognormals | None = None
    plan: Plan | None = None
    table: Timetable | None = None
    progress: Progress = field(default_factory=Progress)

    def add(self, watch: Watch) -> None:
        watch.home = self
        watch.followed = watch.open = True
        self.open += 1
        self.cohort.append(watch)
        if len(self.cohort) > KEEP:
            gone = self.cohort.popleft()
            self.ready -= gone.ready_s is not None
            self.close(gone)

    def close(self, watch: Watch) -> None:
        if watch.home is self:  # else it was of this kind before the kind was forgotten for others
            self.open -= watch.open
            watch.open = False

    def seen(self) -> list[Seen]:
        """The cohort by what is known of it; the newest counts most."""
        found = []
        for number, watch in enumerate(reversed(self.cohort)):
            if watch.ready_s is not None or watch.unready_s > 0:
                found.append(Seen(watch.unready_s, watch.ready_s, watch.weight * 0.5 ** (number / HALF)))
        return found


class RenderTimes:
    """Learns from every answer. Before enough was seen of a kind, the provider's advice counts."""

    def __init__(self, advice: PollAdvice) -> None:
        self._advice = advice
        self._kinds: dict[Kind, _Known] = {}
        self._fresh: list[tuple[Kind, float, float]] = []

    # --- what is learned

    def recall(self, seen: Iterable[tuple[Kind, float, float]]) -> None:
        """(kind, unready, ready) of clips of earlier runs, the oldest first. Nonsense is left out."""
        kinds: dict[Kind, deque[tuple[float, float]]] = {}
        for kind, unready_s, ready_s in seen:
            if 0.0 <= unready_s < ready_s <= LONGEST_S:
                kinds.setdefault(kind, deque(maxlen=KEEP)).append((unready_s, ready_s))
        for kind, past in kinds.items():
            self._recall(kind, past)

    def _recall(self, kind: Kind, past: Collection[tuple[float, float]]) -> None:
        known = self._known(kind)
        for unready_s, ready_s in past:
            watch = Watch(kind, unready_s=unready_s, ready_s=ready_s, weight=min(1.0, PAST / len(past)))
            known.add(watch)
            known.close(watch)
            known.ready += 1
        known.news = float(len(past))

    def running(self, watch: Watch, age_s: float, progress: int | None) -> None:
        """A poll found it not ready."""
        known = self._follow(watch)
        watch.unready_s, watch.progress = age_s, progress
        if watch.predicted_s is None:
            watch.predicted_s = predicted(age_s, progress)
        known.news += 0.25 * watch.open

    def ready(self, watch: Watch, age_s: float) -> None:
        """A poll found it ready."""
        if not watch.counts or not watch.unready_s < age_s <= LONGEST_S:
            return
        known = self._follow(watch)
        self._fresh.append((watch.kind, watch.unready_s, age_s))
        del self._fresh[:-KEEP]
        if watch.open and watch.home is known:
            watch.ready_s = age_s
            known.ready += 1
            known.news += 1.0
            known.progress.learn(watch.predicted_s, watch.unready_s, age_s)
        known.close(watch)

    def ended(self, watch: Watch) -> None:
        """Nobody asks about it any more, and there is no clip."""
        if watch.kind in self._kinds:
            self._kinds[watch.kind].close(watch)

    def take_fresh(self) -> list[tuple[Kind, float, float]]:
        """(kind, unready, ready) of the last clips, once each: for the ledger."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def _follow(self, watch: Watch) -> _Known:
        known = self._known(watch.kind)
        if watch.counts and not watch.followed and known.open < OPEN:
            known.add(watch)
            known.tonight += 1
        watch.followed = True
        return known

    def _known(self, kind: Kind) -> _Known:
        known = self._kinds.pop(kind, None) or _Known()
        self._kinds[kind] = known  # the last one used is the last one dropped
        if len(self._kinds) > MOST_KINDS:
            del self._kinds[next(iter(self._kinds))]
        return known

    # --- what follows from it

    def first_age(self, kind: Kind, now: float) -> float:
        """The age at which to ask for the first time."""
        table = self._table(kind, now)
        return max(self._advice.first_s, self._advice.min_s) if table is None else table.next_age(0.0)

    def next_age(self, watch: Watch, age_s: float, now: float) -> float:
        """The age at which to ask again about a take that is not ready at this age."""
        table = self._table(watch.kind, now)
        if table is None:
            return age_s + poll_gap_s(age_s, self._advice)
        known = self._kinds[watch.kind]
        told = known.progress.next_age(age_s, watch.progress, self._advice.min_s, table.late_s)
        return table.next_age(age_s) if told is None else told

    def odds(self, watch: Watch, age_s: float) -> float:
        """How likely it is that a take is ready at this age. Without a past, by the share of new age."""
        known = self._kinds.get(watch.kind)
        if known is None or known.table is None:
            return 1.0 - watch.unready_s / age_s if age_s > watch.unready_s else 0.0
        return known.table.odds(watch.unready_s, age_s)

    def quantile(self, kind: Kind, share: float) -> float | None:
        """The age at which this share of the clips of a kind is ready; None where too little is known."""
        known = self._kinds.get(kind)
        if known is None or known.ready < ENOUGH:
            return None
        return (known.times or fit(known.seen())).quantile(share)

    def usual_s(self) -> float | None:
        """The median of the kind that takes longest; None where too little is known of all."""
        known = (each.times for each in self._kinds.values() if each.ready >= ENOUGH)
        return max((times.quantile(0.5) for times in known if times is not None), default=None)

    def _table(self, kind: Kind, now: float) -> Timetable | None:
        known = self._kinds.get(kind)
        if known is None or known.ready < ENOUGH:
            return None if known is None else known.table
        due = known.news >= max(3.0, min(known.tonight, KEEP) / 10.0)
        if due and (known.table is None or now - known.fitted_at >= REST_S):
            seen = known.seen()
            known.times = fit(seen)
            known.plan = Plan(known.times, self._advice, sum(one.weight for one in seen))
            known.table = known.plan.table(self._price())
            known.fitted_at, known.news = now, 0.0
        return known.table

    def _price(self) -> float:
        kinds = self._kinds.values()
        return common_price((known.plan, len(known.cohort)) for known in kinds if known.plan is not None)
