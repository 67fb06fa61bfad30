"""Job keys over the whole file: made from prompts, unique, and what `edit` and `extend` say about them.

The only thing that grows with the file: about 200 bytes for a job, a little more for a link.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from functools import partial
from typing import NamedTuple

from pipeline.manifest.fields import JobFields
from pipeline.manifest.problems import Problems
from pipeline.manifest.scalars import quoted
from pipeline.manifest.shapes import Place
from pipeline.manifest.wording import near_key

_SLUG_CHARS = 40
_LATER = ("extend", "reference_images", "last_frame", "keyframes", "generate_audio", "resize")
_MAX_NAMED = 6  # jobs of a circle that a message names


def made_key(job: JobFields) -> str:
    """Slug of the prompt, and a hash of what shapes the clip.

    Only of the job's own fields: neither its position in the file nor a new default renames it. Tags and
    `user` do not change the clip, so they do not count; a new `revision` is another take of the same job.
    """
    image = job.image_id or job.image
    spec: list[object] = [job.prompt, job.model, job.duration, job.aspect_ratio, job.resolution, image]
    spec.append(job.edit)
    # Fields of later versions join only where they are set: a key, once made, stays.
    later = job.model_dump(include=set(_LATER), exclude_none=True)
    spec += [later] if later else []
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:8]
    return f"{_slug(job.prompt)}-{digest}"


def _slug(prompt: str) -> str:
    start = prompt[: 4 * _SLUG_CHARS]
    ascii_only = unicodedata.normalize("NFKD", start).encode("ascii", "ignore").decode().lower()
    words = re.findall("[a-z0-9]+", ascii_only)
    slug = ""
    for word in words:
        if slug and len(slug) + 1 + len(word) > _SLUG_CHARS:
            break
        slug = f"{slug}-{word}" if slug else word[:_SLUG_CHARS]
    return slug or "clip"


class _Link(NamedTuple):
    """That a job starts from the clip of another: by which field, and where it stands."""

    field: str
    parent: str
    place: Place
    number: int


class KeyIndex:
    """Every key of one file. `broken` gets the numbers of jobs that cannot stand as they are."""

    def __init__(self, problems: Problems, broken: set[int]) -> None:
        self._problems = problems
        self._broken = broken
        self._keys: dict[str, Place] = {}
        self._spellings: dict[str, str] = {}  # lower case to the key, for keys that are not lower case
        self._links: dict[str, _Link] = {}  # by child

    def add(self, key: str, number: int, place: Place, made: bool) -> bool:
        """Takes the key, if no other job has it."""
        lower = key.lower()
        first = self._spellings.get(lower, lower)
        if first in self._keys:
            self._broken.add(number)
            self._problems.add(place, partial(_say_twice, key, first, self._keys[first], made))
            return False
        self._keys[key] = place
        if lower != key:
            self._spellings[lower] = key
        return True

    def add_link(self, key: str, field: str, parent: str, number: int, place: Place) -> None:
        self._links[key] = _Link(field, parent, place, number)

    def check_links(self) -> None:
        """After the last job: every parent is there, and no job waits for itself."""
        for key, link in self._links.items():
            if link.parent not in self._keys:
                self._broken.add(link.number)
                self._problems.add(link.place, partial(self._say_no_parent, key, link))
        for circle in self._circles():
            first = self._links[circle[0]]
            self._broken.update(self._links[key].number for key in circle)
            self._problems.add(first.place, _say_circle(circle, first.field))

    def _circles(self) -> list[list[str]]:
        """Each circle of links, from its first job in the file on. A job has one parent at most."""
        walked: dict[str, str] = {}  # job to the job from which the walk that passed it began
        circles = []
        for start in self._links:
            path: list[str] = []
            key = start
            while key in self._links and key not in walked:
                walked[key] = start
                path.append(key)
                key = self._links[key].parent
            if path and walked.get(key) == start:
                circles.append(self._from_first(path[path.index(key) :]))
        return circles

    def _from_first(self, circle: list[str]) -> list[str]:
        at = min(range(len(circle)), key=lambda index: self._links[circle[index]].number)
        return circle[at:] + circle[:at]

    def _say_no_parent(self, key: str, link: _Link) -> str:
        parent = link.parent
        spelled = self._spellings.get(parent.lower(), parent.lower())
        near = f'; did you mean "{spelled}"?' if spelled in self._keys else near_key(parent, self._keys)
        return f'job "{key}": {link.field}: there is no job {quoted(parent)}{near}'


def _say_twice(key: str, first: str, at: Place, made: bool) -> str:
    where = f"line {at[0]}, column {at[1]}"
    if made:
        return (
            f'job "{key}": this key, made from prompt and settings, is also that of the job at {where}; '
            'give one of them an "id"'
        )
    if key == first:
        return f'job "{key}": id: used twice (first at {where})'
    return f'job "{key}": id: differs only in case from "{first}" at {where}, and file names may ignore case'


def _say_circle(circle: list[str], field: str) -> str:
    if len(circle) == 1:
        return f'job "{circle[0]}": {field}: names the job itself'
    named = [f'"{key}"' for key in circle[:_MAX_NAMED]]
    more = [f"... {len(circle) - _MAX_NAMED} more"] if len(circle) > _MAX_NAMED else []
    path = " -> ".join([*named, *more, named[0]])
    return f'job "{circle[0]}": {field}: these jobs wait for one another in a circle: {path}'
