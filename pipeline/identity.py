"""What makes two jobs the same purchase: the fingerprint of what was asked.

Golden values stand in the tests. A new field joins the spec only where a job sets it, so that a new
version never buys anything again. In it and not in it: docs/design.md, "Identity".
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from pipeline.model import Image, Job

SPEC_VERSION = 1
_PROMPT = "prompt"
_as_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def fingerprint(job: Job, provider: str, parent_fingerprint: str | None = None) -> str:
    """SHA-256 (hex) of the canonical spec. `parent_fingerprint`: of the job it starts from, if any."""
    return hashlib.sha256(canonical_spec(job, provider, parent_fingerprint).encode()).hexdigest()


def canonical_spec(job: Job, provider: str, parent_fingerprint: str | None = None) -> str:
    """The spec as JSON with sorted keys and no spaces; what the user left out is left out."""
    settings = (provider, job.operation.value, job.model, job.duration_s, job.aspect_ratio, job.resolution)
    more = (job.generate_audio, job.resize, job.revision)
    if job.source is None and not job.pictures:  # most jobs: all but the prompt is what others have, too
        before, behind = _around_the_prompt(*settings, *more)
    else:
        before, behind = _halves(_spec(*settings, *more) | _material(job, parent_fingerprint))
    return f"{before}{_as_json(job.prompt)}{behind}"


def _spec(
    provider: str,
    operation: str,
    model: str | None,
    duration_s: int | None,
    aspect_ratio: str | None,
    resolution: str | None,
    generate_audio: bool | None,
    resize: int | None,
    revision: str | None,
) -> dict[str, Any]:
    return {
        "v": SPEC_VERSION,
        "provider": provider,
        "operation": operation,
        "model": model,
        "duration_s": duration_s,
        "aspect_ratio": aspect_ratio,
        "resolution": resolution,
        "generate_audio": generate_audio,
        "resize": resize,
        "revision": revision,
    }


def _material(job: Job, parent_fingerprint: str | None) -> dict[str, Any]:
    return {
        "image": _image_spec(job.image),
        "reference_images": [_image_spec(image) for image in job.reference_images] or None,
        "last_frame": _image_spec(job.last_frame),
        "keyframes": [[frame.timestamp_s, _image_spec(frame.image)] for frame in job.keyframes] or None,
        "video": _video_spec(job, parent_fingerprint),
    }


def _halves(spec: dict[str, Any]) -> tuple[str, str]:
    """What stands before the prompt's value, and what behind it."""
    given = {name: value for name, value in spec.items() if value is not None}
    before = {name: value for name, value in given.items() if name < _PROMPT}
    behind = {name: value for name, value in given.items() if name > _PROMPT}
    return f'{_as_json(before)[:-1]},"{_PROMPT}":', f",{_as_json(behind)[1:]}"


@lru_cache(maxsize=4096, typed=True)
def _around_the_prompt(*settings: Any) -> tuple[str, str]:
    return _halves(_spec(*settings))


def _image_spec(image: Image | None) -> dict[str, str] | None:
    """A file counts by its content as it lies on disk, a link by its text or the id that stands for it."""
    if image is None:
        return None
    if image.id is not None:
        return {"id": image.id}
    if image.sha256 is not None:
        return {"sha256": image.sha256}
    assert image.url is not None, "an image is hashed before it is fingerprinted"
    return {"url": image.url}


def _video_spec(job: Job, parent_fingerprint: str | None) -> dict[str, str] | None:
    if job.source is None:
        return None
    if job.parent_key is None:
        return {"url": job.source}
    assert parent_fingerprint is not None, "a parent is fingerprinted before its children"
    return {"parent": parent_fingerprint}
