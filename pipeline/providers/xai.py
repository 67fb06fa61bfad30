"""xAI itself: its table of facts. Its dialect is in grok.py.

Pages, all read 22 November 2026: https://docs.x.ai/developers/rest-api-reference/inference/videos,
https://docs.x.ai/developers/model-capabilities/video/generation and .../video/editing.md; prices from
https://docs.x.ai/docs/pricing as published 29 September 2026. Contradictions: docs/providers.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipeline.model import TICKS_PER_USD, Operation
from pipeline.money import Price
from pipeline.providers.base import Allowance, Capabilities, ModelRules, PollAdvice
from pipeline.providers.grok import Grok

_REFERENCE = "https://docs.x.ai/developers/rest-api-reference/inference/videos, read 22 November 2026"
_GUIDE = "https://docs.x.ai/developers/model-capabilities/video/generation, read 22 November 2026"
_EDITING = "https://docs.x.ai/developers/model-capabilities/video/editing.md, read 22 November 2026"
_PRICES = "https://docs.x.ai/docs/pricing (29 September 2026), read 22 November 2026"
_LIMITS = "https://docs.x.ai/developers/rate-limits.md, read 22 November 2026"
_PROMPT = (
    "https://docs.comfy.org/zh/development/comfy-router/models/xai/grok-imagine-video/code"
    " (4096 characters, by a reseller), read 22 November 2026"
)
_INLINE_VIDEO = (
    "https://docs.comfy.org/zh-CN/built-in-nodes/GrokVideoEditNode (50 MB, by a third party),"
    " read 22 November 2026"
)
_TIMES = (
    "https://developer.civitai.com/orchestration/recipes/grok-video (1 to 4 minutes), read 22 November 2026"
)
_LINKS = "https://github.com/xai-org/xai-sdk-python (links live 24 h), read 22 November 2026"
_BATCH = "https://docs.x.ai/developers/advanced-api-usage/batch-api (links live 1 h), read 22 November 2026"
_SEEN = (
    "https://github.com/chenyme/grok2api/pull/909 (seven references, from an error), read 22 November 2026"
)

_PROTO = "https://github.com/xai-org/xai-proto (extensions), read 22 November 2026"

_CENT = TICKS_PER_USD // 100
_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
_WIDE_RATIOS = Allowance(
    says="21:9 and 5:2 as well: only the newest generation guide has them",
    changes={"aspect_ratios": (*_RATIOS, "21:9", "5:2")},
)

_CLASSIC = ModelRules(
    operations=frozenset(Operation),
    durations_s=range(1, 16),
    default_duration_s=8,
    aspect_ratios=_RATIOS,
    resolutions=("480p", "720p"),
    default_resolution="480p",
    references=7,
    references_beside_image=False,
    references_max_s=10,
    generate_audio=True,
    edit_source_max_s=8.7,
    # REST reference: 2 to 10 s added to 2 to 15 s; the protocol files say 1 to 10 s and 2 to 30 s.
    added_s=range(2, 11),
    default_added_s=6,
    extend_source_s=(2.0, 15.0),
    price=Price(
        second={"480p": 5 * _CENT, "720p": 7 * _CENT},
        picture=_CENT // 5,
        source_second=_CENT,
        source=_PRICES,
    ),
    allowances={
        "wide-ratios": _WIDE_RATIOS,
        "extension-1s": Allowance(
            says="extensions by 1 s: the protocol files say 1 to 10 s, the REST reference 2 to 10 s",
            changes={"added_s": range(1, 11)},
        ),
        "extension-of-30s": Allowance(
            says="extensions of videos up to 30 s: the protocol files say so, the REST reference says 15 s",
            changes={"extend_source_s": (2.0, 30.0)},
        ),
    },
    sources=(_REFERENCE, _GUIDE, _EDITING, _PROTO, _PRICES, _SEEN),
)

_NEW = ModelRules(
    operations=frozenset({Operation.GENERATE}),
    durations_s=range(1, 16),
    default_duration_s=8,
    aspect_ratios=_RATIOS,
    resolutions=("480p", "720p", "1080p"),
    default_resolution="480p",
    references=7,
    references_resolutions=("480p", "720p"),
    last_frame=True,
    keyframes=4,
    generate_audio=True,
    price=Price(
        second={"480p": 8 * _CENT, "720p": 14 * _CENT, "1080p": 25 * _CENT}, picture=_CENT, source=_PRICES
    ),
    allowances={"wide-ratios": _WIDE_RATIOS},
    sources=(_REFERENCE, _GUIDE, _PRICES, _SEEN),
)

_LITE = ModelRules(
    operations=frozenset({Operation.GENERATE}),
    durations_s=range(1, 16),
    default_duration_s=8,
    aspect_ratios=_RATIOS,
    resolutions=("480p", "720p", "1080p"),
    default_resolution="480p",
    generate_audio=True,
    price=Price(
        second={"480p": 2 * _CENT, "720p": 3 * _CENT, "1080p": 14 * _CENT}, picture=_CENT, source=_PRICES
    ),
    allowances={"wide-ratios": _WIDE_RATIOS},
    sources=(_REFERENCE, _GUIDE, _PRICES),
)

MODELS: Mapping[str, ModelRules] = {
    "grok-imagine-video": _CLASSIC,
    "grok-imagine-video-1.5": _NEW,
    "grok-imagine-video-1.5-lite": _LITE,
    "grok-imagine-video-beta": replace(_CLASSIC, alias_of="grok-imagine-video"),
    "grok-imagine-video-1.5-preview": replace(_NEW, alias_of="grok-imagine-video-1.5"),
}

XAI = Capabilities(
    title="xAI",
    key_env="XAI_API_KEY",
    base_url_env="XAI_BASE_URL",
    prices_env="XAI_PRICES",
    base_url="https://api.x.ai",
    default_model="grok-imagine-video",
    models=MODELS,
    max_prompt_chars=4096,  # observed, not promised
    picture_sets_ratio=True,
    takes_user=True,
    inline_video_bytes=50_000_000,  # a data URI is documented, its size is not
    submit_per_s=1.0,
    submit_known=True,
    poll_per_s=5.0,
    max_in_flight=20,
    poll=PollAdvice(first_s=5.0, min_s=5.0, max_s=15.0, growth=0.1),
    longest_s=240.0,  # 1 to 4 minutes, seen (_TIMES)
    url_life_s=3600.0,  # 24 h, "temporary" or 1 h, by page
    sources=(_REFERENCE, _LIMITS, _PROMPT, _INLINE_VIDEO, _TIMES, _LINKS, _BATCH),
)

PROVIDER = Grok(name="xai", capabilities=XAI, root="/v1/videos")
