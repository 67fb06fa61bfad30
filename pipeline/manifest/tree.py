"""The document, part by part: fields of the head as they come, and each job of `jobs` on its own.

So the whole document never stands in memory. Knows of no field but `jobs` and `groups`, and reads exactly one
document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from yaml.events import (
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from pipeline.manifest.builder import Builder, event_mark, event_place
from pipeline.manifest.nodes import Flaw, Mark, Node, Scalar, Sequence, found, place_of
from pipeline.manifest.problems import Problems, UnreadableError
from pipeline.manifest.source import Source
from pipeline.manifest.syntax import explain

STREAMED = "jobs"
GROUPS = "groups"


@dataclass(slots=True)
class HeadField:
    """A field of the document, or of a group in it. `jobs` comes with an empty list, before its first job.

    `group`: its number from 0; None for a field of the document. `groups` itself comes as an empty list too.
    """

    name: str
    mark: Mark
    node: Node
    flaws: list[Flaw]
    group: int | None = None


@dataclass(slots=True)
class JobNode:
    number: int  # from 1, over the whole file
    node: Node
    flaws: list[Flaw]
    group: int | None = None


@dataclass(slots=True)
class GroupNode:
    """What stands where a group begins: None for a mapping, whose fields follow."""

    number: int  # from 0
    mark: Mark
    wrong: Node | None
    flaws: list[Flaw]


Part = HeadField | GroupNode | JobNode


def read_parts(source: Source, problems: Problems) -> Iterator[Part]:
    """Parts in the order of the file, up to its end or to the first place where it is not YAML."""
    builder = Builder(source)
    try:
        yield from _document(builder, problems)
    except (yaml.YAMLError, UnreadableError) as exc:
        problems.add_all(builder.flaws)
        end = exc if isinstance(exc, UnreadableError) else explain(exc, source)
        problems.stop(end.place, str(end))


def _document(builder: Builder, problems: Problems) -> Iterator[Part]:
    builder.next()  # start of the stream
    if isinstance(builder.next(), StreamEndEvent):
        raise UnreadableError((1, 1), 'the file is empty; expected "version: 1" and a list of "jobs"')
    root = builder.next()
    if not isinstance(root, MappingStartEvent):
        raise _no_fields(builder.node(root, 1))
    builder.open_streamed(root, "map")
    problems.add_all(builder.flaws)
    yield from _head_fields(builder, problems)
    builder.next()  # end of the document
    after = builder.begin_part()
    if isinstance(after, DocumentStartEvent):
        raise UnreadableError(event_place(after), "a second document starts here; a manifest is one document")


def _no_fields(node: Node) -> UnreadableError:
    what = "nothing" if isinstance(node, Scalar) and node.is_null else found(node)
    message = f'expected fields such as "version" and "jobs" at the top, got {what}'
    return UnreadableError(place_of(node.mark), message)


def _head_fields(builder: Builder, problems: Problems) -> Iterator[Part]:
    yield from _Fields(builder, problems).read(None)


class _Fields:
    """The fields of the document and of its groups, with the jobs in them counted through."""

    def __init__(self, builder: Builder, problems: Problems) -> None:
        self._builder = builder
        self._problems = problems
        self._jobs = 0

    def read(self, group: int | None) -> Iterator[Part]:
        """The fields of one mapping, up to its end."""
        builder, depth = self._builder, 2 if group is None else 4
        names: dict[str, Mark] = {}
        while not isinstance(event := builder.begin_part(), MappingEndEvent):
            name = builder.name(event, depth)
            is_first = name is not None and builder.is_first(name, event, names)
            parts = self._field(name or "", event, group, depth)
            if is_first:
                yield from parts
            else:
                self._problems.add_all(builder.flaws)
                for _ in parts:  # read over it
                    pass

    def _field(self, name: str, event: Event, group: int | None, depth: int) -> Iterator[Part]:
        builder = self._builder
        value = builder.next()
        streamed = name == STREAMED or (name == GROUPS and group is None)
        if streamed and isinstance(value, SequenceStartEvent):
            builder.open_streamed(value, "seq")
            yield HeadField(name, event_mark(event), Sequence([], event_mark(value)), builder.flaws, group)
            yield from self._job_nodes(group, depth + 1) if name == STREAMED else self._groups()
            return
        part = HeadField(name, event_mark(event), builder.node(value, depth), builder.flaws, group)
        yield part
        if name == STREAMED and isinstance(part.node, Sequence):  # it came by an alias
            for item in part.node.items:
                self._jobs += 1
                yield JobNode(self._jobs, item, [], group)

    def _job_nodes(self, group: int | None, depth: int) -> Iterator[JobNode]:
        builder = self._builder
        event = builder.begin_part()
        while not isinstance(event, SequenceEndEvent):
            self._jobs += 1
            job = JobNode(self._jobs, builder.node(event, depth), builder.flaws, group)
            try:
                event = builder.begin_part()
            except yaml.YAMLError:  # what the job seems to miss may stand in what cannot be read
                self._problems.stopped = True
                yield job
                raise
            yield job

    def _groups(self) -> Iterator[Part]:
        builder, number = self._builder, 0
        while not isinstance(event := builder.begin_part(), SequenceEndEvent):
            if isinstance(event, MappingStartEvent):
                builder.open_streamed(event, "map")
                yield GroupNode(number, event_mark(event), None, builder.flaws)
                yield from self.read(number)
            else:
                yield GroupNode(number, event_mark(event), builder.node(event, 3), builder.flaws)
            number += 1
