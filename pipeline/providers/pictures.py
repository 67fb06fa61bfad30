"""Checking a job's pictures against its model: which fields, how many, in what form, and beside what."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.model import Image, Job
from pipeline.providers.base import FieldProblem, ModelRules
from pipeline.providers.words import one_of

# "JPEG, PNG, WebP": xAI's and CometAPI's generation pages, read 22 November 2026; GlobalAiOpc names none.
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")

GRID_PER_S = 3  # keyframes stand on a grid of thirds of a second (xAI generation guide, 22 November 2026)
GRID_SLACK_S = 0.005  # 3.33 and 3.667 are meant as thirds

_DATA_URI = re.compile(r"data:([a-z0-9.+/-]{1,100})(?:;[^,;]{1,100}){0,4},", re.IGNORECASE)
_URLS_ONLY = (
    "this model reads pictures from public URLs only: put the file where the gateway can fetch it, such as a"
    ' bucket with public or signed links, and give its https URL ("image_id" if the link changes)'
)


def picture_problems(job: Job, rules: ModelRules) -> Iterator[FieldProblem]:
    """All that is wrong with the pictures of a generation."""
    for field, image in job.pictures:
        if (wrong := _form_problem(image, rules)) is not None:
            yield FieldProblem(field=field, message=wrong)
    if job.image is not None and not rules.image:
        yield FieldProblem(field="image", message="this model takes no picture")
    if job.reference_images:
        yield from _reference_problems(job, rules)
    if job.last_frame is not None and not rules.last_frame:
        yield FieldProblem(field="last_frame", message="this model takes none; leave it out")
    if job.keyframes:
        yield from _keyframe_problems(job, rules)
    if job.resize is not None and all(_is_url(image) for _, image in job.pictures):
        message = "there is no picture from this disk to make smaller; leave it out"
        yield FieldProblem(field="resize", message=message)


def _form_problem(image: Image, rules: ModelRules) -> str | None:
    """The picture comes from exactly one place, in a form and type that the gateway reads."""
    if (image.path is None) == (image.url is None):
        return "needs exactly one of a file, an https URL or a data URI"
    kind = image.media_type
    if image.url is not None and not image.url.startswith("https://"):
        if not (match := _DATA_URI.match(image.url[:1000])):
            return "a URL must start with https:// or data:image/"
        kind = match[1].lower()
    if kind is not None and kind not in MEDIA_TYPES:
        return f'is "{kind}"; allowed: {one_of(MEDIA_TYPES)}'
    return None if rules.inline_images or _is_url(image) else _URLS_ONLY


def _is_url(image: Image) -> bool:
    return image.url is not None and image.url.startswith("https://")


def _reference_problems(job: Job, rules: ModelRules) -> Iterator[FieldProblem]:
    field, count = "reference_images", len(job.reference_images)
    if not rules.references:
        yield FieldProblem(field=field, message="this model takes none; leave them out")
        return
    if rules.image_is_reference and job.image is not None:
        count += 1
    if count > rules.references:
        message = f"{count} pictures are too many; allowed: at most {rules.references}"
        yield FieldProblem(field=field, message=message)
    if job.image is not None and not rules.references_beside_image:
        yield FieldProblem(field=field, message='this model takes them or "image", not both')
    seconds = rules.default_duration_s if job.duration_s is None else job.duration_s
    if rules.references_max_s is not None and seconds > rules.references_max_s:
        message = (
            f"{seconds} s is too long with reference images; allowed: at most {rules.references_max_s} s"
        )
        yield FieldProblem(field="duration", message=message)
    offered = rules.references_resolutions
    if offered is not None and (job.resolution or rules.default_resolution) not in offered:
        given = job.resolution or rules.default_resolution
        message = f'"{given}" is not offered with reference images; allowed: {one_of(offered)}'
        yield FieldProblem(field="resolution", message=message)


def _keyframe_problems(job: Job, rules: ModelRules) -> Iterator[FieldProblem]:
    field, count = "keyframes", len(job.keyframes)
    if not rules.keyframes:
        yield FieldProblem(field=field, message="this model takes none; leave them out")
        return
    if count > rules.keyframes:
        message = f"{count} are too many; allowed: at most {rules.keyframes}"
        yield FieldProblem(field=field, message=message)
    seconds = rules.default_duration_s if job.duration_s is None else job.duration_s
    times = [frame.timestamp_s for frame in job.keyframes]
    inside = [at_s for at_s in times if 0 <= at_s <= seconds]
    for at_s in times:
        if at_s not in inside:
            where = "behind the end of" if at_s > seconds else "outside"
            message = f"timestamp_s {at_s:g} lies {where} the clip; allowed: 0 to {seconds} s"
            yield FieldProblem(field=field, message=message)
        elif abs(on_grid(at_s) - at_s) > GRID_SLACK_S:
            message = f"timestamp_s {at_s:g} is not on the grid; allowed: thirds of a second, such as 1.667"
            yield FieldProblem(field=field, message=message)
    if len({on_grid(at_s) for at_s in inside}) < len(inside):
        yield FieldProblem(field=field, message="two of them have the same time")


def on_grid(at_s: float) -> float:
    """The nearest time that the gateway takes."""
    return round(at_s * GRID_PER_S) / GRID_PER_S
