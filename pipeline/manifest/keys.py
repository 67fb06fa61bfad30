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
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count, repeat
from typing import Any, NamedTuple

from pipeline.manifest.problems import Problems
from pipeline.manifest.scalars import quoted
from pipeline.manifest.shapes import DataRow, Place, Spot
from pipeline.manifest.twice import Clip, Keyed, Maker, Twice, row_label, say_twice, say_two_readers
from pipeline.manifest.wording import near_key

_SLUG_CHARS = 40
_LATER = ("extend", "reference_images", "last_frame", "keyframes", "generate_audio", "resize")
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
    number INTEGER, file TEXT, line INTEGER, place INTEGER, row INTEGER
);
CREATE TABLE altered (number INTEGER PRIMARY KEY, as_written TEXT, repeated TEXT, parent_as_written TEXT);
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
    """That a job starts from the clip of another: by which field, and where it stands. `row`: its number."""

    field: str
    parent: str
    spot: Spot
    row: int | None = None


_Row = tuple[str, str, int, str, int, int]
"""Lower case, key, number of the job, and its spot."""


class KeyIndex:
    """Every key of one manifest. `broken` gets the numbers of jobs that cannot stand as they are."""

    def __init__(self, problems: Problems, broken: set[int]) -> None:
        self._problems = problems
        self._broken = broken
        self._pending: list[_Row] = []
        self._origins: list[tuple[Maker | None, int | None, bool]] = []  # of those that wait
        self._altered: list[tuple[int, str | None, str | None, str | None]] = []
        self._readers: list[tuple[int, Place]] = []  # jobs that read a data file, with their first clips
        self._pending_links: list[tuple[str, int, Link]] = []
        self._told: Spot | None = None  # the job, or row, that was last told to make one key again and again
        self._reader: Maker | None = None
        self._told_readers: set[tuple[Place | None, Place]] = set()
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(_TABLES)
        self.links = 0

    def close(self) -> None:
        self._db.close()

    def add(self, clip: Clip, key: str, number: int, spot: Spot, link: Link | None = None) -> None:
        """Take the key for this clip, unless another has it: that shows a little later."""
        self._pending.append((key.lower(), key, number, *spot))
        if clip.as_written is not None or clip.repeated is not None or clip.parent_as_written is not None:
            self._altered.append((number, clip.as_written, clip.repeated, clip.parent_as_written))
        maker, row = clip.maker, clip.row
        self._origins.append((maker, None if row is None or row.is_picture else row.number, clip.is_key_made))
        if link is not None:
            self._pending_links.append((key, number, link))
        if row is not None:
            self._note_reader(maker, number)
        if len(self._pending) >= _PAGE:
            self._flush()

    def add_rows(self, clip: Clip, keys: Sequence[str], number: int, rows: Sequence[DataRow]) -> None:
        """Take the keys of clips that are made as this one is, one for each row. `number`: of the first."""
        lowers, numbers, lines = map(str.lower, keys), count(number), [row.line for row in rows]
        files, columns = repeat(rows[0].file), repeat(1)
        self._pending += zip(lowers, keys, numbers, files, lines, columns, strict=False)
        self._origins += [(clip.maker, row.number, False) for row in rows]
        self._note_reader(clip.maker, number)
        if len(self._pending) >= _PAGE:
            self._flush()

    def _note_reader(self, maker: Maker | None, number: int) -> None:
        """Which job reads a data file, with its first clip."""
        if maker is not self._reader and maker is not None:
            self._reader = maker
            self._readers.append((number, maker.place))

    def check_links(self, *, all_known: bool = True) -> None:
        """After the last job: every parent is there, and no job waits for itself.

        `all_known`: no job was unreadable, which might be the parent.
        """
        self._flush()
        told: tuple[object, ...] = ()
        for link in self._db.execute(
            "SELECT l.child, l.field, l.parent, l.number, a.parent_as_written, l.row, l.file, l.line, l.place"
            " FROM links l LEFT JOIN altered a ON a.number = l.number"
            " WHERE NOT EXISTS (SELECT 1 FROM keys k WHERE k.lower = lower(l.parent) AND k.key = l.parent)"
        ):
            key, field, parent, number, as_written, row, *spot = link
            self._broken.add(number)
            file, *place = spot
            if all_known and told != (parent, *spot):  # once for the many clips of one text
                told = (parent, *spot)
                say = partial(
                    self._say_no_parent, f'{row_label(row)}job "{key}": {field}', parent, as_written
                )
                self._problems.add((place[0], place[1]), say, file)
        for circle in self._circles():
            self._tell_circle(circle)

    def _flush(self) -> None:
        rows, self._pending = self._pending, []
        origins, self._origins = self._origins, []
        altered, self._altered = self._altered, []
        waiting, self._pending_links = self._pending_links, []
        added = self._db.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?, ?, ?)", rows).rowcount
        self._db.executemany("INSERT INTO altered VALUES (?, ?, ?, ?)", altered)
        if rows and added < len(rows):
            firsts = {
                row[2] for row, origin in zip(rows, origins, strict=True) if self._is_first(row, origin)
            }
            waiting = [one for one in waiting if one[1] in firsts]
        links = [
            (key, link.field, link.parent, number, *link.spot, link.row) for key, number, link in waiting
        ]
        if links:
            self.links += len(links)
            self._db.executemany(
                "INSERT INTO links (child, field, parent, number, file, line, place, row)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                links,
            )

    def _is_first(self, row: _Row, origin: tuple[Maker | None, int | None, bool]) -> bool:
        lower, own_key, number, file, line, column = row
        key, first_number, *spot = self._db.execute(
            "SELECT key, number, file, line, place FROM keys WHERE lower = ?", (lower,)
        ).fetchone()
        if first_number == number:
            return True
        self._broken.add(number)
        at, there = Spot(file, line, column), Spot(*spot)
        twice = Twice(self._keyed(own_key, number, at), self._keyed(key, first_number, there), *origin)
        reader = self._reader_of(first_number) if file and at == there else None
        if reader is not None and twice.maker is not None and twice.maker.place != reader:
            self._tell_two_readers(twice.maker, reader, twice)
        elif at != self._told:  # once for what is written once
            self._problems.add((line, column), partial(say_twice, twice), file)
        self._told = at if at == there else None
        return False

    def _keyed(self, key: str, number: int, spot: Spot) -> Keyed:
        found = self._db.execute("SELECT as_written, repeated FROM altered WHERE number = ?", (number,))
        return Keyed(key, spot, *(found.fetchone() or (None, None)))

    def _reader_of(self, number: int) -> Place:
        """The job that made this clip of a row."""
        return self._readers[bisect_right(self._readers, number, key=lambda reader: reader[0]) - 1][1]

    def _tell_two_readers(self, maker: Maker, reader: Place, twice: Twice) -> None:
        """Once for all rows of the file that both jobs read."""
        if (reader, maker.place) not in self._told_readers:
            self._told_readers.add((reader, maker.place))
            self._problems.add(maker.place, partial(say_two_readers, twice, reader))

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
                "SELECT child, field, number, file, line, place, row FROM links WHERE id = ?", (link,)
            ).fetchone()
            for link in circle
        ]
        self._broken.update(link[2] for link in links)
        _, field, _, file, line, column, row = links[0]
        said = _say_circle([link[0] for link in links], field)
        self._problems.add((line, column), row_label(row) + said, file)

    def _say_no_parent(self, label: str, parent: str, as_written: str | None) -> str:
        alike = self._db.execute(
            "SELECT key FROM keys WHERE lower IN (lower(?1), lower(?1) || '-1') ORDER BY lower", (parent,)
        ).fetchone()
        near = f'; did you mean "{alike[0]}"?' if alike else near_key(parent, self._keys_like(parent))
        named = quoted(parent) if as_written is None else f"{quoted(as_written)} (as a key: {quoted(parent)})"
        return f"{label}: there is no job {named}{near}"

    def _keys_like(self, parent: str) -> Iterator[str]:
        """Those with the same first letter."""
        first = parent[:1].lower()
        found = self._db.execute(
            "SELECT key FROM keys WHERE lower >= ? AND lower < ?", (first, chr(ord(first) + 1))
        )
        return (key for (key,) in found)


def _say_circle(circle: list[str], field: str) -> str:
    if len(circle) == 1:
        return f'job "{circle[0]}": {field}: names the job itself'
    named = [f'"{key}"' for key in circle[:_MAX_NAMED]]
    more = [f"... {len(circle) - _MAX_NAMED} more"] if len(circle) > _MAX_NAMED else []
    path = " -> ".join([*named, *more, named[0]])
    return f'job "{circle[0]}": {field}: these jobs wait for one another in a circle: {path}'
