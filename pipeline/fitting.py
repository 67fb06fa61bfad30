"""Jobs as a provider takes them: without the defaults that mean nothing for them, and checked.

Most jobs of a manifest have settings that another has too: what a table says of settings is looked up once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from pipeline.manifest import Entry
from pipeline.model import Job
from pipeline.providers.base import FieldProblem, Provider
from pipeline.providers.rules import fixed_by_model, ignored_defaults, model_of

MANIFEST_NAMES = {"duration_s": "duration"}
_MAX_KEPT = 10_000
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


class Fitting:
    """What one provider makes of jobs. `dropped` counts defaults that it fixes itself, by field and model."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.dropped: Counter[tuple[str, str]] = Counter()
        self._facts = provider.capabilities
        self._ignored: dict[Hashable, tuple[str, ...]] = {}
        self._sound: set[Hashable] = set()

    def job(self, entry: Entry) -> Job:
        """The job without defaults that mean nothing for it, so that editing them buys nothing again."""
        job = entry.job
        settings = _settings(job)
        ignored = self._ignored.get(settings) if settings is not None else None
        if ignored is None:
            ignored = tuple(ignored_defaults(job, self._facts))
            self._keep(settings, ignored)
        drop: dict[str, Any] = {
            name: None
            for name in ignored
            if getattr(job, name) is not None and MANIFEST_NAMES.get(name, name) not in entry.own
        }
        if not drop:
            return job
        for name in drop.keys() & fixed_by_model(job, self._facts):
            self.dropped[MANIFEST_NAMES.get(name, name), model_of(job, self._facts)] += 1
        return replace(job, **drop)

    def problems(self, job: Job) -> tuple[FieldProblem, ...]:
        """All that would be refused, or ignored in silence. `job`: as `self.job` gave it."""
        settings = _settings(job)
        if settings in self._sound and self._is_plain(job):
            return ()
        found = self.provider.validate(job)
        if not found and settings is not None and len(self._sound) < _MAX_KEPT:
            self._sound.add(settings)
        return found

    def _keep(self, settings: Hashable | None, ignored: tuple[str, ...]) -> None:
        if settings is not None and len(self._ignored) < _MAX_KEPT:
            self._ignored[settings] = ignored

    def _is_plain(self, job: Job) -> bool:
        """Whether no provider minds its texts: everything else about it is in its settings."""
        longest = self._facts.max_prompt_chars
        if longest is not None and len(job.prompt) > longest:
            return False
        return job.prompt.isascii() or not _HALF_A_CHARACTER.search(job.prompt)


def _settings(job: Job) -> Hashable | None:
    """All of a job that a table of rules looks at; None for the few where that is more than is worth it."""
    if job.user is not None or job.reference_images or job.last_frame or job.keyframes:
        return None
    if (job.image is not None and job.image.path is None) or (job.source is not None and ":" in job.source):
        return None
    return (
        job.model,
        job.duration_s,
        job.aspect_ratio,
        job.resolution,
        job.generate_audio,
        job.image is None,
        job.resize,
        job.edit is None,
        job.extend is None,
        job.allow,
    )
