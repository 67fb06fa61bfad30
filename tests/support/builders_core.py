"""Builders of jobs, takes and plan rows that show only what a test is about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import settings

from pipeline.identity import fingerprint
from pipeline.ledger.base import PlannedJob
from pipeline.model import Image, Job, Take, TakeState

steady = settings(deadline=None, derandomize=True)
"""The same examples every time, however busy the machine is."""

ANY_PROVIDER = "cometapi"
ANY_FINGERPRINT = "0123456789abcdef" * 4


def a_job(key: str = "fox", **facts: Any) -> Job:
    return Job(**{"key": key, "prompt": "A fox runs."} | facts)


def a_file_image(**facts: Any) -> Image:
    """A picture on disk, as it stands after the manifest was checked."""
    plain = {"path": "/pictures/desk.png", "sha256": "ab" * 32, "size_bytes": 9, "media_type": "image/png"}
    return Image(**plain | facts)


def a_take(key: str = "fox", content: bytes | None = None, **facts: Any) -> Take:
    """A take of a plain job. `content`: what its clip holds, for hash and size."""
    known: dict[str, Any] = {
        "id": 1,
        "job": a_job(key),
        "fingerprint": ANY_FINGERPRINT,
        "number": 1,
        "state": TakeState.READY,
        "provider": ANY_PROVIDER,
    }
    if content is not None:
        known |= {"sha256": sha256_of(content), "size_bytes": len(content)}
    return Take(**known | facts)


def a_row(key: str = "fox", position: int = 0, parent: str | None = None, **facts: Any) -> PlannedJob:
    """A row of a plan; `parent` is the fingerprint of the job that this one edits."""
    job = a_job(key, **facts)
    return PlannedJob(job=job, fingerprint=fingerprint(job, ANY_PROVIDER, parent), position=position)


def rows_of(keys: Iterable[str]) -> list[PlannedJob]:
    return [a_row(key, position) for position, key in enumerate(keys)]


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def mode_of(path: Path) -> int:
    """The permission bits of a file."""
    return path.stat().st_mode & 0o777
