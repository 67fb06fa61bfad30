"""Events in, nodes out: aliases, tags, doubled names, and the limits that keep a hostile file cheap.

Recursion is bounded by the depth limit. What an alias repeats is shared, so that a node costs what is
written in the file; the count of values is of what it stands for, so that nobody walks into a bomb.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard, cast

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from pipeline.manifest import tags
from pipeline.manifest.nodes import Broken, Flaw, Mapping, Mark, Node, Scalar, Sequence, found, place_of
from pipeline.manifest.problems import UnreadableError
from pipeline.manifest.scalars import quoted
from pipeline.manifest.shapes import Place
from pipeline.manifest.source import Source

MAX_DEPTH = 32
MAX_NODES = 10_000  # in one job or head field, what its aliases stand for counted in full
MAX_SCALAR_BYTES = 1 << 20


@dataclass(slots=True)
class _Anchor:
    """What an alias may repeat. `node` is None while it is being read, and for what was streamed."""

    node: Node | None
    size: int = 1
    height: int = 0


class Builder:
    """Nodes of one stream, in its order. `flaws` gathers what is wrong with the part being read."""

    def __init__(self, source: Source) -> None:
        self.flaws: list[Flaw] = []
        self._source = source
        # Straight to the parser: asked 13 times a job. It gives None after the end, where nobody asks.
        self.next = cast(Callable[[], Event], yaml.CBaseLoader(source).get_event)
        self._anchors: dict[str, _Anchor] = {}
        self._nodes = 0  # of the part being read
        self._deepest = 0

    def begin_part(self) -> Event:
        """The first event of a job or head field, or of what follows the last one."""
        self._nodes = 0
        self.flaws = []
        event = self.next()
        self._source.begin_part(event_place(event))
        return event

    def node(self, event: Event, depth: int) -> Node:
        """The value that starts with this event."""
        self._count(event, 1)
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        assert isinstance(event, CollectionStartEvent)
        return self._collection(event, depth)

    def name(self, event: Event, depth: int) -> str | None:
        """The name of a field; None, and a flaw, if it is no text."""
        if _is_plain_name(event):
            self._count(event, 1)
            return event.value
        node = self.node(event, depth)
        if isinstance(node, Scalar):
            return node.text
        if not isinstance(node, Broken):
            self.flaws.append((event_place(event), f"the name of a field must be text, got {found(node)}"))
        return None

    def is_first(self, name: str, event: Event, seen: dict[str, Mark]) -> bool:
        """Whether the name is new in its mapping; a flaw if not."""
        mark = event_mark(event)
        first = seen.setdefault(name, mark)
        if first is mark:
            return True
        line, column = place_of(first)
        where = f"first at line {line}, column {column}"
        self.flaws.append((place_of(mark), f"the field {quoted(name)} is set twice ({where})"))
        return False

    def open_streamed(self, event: CollectionStartEvent, kind: str) -> None:
        """Begins a collection that is handed on piece by piece, so that no alias can repeat it."""
        self._open(event)
        self._check_tag(event, kind)

    def _scalar(self, event: ScalarEvent) -> Node:
        text, mark = event.value, event_mark(event)
        if len(text) > MAX_SCALAR_BYTES // 4 and len(text.encode()) > MAX_SCALAR_BYTES:
            raise UnreadableError(place_of(mark), "a text of more than 1 MiB; keep large images in files")
        node: Node = Scalar(text, event.implicit[0], mark)
        if event.tag is not None:
            node, wrong = tags.tagged(text, event.tag, mark)
            self.flaws += [(place_of(mark), wrong)] if wrong else []
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(node)
        return node

    def _collection(self, event: CollectionStartEvent, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise UnreadableError(event_place(event), f"nested more than {MAX_DEPTH} levels deep")
        nodes, flaws, outer = self._nodes, len(self.flaws), self._deepest
        self._deepest = depth
        anchor = self._open(event)
        is_mapping = isinstance(event, MappingStartEvent)
        node: Node = self._mapping(event, depth) if is_mapping else self._sequence(event, depth)
        if not self._check_tag(event, "map" if is_mapping else "seq"):
            node = Broken(node.mark)
        if anchor is not None:
            # A flaw is told once, where it is: what repeats it is broken without another word.
            anchor.node = node if len(self.flaws) == flaws else Broken(node.mark)
            anchor.size, anchor.height = self._nodes - nodes + 1, self._deepest - depth + 1
        self._deepest = max(outer, self._deepest)
        return node

    def _sequence(self, event: Event, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(item := self.next(), SequenceEndEvent):
            items.append(self.node(item, depth + 1))
        return Sequence(items, event_mark(event))

    def _mapping(self, event: Event, depth: int) -> Mapping:
        fields: dict[str, Node] = {}
        names: dict[str, Mark] = {}
        while not isinstance(key := self.next(), MappingEndEvent):
            name = self.name(key, depth + 1)
            node = self.node(self.next(), depth + 1)
            if name is not None and self.is_first(name, key, names):
                fields[name] = node
        return Mapping(fields, names, event_mark(event))

    def _alias(self, event: AliasEvent, depth: int) -> Node:
        mark, name = event_mark(event), event.anchor or ""
        anchor = self._anchors.get(name)
        if anchor is None or anchor.node is None:
            self.flaws.append((place_of(mark), _no_anchor(name, known=anchor is not None)))
            return Broken(mark)
        bottom = depth + anchor.height - 1
        if bottom > MAX_DEPTH:
            raise UnreadableError(place_of(mark), f"nested more than {MAX_DEPTH} levels deep by an alias")
        self._deepest = max(self._deepest, bottom)
        self._count(event, anchor.size - 1)
        return _moved(anchor.node, mark)

    def _open(self, event: CollectionStartEvent) -> _Anchor | None:
        if event.anchor is None:
            return None
        self._anchors[event.anchor] = anchor = _Anchor(None)
        return anchor

    def _check_tag(self, event: CollectionStartEvent, kind: str) -> bool:
        if tags.fits(event.tag, kind):
            return True
        self.flaws.append((event_place(event), tags.unknown(event.tag or "")))
        return False

    def _count(self, event: Event, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            message = f"more than {MAX_NODES:,} values in one place, with what aliases repeat counted in full"
            raise UnreadableError(event_place(event), message)


def event_mark(event: Event) -> Mark:
    assert event.start_mark is not None
    return event.start_mark


def event_place(event: Event) -> Place:
    return place_of(event_mark(event))


def _is_plain_name(event: Event) -> TypeGuard[ScalarEvent]:
    return isinstance(event, ScalarEvent) and event.tag is None and event.anchor is None


def _moved(node: Node, mark: Mark) -> Node:
    """The same value, standing where its alias stands."""
    if isinstance(node, Scalar):
        return Scalar(node.text, node.plain, mark)
    if isinstance(node, Sequence):
        return Sequence(node.items, mark)
    return Mapping(node.fields, node.names, mark) if isinstance(node, Mapping) else Broken(mark)


def _no_anchor(name: str, known: bool) -> str:
    if known:
        return f'the alias "*{name}" repeats a value that it stands in, or the whole list of jobs'
    return f'the alias "*{name}" has no anchor "&{name}" before it; put text that starts with "*" in quotes'
