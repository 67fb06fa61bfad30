"""The gateway: one pure function from a request and a time to a reply.

Chooses the dialect by path, checks the key, asks the world, lets the faults have their say and keeps
the counts of /sim/bill. Knows no sockets: `handle` is all a transport needs, and `read` is its slow
part, safe in a thread, apart from `answer`, which must be called from one thread.
"""

from __future__ import annotations

import hmac
import re
from collections import Counter
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, Protocol
from urllib.parse import urlsplit

from pipeline.sim.dialects import DIALECTS, Dialect
from pipeline.sim.dialects.base import Answered, Ask, Poll, Submit
from pipeline.sim.faults import Attempt, FaultLab, FaultPhase
from pipeline.sim.faults.base import Voice
from pipeline.sim.orders import BadOrderError, Order
from pipeline.sim.orders.sources import fitted
from pipeline.sim.pictures import Picture
from pipeline.sim.prices import TICKS_PER_USD
from pipeline.sim.scenario import Scenario
from pipeline.sim.videos import Video
from pipeline.sim.voices import FileHostVoice, GatewayVoice, file_refusal
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
        self._first_at: dict[str, float] = {}  # of requests, by dialect
        self._keys_at_files = 0
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
        """What was accepted and billed so far, how many requests came, and what faults were done to them."""
        world = self.world
        return {
            "total_ticks": world.total_ticks,
            "total_usd": world.total_ticks / TICKS_PER_USD,
            "submissions": len(world),
            "jobs": [_bill_line(job) for job in world.jobs()],
            "requests": {kind: dict(counts) for kind, counts in self._counts.items()},
            "faults": dict(self._lab.done),
            "file_requests_with_key": self._keys_at_files,
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

        number = self._lab.next_number("submit", digest, self.world.copies(digest))
        voice = GatewayVoice(dialect=dialect, request=request, form=self.scenario.poll_form)
        attempt = Attempt(
            phase="submit",
            prompt=order.prompt,
            chance_key=digest,
            number=number,
            now=now,
            accepted=self.world.accepted(dialect.name),
            since_s=self._since_s(dialect.name, now),
            host=request.host,
            address=_address(request),
            voice=voice,
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

        view = self.world.look(job, now)
        has_clip = view.phase == "ended" and view.outcome == "done"
        link = f"http://{request.host}{self.world.links.give(job.id, now)}" if has_clip else ""
        form = self.scenario.poll_form
        voice = GatewayVoice(dialect=dialect, request=request, form=form, job=job, view=view, link=link)
        return self._lab.run(self._attempt("poll", request, job, now, voice), lambda: voice.told(view))

    def _own_path(self, request: Request, now: float) -> Reply:
        """The paths that belong to no dialect: result files, the bill, health, and wrong ones."""
        if match := FILES.fullmatch(request.path):
            reply = self._download(request, match[1], now)
            return self._count("downloads", reply) if reply.is_silent or reply.clip is None else reply
        if request.path == "/sim/bill":
            return json_reply(self.bill())
        if request.path == "/sim/health":
            return json_reply({"status": "ok", "scenario": self.scenario.name, "jobs": len(self.world)})
        return html_reply(200, "Simulator") if request.path == "/" else html_reply(404, "404 Not Found")

    def _download(self, request: Request, job_id: str, now: float) -> Reply:
        self._keys_at_files += "authorization" in request.headers
        if request.method not in ("GET", "HEAD"):
            return file_refusal(405, "method not allowed")
        job = self.world.find(job_id)
        link = self.world.links.live(job_id, request.query, now)
        if job is None or link is None:
            return file_refusal(403, "link is not valid or has expired")

        attempt = replace(
            self._attempt("download", request, job, now, FileHostVoice()),
            link_age_s=self.world.links.age_s(link, now),
            revoke_link=lambda: self.world.links.revoke(job_id, link),
        )
        modified = {"Last-Modified": formatdate(job.ends_at, usegmt=True)}
        return self._lab.run(attempt, lambda: Reply(clip=job, content_type="video/mp4", headers=modified))

    def _attempt(self, phase: FaultPhase, request: Request, job: Job, now: float, voice: Voice) -> Attempt:
        """One about a job that was accepted."""
        ended = phase == "poll" and now >= job.ends_at
        return Attempt(
            phase=phase,
            prompt=job.prompt,
            job_id=job.id,
            chance_key=job.key,
            number=self._lab.next_number(phase, job.key),
            now=now,
            accepted=self.world.accepted(job.dialect),
            since_s=self._since_s(job.dialect, now),
            age_s=now - job.accepted_at,
            polls_since_end=self._lab.next_number("poll since end", job.key) if ended else 0,
            host=request.host,
            address=_address(request),
            voice=voice,
        )

    def _since_s(self, dialect: str, now: float) -> float:
        """How long ago a gateway's first request came; one that was accepted counts also after a restart."""
        return now - min(self._first_at.setdefault(dialect, now), self.world.first_at(dialect))

    def _count(self, kind: Kind, reply: Reply) -> Reply:
        if kind != "other":
            silent = "dropped" if reply.drop else "hung"
            self._counts[kind][silent if reply.is_silent else str(reply.status)] += 1
        return reply


def _address(request: Request) -> str:
    return f"{request.path}?{request.query}" if request.query else request.path


def _bill_line(job: Job) -> dict[str, Any]:
    names = ("id", "operation", "model", "prompt", "ticks", "accepted_at", "client_user", "dialect", "source")
    return {name: getattr(job, name) for name in names}
