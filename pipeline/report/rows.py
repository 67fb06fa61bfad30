"""A take as the page's scripts read it: a short list of values, with what repeats kept once. Pure.

`assets/1-data.js` reads these lists by position: what is added comes last.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.findings import findings
from pipeline.model import TICKS_PER_USD, Image, Job, Take
from pipeline.money import is_settled, spent

WANTED, REPLACED, SETTLED, OWN_NAME = 1, 2, 4, 8
MOST_PROMPT = 20_000  # characters; a longer one is cut, and says so


class Words:
    """Texts that many takes share, by number in the order of their first use."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str | None) -> int:
        """-1 for none."""
        return -1 if text is None else self._numbers.setdefault(text, len(self._numbers))

    def all(self) -> list[str]:
        return list(self._numbers)


class Rows:
    """`folder`: of the batch, and where the page lies. `since`: wall time that all times count from."""

    def __init__(self, folder: Path, since: float) -> None:
        self._folder = Path(os.path.realpath(folder))
        self._since = since
        self.words = Words()

    def row(self, take: Take, clip: Path | None) -> list[Any]:
        """`clip`: where it lies below the batch folder, if it does."""
        job, number = take.job, self.words.number
        own_name = clip is not None and clip.parts[0] == "clips"
        flags = (take.wanted and WANTED) | (take.replaced and REPLACED) | (is_settled(take) and SETTLED)
        times = (take.intent_at, take.accepted_at, take.ready_at, take.loading_at, take.ended_at)
        prompt = job.prompt if len(job.prompt) <= MOST_PROMPT else job.prompt[:MOST_PROMPT] + "…"
        values = [
            job.key,
            take.version,
            number(take.state.value),
            flags | (own_name and OWN_NAME),
            prompt,
            number(job.model),
            number(_settings(job)),
            [number(tag) for tag in job.tags],
            _usd(spent(take)),
            _usd(take.estimate_ticks),
            [None if wall is None else round(wall - self._since, 1) for wall in times],
            None if clip is None else take.size_bytes or 0,
            number(take.reason),
            self._source(job),
            None if take.probe is None else self._probe(take),
            take.remote_id,
            number(take.reused_from),
        ]
        while values[-1] in (None, -1):
            values.pop()
        return values

    def _probe(self, take: Take) -> list[Any]:
        assert take.probe is not None, "looked for before"
        found = [self.words.number(finding) for finding in findings(take.job, take.probe)]
        return [take.probe.width, take.probe.height, take.probe.duration_s, found]

    def _source(self, job: Job) -> list[Any] | None:
        """What it starts from: another job's key or a video's address, then pictures with their field."""
        if job.source is None and not job.pictures:
            return None
        pictures = [[self.words.number(name), *self._picture(image)] for name, image in job.pictures]
        return [job.parent_key, None if job.parent_key else job.source, pictures]

    def _picture(self, image: Image) -> tuple[str | None, str]:
        """Where a file lies as seen from the page, and what to call it. Nothing is fetched from a network."""
        if image.path is not None:
            try:
                place = os.path.relpath(image.path, self._folder)
            except ValueError:
                return None, image.path
            return quote(os.fsencode(place)), Path(image.path).name
        link = image.url or ""
        return None, link.partition("?")[0] if image.is_link else "a picture inside the manifest"


def _settings(job: Job) -> str | None:
    """`6 s · 720p · 16:9`."""
    length = None if job.duration_s is None else f"{job.duration_s:g} s"
    sound = {None: None, True: "sound", False: "no sound"}[job.generate_audio]
    given = [length, job.resolution, job.aspect_ratio, sound]
    return " · ".join(word for word in given if word is not None) or None


def _usd(ticks: int | None) -> float | None:
    return None if ticks is None else round(ticks / TICKS_PER_USD, 6)
