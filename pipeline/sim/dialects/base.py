"""What a dialect is: pure functions between HTTP and the world, for one gateway's wire format.

`read` needs no world and may be slow (a submission can carry 20 MiB of picture), so a server calls
it in a thread; the rest is quick. What a request asks for is one of the three classes below.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pipeline.sim.orders import BadOrderError, Order
from pipeline.sim.scenario import PollForm
from pipeline.sim.wire import Kind, Reply, Request, Topic
from pipeline.sim.world import Job, View

TEXTS: Mapping[Topic, str] = {
    "rate": "Rate limit reached, please try again later",
    "overload": "Service temporarily unavailable, please try again later",
    "server": "Internal server error",
    "input": "The request could not be processed as it is",
}
"""What a gateway says where its vendor's pages have no words for it: our guesses."""


@dataclass(frozen=True, slots=True)
class Submit:
    """A proper submission: to be accepted and billed unless a fault is in the way."""

    order: Order


@dataclass(frozen=True, slots=True)
class Poll:
    """A question about one job."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """Nothing for the world to do: the reply is fixed, and counts as this kind of request."""

    reply: Reply
    kind: Kind


Ask = Submit | Poll | Answered


class Dialect(Protocol):
    """One gateway's wire format."""

    name: str
    prefix: str  # every path that begins so is this dialect's
    id_field: str  # of the answer to a submission

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The key a request shows, or None."""

    def read(self, request: Request) -> Ask:
        """What a request with a good key asks for."""

    def job_id(self, number: uuid.UUID) -> str:
        """A new job's id in this gateway's form; as unique as `number`, and fit for a file name."""

    def bad_key(self, request: Request) -> Answered: ...
    def accepted(self, job: Job) -> Reply: ...
    def polled(self, job: Job, view: View, link: str, form: PollForm) -> Reply: ...
    def refused(self, status: int, message: str) -> Reply: ...

    def trouble(self, topic: Topic, status: int) -> Reply:
        """A refusal that is no order's fault, in this gateway's words.

        Topics: those of `TEXTS`, `credits` and `moderation` (before anything is accepted).
        """

    def bad_order(self, exc: BadOrderError) -> Reply: ...
    def unknown_job(self, job_id: str) -> Reply: ...


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of an `Authorization: Bearer` header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def kind_of(request: Request) -> Kind:
    """What a request would have been, had it come so far."""
    return "submits" if request.method == "POST" else "polls"


def read_submit(dialect: Dialect, request: Request, order_of: Callable[[bytes], Order]) -> Ask:
    """A request to a path for submissions; `order_of` reads its body."""
    if request.method != "POST":
        return _wrong_method(dialect, request)
    try:
        return Submit(order_of(request.body))
    except BadOrderError as exc:
        return Answered(dialect.bad_order(exc), "submits")


def read_poll(dialect: Dialect, request: Request, job_id: str) -> Ask:
    """A request to the path of one job."""
    return Poll(job_id) if request.method == "GET" else _wrong_method(dialect, request)


def _wrong_method(dialect: Dialect, request: Request) -> Answered:
    return Answered(dialect.refused(405, f"method {request.method} is not allowed"), "other")
