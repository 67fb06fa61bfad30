"""The gateway: one pure function from a request and a time to a reply.

Chooses the dialect by path, checks the key, asks the world, lets the faults have their say and keeps
the counts of /sim/bill. Knows no sockets: `handle` is all a transport needs, and `read` is its slow
part, safe in a thread, apart from `answer`, which must be called from one thread.
"""

from __future__ import annotations

import hmac
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, Protocol
from urllib.parse import urlsplit

from pipeline.sim.dialects import DIALECTS, Dialect
from pipeline.sim.dialects.base import Answered, Ask, Poll, Submit
from pipeline.sim.faults import Attempt, FaultLab, FaultPhase
from pipeline.sim.orders import BadOrderError, Order
from pipeline.sim.orders.sources import fitted
from pipeline.sim.pictures import Picture
from pipeline.sim.prices import TICKS_PER_USD
from pipeline.sim.scenario import Scenario
from pipeline.sim.videos import Video
from pipeline.sim.wire import Kind, Reply, Request, html_reply, json_reply
from pipeline.sim.world import Job, World, order_digest

FILES = re.compile(r"/files/([^/]+)\.mp4")


class Keeper(Protocol):
    """Where acceptances are put on record, before the caller hears of them."""

    def keep(self, job: Job, picture: Picture | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as its dialect read it."""

    dialect: Dialect
    ask: Ask


class Gateway:
    """All dialects in front of one world."""

    def __init__(
        self, world: World, scenario: Scenario, *, key: str, seed: int, keeper: Keeper | None = None
    ) -> None:
        self.world = world
        self.scenario = scenario
        self._key = key.encode()
        self._keeper = keeper
        self._lab = FaultLab(scenario.faults, seed)
        self._counts: dict[Kind, Counter[str]] = {
            "submits": Counter(),
            "polls": Counter(),
            "downloads": Counter(),
        }

    def handle(self, request: Request, now: float) -> Reply:
        """The reply to one request. Whoever sends it calls `count_download` for a reply with a clip."""
        return self.answer(request, self.read(request), now)

    def read(self, request: Request) -> Asked | None:
        """What a request asks for, without looking at the world; None when no dialect has its path."""
        dialect = next((one for one in DIALECTS if request.path.startswith(one.prefix)), None)
        if dialect is None:
            return None
        shown = dialect.key_of(request.headers)
        if shown is None or not hmac.compare_digest(shown.encode(errors="replace"), self._key):
            return Asked(dialect, dialect.bad_key(request))
        return Asked(dialect, dialect.read(request))

    def answer(self, request: Request, asked: Asked | None, now: float) -> Reply:
        """Let the world act on a request that was read."""
        if asked is None:
            return self._own_path(request, now)
        dialect = asked.dialect
        match asked.ask:
            case Submit(order):
                return self._count("submits", self._submit(request, dialect, order, now))
            case Poll(job_id):
                return self._count("polls", self._poll(request, dialect, job_id, now))
            case Answered(reply, kind):
                return self._count(kind, reply)

    def count_download(self, status: int) -> None:
        """A clip was sent with this status; which one depends on the file, so its sender counts."""
        self._counts["downloads"][str(status)] += 1

    def bill(self) -> dict[str, Any]:
        """What was accepted and billed so far, and how many requests came."""
        world = self.world
        return {
            "total_ticks": world.total_ticks,
            "total_usd": world.total_ticks / TICKS_PER_USD,
            "submissions": len(world),
            "jobs": [_bill_line(job) for job in world.jobs()],
            "requests": {kind: dict(counts) for kind, counts in self._counts.items()},
        }

    def _submit(self, request: Request, dialect: Dialect, order: Order, now: float) -> Reply:
        try:
            order, source = self._with_source(request, order, now)
        except BadOrderError as exc:
            return dialect.bad_order(exc)
        digest = order_digest(order, source)

        def accept() -> Reply:
            job = self.world.draft(order, dialect.name, now, source, name_of=dialect.job_id)
            if self._keeper is not None:
                self._keeper.keep(job, order.picture)  # on record first, answered after
            self.world.add(job)
            return dialect.accepted(job)

        attempt = Attempt(
            phase="submit",
            prompt=order.prompt,
            chance_key=digest,
            number=self._lab.next_number("submit", digest, self.world.copies(digest)),
            now=now,
            refuse=dialect.refused,
        )
        return self._lab.run(attempt, accept)

    def _with_source(self, request: Request, order: Order, now: float) -> tuple[Order, Job | None]:
        """What is made from a clip of ours takes its size and length, and needs a link that works."""
        if not order.source_url:
            return order, None
        url = urlsplit(order.source_url)
        match = FILES.fullmatch(url.path)
        source = self.world.find(match[1]) if match else None
        if source is None and url.netloc != request.host:
            return order, None  # somewhere else: taken on trust
        # By path alone: after a restart the same clip has the same link on another port.
        if source is None or self.world.links.live(source.id, url.query, now) is None:
            raise BadOrderError("video could not be fetched from video.url", "video.url")
        clip = Video(width=source.width, height=source.height, duration_s=source.duration_s)
        return fitted(order, clip), source

    def _poll(self, request: Request, dialect: Dialect, job_id: str, now: float) -> Reply:
        job = self.world.find(job_id)
        if job is None or job.dialect != dialect.name:
            return dialect.unknown_job(job_id)

        def look() -> Reply:
            view = self.world.look(job, now)
            has_clip = view.phase == "ended" and view.outcome == "done"
            link = f"http://{request.host}{self.world.links.give(job.id, now)}" if has_clip else ""
            return dialect.polled(job, view, link, self.scenario.poll_form)

        return self._lab.run(self._attempt("poll", job, now, dialect.refused), look)

    def _own_path(self, request: Request, now: float) -> Reply:
        """The paths that belong to no dialect: result files, the bill, health, and wrong ones."""
        if match := FILES.fullmatch(request.path):
            reply = self._download(request, match[1], now)
            return self._count("downloads", reply) if reply.drop or reply.clip is None else reply
        if request.path == "/sim/bill":
            return json_reply(self.bill())
        if request.path == "/sim/health":
            return json_reply({"status": "ok", "scenario": self.scenario.name, "jobs": len(self.world)})
        return html_reply(200, "Simulator") if request.path == "/" else html_reply(404, "404 Not Found")

    def _download(self, request: Request, job_id: str, now: float) -> Reply:
        if request.method not in ("GET", "HEAD"):
            return _file_refusal(405, "method not allowed")
        job = self.world.find(job_id)
        link = self.world.links.live(job_id, request.query, now)
        if job is None or link is None:
            return _file_refusal(403, "link is not valid or has expired")

        attempt = self._attempt("download", job, now, _file_refusal)
        attempt = replace(attempt, revoke_link=lambda: self.world.links.revoke(job_id, link))
        modified = {"Last-Modified": formatdate(job.ends_at, usegmt=True)}
        return self._lab.run(attempt, lambda: Reply(clip=job, content_type="video/mp4", headers=modified))

    def _attempt(
        self, phase: FaultPhase, job: Job, now: float, refuse: Callable[[int, str], Reply]
    ) -> Attempt:
        return Attempt(
            phase=phase,
            prompt=job.prompt,
            job_id=job.id,
            chance_key=job.key,
            number=self._lab.next_number(phase, job.key),
            now=now,
            refuse=refuse,
        )

    def _count(self, kind: Kind, reply: Reply) -> Reply:
        if kind != "other":
            self._counts[kind]["dropped" if reply.drop else str(reply.status)] += 1
        return reply


def _file_refusal(status: int, message: str) -> Reply:
    """A refusal by the file host, which is not the gateway and answers in plain text."""
    return Reply(status=status, body=f"{message}\n".encode(), content_type="text/plain; charset=utf-8")


def _bill_line(job: Job) -> dict[str, Any]:
    names = ("id", "operation", "model", "prompt", "ticks", "accepted_at", "client_user", "dialect", "source")
    return {name: getattr(job, name) for name in names}
