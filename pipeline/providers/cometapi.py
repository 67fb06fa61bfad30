"""CometAPI: its table of facts. It speaks xAI's dialect (grok.py) below /grok/v1/videos.

Pages, all read 22 November 2026: https://apidoc.cometapi.com/api/video/xai/video-generation, .../video-edit
and .../get-video-generation-results. What they contradict each other in: docs/providers.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.model import Operation
from pipeline.providers.base import Capabilities, ModelRules, PollAdvice
from pipeline.providers.grok import Grok

_GENERATION = "https://apidoc.cometapi.com/api/video/xai/video-generation, read 22 November 2026"
_EDIT = "https://apidoc.cometapi.com/api/video/xai/video-edit, read 22 November 2026"
_LIMITS = "https://apidoc.cometapi.com/guides/rate-limits-and-concurrency (no figures), read 22 November 2026"
_XAI_LIMITS = "https://docs.x.ai/developers/rate-limits.md (one submit a second), read 22 November 2026"
_PROMPT = (
    "https://docs.comfy.org/zh/development/comfy-router/models/xai/grok-imagine-video/code"
    " (4096 characters, by a reseller), read 22 November 2026"
)
_TIMES = (
    "https://developer.civitai.com/orchestration/recipes/grok-video (1 to 4 minutes), read 22 November 2026"
)
_RESULTS = "https://apidoc.cometapi.com/api/video/xai/get-video-generation-results, read 22 November 2026"

# Generation page: duration 1-15, seven ratios; xAI's 21:9 and 5:2 are not offered.
_DURATIONS = range(1, 16)
_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")

MODELS: Mapping[str, ModelRules] = {
    # 720p at most: the older generation page and xAI's price table. The edit page names this model alone, and
    # a source of about 8.7 s at most.
    "grok-imagine-video": ModelRules(
        operations=frozenset({Operation.GENERATE, Operation.EDIT}),
        durations_s=_DURATIONS,
        default_duration_s=8,  # the newer table; the March 2026 page says 1, so it is always sent
        aspect_ratios=_RATIOS,
        resolutions=("480p", "720p"),
        default_resolution="480p",
        edit_source_max_s=8.7,
        sources=(
            _GENERATION,
            _EDIT,
            "https://github.com/orgs/cometapi-dev/discussions/83 (28 February 2026), read 22 November 2026",
        ),
    ),
    # The newest generation page adds 1080p, and shows this model with a picture only; text alone is allowed,
    # since xAI offers it.
    "grok-imagine-video-1.5": ModelRules(
        operations=frozenset({Operation.GENERATE}),
        durations_s=_DURATIONS,
        default_duration_s=8,
        aspect_ratios=_RATIOS,
        resolutions=("480p", "720p", "1080p"),
        default_resolution="480p",
        sources=(
            _GENERATION,
            "https://github.com/orgs/cometapi-dev/discussions/133 (22 August 2026), read 22 November 2026",
        ),
    ),
}

COMETAPI = Capabilities(
    title="CometAPI",
    key_env="COMETAPI_KEY",
    base_url_env="COMETAPI_BASE_URL",
    prices_env="COMETAPI_PRICES",
    base_url="https://api.cometapi.com",
    default_model="grok-imagine-video",
    models=MODELS,
    max_prompt_chars=4096,  # observed, not promised
    picture_sets_ratio=True,
    takes_user=True,
    inline_video_bytes=0,  # the edit page names a URL only
    submit_per_s=1.0,  # CometAPI names none, so it starts at xAI's
    poll_per_s=5.0,
    max_in_flight=20,
    poll=PollAdvice(first_s=5.0, min_s=5.0, max_s=15.0, growth=0.1),
    longest_s=240.0,  # 1 to 4 minutes, seen at xAI's own machines (_TIMES)
    url_life_s=3600.0,  # it is xAI's link: 24 h, "temporary" or 1 h, by page
    sources=(_GENERATION, _RESULTS, _LIMITS, _XAI_LIMITS, _PROMPT, _TIMES),
)

PROVIDER = Grok(name="cometapi", capabilities=COMETAPI, root="/grok/v1/videos")
