"""What makes two jobs the same purchase: the fingerprint of what was asked.

Golden values stand in the tests. A new field joins the spec only where a job sets it, so that a new
version never buys anything again. In it and not in it: docs/design.md, "Identity".
"""

from __future__ import annotations

import hashlib
import json

from pipeline.model import Image, Job

SPEC_VERSION = 1


def fingerprint(job: Job, provider: str, parent_fingerprint: str | None = None) -> str:
    """SHA-256 (hex) of the canonical spec. `parent_fingerprint`: of the job it starts from, if any."""
    return hashlib.sha256(canonical_spec(job, provider, parent_fingerprint).encode()).hexdigest()


def canonical_spec(job: Job, provider: str, parent_fingerprint: str | None = None) -> str:
    """The spec as JSON with sorted keys and no spaces; what the user left out is left out."""
    spec = {
        "v": SPEC_VERSION,
        "provider": provider,
        "operation": job.operation.value,
        "model": job.model,
        "prompt": job.prompt,
        "duration_s": job.duration_s,
        "aspect_ratio": job.aspect_ratio,
        "resolution": job.resolution,
        "generate_audio": job.generate_audio,
        "image": _image_spec(job.image),
        "reference_images": [_image_spec(image) for image in job.reference_images] or None,
        "last_frame": _image_spec(job.last_frame),
        "keyframes": [[frame.timestamp_s, _image_spec(frame.image)] for frame in job.keyframes] or None,
        "resize": job.resize,
        "video": _video_spec(job, parent_fingerprint),
        "revision": job.revision,
    }
    given = {name: value for name, value in spec.items() if value is not None}
    return json.dumps(given, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


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
