"""Job keys over the whole manifest: made from prompts, unique, and what `edit` and `extend` say about them.

They are kept in a temporary SQLite database, which spills to disk, so that memory does not grow with the
manifest. Of a link between two jobs 17 bytes stay in memory, and only while circles are looked for.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import unicodedata
from array import array
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from pipeline.manifest.problems import Problems
from pipeline.manifest.scalars import quoted
from pipeline.manifest.shapes import Spot
from pipeline.manifest.wording import near_key

_SLUG_CHARS = 40
_LATER = ("extend", "reference_images", "last_frame", "keyframes", "generate_audio", "resize")
_SAME = '; in a key, "16:9" and "16x9", or "Café" and "Cafe", are the same'
_MAX_NAMED = 6  # jobs of a circle that a message names
_PAGE = 500
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8000;
CREATE TABLE keys (
    lower TEXT PRIMARY KEY, key TEXT, number INTEGER, file TEXT, line INTEGER, place INTEGER
) WITHOUT ROWID;
CREATE TABLE links (
    id INTEGER PRIMARY KEY, child TEXT UNIQUE, field TEXT, parent TEXT,
    number INTEGER, file TEXT, line INTEGER, place INTEGER
);
BEGIN;
"""


def made_key(values: Mapping[str, Any]) -> str:
    """Slug of the prompt, and a hash of what shapes the clip.

    Only of the job's own fields: neither its position in the file nor a new default renames it. Tags and
    `user` do not change the clip, so they do not count; a new `revision` is another take of the same job.
    """
    given = values.get
    image = given("image_id") or given("image")
    spec: list[object] = [
        given(name) for name in ("prompt", "model", "duration", "aspect_ratio", "resolution")
    ]
    spec += [image, given("edit")]
    # Fields of later versions join only where they are set: a key, once made, stays.
    later = {name: values[name] for name in _LATER if name in values}
    if "keyframes" in later:
        later["keyframes"] = [
            {**frame, "timestamp_s": float(frame["timestamp_s"])} for frame in later["keyframes"]
        ]
    spec += [later] if later else []
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:8]
    return f"{_slug(values['prompt'])}-{digest}"


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


class Link(NamedTuple):
    """That a job starts from the clip of another: by which field, and where it stands."""

    field: str
    parent: str
    spot: Spot


_Row = tuple[str, str, int, str, int, int]
"""Lower case, key, number of the job, and its spot."""


class KeyIndex:
    """Every key of one manifest. `broken` gets the numbers of jobs that cannot stand as they are."""

    def __init__(self, problems: Problems, broken: set[int]) -> None:
        self._problems = problems
        self._broken = broken
        self._pending: list[_Row] = []
        self._pending_links: list[tuple[str, int, Link]] = []
        self._told: Spot | None = None  # the job, or row, that was last told to make one key again and again
        self._made: set[int] = set()  # of those that wait: made from the prompt
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(_TABLES)
        self.links = 0

    def close(self) -> None:
        self._db.close()

    def add(self, key: str, number: int, spot: Spot, link: Link | None = None, *, made: bool = False) -> None:
        """Take the key for this job, unless another has it: that shows a little later."""
        self._pending.append((key.lower(), key, number, *spot))
        if link is not None:
            self._pending_links.append((key, number, link))
        if made:
            self._made.add(number)
        if len(self._pending) == _PAGE:
            self._flush()

    def check_links(self, *, all_known: bool = True) -> None:
        """After the last job: every parent is there, and no job waits for itself.

        `all_known`: no job was unreadable, which might be the parent.
        """
        self._flush()
        told: tuple[object, ...] = ()
        for key, field, parent, number, *spot in self._db.execute(
            "SELECT l.child, l.field, l.parent, l.number, l.file, l.line, l.place FROM links l"
            " WHERE NOT EXISTS (SELECT 1 FROM keys k WHERE k.lower = lower(l.parent) AND k.key = l.parent)"
        ):
            self._broken.add(number)
            file, *place = spot
            if all_known and told != (parent, *spot):  # once for the many clips of one text
                told = (parent, *spot)
                say = partial(self._say_no_parent, key, field, parent)
                self._problems.add((place[0], place[1]), say, file)
        for circle in self._circles():
            self._tell_circle(circle)

    def _flush(self) -> None:
        rows, self._pending = self._pending, []
        waiting, self._pending_links = self._pending_links, []
        added = self._db.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?, ?, ?)", rows).rowcount
        if rows and added < len(rows):
            firsts = {row[2] for row in rows if self._is_first(row)}
            waiting = [one for one in waiting if one[1] in firsts]
        self._made.clear()
        links = [(key, link.field, link.parent, number, *link.spot) for key, number, link in waiting]
        if links:
            self.links += len(links)
            self._db.executemany(
                "INSERT INTO links (child, field, parent, number, file, line, place)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                links,
            )

    def _is_first(self, row: _Row) -> bool:
        lower, key, number, file, line, column = row
        first, first_number, *spot = self._db.execute(
            "SELECT key, number, file, line, place FROM keys WHERE lower = ?", (lower,)
        ).fetchone()
        if first_number == number:
            return True
        self._broken.add(number)
        at = Spot(file, line, column)
        if at != self._told:  # once for what is written once
            say = partial(_say_twice, key, first, Spot(*spot), at, number in self._made)
            self._problems.add((line, column), say, file)
        self._told = at if at == Spot(*spot) else None
        return False

    def _circles(self) -> Iterator[list[int]]:
        """Each circle of links, from its first job in the file on. A job has one parent at most."""
        parents = array("q", bytes(8 * (self.links + 1)))
        for child, parent in self._db.execute(
            "SELECT l.id, p.id FROM links l JOIN links p ON p.child = l.parent"
        ):
            parents[child] = parent
        walked = array("q", bytes(8 * (self.links + 1)))  # the link from which the walk that passed it began
        for start in range(1, self.links + 1):
            path: list[int] = []
            at = start
            while at and not walked[at]:
                walked[at] = start
                path.append(at)
                at = parents[at]
            if path and at and walked[at] == start:
                circle = path[path.index(at) :]
                first = circle.index(min(circle))
                yield circle[first:] + circle[:first]

    def _tell_circle(self, circle: list[int]) -> None:
        links = [
            self._db.execute(
                "SELECT child, field, number, file, line, place FROM links WHERE id = ?", (link,)
            ).fetchone()
            for link in circle
        ]
        self._broken.update(link[2] for link in links)
        _, field, _, file, line, column = links[0]
        self._problems.add((line, column), _say_circle([link[0] for link in links], field), file)

    def _say_no_parent(self, key: str, field: str, parent: str) -> str:
        alike = self._db.execute(
            "SELECT key FROM keys WHERE lower IN (lower(?1), lower(?1) || '-1') ORDER BY lower", (parent,)
        ).fetchone()
        near = f'; did you mean "{alike[0]}"?' if alike else near_key(parent, self._keys_like(parent))
        return f'job "{key}": {field}: there is no job {quoted(parent)}{near}'

    def _keys_like(self, parent: str) -> Iterator[str]:
        """Those with the same first letter."""
        first = parent[:1].lower()
        found = self._db.execute(
            "SELECT key FROM keys WHERE lower >= ? AND lower < ?", (first, chr(ord(first) + 1))
        )
        return (key for (key,) in found)


def _say_twice(key: str, first: str, at: Spot, here: Spot, made: bool) -> str:
    if at == here and key == first:
        what = f"this {'row' if here.file else 'job'} makes more than one clip with this key"
        if made:
            return f'job "{key}": {what}, made from prompt and settings; write an "id" that tells them apart'
        return f'job "{key}": id: {what}; write ${{name}} into it for what tells them apart{_SAME}'
    where = f"line {at.line}, column {at.column}" if at.file == here.file else _where(at)
    if made:
        said = f'job "{key}": this key, made from prompt and settings, is also that of the'
        if at.file:
            return f'{said} row at {where}; write an "id" that tells them apart'
        return f'{said} job at {where}; give one of them an "id"'
    if key == first:
        return f'job "{key}": id: used twice (first at {where}){_SAME if here.file or at.file else ""}'
    return f'job "{key}": id: differs only in case from "{first}" at {where}, and file names may ignore case'


def _where(at: Spot) -> str:
    return f"{at.file}:{at.line}" if at.file else f"line {at.line}, column {at.column} of the manifest"


def _say_circle(circle: list[str], field: str) -> str:
    if len(circle) == 1:
        return f'job "{circle[0]}": {field}: names the job itself'
    named = [f'"{key}"' for key in circle[:_MAX_NAMED]]
    more = [f"... {len(circle) - _MAX_NAMED} more"] if len(circle) > _MAX_NAMED else []
    path = " -> ".join([*named, *more, named[0]])
    return f'job "{circle[0]}": {field}: these jobs wait for one another in a circle: {path}'
