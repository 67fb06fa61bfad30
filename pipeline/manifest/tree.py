"""The document, part by part: fields of the head as they come, and each job of `jobs` on its own.

So the whole document never stands in memory. Knows of no field but `jobs`, and reads exactly one document.
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


@dataclass(slots=True)
class HeadField:
    """A field of the document. `jobs` comes with an empty list, before its first job."""

    name: str
    mark: Mark
    node: Node
    flaws: list[Flaw]


@dataclass(slots=True)
class JobNode:
    number: int  # from 1
    node: Node
    flaws: list[Flaw]


Part = HeadField | JobNode


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
    seen: dict[str, Mark] = {}
    while not isinstance(event := builder.begin_part(), MappingEndEvent):
        name = builder.name(event, 2)
        is_first = name is not None and builder.is_first(name, event, seen)
        parts = _field(builder, name or "", event)
        if is_first:
            yield from parts
        else:
            problems.add_all(builder.flaws)
            for _ in parts:  # read over it
                pass


def _field(builder: Builder, name: str, event: Event) -> Iterator[Part]:
    value = builder.next()
    if name == STREAMED and isinstance(value, SequenceStartEvent):
        builder.open_streamed(value, "seq")
        yield HeadField(name, event_mark(event), Sequence([], event_mark(value)), builder.flaws)
        yield from _jobs(builder)
        return
    part = HeadField(name, event_mark(event), builder.node(value, 2), builder.flaws)
    yield part
    if name == STREAMED and isinstance(part.node, Sequence):  # it came by an alias
        for number, item in enumerate(part.node.items, 1):
            yield JobNode(number, item, [])


def _jobs(builder: Builder) -> Iterator[JobNode]:
    number = 0
    while not isinstance(event := builder.begin_part(), SequenceEndEvent):
        number += 1
        yield JobNode(number, builder.node(event, 3), builder.flaws)
