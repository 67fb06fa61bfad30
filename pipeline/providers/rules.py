"""What a provider's table says about one job: its model's rules, its clip, and what that costs by the list.

Pure look-ups over `Capabilities`; what a job does wrong is said in checks.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pipeline.model import Job, Operation
from pipeline.money import ANY, Price
from pipeline.providers.base import Capabilities, ModelRules

SETTINGS = {"duration": "duration_s", "aspect_ratio": "aspect_ratio", "resolution": "resolution"}
"""The manifest's names of what shapes a clip, and those of `Job`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a clip will be, as far as it is known before it is made."""

    duration_s: float
    resolution: str


def model_of(job: Job, facts: Capabilities) -> str:
    return job.model or facts.default_model


def rules_of(job: Job, facts: Capabilities) -> ModelRules | None:
    """The rules of the job's model, widened by what the job allows; None for a model nobody knows."""
    rules = facts.models.get(model_of(job, facts))
    if rules is None:
        return None
    changes: dict[str, Any] = {}
    for name in job.allow:
        if name in rules.allowances:
            changes |= rules.allowances[name].changes
    return replace(rules, **changes) if changes else rules


def ignored_defaults(job: Job, facts: Capabilities) -> frozenset[str]:
    """Fields of `Job` that count only where the job sets them itself: a default for them is dropped.

    An edit keeps what its source has, and so does an extension, whose duration is the part that is added.
    A picture decides the ratio, where the gateway says so, unless the job insists.
    """
    dropped = set(fixed_by_model(job, facts))
    if job.operation is not Operation.GENERATE:
        dropped |= {*SETTINGS.values(), "generate_audio"}
    elif job.image is not None and facts.picture_sets_ratio:
        dropped.add("aspect_ratio")
    if not facts.takes_user:
        dropped.add("user")
    if all(image.is_link for _, image in job.pictures):
        dropped.add("resize")  # nothing of ours is sent that could be made smaller
    return frozenset(dropped)


def fixed_by_model(job: Job, facts: Capabilities) -> frozenset[str]:
    """Fields of `Job` that its model does not take at all."""
    rules = rules_of(job, facts)
    if rules is None or job.operation is not Operation.GENERATE:
        return frozenset()
    fixed = {"duration_s": not rules.durations_s, "resolution": not rules.resolutions}
    fixed["generate_audio"] = not rules.generate_audio
    return frozenset(name for name, is_fixed in fixed.items() if is_fixed)


def shape_of(job: Job, facts: Capabilities, source: Shape | None) -> Shape | None:
    """Length and resolution of the clip. `source`: those of the video that it starts from, if known."""
    rules = rules_of(job, facts)
    if rules is None:
        return None
    if job.operation is Operation.GENERATE:
        return Shape(
            duration_s=rules.default_duration_s if job.duration_s is None else job.duration_s,
            resolution=job.resolution or rules.default_resolution,
        )
    if source is None:
        return None
    # It keeps its source's resolution, as far as the model goes.
    resolution = source.resolution if source.resolution in rules.resolutions else rules.resolutions[-1]
    added_s = 0 if job.operation is Operation.EDIT else added_of(job, rules)
    return Shape(duration_s=source.duration_s + added_s, resolution=resolution)


def added_of(job: Job, rules: ModelRules) -> int:
    """Seconds that an extension adds."""
    return rules.default_added_s if job.duration_s is None else job.duration_s


def list_price(job: Job, facts: Capabilities, source: Shape | None) -> int | None:
    """Ticks by the vendor's price list; None where there is none, or where it hangs on what is not known."""
    rules = rules_of(job, facts)
    return None if rules is None or rules.price is None else price_of(job, facts, source, rules.price)


def price_of(job: Job, facts: Capabilities, source: Shape | None, price: Price) -> int | None:
    """Ticks by this price; None where it hangs on what is not known, as of a video that only has a URL."""
    seconds = _seconds_price(job, facts, source, price)
    if seconds is None or (price.source_second and job.source is not None and source is None):
        return None
    source_s = 0.0 if source is None else source.duration_s
    pictures = len(job.pictures) * price.picture
    return round(price.clip + seconds + pictures + source_s * price.source_second)


def _seconds_price(job: Job, facts: Capabilities, source: Shape | None, price: Price) -> float | None:
    """For the seconds that are made."""
    if not price.second:
        return 0
    rules, shape = rules_of(job, facts), shape_of(job, facts, source)
    if rules is None or shape is None:
        return None
    second = price.second.get(shape.resolution, price.second.get(ANY))
    made_s = shape.duration_s if job.operation is not Operation.EXTEND else added_of(job, rules)
    return None if second is None else made_s * second
