"""The world behind every dialect: jobs that queue, render and end, and the bill for them.

Pure: no I/O, no clock, no threads. Every method is told `now` (wall time, UTC seconds), and a job's
chances come from the seed and its order alone, so neither the sequence of calls nor a restart changes
them. What a job is at some time follows from its acceptance and `now`; a journal of acceptances is
therefore all there is to keep.

Markers in a prompt steer how its job ends (the first one found counts):
  [[moderated]]         by content moderation, in one of the first three ways below, picked by the seed
  [[moderated:400]]     the poll answers HTTP 400
  [[moderated:failed]]  the poll says failed, and names moderation
  [[moderated:flag]]    the poll says done, without a link and with `respect_moderation` false
  [[moderated:blocked]] the poll says done, without a link and with an error, as another gateway does
  [[failed]]            the poll says failed
  [[expired]]           the poll says expired
  [[no-url]]            the poll says done, and never has a link
All of these are billed: a gateway charges for what it accepted.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pipeline.sim.links import Links
from pipeline.sim.orders import Order

Outcome = Literal[
    "done",
    "moderated:400",
    "moderated:failed",
    "moderated:flag",
    "moderated:blocked",
    "failed",
    "expired",
    "no-url",
]
Phase = Literal["queued", "rendering", "ended"]
MODERATED: tuple[Outcome, ...] = ("moderated:400", "moderated:failed", "moderated:flag")
_MARKERS: dict[str, Outcome] = {
    "moderated:400": "moderated:400",
    "moderated:failed": "moderated:failed",
    "moderated:flag": "moderated:flag",
    "moderated:blocked": "moderated:blocked",
    "failed": "failed",
    "expired": "expired",
    "no-url": "no-url",
}
_MARKER = re.compile(r"\[\[(moderated|" + "|".join(_MARKERS) + r")\]\]")
QUEUE_SHARE = 0.1  # of the rendering time is spent waiting before it


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldRules:
    """How long things take. `render_s` is the median for a 6 s clip, `spread` the sigma of its logarithm.

    `keep_s`: how long a finished job is known before its poll says expired; 0 is for ever.
    """

    render_s: float = 1.5
    spread: float = 0.2
    link_life_s: float = 24 * 3600.0
    keep_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One acceptance: a line of the journal. Times in seconds, `ticks` as billed at acceptance."""

    id: str
    dialect: str
    operation: str
    model: str
    prompt: str
    duration_s: float
    resolution: str
    width: int
    height: int
    ticks: int
    accepted_at: float
    queue_s: float
    render_s: float
    outcome: Outcome
    variety: int  # random bits; dialects pick the form of their bodies by them
    digest: str  # of what was ordered
    copy: int  # how many equal orders came before
    client_user: str = ""
    picture: str = ""  # digest of the picture shown
    source: str = ""  # of an edit or extension: a job's id, sha256:<hex> of a video sent along, or nothing

    @property
    def ends_at(self) -> float:
        return self.accepted_at + self.queue_s + self.render_s

    @property
    def key(self) -> str:
        """What chance hangs on: the same in every run with the same orders."""
        return f"{self.digest}:{self.copy}"


@dataclass(frozen=True, slots=True)
class View:
    """What a poll sees: `outcome` is for phase `ended`, `progress` (0 to 100) for the way there."""

    phase: Phase
    progress: int
    outcome: Outcome


class World:
    """All jobs and the bill. `secret` signs the links, `seed` decides render times and variety."""

    def __init__(self, rules: WorldRules, *, seed: int, secret: bytes) -> None:
        self.rules = rules
        self.links = Links(secret, rules.link_life_s)
        self.total_ticks = 0
        self._seed = seed
        self._jobs: dict[str, Job] = {}
        self._copies: dict[str, int] = {}
        self._accepted: Counter[str] = Counter()
        self._first_at: dict[str, float] = {}

    def jobs(self) -> Iterable[Job]:
        return self._jobs.values()

    def __len__(self) -> int:
        return len(self._jobs)

    def find(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def accepted(self, dialect: str) -> int:
        """How many jobs this gateway accepted."""
        return self._accepted[dialect]

    def first_at(self, dialect: str) -> float:
        """When it accepted the first one; infinite while there is none."""
        return self._first_at.get(dialect, math.inf)

    def copies(self, digest: str) -> int:
        """How many orders with this digest were accepted."""
        return self._copies.get(digest, 0)

    def draft(
        self,
        order: Order,
        dialect: str,
        now: float,
        source: Job | None = None,
        *,
        name_of: Callable[[uuid.UUID], str] = str,
    ) -> Job:
        """The job this order would become; `name_of` gives ids a form. Nothing is accepted until `add`."""
        digest = order_digest(order, source)
        copy = self.copies(digest)
        rng = random.Random(f"{self._seed}:{digest}:{copy}")  # noqa: S311 - a repeatable world, no secrets
        render_s = (
            self.rules.render_s
            * (1 + 0.03 * (order.duration_s - 6))
            * math.exp(rng.gauss(0, self.rules.spread))
        )
        variety = rng.getrandbits(32)
        picture = order.picture.digest if order.picture else source.picture if source else ""
        # The time is part of the id, so that a world begun anew never gives out the ids of the old one.
        name = hashlib.sha256(f"{self._seed}:{digest}:{copy}:{now!r}".encode()).digest()[:16]
        return Job(
            id=name_of(uuid.UUID(bytes=name)),
            dialect=dialect,
            operation=order.operation,
            model=order.model,
            prompt=order.prompt,
            duration_s=order.duration_s,
            resolution=order.resolution,
            width=order.width,
            height=order.height,
            ticks=order.ticks,
            accepted_at=now,
            queue_s=round(render_s * QUEUE_SHARE, 3),
            render_s=round(render_s * (1 - QUEUE_SHARE), 3),
            outcome=_outcome(order.prompt, variety),
            variety=variety,
            digest=digest,
            copy=copy,
            client_user=order.client_user,
            picture=picture,
            source=source.id if source else f"sha256:{order.source_digest}" if order.source_digest else "",
        )

    def add(self, job: Job) -> None:
        """Accept a job, new or from the journal: from here on it is billed."""
        self._jobs[job.id] = job
        self._copies[job.digest] = max(self._copies.get(job.digest, 0), job.copy + 1)
        self._accepted[job.dialect] += 1
        self._first_at[job.dialect] = min(self.first_at(job.dialect), job.accepted_at)
        self.total_ticks += job.ticks

    def look(self, job: Job, now: float) -> View:
        """The state of a job."""
        started = job.accepted_at + job.queue_s
        if now < started:
            return View("queued", 0, job.outcome)
        if now < job.ends_at:
            return View("rendering", int(99 * (now - started) / job.render_s), job.outcome)
        if self.rules.keep_s and now >= job.ends_at + self.rules.keep_s:
            return View("ended", 100, "expired")
        return View("ended", 100, job.outcome)


def order_digest(order: Order, source: Job | None = None) -> str:
    """What was ordered, hashed. A source of ours counts by its job: its link is another one each time."""
    picture = order.picture.digest if order.picture else order.picture_url
    origin = source.key if source else order.source_url or order.source_digest
    parts = (order.operation, order.model, order.prompt, order.duration_s, order.width, order.height)
    return hashlib.sha256(repr((*parts, picture, origin, *order.details)).encode()).hexdigest()[:24]


def _outcome(prompt: str, variety: int) -> Outcome:
    marker = _MARKER.search(prompt)
    if marker is None:
        return "done"
    return _MARKERS.get(marker[1]) or MODERATED[variety % len(MODERATED)]
