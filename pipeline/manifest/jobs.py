"""One job: from its node to a draft with problems at their places, and from a sound draft to an entry."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from typing import Any

from pipeline.manifest import fields
from pipeline.manifest.fields import DefaultFields, JobFields
from pipeline.manifest.keys import made_key
from pipeline.manifest.nodes import Broken, Flaw, Mapping, Node, Scalar, found, place_of
from pipeline.manifest.problems import Problems
from pipeline.manifest.rules import is_link
from pipeline.manifest.shapes import Defaults, Entry, Head, Place
from pipeline.manifest.tree import JobNode
from pipeline.manifest.values import add_errors, plain_values
from pipeline.model import Image, Job, Keyframe

SOURCES = ("edit", "extend")
PICTURES = ("image", "reference_images", "last_frame", "keyframes")
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
    link: str  # the field that names the parent

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
    given = _sound_text("id", values, wrong)
    link = next((name for name in SOURCES if _sound_text(name, values, wrong)), "edit")
    parent = _sound_text(link, values, wrong)
    key = given or (made_key(job) if job is not None else None)
    label = job_label(part.number, key)
    add_errors(problems, errors, part.node, _NAMES, label)
    flaws = part.flaws + _clashes(part.node) + _needless_id(part.node)
    problems.add_all(flaws, label)
    is_whole = not flaws and len(values) == len(part.node.fields)
    parent_key = None if parent is None or ":" in parent else parent
    return JobDraft(part.node, job if is_whole else None, key, given is None, parent_key, link)


def _no_mapping(node: Node) -> Flaw:
    return place_of(node.mark), f'expected fields such as "prompt: ...", got {found(node)}'


def _needless_id(mapping: Mapping) -> list[Flaw]:
    """`image_id` beside a file would be ignored in silence."""
    if "image_id" not in mapping.fields:
        return []
    image = mapping.fields.get("image")
    if isinstance(image, Scalar) and image.text.startswith("http"):
        return []
    message = 'image_id: stands for an "image" that is an https URL; a file is known by its content'
    return [(place_of(mapping.fields["image_id"].mark), message)]


def _clashes(mapping: Mapping) -> list[Flaw]:
    source = next((name for name in SOURCES if name in mapping.fields), None)
    if source is None:
        return []
    message = f'cannot stand beside "{source}", which starts from a video'
    clashing = [name for name in (*PICTURES, *SOURCES) if name in mapping.fields and name != source]
    return [(place_of(mapping.fields[name].mark), f"{name}: {message}") for name in clashing]


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
    def either(name: str, attribute: str = "") -> Any:
        mine = getattr(own, name)
        return getattr(defaults, attribute or name) if mine is None else mine

    return Job(
        key=key,
        prompt=own.prompt,
        model=either("model"),
        duration_s=either("duration", "duration_s"),
        aspect_ratio=either("aspect_ratio"),
        resolution=either("resolution"),
        generate_audio=either("generate_audio"),
        image=None if own.image is None else image_of(own.image, own.image_id),
        reference_images=tuple(image_of(text) for text in own.reference_images or ()),
        last_frame=None if own.last_frame is None else image_of(own.last_frame),
        keyframes=tuple(
            Keyframe(image=image_of(frame.image), timestamp_s=frame.timestamp_s)
            for frame in own.keyframes or ()
        ),
        resize=either("resize"),
        edit=own.edit,
        extend=own.extend,
        revision=own.revision,
        allow=tuple(either("allow")),
        tags=tuple(either("tags")),
        user=either("user"),
    )


def image_of(text: str, image_id: str | None = None) -> Image:
    return Image(url=text, id=image_id) if is_link(text) else Image(path=text)
