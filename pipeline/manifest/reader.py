"""Two passes over a manifest: the first finds every problem, the second hands on the jobs.

Neither keeps the jobs. The first remembers keys and edits only, so that head fields may stand behind `jobs`
and an edit may name a job further down; the second knows the defaults and which jobs to leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pipeline.errors import ManifestError, Problem
from pipeline.manifest.head import HeadReader
from pipeline.manifest.jobs import EntryMaker, read_job
from pipeline.manifest.keys import KeyIndex
from pipeline.manifest.nodes import Broken, Sequence, found, place_of
from pipeline.manifest.problems import Problems
from pipeline.manifest.shapes import Entry, Head
from pipeline.manifest.source import Source
from pipeline.manifest.tree import STREAMED, HeadField, JobNode, read_parts

OpenSource = Callable[[], BinaryIO]


def read_manifest(open_source: OpenSource, file: str) -> Manifest:
    """Read all of it once. `open_source` gives the file from its start and is called again by `entries`.

    What is wrong with the file is in `problems`, never raised; what goes wrong on reading it (OSError) is.
    """
    survey = _Survey()
    with open_source() as stream:
        source = Source(stream)
        for part in read_parts(source, survey.problems):
            survey.take(part)
    head = survey.finish(file)
    return Manifest(
        head=head,
        problems=survey.problems.kept(file),
        total_problems=survey.problems.total,
        unread=survey.problems.stopped,
        _open_source=open_source,
        _broken=frozenset(survey.broken),
        _digest=source.digest,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest that was read once. `problems`: sorted by place, the first 100 of `total_problems`."""

    head: Head
    problems: tuple[Problem, ...]
    total_problems: int
    unread: bool  # the file could not be read to its end: what seems to be missing may stand there
    _open_source: OpenSource = field(repr=False)
    _broken: frozenset[int] = field(repr=False)  # numbers of the jobs to leave out
    _digest: bytes = field(repr=False)  # of what the first pass read

    def entries(self) -> Iterator[Entry]:
        """The sound jobs, in the order of the file, as often as one asks.

        Reads the file again, and raises ManifestError if it is not what it was. That shows at the end at the
        latest: act on the jobs only once the iterator is exhausted.
        """
        maker, problems = EntryMaker(self.head), Problems()
        with self._open_source() as stream:
            source = Source(stream)
            for part in read_parts(source, problems):
                if isinstance(part, HeadField) or part.number in self._broken:
                    continue
                draft = read_job(part, problems)
                if draft is None or draft.fields is None or draft.key is None:
                    raise self._changed()
                yield maker.entry(draft, draft.fields, draft.key)
            if source.digest != self._digest:
                raise self._changed()

    def _changed(self) -> ManifestError:
        message = "the file changed while it was read; run the command again"
        return ManifestError((Problem(self.head.file, 1, 1, message),))


class _Survey:
    """First pass: takes every part, keeps what has to be known about the whole."""

    def __init__(self) -> None:
        self.problems = Problems()
        self.broken: set[int] = set()
        self._head = HeadReader(self.problems)
        self._keys = KeyIndex(self.problems, self.broken)
        self._jobs: HeadField | None = None
        self._count = 0

    def take(self, part: HeadField | JobNode) -> None:
        if isinstance(part, JobNode):
            self._take_job(part)
        elif part.name == STREAMED:
            self._jobs = part
            self.problems.add_all(part.flaws)
        else:
            self._head.add(part)

    def finish(self, file: str) -> Head:
        if not self.problems.stopped:  # else what seems to be missing may stand in what was not read
            self._check_jobs()
            self._keys.check_links()
        return self._head.finish(file)

    def _take_job(self, part: JobNode) -> None:
        self._count = part.number
        draft = read_job(part, self.problems)
        if draft is None or draft.fields is None:
            self.broken.add(part.number)
        if draft is None or draft.key is None:
            return
        fresh = self._keys.add(draft.key, part.number, draft.place("id"), made=draft.is_key_made)
        if fresh and draft.parent_key is not None:
            self._keys.add_link(draft.key, draft.link, draft.parent_key, part.number, draft.place(draft.link))

    def _check_jobs(self) -> None:
        jobs = self._jobs
        if jobs is None:
            self.problems.add(
                (1, 1), 'jobs: missing; expected a list, as in "jobs:" and below it "- prompt: ..."'
            )
        elif not isinstance(jobs.node, (Sequence, Broken)):
            self.problems.add(
                place_of(jobs.node.mark), f"jobs: expected a list of jobs, got {found(jobs.node)}"
            )
        elif self._count == 0 and isinstance(jobs.node, Sequence):
            self.problems.add(place_of(jobs.node.mark), "jobs: the list is empty; expected at least one job")
