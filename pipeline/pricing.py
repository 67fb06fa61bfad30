"""What each job costs before it is sent: by the user's own prices, else by the vendor's list. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from pipeline.model import Job
from pipeline.money import Price
from pipeline.providers.base import Capabilities
from pipeline.providers.rules import Shape, model_of, price_of, rules_of

ALL_MODELS = "*"
_MAX_KNOWN = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A price, and whether it is the user's own, so that no gateway's figure corrects it."""

    ticks: int
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """The prices of a run. `own`: the user's, by model; `*` is every other."""

    facts: Capabilities
    own: Mapping[str, Price] = field(default_factory=dict)
    _known: dict[Hashable, Estimate | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    _sources: dict[Hashable, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def estimate(self, job: Job, source: Shape | None) -> Estimate | None:
        """None where no price is known. `source`: the clip that an edit or extension starts from."""
        pictures, has_source = len(job.pictures), job.source is not None
        # All that a price hangs on; the jobs of a long manifest have few prices.
        what = (
            job.model,
            job.duration_s,
            job.resolution,
            job.allow,
            job.operation,
            pictures,
            has_source,
            source,
        )
        if what in self._known:
            return self._known[what]
        estimate = self._estimate(job, source)
        if len(self._known) < _MAX_KNOWN:
            self._known[what] = estimate
        return estimate

    def _estimate(self, job: Job, source: Shape | None) -> Estimate | None:
        price = self._price(job)
        ticks = None if price is None else price_of(job, self.facts, source, price)
        return None if ticks is None else Estimate(ticks=ticks, own=self._own(job) is not None)

    def source(self, job: Job) -> str:
        """Where the price of a job stands."""
        what = (job.model, job.allow)
        if what not in self._sources:
            price = self._price(job)
            self._sources[what] = "" if price is None else price.source
        return self._sources[what]

    def _own(self, job: Job) -> Price | None:
        return self.own.get(model_of(job, self.facts), self.own.get(ALL_MODELS))

    def _price(self, job: Job) -> Price | None:
        rules = rules_of(job, self.facts)
        return self._own(job) or (None if rules is None else rules.price)
