"""xAI's video calls, as xAI itself and its resellers speak them: how a job is written, below any root path.

POST <root>/generations, <root>/edits and <root>/extensions, then GET <root>/<id>
(https://docs.x.ai/developers/rest-api-reference/inference/videos, read 22 November 2026). Answers are read in
results.py. No idempotency key, list or cancel is documented. What a gateway offers of it is in its table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.model import Handle, Job, Operation
from pipeline.providers import calls
from pipeline.providers.base import (
    Answer,
    Call,
    Capabilities,
    FieldProblem,
    Polled,
    Submitted,
    SubmitVerdict,
    Video,
)
from pipeline.providers.checks import job_problems
from pipeline.providers.pictures import on_grid
from pipeline.providers.results import read_poll, read_submit

_PATHS = {Operation.GENERATE: "generations", Operation.EDIT: "edits", Operation.EXTEND: "extensions"}

# HTTP 400 without it: https://github.com/phuryn/grok-build-vscode/issues/100, read 22 November 2026.
_NO_RETENTION = "upload_url"
_NO_RETENTION_ADVICE = (
    "this team keeps no data (zero data retention), so the gateway wants an address to deliver to, which is"
    " not supported: use the key of a team without it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grok:
    """A gateway that speaks xAI's dialect below `root`."""

    name: str
    capabilities: Capabilities
    root: str

    def validate(self, job: Job) -> tuple[FieldProblem, ...]:
        return job_problems(job, self.capabilities)

    def build_submit(self, job: Job, *, video: Video | None = None) -> Call:
        """The paid POST for a valid job.

        `duration` is always sent, but for edits: it sets the bill, and the vendors' pages disagree about its
        default. Never sent: `size` (deprecated), `output` and `storage_options`.
        """
        fields: dict[str, object] = {
            "model": job.model or self.capabilities.default_model,
            "prompt": job.prompt,
        }
        if job.user is not None:
            fields["user"] = job.user
        fields |= self._settings(job)
        fields |= _pictures(job) if job.source is None else {"video": {"url": calls.source(job, video)}}
        return calls.post(f"{self.root}/{_PATHS[job.operation]}", fields)

    def _settings(self, job: Job) -> dict[str, object]:
        rules = self.capabilities.models[job.model or self.capabilities.default_model]
        extends = job.operation is Operation.EXTEND
        usual_s = rules.default_added_s if extends else rules.default_duration_s
        settings = {
            "duration": usual_s if job.duration_s is None else job.duration_s,
            "resolution": job.resolution,
            "aspect_ratio": job.aspect_ratio,
            "generate_audio": job.generate_audio,
        }
        if job.operation is Operation.EDIT:
            del settings["duration"]
        return {name: value for name, value in settings.items() if value is not None}

    def parse_submit(self, answer: Answer) -> Submitted:
        submitted = read_submit(answer)
        said = submitted.reason or ""
        if submitted.verdict is SubmitVerdict.REJECTED and _NO_RETENTION in said:
            reason = f"{said.rstrip('.')}: {_NO_RETENTION_ADVICE}"
            return replace(submitted, verdict=SubmitVerdict.ACCOUNT, reason=reason)
        return submitted

    def build_poll(self, handle: Handle) -> Call:
        return calls.poll(self.root, handle)

    def parse_poll(self, answer: Answer) -> Polled:
        return read_poll(answer)

    def probe(self) -> Call:
        return Call(method="GET", path=f"{self.root}/{calls.UNKNOWN_ID}")


def _pictures(job: Job) -> dict[str, object]:
    """Pictures come last: whatever is large stands behind what a person would want to see in a trace."""
    fields: dict[str, object] = {}
    if job.image is not None:
        fields["image"] = {"url": calls.picture(job.image)}
    if job.reference_images:
        fields["reference_images"] = [{"url": calls.picture(image)} for image in job.reference_images]
    if job.last_frame is not None:
        fields["last_frame"] = {"url": calls.picture(job.last_frame)}
    if job.keyframes:
        fields["keyframes"] = [
            {"image": {"url": calls.picture(frame.image)}, "timestamp_s": on_grid(frame.timestamp_s)}
            for frame in job.keyframes
        ]
    return fields
