"""Jobs as a provider takes them: without the defaults that mean nothing for them, and checked.

Most jobs of a manifest have settings that another has too: what a table says of settings is looked up once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any, NamedTuple

from pipeline.manifest import Entry
from pipeline.model import Job
from pipeline.providers.base import FieldProblem, Provider
from pipeline.providers.rules import fixed_by_model, ignored_defaults, model_of

MANIFEST_NAMES = {"duration_s": "duration"}
_MAX_KEPT = 10_000
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


class _Verdict(NamedTuple):
    """What is known of some settings. `drop`: fields of `Job` whose default means nothing."""

    drop: dict[str, Any]
    fixed: tuple[tuple[str, str], ...]  # of these, what a model fixes itself: field and model
    is_sound: bool


class Fitting:
    """What one provider makes of jobs. `dropped` counts defaults that it fixes itself, by field and model."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.dropped: Counter[tuple[str, str]] = Counter()
        self._facts = provider.capabilities
        self._known: dict[Hashable, _Verdict] = {}
        self._alike: dict[Hashable, Callable[..., Job]] = {}  # makes jobs of a kind

    def problems(self, entry: Entry) -> tuple[FieldProblem, ...]:
        """All that would be refused, or ignored in silence. Counts the defaults that do not count."""
        settings = entry.settings
        verdict = self._known.get(settings)
        if verdict is None or not verdict.is_sound or not self._is_plain(entry.values["prompt"]):
            verdict, found = self._judge(entry)
            if settings is not None and len(self._known) < _MAX_KEPT:
                self._known[settings] = verdict
        else:
            found = ()
        if verdict.fixed:
            self.dropped.update(verdict.fixed)
        return found

    def passes(self, entry: Entry, prompts: Sequence[str]) -> bool:
        """Whether nothing is refused of jobs like this sound one that have these prompts."""
        verdict = self._known.get(entry.settings)
        if verdict is None or not verdict.is_sound:
            return False
        for name in verdict.fixed:
            self.dropped[name] += len(prompts)
        longest = self._facts.max_prompt_chars
        if longest is not None and max(map(len, prompts)) > longest:
            return False
        text = "".join(prompts)
        return text.isascii() or not _HALF_A_CHARACTER.search(text)

    def job(self, entry: Entry) -> Job:
        """The job without defaults that mean nothing for it, so that editing them buys nothing again."""
        if entry.kind is None:
            return self._job(entry)
        like = self._alike.get(entry.kind)
        if like is None:
            job = self._job(entry)
            given = {each.name: getattr(job, each.name) for each in fields(Job)}
            self._alike[entry.kind] = partial(
                Job, **{n: given[n] for n in given if n not in ("key", "prompt")}
            )
            return job
        return like(key=entry.key, prompt=entry.values["prompt"])

    def _job(self, entry: Entry) -> Job:
        job, verdict = entry.job, self._known.get(entry.settings)
        drop = self._drop(entry, job) if verdict is None else verdict.drop
        return replace(job, **drop) if drop else job

    def _judge(self, entry: Entry) -> tuple[_Verdict, tuple[FieldProblem, ...]]:
        job = entry.job
        drop = self._drop(entry, job)
        found = self.provider.validate(replace(job, **drop) if drop else job)
        model = model_of(job, self._facts)
        fixed = tuple(
            (MANIFEST_NAMES.get(name, name), model)
            for name in fixed_by_model(job, self._facts)
            if name in drop
        )
        return _Verdict(drop, fixed, not found), found

    def _drop(self, entry: Entry, job: Job) -> dict[str, Any]:
        return {
            name: None
            for name in ignored_defaults(job, self._facts)
            if getattr(job, name) is not None and MANIFEST_NAMES.get(name, name) not in entry.own
        }

    def _is_plain(self, prompt: str) -> bool:
        """Whether no provider minds the text: everything else about a job is in its settings."""
        longest = self._facts.max_prompt_chars
        if longest is not None and len(prompt) > longest:
            return False
        return prompt.isascii() or not _HALF_A_CHARACTER.search(prompt)
