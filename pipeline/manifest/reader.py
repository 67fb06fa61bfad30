"""A manifest read from one end to the other: every problem found, and every job judged as it passes.

Nothing of the jobs is kept but their keys, on disk. The defaults of a job may stand behind it in the file:
then all is read once more, with what is known by then. Whoever acts on the jobs reads them again (`entries`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from pipeline.errors import ManifestError, Problem
from pipeline.manifest.expand import drafts
from pipeline.manifest.head import HeadReader
from pipeline.manifest.jobs import EntryMaker, JobDraft
from pipeline.manifest.keys import KeyIndex, Link
from pipeline.manifest.many import Reading
from pipeline.manifest.nodes import Broken, Sequence, found, place_of
from pipeline.manifest.pages import Page
from pipeline.manifest.problems import Problems
from pipeline.manifest.rows import Files, NoFiles, Sums
from pipeline.manifest.shapes import Entry, Head
from pipeline.manifest.source import Source
from pipeline.manifest.tree import GROUPS, STREAMED, GroupNode, HeadField, JobNode, read_parts

OpenSource = Callable[[], BinaryIO]
NO_FILES = NoFiles()


class Judge(Protocol):
    """Says what is wrong with jobs, beyond what their fields are."""

    def __call__(self, entry: Entry, /) -> Iterable[Problem]: ...
    def passes(self, entry: Entry, prompts: list[str], /) -> bool:
        """Whether nothing is wrong with jobs like this sound one that have these prompts."""


class _NoJudge:
    def __call__(self, _: Entry) -> Iterable[Problem]:
        return ()

    def passes(self, _: Entry, _prompts: list[str]) -> bool:
        return True


def _no_judge(_: Head) -> Judge:
    return _NoJudge()


def read_manifest(
    open_source: OpenSource,
    file: str,
    files: Files = NO_FILES,
    judge: Callable[[Head], Judge] = _no_judge,
) -> Manifest:
    """Read all of it. `open_source` gives the file from its start and is called again by `entries`.

    `judge` makes a judge of the jobs once the head is known; a second one if more of the head comes later.
    What is wrong with the file is in `problems`, never raised; what goes wrong on reading it (OSError) is.
    """
    survey = _survey(open_source, file, files, judge, None)
    if survey.came_late:
        survey = _survey(open_source, file, files, judge, survey.head)
    return Manifest(
        head=survey.head,
        problems=survey.kept,
        total_problems=survey.problems.total,
        unread=survey.problems.stopped,
        jobs=survey.jobs,
        links=survey.links,
        _open_source=open_source,
        _files=files,
        _broken=frozenset(survey.broken),
        _digest=survey.digest,
    )


def _survey(
    open_source: OpenSource, file: str, files: Files, judge: Callable[[Head], Judge], known: Head | None
) -> _Survey:
    with open_source() as stream, closing(_Survey(file, files, judge, known)) as survey:
        source = Source(stream)
        for part in read_parts(source, survey.problems):
            survey.take(part)
        survey.finish(source.digest)
    return survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest that was read once. `problems`: sorted by place, the first 100 of `total_problems`.

    `jobs`: how many there are; `links`: how many of them start from another.
    """

    head: Head
    problems: tuple[Problem, ...]
    total_problems: int
    unread: bool  # the file could not be read to its end: what seems to be missing may stand there
    jobs: int
    links: int
    _open_source: OpenSource = field(repr=False)
    _files: Files = field(repr=False)
    _broken: frozenset[int] = field(repr=False)  # numbers of the clips to leave out
    _digest: tuple[bytes, bytes] = field(repr=False)  # of what the first reading read

    def entries(self) -> Iterator[Entry]:
        """The sound jobs, in the order of the file, as often as one asks.

        Reads the file again, and raises ManifestError if it is not what it was. That shows at the end at the
        latest: act on the jobs only once the iterator is exhausted.
        """
        reading = Reading(self._files, Sums(), Problems())
        maker, group, number = EntryMaker(self.head.file, self.head.groups[None]), None, 0
        with self._open_source() as stream:
            source = Source(stream)
            for part in read_parts(source, reading.problems):
                if not isinstance(part, JobNode):
                    continue
                if part.group != group:
                    group = part.group
                    known = self.head.groups
                    maker = EntryMaker(self.head.file, known.get(group, known[None]), group)
                for draft in drafts(part, reading):
                    if isinstance(draft, Page):
                        yield from self._of_page(draft, maker, number + 1)
                        number += len(draft.rows)
                        continue
                    number += 1
                    if number in self._broken:
                        continue
                    if draft.values is None or draft.key is None:
                        raise self._changed()
                    draft.sound = True
                    yield maker.entry(draft, draft.values, draft.key)
            if (source.digest, reading.sums.digest) != self._digest:
                raise self._changed()

    def _of_page(self, page: Page, maker: EntryMaker, first: int) -> Iterator[Entry]:
        for number, (kind, key, row, values) in enumerate(page.clips(), first):
            if number not in self._broken:
                yield maker.entry(kind, values, key, row)

    def _changed(self) -> ManifestError:
        message = "the file changed while it was read, or one that it names did; run the command again"
        return ManifestError((Problem(self.head.file, 1, 1, message),))


class _Survey:
    """One reading: takes every part, keeps what has to be known about the whole.

    `known`: the head, as an earlier reading found it. Without it a job is judged by what stood before it, and
    `came_late` tells that there was more.
    """

    def __init__(self, file: str, files: Files, judge: Callable[[Head], Judge], known: Head | None) -> None:
        self.problems = Problems()
        self.broken: set[int] = set()
        self.jobs = 0  # clips, that is
        self.links = 0
        self.came_late = False
        self.head: Head
        self.kept: tuple[Problem, ...] = ()
        self.digest = (b"", b"")
        self._file = file
        self._head_now = known
        self._is_known = known is not None
        self._judge_of = judge
        self._judge: Judge | None = None
        self._head = HeadReader(self.problems)
        self._keys = KeyIndex(self.problems, self.broken)
        self._reading = Reading(files, Sums(), self.problems)
        self._maker: EntryMaker | None = None
        self._group: int | None = None
        self._lists = _Lists(self.problems)

    def close(self) -> None:
        self._keys.close()

    def take(self, part: HeadField | GroupNode | JobNode) -> None:
        if isinstance(part, JobNode):
            self._lists.take_job()
            for draft in drafts(part, self._reading):
                if isinstance(draft, Page):
                    self._take_page(draft)
                else:
                    self._take(draft, part.group)
        elif isinstance(part, GroupNode):
            self._lists.begin_group(part)
        elif part.name == STREAMED or (part.name == GROUPS and part.group is None):
            self._lists.begin(part)
        else:
            is_past = self._maker is not None and part.group in (None, self._group)
            self.came_late |= is_past and not self._is_known
            self._head.add(part)

    def finish(self, digest: bytes) -> None:
        if not self.problems.stopped:  # else what seems to be missing may stand in what was not read
            self._lists.check()
            self._keys.check_links(all_known=not self._reading.lost)
        self.head = self._head.finish(self._file)
        self.links = self._keys.links
        self.kept = self.problems.kept(self._file)
        self.digest = digest, self._reading.sums.digest

    def _take(self, draft: JobDraft, group: int | None) -> None:
        self.jobs += 1
        number = self.jobs
        if draft.values is None:
            self.broken.add(number)
        if draft.key is None:
            return
        self._keys.add(draft, draft.key, number, draft.spot("id"), _link_of(draft))
        if draft.values is not None:
            if self._maker is None or group != self._group:
                self._begin_group(group)
            assert self._maker is not None
            draft.sound = not self._told_of(self._maker.entry(draft, draft.values, draft.key))

    def _take_page(self, page: Page) -> None:
        """Clips that differ from sound ones of their group in key and prompt alone."""
        assert self._maker is not None
        assert self._judge is not None
        self._keys.add_rows(page.kinds[0], page.keys, self.jobs + 1, page.rows)
        self.jobs += len(page.rows)
        passed = [
            self._judge.passes(self._maker.entry(kind, kind.values or {}, kind.key or ""), prompts)
            for kind, prompts in page.by_kind().items()
        ]
        if not all(passed):
            for kind, key, row, values in page.clips():
                self._told_of(self._maker.entry(kind, values, key, row))

    def _told_of(self, entry: Entry) -> bool:
        """Whether the judge has something to say of it, which is told."""
        assert self._judge is not None
        total = self.problems.total
        for problem in self._judge(entry):
            file = "" if problem.file == self._file else problem.file
            self.problems.add((problem.line, problem.column), problem.message, file)
        return self.problems.total > total

    def _begin_group(self, group: int | None) -> None:
        if self._head_now is None:
            self._head_now = self._head.so_far(self._file)
        if self._judge is None:
            self._judge = self._judge_of(self._head_now)
        known = self._head_now.groups
        if group is not None and not self._is_known:
            self._maker = EntryMaker(self._file, self._head.group(group, self._head_now), group)
        else:
            self._maker = EntryMaker(self._file, known.get(group, known[None]), group)
        self._group = group


def _link_of(draft: JobDraft) -> Link | None:
    if draft.parent_key is None:
        return None
    spot = draft.spot(draft.link)
    row = draft.row.number if draft.row and spot.file and not draft.row.is_picture else None
    return Link(draft.link, draft.parent_key, spot, row)


class _Lists:
    """Whether there are jobs where jobs should be."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._begun: list[HeadField] = []  # lists of the document
        self._open: HeadField | None = None  # the list of jobs that has none yet
        self._group: GroupNode | None = None  # the group that has no list of jobs yet
        self._groups = 0

    def begin(self, part: HeadField) -> None:
        label = "" if part.group is None else f"group {part.group + 1}: "
        self._problems.add_all(part.flaws, label)
        self._check_open()
        what = "jobs" if part.name == STREAMED else "groups"
        if not isinstance(part.node, (Sequence, Broken)):
            message = f"{label}{what}: expected a list of {what}, got {found(part.node)}"
            self._problems.add(place_of(part.node.mark), message)
        if part.group is None:
            self._close_group()
            self._begun.append(part)
        else:
            self._group = None
        if part.name == STREAMED and isinstance(part.node, Sequence):
            self._open = part

    def begin_group(self, part: GroupNode) -> None:
        self._check_open()
        self._close_group()
        self._groups += 1
        label = f"group {part.number + 1}: "
        self._problems.add_all(part.flaws, label)
        if part.wrong is None:
            self._group = part
        elif not isinstance(part.wrong, Broken):
            message = f'{label}expected fields such as "defaults" and "jobs", got {found(part.wrong)}'
            self._problems.add(place_of(part.mark), message)

    def take_job(self) -> None:
        self._open = None

    def check(self) -> None:
        """At the end of the file."""
        self._check_open()
        self._close_group()
        if not self._begun:
            message = 'jobs: missing; expected a list, as in "jobs:" and below it "- prompt: ..."'
            self._problems.add((1, 1), message)
        for part in self._begun:
            if part.name == GROUPS and isinstance(part.node, Sequence) and not self._groups:
                message = "groups: the list is empty; expected at least one group"
                self._problems.add(place_of(part.node.mark), message)

    def _check_open(self) -> None:
        if self._open is not None:
            label = "" if self._open.group is None else f"group {self._open.group + 1}: "
            message = f"{label}jobs: the list is empty; expected at least one job"
            self._problems.add(place_of(self._open.node.mark), message)
        self._open = None

    def _close_group(self) -> None:
        if self._group is not None:
            label = f"group {self._group.number + 1}: "
            message = f'{label}jobs: missing; expected a list, as in "jobs:" and below it "- prompt: ..."'
            self._problems.add(place_of(self._group.mark), message)
        self._group = None
