"""What the bodies of xAI's polls have in common, straight from xAI or passed on (provider-apis.md, 1.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.sim.scenario import PollForm
from pipeline.sim.world import Job, View

MODERATION_CODE = "imagine:content-moderated"
MODERATION_TEXT = "Generated video rejected by content moderation."
PROMPT_MODERATED_TEXT = "The prompt was rejected by content moderation."
FAILURE_TEXT = "Video generation failed."

Failure = Callable[[Job, str], Any]
"""The value of `error` of a job that failed, given one of the two texts above."""


def usage(job: Job) -> dict[str, Any]:
    """What the job cost."""
    return {"usage": {"cost_in_usd_ticks": job.ticks}}


def pending(job: Job, view: View) -> dict[str, Any]:
    """xAI's own waiting body."""
    return {"status": "pending", "progress": view.progress, "model": job.model}


def ended(job: Job, view: View, link: str, failure: Failure) -> dict[str, Any]:
    """The body of a job that ended; only a moderated or finished job tells its cost."""
    head: dict[str, Any] = {"model": job.model}
    video: dict[str, Any] = {"url": None, "duration": job.duration_s, "respect_moderation": True}
    match view.outcome:
        case "done":
            done = {"status": "done", "progress": 100}
            return head | usage(job) | {"video": video | {"url": link}} | done
        case "no-url":
            return head | usage(job) | {"video": video, "status": "done", "progress": 100}
        case "moderated:flag":
            flagged = video | {"respect_moderation": False}
            return head | usage(job) | {"video": flagged, "status": "done", "progress": 100}
        case "moderated:blocked":  # seen at another gateway (section 4, APIYI)
            error = {"code": "moderation_blocked", "message": MODERATION_TEXT}
            return head | usage(job) | {"video": video, "status": "done", "progress": 100, "error": error}
        case "moderated:failed":
            return head | usage(job) | {"status": "failed", "error": failure(job, MODERATION_TEXT)}
        case "expired":
            return head | {"status": "expired"}
        case _:
            return head | {"status": "failed", "progress": 0, "error": failure(job, FAILURE_TEXT)}


def as_once(job: Job, body: dict[str, Any], form: PollForm) -> dict[str, Any]:
    """Under form `mixed`, some finished bodies without `status`, as older xAI answers had none."""
    older = form == "mixed" and not job.variety >> 9 & 3
    if older and body.get("status") == "done" and (body.get("video") or {}).get("url"):
        return {name: value for name, value in body.items() if name != "status"}
    return body
