"""CometAPI: its table of facts, and how a job is written for it. Its answers are read in results.py.

Endpoints (https://apidoc.cometapi.com/api/video/xai/video-generation, .../video-edit and
.../get-video-generation-results, read 22 November 2026): POST /grok/v1/videos/generations and .../edits, then
GET /grok/v1/videos/{request_id}. No idempotency key, list or cancel is documented.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from pipeline.model import Handle, Image, Job, Operation
from pipeline.providers.base import (
    Answer,
    Call,
    Capabilities,
    FieldProblem,
    FilePart,
    ModelRules,
    PollAdvice,
    Polled,
    Submitted,
)
from pipeline.providers.checks import image_problem, model_problem, setting_problems, text_problems
from pipeline.providers.results import read_poll, read_submit

_ROOT = "/grok/v1/videos"
_JSON = {"content-type": "application/json"}

# Observed, not promised: published by two resellers of the same model (docs/provider-apis.md).
MAX_PROMPT_CHARS = 4096

# "public URL of JPEG, PNG, WebP, or a data URI", video-generation page, read 22 November 2026.
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")

# Generation page, read 22 November 2026: duration 1-15, seven ratios; xAI's 21:9 and 5:2 are not offered.
_DURATIONS = range(1, 16)
KEPT_BY_EDITS = {"duration": "duration_s", "aspect_ratio": "aspect_ratio", "resolution": "resolution"}
_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")

MODELS: Mapping[str, ModelRules] = {
    # Announced 28 February 2026 (github.com/orgs/cometapi-dev/discussions/83). 720p at most: the older
    # generation page and xAI's price table (docs.x.ai/docs/pricing, 29 September 2026). The edit page names
    # this model alone.
    "grok-imagine-video": ModelRules(
        operations=frozenset(Operation),
        durations_s=_DURATIONS,
        aspect_ratios=_RATIOS,
        resolutions=("480p", "720p"),
        image=True,
    ),
    # Announced 22 August 2026 (.../discussions/133). The newest generation page adds 1080p, and shows this
    # model with a picture only; text alone is allowed, since xAI offers it (docs/provider-apis.md).
    "grok-imagine-video-1.5": ModelRules(
        operations=frozenset({Operation.GENERATE}),
        durations_s=_DURATIONS,
        aspect_ratios=_RATIOS,
        resolutions=("480p", "720p", "1080p"),
        image=True,
    ),
}

COMETAPI = Capabilities(
    key_env="COMETAPI_KEY",
    base_url_env="COMETAPI_BASE_URL",
    base_url="https://api.cometapi.com",
    default_model="grok-imagine-video",
    default_duration_s=8,  # the newer table; the March 2026 page says 1, so it is always sent
    models=MODELS,
    submit_per_s=1.0,  # CometAPI names none; xAI: 1/s (docs.x.ai/developers/rate-limits, 22 November 2026)
    poll_per_s=5.0,
    max_in_flight=20,
    poll=PollAdvice(first_s=5.0, min_s=5.0, max_s=15.0, growth=0.1),
    url_life_s=3600.0,  # it is xAI's link: 24 h, "temporary" or 1 h, by page (docs/provider-apis.md)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CometApi:
    """A gateway that speaks CometAPI's dialect."""

    name: str = "cometapi"
    capabilities: Capabilities = COMETAPI

    def validate(self, job: Job) -> tuple[FieldProblem, ...]:
        """Everything that would be refused or ignored. Defaults that do not apply are dropped before."""
        problems = list(text_problems(job, max_prompt_chars=MAX_PROMPT_CHARS))
        if wrong_model := model_problem(job, self.capabilities):
            return (*problems, wrong_model)
        rules = self.capabilities.models[job.model or self.capabilities.default_model]
        if job.operation is Operation.EDIT:
            problems.extend(_edit_problems(job))
            return tuple(problems)
        problems.extend(setting_problems(job, rules, self.capabilities))
        if job.image and (wrong_image := image_problem(job.image, rules, MEDIA_TYPES)):
            problems.append(wrong_image)
        return tuple(problems)

    def ignored_defaults(self, job: Job) -> frozenset[str]:
        """An edit keeps what its source has, and a picture decides the ratio unless the job insists."""
        if job.operation is Operation.EDIT:
            return frozenset(KEPT_BY_EDITS.values())
        return frozenset() if job.image is None else frozenset({"aspect_ratio"})

    def build_submit(self, job: Job, *, video_url: str | None = None) -> Call:
        """The paid POST for a valid job.

        `duration` is always sent, but for edits: it sets the bill, and the vendor's pages disagree about
        its default. Never sent: `size` (deprecated) and `output`.
        """
        facts = self.capabilities
        fields: dict[str, object] = {"model": job.model or facts.default_model, "prompt": job.prompt}
        if job.user is not None:
            fields["user"] = job.user
        if job.operation is Operation.EDIT:
            fields["video"] = {"url": _source_of(job, video_url)}
            return _post("edits", (_encoded(fields),))
        fields["duration"] = facts.default_duration_s if job.duration_s is None else job.duration_s
        if job.resolution is not None:
            fields["resolution"] = job.resolution
        if job.aspect_ratio is not None:
            fields["aspect_ratio"] = job.aspect_ratio
        return _post("generations", _with_image(fields, job.image))

    def parse_submit(self, answer: Answer) -> Submitted:
        return read_submit(answer)

    def build_poll(self, handle: Handle) -> Call:
        """Ask about a take. The id is opaque, perhaps typed by a person: it must not change the path."""
        segment = quote(handle.remote_id, safe="", errors="replace")
        return Call(method="GET", path=f"{_ROOT}/{segment if segment.strip('.') else '%2E' * len(segment)}")

    def parse_poll(self, answer: Answer) -> Polled:
        return read_poll(answer)

    def download_headers(self, url: str) -> Mapping[str, str]:  # noqa: ARG002 - the contract's signature
        """None: the link is xAI's public one, and the key must not go to a file host."""
        return {}


def _edit_problems(job: Job) -> list[FieldProblem]:
    problems = [
        FieldProblem(field=name, message="an edit keeps that of its source; leave it out")
        for name, attribute in KEPT_BY_EDITS.items()
        if getattr(job, attribute) is not None
    ]
    if job.image is not None:
        problems.append(FieldProblem(field="image", message="an edit starts from a video; leave it out"))
    if job.parent_key is None and job.edit is not None and not job.edit.startswith("https://"):
        message = f'is "{job.edit[:100]}"; allowed: the id of another job, or a URL that starts with https://'
        problems.append(FieldProblem(field="edit", message=message))
    return problems


def _source_of(job: Job, video_url: str | None) -> str:
    url = video_url or (job.edit if job.parent_key is None else None)
    if url is None:
        raise ValueError(f"job {job.key!r}: an edit of another job's clip needs the link to that clip")
    return url


def _post(operation: str, body: tuple[bytes | FilePart, ...]) -> Call:
    return Call(method="POST", path=f"{_ROOT}/{operation}", body=body, headers=_JSON)


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _with_image(fields: dict[str, object], image: Image | None) -> tuple[bytes | FilePart, ...]:
    """The JSON body; a file on disk is a part of its own in it, so that a large picture is never in memory.

    The picture is always the last field: we know where to cut without searching for a mark that a prompt
    could hold too.
    """
    if image is None:
        return (_encoded(fields),)
    if image.path is None:
        return (_encoded({**fields, "image": {"url": image.url}}),)
    if image.media_type is None or image.size_bytes is None or image.sha256 is None:
        raise ValueError(f"image {image.path!r}: type, size and hash must be known before it is sent")
    start = _encoded({**fields, "image": {"url": f"data:{image.media_type};base64,"}})
    tail = b'"}}'
    part = FilePart(path=image.path, size_bytes=image.size_bytes, sha256=image.sha256)
    return (start.removesuffix(tail), part, tail)
