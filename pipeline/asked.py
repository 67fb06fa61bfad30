"""What was asked for, as side files and the log show it: enough to know a job again, and no more."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from pipeline.model import Image, Job


def asked_of(job: Job) -> dict[str, Any]:
    """The job without what it leaves out, and without the bytes of an inline picture."""
    return {
        name: _given(value)
        for name, value in asdict(job.with_pictures(_shown)).items()
        if value not in (None, ())
    }


def _shown(image: Image) -> Image:
    inline = image.sha256 is not None and image.path is None
    return replace(image, url="data:") if inline else image


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _given(inner) for name, inner in value.items() if inner is not None}
    return [_given(inner) for inner in value] if isinstance(value, tuple) else value
