"""One job: from its node to a draft with problems at their places, and from a sound draft to an entry."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass

from pipeline.manifest import fields
from pipeline.manifest.fields import DefaultFields, JobFields
from pipeline.manifest.keys import made_key
from pipeline.manifest.nodes import Broken, Flaw, Mapping, Node, found, place_of
from pipeline.manifest.problems import Problems
from pipeline.manifest.rules import is_link
from pipeline.manifest.shapes import Defaults, Entry, Head, Place
from pipeline.manifest.tree import JobNode
from pipeline.manifest.values import add_errors, plain_values
from pipeline.model import Image, Job

_NAMES, _TEXTS = fields.names(JobFields), fields.text_fields(JobFields)


def job_label(number: int, key: str | None) -> str:
    return f"job {number}: " if key is None else f'job "{key}": '


@dataclass(slots=True)
class JobDraft:
    """A job as far as it can be read. `key` and `parent_key` may be known for one that is not sound."""

    mapping: Mapping
    fields: JobFields | None  # None: not sound
    key: str | None
    is_key_made: bool
    parent_key: str | None

    def place(self, field: str) -> Place:
        return place_of(self.mapping.fields.get(field, self.mapping).mark)


def read_job(part: JobNode, problems: Problems) -> JobDraft | None:
    """None if there is no mapping, so that there is nothing to know."""
    if not isinstance(part.node, Mapping):
        no_mapping = [] if isinstance(part.node, Broken) else [_no_mapping(part.node)]
        problems.add_all(part.flaws or no_mapping, job_label(part.number, None))
        return None
    values = plain_values(part.node, _TEXTS)
    job, errors = fields.check(JobFields, values)
    wrong = {error.field for error in errors}
    given, parent = (_sound_text(name, values, wrong) for name in ("id", "edit"))
    key = given or (made_key(job) if job is not None else None)
    label = job_label(part.number, key)
    add_errors(problems, errors, part.node, _NAMES, label)
    flaws = part.flaws + _clashes(part.node)
    problems.add_all(flaws, label)
    is_whole = not flaws and len(values) == len(part.node.fields)
    parent_key = None if parent is None or ":" in parent else parent
    return JobDraft(part.node, job if is_whole else None, key, given is None, parent_key)


def _no_mapping(node: Node) -> Flaw:
    return place_of(node.mark), f'expected fields such as "prompt: ...", got {found(node)}'


def _clashes(mapping: Mapping) -> list[Flaw]:
    if "edit" not in mapping.fields or "image" not in mapping.fields:
        return []
    message = 'image: cannot stand beside "edit", which starts from a video'
    return [(place_of(mapping.fields["image"].mark), message)]


def _sound_text(name: str, values: ReadOnly[str, object], wrong: set[str]) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) and name not in wrong else None


class EntryMaker:
    """Puts the defaults behind what a job sets itself."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._places = {
            name: head.places[f"defaults.{name}"]
            for name in fields.names(DefaultFields)
            if f"defaults.{name}" in head.places
        }

    def entry(self, draft: JobDraft, own: JobFields, key: str) -> Entry:
        places = {name: place_of(node.mark) for name, node in draft.mapping.fields.items()}
        line, column = place_of(draft.mapping.mark)
        return Entry(
            job=_job(key, own, self._head.defaults),
            own=frozenset(places),
            line=line,
            column=column,
            places={**self._places, **places},
            file=self._head.file,
        )


def _job(key: str, own: JobFields, defaults: Defaults) -> Job:
    return Job(
        key=key,
        prompt=own.prompt,
        model=defaults.model if own.model is None else own.model,
        duration_s=defaults.duration_s if own.duration is None else own.duration,
        aspect_ratio=defaults.aspect_ratio if own.aspect_ratio is None else own.aspect_ratio,
        resolution=defaults.resolution if own.resolution is None else own.resolution,
        image=None if own.image is None else _image(own.image),
        edit=own.edit,
        tags=defaults.tags if own.tags is None else tuple(own.tags),
        user=defaults.user if own.user is None else own.user,
    )


def _image(text: str) -> Image:
    return Image(url=text) if is_link(text) else Image(path=text)
