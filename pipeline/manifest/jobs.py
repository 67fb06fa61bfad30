"""One clip: from values to a draft with problems at their places, and from a sound draft to an entry."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from functools import partial

from pipeline.manifest import fields
from pipeline.manifest.fields import ClipFields, FieldError, JobFields
from pipeline.manifest.keys import made_key
from pipeline.manifest.nodes import Flaw, Mapping, Scalar, place_of
from pipeline.manifest.rules import is_link
from pipeline.manifest.shapes import DataRow, Defaults, Entry, Group, Place, Spot
from pipeline.model import Image, Job, Keyframe

SOURCES = ("edit", "extend")
PICTURES = ("image", "reference_images", "last_frame", "keyframes")
NAMES = fields.names(JobFields)
TEXTS = fields.text_fields(ClipFields)
_RESTRICTING = frozenset({*SOURCES, "image_id"})


def job_label(number: int, key: str | None) -> str:
    return f"job {number}: " if key is None else f'job "{key}": '


@dataclass(slots=True)
class JobDraft:
    """A clip as far as it can be read. `key` and `parent_key` may be known for one that is not sound.

    `row` and `varying`: where it comes from a data file, and the fields whose values do.
    """

    mapping: Mapping
    fields: ClipFields | None  # None: not sound
    key: str | None
    is_key_made: bool
    parent_key: str | None
    link: str  # the field that names the parent
    row: DataRow | None = None
    varying: frozenset[str] = frozenset()
    one_of_many: bool = False

    def spot(self, field: str) -> Spot:
        """Where a field is written; at the row, if it comes from one."""
        if self.row is not None and (field in self.varying or field not in self.mapping.fields):
            return Spot(self.row.file, self.row.line, 1)
        return Spot("", *place_of(self.mapping.fields.get(field, self.mapping).mark))


def draft_of(mapping: Mapping, values: ReadOnly[str, object]) -> tuple[JobDraft, list[FieldError]]:
    """The draft, and which values are wrong. `mapping`: where they are written."""
    clip, errors = fields.check(ClipFields, values)
    wrong = {error.field for error in errors} if errors else ()
    given = values.get("id")
    key = given if isinstance(given, str) and "id" not in wrong else None
    made = key is None
    if made and clip is not None:
        key = made_key(clip)
    link, parent_key = "edit", None
    for name in SOURCES:
        parent = values.get(name)
        if isinstance(parent, str) and name not in wrong:
            link, parent_key = name, None if ":" in parent else parent
            break
    return JobDraft(mapping, clip, key, made, parent_key, link), errors


def flaws_of(mapping: Mapping) -> list[Flaw]:
    """Fields that do not go together."""
    if _RESTRICTING.isdisjoint(mapping.fields):
        return []
    return _clashes(mapping) + _needless_id(mapping)


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


class EntryMaker:
    """Puts the defaults of its group, and of the manifest, behind what a job sets itself."""

    def __init__(self, file: str, group: Group) -> None:
        self._file = file
        self._defaults = group.defaults
        self._places = group.places

    def entry(self, draft: JobDraft, own: ClipFields, key: str) -> Entry:
        line, column = place_of(draft.mapping.mark)
        return Entry(
            job=_job(key, own, self._defaults),
            own=draft.mapping.fields.keys(),
            line=line,
            column=column,
            find_places=partial(self._find_places, draft),
            file=self._file,
            row=draft.row,
            one_of_many=draft.one_of_many,
        )

    def _find_places(self, draft: JobDraft) -> ReadOnly[str, Place]:
        own = {name: place_of(node.mark) for name, node in draft.mapping.fields.items()}
        places = {**self._places, **own}
        return {name: place for name, place in places.items() if name not in draft.varying}


def _job(key: str, own: ClipFields, defaults: Defaults) -> Job:
    return Job(
        key=key,
        prompt=own.prompt,
        model=defaults.model if own.model is None else own.model,
        duration_s=defaults.duration_s if own.duration is None else own.duration,
        aspect_ratio=defaults.aspect_ratio if own.aspect_ratio is None else own.aspect_ratio,
        resolution=defaults.resolution if own.resolution is None else own.resolution,
        generate_audio=defaults.generate_audio if own.generate_audio is None else own.generate_audio,
        image=None if own.image is None else image_of(own.image, own.image_id),
        reference_images=tuple([image_of(text) for text in own.reference_images or ()]),
        last_frame=None if own.last_frame is None else image_of(own.last_frame),
        keyframes=tuple(
            [
                Keyframe(image=image_of(frame.image), timestamp_s=frame.timestamp_s)
                for frame in own.keyframes or ()
            ]
        ),
        resize=defaults.resize if own.resize is None else own.resize,
        edit=own.edit,
        extend=own.extend,
        revision=own.revision,
        allow=defaults.allow if own.allow is None else tuple(own.allow),
        tags=defaults.tags if own.tags is None else tuple(own.tags),
        user=defaults.user if own.user is None else own.user,
        priority=defaults.priority if own.priority is None else own.priority,
    )


def image_of(text: str, image_id: str | None = None) -> Image:
    return Image(url=text, id=image_id) if is_link(text) else Image(path=text)
