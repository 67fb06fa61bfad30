"""GlobalAiOpc's Grok video calls, as documented in provider-apis.md, section 3.

Paths: POST /kyyReactApiServer/v1/grok/videos, GET /kyyReactApiServer/v1/result/{id}. A poll is answered
flat, as the pages have it; under form `envelope` inside `data`, with `result_url` for `video_url`, as a
sister endpoint was seen to do; form `mixed` gives every job one of the two. There is no cost and no
progress in any answer, and no word for `expired` or moderation: both are `failed` with a text.

The vendor documents no errors. OUR GUESS: who is turned away at the door (key, rate, overload) gets
`error.message` as at gateways of that kind, and the service itself says `code` and `msg`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from pipeline.sim.dialects.base import TEXTS, Answered, Ask, bearer, kind_of, read_poll, read_submit
from pipeline.sim.orders import BadOrderError
from pipeline.sim.orders.video3 import read_order
from pipeline.sim.scenario import PollForm
from pipeline.sim.wire import Reply, Request, Topic, json_reply
from pipeline.sim.world import Job, View

PREFIX = "/kyyReactApiServer/"
SUBMIT = PREFIX + "v1/grok/videos"
RESULT = PREFIX + "v1/result/"
AT_THE_DOOR = {401: "authentication_error", 429: "rate_limit_error", 503: "service_unavailable_error"}
MODERATION_TEXT = "The prompt or reference images violate the content policy."
FAILURE_TEXTS = ("Reference image could not be accessed.", "Video generation failed, please try again.")
NO_CREDITS = "Insufficient account balance, please top up."
EXPIRED_TEXT = "The task timed out."
ONE_FRAME_S = 0.04


class GlobalAiOpc:
    """See the module."""

    name = "globalaiopc"
    prefix = PREFIX
    id_field = "id"

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def read(self, request: Request) -> Ask:
        if request.path == SUBMIT:
            return read_submit(self, request, read_order)
        job_id = request.path.removeprefix(RESULT)
        if "/" in job_id or not job_id:
            return Answered(self.refused(404, f"no route for {request.path}"), "other")
        return read_poll(self, request, job_id)

    def job_id(self, number: uuid.UUID) -> str:
        """Both forms that were seen, by chance."""
        return f"video_{number}" if number.int & 1 else f"video_grok_{number.int % 10**19:019}"

    def bad_key(self, request: Request) -> Answered:
        return Answered(self.refused(401, "Invalid token"), kind_of(request))

    def accepted(self, job: Job) -> Reply:
        return json_reply(_head(job) | {"status": "queued", "error": None})

    def refused(self, status: int, message: str) -> Reply:
        if status in AT_THE_DOOR:
            return json_reply({"error": {"message": message, "type": AT_THE_DOOR[status]}}, status)
        return json_reply({"code": status, "msg": message}, status)

    def trouble(self, topic: Topic, status: int) -> Reply:
        if topic == "input":
            return json_reply({"code": "invalid_request", "msg": TEXTS[topic]}, status)
        return self.refused(status, {**TEXTS, "credits": NO_CREDITS, "moderation": MODERATION_TEXT}[topic])

    def bad_order(self, exc: BadOrderError) -> Reply:
        return self.refused(400, str(exc))

    def unknown_job(self, job_id: str) -> Reply:
        return self.refused(404, f"task {job_id} not found")

    def polled(self, job: Job, view: View, link: str, form: PollForm) -> Reply:
        body = _head(job) | _state(job, view, link)
        if form == "envelope" or (form == "mixed" and bool(job.variety >> 8 & 1)):
            body["result_url"] = body.pop("video_url")
            named: dict[str, Any] = {"code": 200, "msg": "success"} if job.variety >> 9 & 1 else {}
            return json_reply(named | {"data": body})
        return json_reply(body)


def _head(job: Job) -> dict[str, Any]:
    return {"id": job.id, "object": "video", "created": int(job.accepted_at), "model": job.model}


def _state(job: Job, view: View, link: str) -> dict[str, Any]:
    waiting: dict[str, Any] = {"status": "processing", "video_url": None, "error": None}
    if view.phase != "ended":
        return waiting | ({"status": "queued"} if view.phase == "queued" else {})
    match view.outcome:
        case "done" | "no-url":
            length_s = job.duration_s + (ONE_FRAME_S if job.variety >> 3 & 1 else 0)
            return {
                "status": "completed",
                "video_url": link or None,
                "actualDuration": length_s,
                "error": None,
            }
        case "moderated:blocked":
            blocked = {"code": "moderation_blocked", "message": MODERATION_TEXT}
            return waiting | {"status": "completed", "error": blocked}
        case "expired":
            text = EXPIRED_TEXT
        case "failed":
            text = FAILURE_TEXTS[0 if job.picture else 1]
        case _:
            text = MODERATION_TEXT
    return waiting | {"status": "failed", "error": text}
