"""xAI's own video calls, as documented in provider-apis.md, section 1.

Paths: POST /v1/videos/generations, /v1/videos/edits and /v1/videos/extensions, GET /v1/videos/{request_id}.
Errors are flat, `code` and `error`; 422 (a body that has not the form of an order) has `error` alone.
A wrong key is HTTP 400, a missing header 401. While a job waits it is answered, by its `variety`, with
HTTP 202 and no body, with `pending` under 200, with first one and then the other, or `pending` under 202.
"""

from __future__ import annotations

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
from pipeline.sim.orders import BadOrderError, MalformedOrderError, UnknownModelError
from pipeline.sim.orders.xai import read_order
from pipeline.sim.scenario import PollForm
from pipeline.sim.wire import Reply, Request, Topic, json_reply
from pipeline.sim.world import Job, View

VIDEOS = "/v1/videos/"
SUBMITS = ("generations", "edits", "extensions")
INVALID = "Client specified an invalid argument"
# INVALID and `resource-exhausted` were seen (1.5, 1.6); the other codes are guesses in their style.
CODES = {
    400: INVALID,
    401: "unauthenticated",
    403: "The caller does not have permission to execute the specified operation",
    404: "Some requested entity was not found",
    405: "method-not-allowed",
    415: "unsupported-media-type",
    429: "resource-exhausted",
    500: "internal-error",
    503: "service-unavailable",
}
# Seen with 429 (https://github.com/continuedev/continue/issues/10373) and with 403 (provider-apis.md, 1.5).
NO_CREDITS = (
    "Your team 00000000-0000-4000-8000-000000000000 has either used all available credits or reached its"
    " monthly spending limit. To continue making API requests, please purchase more credits or raise your"
    " spending limit."
)


class Xai:
    """See the module."""

    name = "xai"
    prefix = "/v1/"
    id_field = "request_id"

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def read(self, request: Request) -> Ask:
        word = request.path.removeprefix(VIDEOS)
        if "/" in word or not word:
            return Answered(self.refused(404, f"no such path: {request.path}"), "other")
        if word not in SUBMITS:
            return read_poll(self, request, word)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and kind != "application/json":
            return Answered(self.refused(415, "Content-Type must be application/json"), "submits")
        return read_submit(self, request, partial(read_order, word=word))

    def job_id(self, number: uuid.UUID) -> str:
        return str(number)

    def bad_key(self, request: Request) -> Answered:
        key = bearer(request.headers)
        if key is None:
            return Answered(
                self.refused(401, "No bearer token in the Authorization header."), kind_of(request)
            )
        shown = f"{key[:2]}***{key[-2:]}" if len(key) > 6 else "***"
        text = f"Incorrect API key provided: {shown}. You can obtain an API key from https://console.x.ai."
        return Answered(self.refused(400, text), kind_of(request))

    def accepted(self, job: Job) -> Reply:
        return json_reply({"request_id": job.id})

    def refused(self, status: int, message: str) -> Reply:
        return json_reply({"code": CODES.get(status, INVALID), "error": message}, status)

    def trouble(self, topic: Topic, status: int) -> Reply:
        texts = {**TEXTS, "credits": NO_CREDITS, "moderation": PROMPT_MODERATED_TEXT}
        codes: Mapping[Topic, str] = {"input": "invalid_request", "moderation": MODERATION_CODE}
        code = codes.get(topic) or CODES.get(status, CODES[500] if status >= 500 else INVALID)
        return json_reply({"code": code, "error": texts[topic]}, status)

    def bad_order(self, exc: BadOrderError) -> Reply:
        if isinstance(exc, MalformedOrderError):
            return json_reply({"error": f"Failed to deserialize the JSON body: {exc}"}, 422)
        return self.refused(404 if isinstance(exc, UnknownModelError) else 400, str(exc))

    def unknown_job(self, job_id: str) -> Reply:
        return self.refused(404, f"video request {job_id} not found")

    def polled(self, job: Job, view: View, link: str, form: PollForm) -> Reply:
        if view.phase != "ended":
            return _waiting(job, view)
        if view.outcome == "moderated:400":
            code = MODERATION_CODE if job.variety >> 3 & 1 else INVALID
            return json_reply({"code": code, "error": MODERATION_TEXT} | usage(job), 400)
        return json_reply(as_once(job, ended(job, view, link, _failure), form))


def _waiting(job: Job, view: View) -> Reply:
    kind = job.variety >> 1 & 3
    if kind == 0 or (kind == 1 and view.phase == "queued"):
        return Reply(status=202)
    return json_reply(pending(job, view), 202 if kind == 2 else 200)


def _failure(job: Job, message: str) -> Any:
    code = "internal_error" if job.variety >> 3 & 1 else "service_unavailable"
    return {"code": "invalid_argument" if message == MODERATION_TEXT else code, "message": message}
