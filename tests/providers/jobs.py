"""Jobs to try a provider with, and each rule of its tables broken once: what the tests of rules are made of.

Everything is derived from the capability tables, so that a new model is tested without a line here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pipeline.model import Image, Job, Keyframe, Operation
from pipeline.providers import PROVIDERS
from pipeline.providers.base import Call, FilePart, ModelRules, Provider

PICTURE = bytes(range(256)) * 3 + b"end"
LINK = "https://example.com/fox.png"
DATA_URI = "data:image/png;base64,iVBORw0KGgo="
CLIP = "https://vidgen.x.ai/clip.mp4"
EVERY_RESOLUTION = ("480p", "720p", "1080p", "4k")
MODELS = [(provider, model) for provider in PROVIDERS.values() for model in provider.capabilities.models]
MODEL_IDS = [f"{provider.name}-{model}" for provider, model in MODELS]


@dataclass(frozen=True, slots=True)
class Broken:
    """A job that breaks one rule: `rule` is the field of the table, `field` the manifest's."""

    rule: str
    field: str
    job: Job


def a_job(**more: Any) -> Job:
    return Job(**{"key": "fox", "prompt": "A fox in the snow.", **more})


def a_file(picture: bytes = PICTURE, media_type: str = "image/png") -> Image:
    digest = hashlib.sha256(picture).hexdigest()
    return Image(path="images/fox.png", sha256=digest, size_bytes=len(picture), media_type=media_type)


def a_link(number: int = 0) -> Image:
    return Image(url=f"https://example.com/{number}.png")


def links(count: int) -> tuple[Image, ...]:
    return tuple(a_link(number) for number in range(count))


def keyframes(*times_s: float) -> tuple[Keyframe, ...]:
    return tuple(Keyframe(image=a_link(number), timestamp_s=at_s) for number, at_s in enumerate(times_s))


def a_job_with_a_file(provider: Provider, picture: bytes = PICTURE, **more: Any) -> Job:
    """A picture from this disk; where the gateway takes none by default, as its `allow` rule has it."""
    allow = every_allowance(provider)
    models = provider.capabilities.models
    for model in models:
        job = a_job(model=model, image=a_file(picture), allow=allow, **more)
        if not provider.validate(replace(job, prompt="A fox.")):
            return job
    raise AssertionError(f"no model of {provider.name} takes a file, whatever is allowed")


def every_allowance(provider: Provider) -> tuple[str, ...]:
    models = provider.capabilities.models.values()
    return tuple(sorted({name for rules in models for name in rules.allowances}))


def sent(provider: Provider, job: Job, **more: Any) -> Any:
    """The body as JSON; a file in it is left out."""
    return json.loads(text_of(provider.build_submit(job, **more)))


def text_of(call: Call) -> bytes:
    return b"".join(part for part in call.body if not isinstance(part, FilePart))


def fields_of(provider: Provider, job: Job) -> list[str]:
    return sorted({problem.field for problem in provider.validate(job)})


def broken(provider: Provider, model: str) -> Iterator[Broken]:
    """Every rule of the model broken, one at a time, in jobs that are right otherwise."""
    rules = provider.capabilities.models[model]
    yield from _broken_texts(provider, model)
    if Operation.GENERATE in rules.operations:
        yield from _broken_settings(rules, model)
        yield from _broken_references(rules, model)
        yield from _broken_keyframes(rules, model)
        yield from _broken_pictures(rules, model)
    yield from _broken_sources(provider, rules, model)


def _broken_texts(provider: Provider, model: str) -> Iterator[Broken]:
    facts = provider.capabilities
    yield Broken("prompt", "prompt", a_job(model=model, prompt=" \n"))
    yield Broken("prompt", "prompt", a_job(model=model, prompt="half \ud800 a character"))
    if facts.max_prompt_chars is not None:
        prompt = "雪" * (facts.max_prompt_chars + 1)
        yield Broken("max_prompt_chars", "prompt", a_job(model=model, prompt=prompt))
    if not facts.takes_user:
        yield Broken("takes_user", "user", a_job(model=model, user="u-1"))
    yield Broken("allow", "allow", a_job(model=model, allow=("no-such-rule",)))


def _broken_settings(rules: ModelRules, model: str) -> Iterator[Broken]:
    row = list(rules.durations_s)
    gaps = [value for value in range(row[0], row[-1]) if value not in row][:1] if row else []
    for seconds in [0, row[0] - 1, row[-1] + 1, 10_000, *gaps] if row else [0, rules.default_duration_s]:
        yield Broken("durations_s", "duration", a_job(model=model, duration_s=seconds))
    for ratio in sorted({"21:9", "4:5", "9:16", "16:10", ""} - set(rules.aspect_ratios)):
        yield Broken("aspect_ratios", "aspect_ratio", a_job(model=model, aspect_ratio=ratio))
    for resolution in sorted(set(EVERY_RESOLUTION) - set(rules.resolutions)):
        yield Broken("resolutions", "resolution", a_job(model=model, resolution=resolution))
    for wanted in (True, False):
        if not rules.generate_audio:
            yield Broken("generate_audio", "generate_audio", a_job(model=model, generate_audio=wanted))


def _broken_references(rules: ModelRules, model: str) -> Iterator[Broken]:
    field, most = "reference_images", rules.references
    yield Broken("references", field, a_job(model=model, reference_images=links(most + 1)))
    if not most:
        return
    if rules.image_is_reference:
        both = a_job(model=model, image=a_link(99), reference_images=links(most))
        yield Broken("references", field, both)
    if not rules.references_beside_image:
        both = a_job(model=model, image=a_link(99), reference_images=links(1))
        yield Broken("references_beside_image", field, both)
    if (most_s := rules.references_max_s) is not None:
        for seconds in (value for value in rules.durations_s if value > most_s):
            long = a_job(model=model, duration_s=seconds, reference_images=links(1))
            yield Broken("references_max_s", "duration", long)
    if rules.references_resolutions is not None:
        for resolution in sorted(set(rules.resolutions) - set(rules.references_resolutions)):
            fine = a_job(model=model, resolution=resolution, reference_images=links(1))
            yield Broken("references_resolutions", "resolution", fine)


def _broken_keyframes(rules: ModelRules, model: str) -> Iterator[Broken]:
    end_s = rules.default_duration_s
    rows: list[tuple[float, ...]] = [tuple(number / 3 for number in range(rules.keyframes + 1))]
    if rules.keyframes:
        rows += [(0.5,), (1.34,), (end_s + 1 / 3,), (-1.0,), (1.0, 2.0, 1.0), (3.33, 10 / 3)]
        rows += [(float("nan"),), (float("inf"),)]
    for row in rows:
        yield Broken("keyframes", "keyframes", a_job(model=model, keyframes=keyframes(*row)))
    if rules.keyframes:  # the end of the clip is that of its own duration
        early = a_job(model=model, duration_s=rules.durations_s[0], keyframes=keyframes(end_s))
        yield Broken("keyframes", "keyframes", early)


def _broken_pictures(rules: ModelRules, model: str) -> Iterator[Broken]:
    if not rules.image:
        yield Broken("image", "image", a_job(model=model, image=a_link()))
    if not rules.last_frame:
        yield Broken("last_frame", "last_frame", a_job(model=model, last_frame=a_link()))
    if not rules.inline_images:
        for picture in (a_file(), Image(url=DATA_URI)):
            yield Broken("inline_images", "image", a_job(model=model, image=picture))
            if rules.references:
                row = a_job(model=model, reference_images=(picture,) * rules.references)
                yield Broken("inline_images", "reference_images", row)
    for picture in (
        Image(),
        Image(path="a.png", url=LINK),
        Image(url="http://example.com/a.png"),
        Image(url="data:text/html,hi"),
        Image(path="a.gif", media_type="image/gif"),
    ):
        yield Broken("form", "image", a_job(model=model, image=picture))
    yield Broken("resize", "resize", a_job(model=model, image=a_link(), resize=640))
    yield Broken("resize", "resize", a_job(model=model, resize=640))


def _broken_sources(provider: Provider, rules: ModelRules, model: str) -> Iterator[Broken]:
    able = {name: other.operations for name, other in provider.capabilities.models.items()}
    beside: dict[str, dict[str, Any]] = {
        "aspect_ratio": {"aspect_ratio": "16:9"},
        "resolution": {"resolution": "480p"},
        "generate_audio": {"generate_audio": True},
        "image": {"image": a_link()},
        "reference_images": {"reference_images": links(2)},
        "last_frame": {"last_frame": a_link()},
        "keyframes": {"keyframes": keyframes(1.0)},
        "resize": {"resize": 640},
    }
    for verb in (Operation.EDIT, Operation.EXTEND):
        if verb not in rules.operations:
            field = "model" if any(verb in others for others in able.values()) else verb.value
            yield Broken("operations", field, a_job(model=model, **{verb.value: CLIP}))
            continue
        for field, settings in beside.items():
            yield Broken("beside", field, a_job(model=model, **{verb.value: "candle"}, **settings))
        for source in ("http://example.com/a.mp4", "data:video/mp4;base64,AAAA", "ftp://e.com/a.mp4"):
            yield Broken("source", verb.value, a_job(model=model, **{verb.value: source}))
    if Operation.EDIT in rules.operations:
        yield Broken("beside", "duration", a_job(model=model, edit="candle", duration_s=6))
    if Operation.EXTEND in rules.operations:
        for seconds in (0, rules.added_s[0] - 1, rules.added_s[-1] + 1):
            yield Broken("added_s", "duration", a_job(model=model, extend="candle", duration_s=seconds))
