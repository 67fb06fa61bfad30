"""Checking a job against a capability table, before it costs anything.

Shared by every provider: some gateways ignore what they do not know, without an error, and bill all the
same (docs/provider-apis.md, "Requests"), so the table is the only guard. Each message says what was given
and what is allowed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from pipeline.model import Image, Job
from pipeline.providers.base import Capabilities, FieldProblem, ModelRules

_DATA_URI = re.compile(r"data:([a-z0-9.+/-]{1,100})(?:;[^,;]{1,100}){0,4},", re.IGNORECASE)


def one_of(values: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *most, last = [str(value) for value in values] or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with a leading space, or nothing."""
    close = difflib.get_close_matches(word[:100].lower(), list(known), n=1)
    return f' Did you mean "{close[0]}"?' if close else ""


def model_problem(job: Job, capabilities: Capabilities) -> FieldProblem | None:
    """Whether the model exists here and can do what the job asks for."""
    model = job.model or capabilities.default_model
    rules = capabilities.models.get(model)
    if rules is None:
        hint = did_you_mean(model, capabilities.models)
        return FieldProblem(
            field="model", message=f'unknown model "{model}"; allowed: {one_of(capabilities.models)}.{hint}'
        )
    if job.operation in rules.operations:
        return None
    able = [name for name, other in capabilities.models.items() if job.operation in other.operations]
    if not able:
        return FieldProblem(field=job.operation, message=f"this provider cannot {job.operation} videos")
    message = f'"{model}" cannot {job.operation} videos; allowed: {one_of(able)}'
    return FieldProblem(field="model", message=message)


def text_problems(job: Job, *, max_prompt_chars: int) -> Iterator[FieldProblem]:
    """The prompt is there and not too long, and every text can be written as UTF-8."""
    if not job.prompt.strip():
        yield FieldProblem(field="prompt", message="is empty; the gateway needs one")
    elif (length := len(job.prompt)) > max_prompt_chars:
        yield FieldProblem(
            field="prompt", message=f"has {length} characters; allowed: at most {max_prompt_chars}"
        )
    for field, text in (("prompt", job.prompt), ("user", job.user or "")):
        if any("\ud800" <= char <= "\udfff" for char in text):
            yield FieldProblem(field=field, message="holds half a character (a lone surrogate)")


def setting_problems(job: Job, rules: ModelRules, capabilities: Capabilities) -> Iterator[FieldProblem]:
    """Duration, ratio and resolution lie in the model's table."""
    seconds, allowed = job.duration_s, rules.durations_s
    if seconds is not None and seconds not in allowed:
        spell = f"{allowed[0]} to {allowed[-1]}" if allowed.step == 1 else one_of(str(one) for one in allowed)
        yield FieldProblem(field="duration", message=f"{seconds} s is not offered; allowed: {spell} s")
    if job.aspect_ratio is not None and job.aspect_ratio not in rules.aspect_ratios:
        yield FieldProblem(
            field="aspect_ratio",
            message=f'"{job.aspect_ratio}" is not offered; allowed: {one_of(rules.aspect_ratios)}',
        )
    if job.resolution is not None and job.resolution not in rules.resolutions:
        able = [name for name, other in capabilities.models.items() if job.resolution in other.resolutions]
        hint = f" ({one_of(able)} offers it)" if able else ""
        allowed_text = one_of(rules.resolutions)
        yield FieldProblem(
            field="resolution",
            message=f'"{job.resolution}" is not offered by this model; allowed: {allowed_text}{hint}',
        )


def image_problem(image: Image, rules: ModelRules, media_types: tuple[str, ...]) -> FieldProblem | None:
    """The picture comes from exactly one place, in a form and type that the gateway reads."""
    if not rules.image:
        return FieldProblem(field="image", message="this model takes no picture")
    if (image.path is None) == (image.url is None):
        return FieldProblem(field="image", message="needs exactly one of a file, an https URL or a data URI")
    kind = image.media_type
    if image.url is not None and not image.url.startswith("https://"):
        if not (match := _DATA_URI.match(image.url[:1000])):
            return FieldProblem(field="image", message="a URL must start with https:// or data:image/")
        kind = match[1].lower()
    if kind is not None and kind not in media_types:
        return FieldProblem(field="image", message=f'is "{kind}"; allowed: {one_of(media_types)}')
    return None
