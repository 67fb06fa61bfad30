"""GlobalAiOpc, also published as xingchaoyiqing: its table of facts, and how a job is written for it.

POST /v1/grok/videos, then GET /v1/result/{id}, both behind the prefix of the base URL. Two documentation
sites in three versions disagree about the models; the table is what satisfies all of them, and `allow` widens
it where one version is wider (docs/providers.md). Read 22 November 2026:
V2 https://docs.xingchaoyiqing.com/api-reference/video/grok-create, V3 (newest)
https://docs.globalaiopc.com/en/api-reference/video/grok/grok-create, and its older copy V1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.model import Handle, Job, Operation
from pipeline.providers import calls
from pipeline.providers.base import (
    Allowance,
    Answer,
    Call,
    Capabilities,
    FieldProblem,
    ModelRules,
    PollAdvice,
    Polled,
    Submitted,
    Video,
)
from pipeline.providers.checks import job_problems
from pipeline.providers.results import read_poll, read_submit
from pipeline.providers.rules import model_of

_V2 = "https://docs.xingchaoyiqing.com/api-reference/video/grok-create, read 22 November 2026"
_V3 = "https://docs.globalaiopc.com/en/api-reference/video/grok/grok-create, read 22 November 2026"
_QUERY = "https://docs.globalaiopc.com/en/api-reference/video/grok/grok-query, read 22 November 2026"

_RATIOS = ("16:9", "9:16", "1:1", "3:2", "2:3")
_INLINE = Allowance(
    says="pictures from this disk: the pages forbid base64 for the other two models only",
    changes={"inline_images": True},
)
_GENERATE = frozenset({Operation.GENERATE})

MODELS: Mapping[str, ModelRules] = {
    "grok_video3": ModelRules(
        operations=_GENERATE,
        durations_s=range(6, 31),
        default_duration_s=10,  # V2 and V3; V1 says 6, so it is always sent
        aspect_ratios=_RATIOS,
        resolutions=("480p", "720p"),
        default_resolution="720p",  # V2 and V3; V1 says 480p, so it is always sent
        inline_images=False,
        references=7,
        image_is_reference=True,
        allowances={"base64-images": _INLINE},
        sources=(_V2, _V3),
    ),
    "grok_video3_pro": ModelRules(
        operations=_GENERATE,
        durations_s=(),
        default_duration_s=10,
        aspect_ratios=("16:9",),
        resolutions=(),
        default_resolution="720p",
        inline_images=False,
        references=1,
        image_is_reference=True,
        allowances={
            "pro-ratios": Allowance(
                says="9:16, 1:1, 3:2 and 2:3 as well: only the oldest page has them",
                changes={"aspect_ratios": _RATIOS},
            ),
            "pro-references": Allowance(
                says="up to 7 pictures: the pages name no number", changes={"references": 7}
            ),
            "base64-images": _INLINE,
        },
        sources=(_V2, _V3),
    ),
    "grok_video3_max": ModelRules(
        operations=_GENERATE,
        durations_s=(6, 10, 12, 16, 20, 30),
        default_duration_s=10,
        aspect_ratios=("16:9", "9:16", "1:1"),
        resolutions=("480p", "720p"),
        default_resolution="720p",
        inline_images=False,
        references=5,
        image_is_reference=True,
        sources=(_V2, _V3),
    ),
    "grok_video3_stable": ModelRules(
        operations=_GENERATE,
        durations_s=(10,),
        default_duration_s=10,
        aspect_ratios=("16:9",),
        resolutions=("720p",),
        default_resolution="720p",
        inline_images=False,
        references=7,
        image_is_reference=True,
        allowances={
            "stable-6s": Allowance(
                says="6 s as well: xingchaoyiqing's page has it, the newest page says 10 s only",
                changes={"durations_s": (6, 10)},
            ),
            "stable-480p": Allowance(
                says="480p as well: xingchaoyiqing's page has it, the newest page says 720p only",
                changes={"resolutions": ("480p", "720p")},
            ),
            "stable-ratios": Allowance(
                says="9:16, 1:1, 3:2 and 2:3 as well: listed, but only 16:9 is certain on every page",
                changes={"aspect_ratios": _RATIOS},
            ),
        },
        sources=(_V2, _V3),
    ),
}

GLOBALAIOPC = Capabilities(
    title="GlobalAiOpc",
    key_env="GLOBALAIOPC_KEY",
    base_url_env="GLOBALAIOPC_BASE_URL",
    prices_env="GLOBALAIOPC_PRICES",
    base_url="https://zcbservice.aizfw.cn/kyyReactApiServer",
    default_model="grok_video3",
    models=MODELS,
    max_prompt_chars=None,
    picture_sets_ratio=False,  # no page says so
    takes_user=False,
    inline_video_bytes=0,
    submit_per_s=1.0,  # no page names a figure
    poll_per_s=2.0,  # "polling too frequently may trigger rate limiting"
    max_in_flight=20,
    poll=PollAdvice(first_s=30.0, min_s=30.0, max_s=60.0, growth=0.1),  # 30-60 s: the query page
    longest_s=480.0,  # 4 to 8 minutes for the longest clips: the oldest pages
    url_life_s=3600.0,  # about 24 h on the oldest page, "temporary" on the newer ones
    sources=(_V3, _QUERY),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalAiOpc:
    """A gateway that speaks GlobalAiOpc's dialect."""

    name: str = "globalaiopc"
    capabilities: Capabilities = GLOBALAIOPC

    def validate(self, job: Job) -> tuple[FieldProblem, ...]:
        return job_problems(job, self.capabilities)

    def build_submit(self, job: Job, *, video: Video | None = None) -> Call:  # noqa: ARG002 - no model edits
        """The paid POST. Duration and resolution are always sent where the model takes them: the pages
        disagree about their defaults, and they set the bill."""
        if job.source is not None:
            raise ValueError(f"job {job.key!r}: this gateway starts from no video")
        rules = self.capabilities.models[model_of(job, self.capabilities)]
        fields: dict[str, object] = {"model": model_of(job, self.capabilities), "prompt": job.prompt}
        if rules.durations_s:
            fields["duration"] = rules.default_duration_s if job.duration_s is None else job.duration_s
        if job.aspect_ratio is not None:
            fields["aspect_ratio"] = job.aspect_ratio
        if rules.resolutions:
            fields["resolution"] = job.resolution or rules.default_resolution
        images = [*([job.image] if job.image else []), *job.reference_images]
        if images:
            fields["image_urls"] = [calls.picture(image) for image in images]
        return calls.post("/v1/grok/videos", fields)

    def parse_submit(self, answer: Answer) -> Submitted:
        return read_submit(answer, ("id", "task_id", "request_id"))

    def build_poll(self, handle: Handle) -> Call:
        return calls.poll("/v1/result", handle)

    def parse_poll(self, answer: Answer) -> Polled:
        return read_poll(answer)

    def probe(self) -> Call:
        return Call(method="GET", path=f"/v1/result/{calls.UNKNOWN_ID}")


PROVIDER = GlobalAiOpc()
