"""CometAPI's Grok video calls, as documented in provider-apis.md, section 2.

Paths: POST /grok/v1/videos/generations, POST /grok/v1/videos/edits, GET /grok/v1/videos/{request_id}.
A poll is answered flat (the present page) or in the older `code`/`data` envelope; form `mixed` gives
every job one of the two, and some flat finished bodies no `status`, as older xAI answers had none.
While a job waits its bodies vary, by the job's `variety`: the id alone, `queued`, `processing` with or
without progress, and xAI's own `pending`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from pipeline.sim.dialects.base import TEXTS, Answered, Ask, bearer, kind_of, read_poll, read_submit
from pipeline.sim.dialects.grok import (
    MODERATION_CODE,
    MODERATION_TEXT,
    PROMPT_MODERATED_TEXT,
    as_once,
    ended,
    pending,
    usage,
)
from pipeline.sim.orders import BadOrderError, Order
from pipeline.sim.orders.fields import json_object
from pipeline.sim.orders.grok import generation, model_named
from pipeline.sim.orders.sources import edit
from pipeline.sim.prices import CLASSIC
from pipeline.sim.scenario import PollForm
from pipeline.sim.wire import Reply, Request, Topic, html_reply, json_reply
from pipeline.sim.world import Job, View

MODELS = {name: name for name in (CLASSIC, "grok-imagine-video-1.5")}  # the two that CometAPI announced
VIDEOS = "/grok/v1/videos/"
# Gateways of the same software family answer so (2.4; https://docs.aihubmix.com/en/FAQs/HTTP-Codes).
NO_CREDITS, NO_CREDITS_CODE = "user quota is not enough", "insufficient_user_quota"
CODES: Mapping[Topic, str] = {
    "input": "invalid_request",
    "credits": NO_CREDITS_CODE,
    "moderation": MODERATION_CODE,
}


class CometApi:
    """See the module."""

    name = "cometapi"
    prefix = "/grok/"
    id_field = "request_id"

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def read(self, request: Request) -> Ask:
        if not request.path.startswith(VIDEOS) or "/" in (word := request.path[len(VIDEOS) :]) or not word:
            # The vendor answers a wrong path with 301 or a page; here 301 leads to a page with 200.
            return Answered(html_reply(301, "301 Moved Permanently", {"Location": "/"}), "other")
        if word in ("generations", "edits"):
            return read_submit(self, request, partial(_order, word=word))
        return read_poll(self, request, word)

    def job_id(self, number: uuid.UUID) -> str:
        return str(number)

    def bad_key(self, request: Request) -> Answered:
        return Answered(_error(401, "Invalid token"), kind_of(request))

    def accepted(self, job: Job) -> Reply:
        return json_reply({"request_id": job.id})

    def refused(self, status: int, message: str) -> Reply:
        return _error(status, message)

    def trouble(self, topic: Topic, status: int) -> Reply:
        texts = {**TEXTS, "credits": NO_CREDITS, "moderation": PROMPT_MODERATED_TEXT}
        return _error(status, texts[topic], code=CODES.get(topic, ""))

    def bad_order(self, exc: BadOrderError) -> Reply:
        return _error(400, str(exc), param=exc.param, code="invalid_request")

    def unknown_job(self, job_id: str) -> Reply:
        return _error(404, f"video {job_id} not found", param="request_id")

    def polled(self, job: Job, view: View, link: str, form: PollForm) -> Reply:
        envelope = form == "envelope" or (form == "mixed" and bool(job.variety >> 8 & 1))
        if view.phase == "ended" and view.outcome == "moderated:400":
            return json_reply(_moderated(job, nested=not envelope), 400)
        inner = _waiting(job, view) if view.phase != "ended" else ended(job, view, link, _failure)
        if envelope:
            return json_reply(_envelope(job, view, inner, link))
        return json_reply(as_once(job, inner, form))


def _order(body: bytes, word: str) -> Order:
    value = json_object(body)
    model = model_named(value, CLASSIC, MODELS)
    return generation(value, model) if word == "generations" else edit(value, model)


def _error(status: int, message: str, *, param: str = "", code: str = "") -> Reply:
    """CometAPI's error body (2.4): the message ends with an id of the request, the code may be empty."""
    trace = hashlib.sha256(f"{status}{message}".encode(errors="replace")).hexdigest()[:20]
    text = f"{message} (request id: {trace})"
    return json_reply(
        {"error": {"message": text, "type": "comet_api_error", "param": param, "code": code}}, status
    )


def _waiting(job: Job, view: View) -> dict[str, Any]:
    """A body of the waiting phase; it stays the same in kind for one job and one phase."""
    if view.phase == "queued":
        return {"request_id": job.id} | ({"status": "queued"} if job.variety & 1 else {})
    kinds: tuple[dict[str, Any], ...] = (
        {"request_id": job.id},
        {"request_id": job.id, "status": "processing", "progress": view.progress},
        {"request_id": job.id, "status": "processing"},
        pending(job, view),
    )
    return dict(kinds[job.variety >> 1 & 3])


def _failure(job: Job, message: str) -> Any:
    """`error` is documented as string or object, so some jobs get one and some the other."""
    if job.variety >> 3 & 1:
        return message
    code = "invalid_argument" if message == MODERATION_TEXT else "internal_error"
    return {"code": code, "message": message}


def _moderated(job: Job, *, nested: bool) -> dict[str, Any]:
    """The body of HTTP 400 on a poll: in CometAPI's error form, or xAI's flat one passed through."""
    if not nested:
        return {"code": MODERATION_CODE, "error": MODERATION_TEXT} | usage(job)
    error = {"message": MODERATION_TEXT, "type": "comet_api_error", "param": "", "code": MODERATION_CODE}
    return {"error": error} | usage(job)


def _envelope(job: Job, view: View, inner: dict[str, Any], link: str) -> dict[str, Any]:
    """The older form (2.3): upper-case status outside, xAI's body inside, the link in `fail_reason`."""
    status, reason = _outer(view, link)
    started = int(job.accepted_at + job.queue_s) if view.phase != "queued" else 0
    data = {
        "task_id": job.id,
        "action": "generate",
        "status": status,
        "fail_reason": reason,
        "submit_time": int(job.accepted_at),
        "start_time": started,
        "finish_time": int(job.ends_at) if view.phase == "ended" else 0,
        "progress": f"{view.progress}%",
        "data": inner if "status" in inner else None,
    }
    return {"code": "success", "message": "", "data": data}


def _outer(view: View, link: str) -> tuple[str, str]:
    if view.phase == "queued":
        return "SUBMITTED", ""
    if view.phase == "rendering":
        return "IN_PROGRESS", ""
    if view.outcome in ("done", "no-url", "moderated:flag", "moderated:blocked"):
        return "SUCCESS", link
    return "FAILED", MODERATION_TEXT if view.outcome == "moderated:failed" else f"task {view.outcome}"
