"""One clip: from values to a draft with problems at their places, and from a sound draft to an entry."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pipeline.manifest import fields
from pipeline.manifest.fields import ClipFields, FieldError, JobFields
from pipeline.manifest.keys import made_key
from pipeline.manifest.names import Cells
from pipeline.manifest.nodes import Flaw, Mapping, Scalar, place_of
from pipeline.manifest.rules import is_link
from pipeline.manifest.shapes import DataRow, Entry, Group, Place, Spot
from pipeline.manifest.twice import Maker
from pipeline.model import Image, Job, Keyframe

SOURCES = ("edit", "extend")
PICTURES = ("image", "reference_images", "last_frame", "keyframes")
NAMES = fields.names(JobFields)
TEXTS = fields.text_fields(ClipFields)
_RESTRICTING = frozenset({*SOURCES, "image_id"})


def job_label(number: int, key: str | None) -> str:
    return f"job {number}: " if key is None else f'job "{key}": '


@dataclass(slots=True, eq=False)
class JobDraft:
    """A clip as far as it can be read. `key` and `parent_key` may be known for one that is not sound.

    `row` and `varying`: where it comes from a data file, and the fields whose values do. `inputs`: what its
    names stand for. `as_written` and `parent_as_written`: the two keys, where values in them were made safe.
    `repeated`: the key before `repeat` added a number. `sound`: somebody looked at it, and nothing is wrong.
    """

    mapping: Mapping
    values: ReadOnly[str, Any] | None  # None: not sound
    key: str | None
    is_key_made: bool
    parent_key: str | None
    link: str  # the field that names the parent
    row: DataRow | None = None
    varying: frozenset[str] = frozenset()
    inputs: Cells = field(default_factory=dict)
    maker: Maker | None = None  # what other clips are made from too
    as_written: str | None = None
    parent_as_written: str | None = None
    repeated: str | None = None
    sound: bool = False

    def spot(self, field: str) -> Spot:
        """Where a field is written; at the row, if it comes from one."""
        if self.row is not None and (field in self.varying or field not in self.mapping.fields):
            return Spot(self.row.file, self.row.line, 1)
        return Spot("", *place_of(self.mapping.fields.get(field, self.mapping).mark))


def draft_of(mapping: Mapping, values: ReadOnly[str, object]) -> tuple[JobDraft, list[FieldError]]:
    """The draft, and which values are wrong. `mapping`: where they are written."""
    errors = fields.clip_errors(values)
    wrong = {error.field for error in errors} if errors else ()
    given = values.get("id")
    key = given if isinstance(given, str) and "id" not in wrong else None
    made = key is None
    if made and not errors:
        key = made_key(values)
    link, parent_key = "edit", None
    for name in SOURCES:
        parent = values.get(name)
        if isinstance(parent, str) and name not in wrong:
            link, parent_key = name, None if ":" in parent else parent
            break
    return JobDraft(mapping, None if errors else values, key, made, parent_key, link), errors


def flaws_of(mapping: Mapping) -> list[Flaw]:
    """Fields that do not go together."""
    if _RESTRICTING.isdisjoint(mapping.fields):
        return []
    return _clashes(mapping) + _needless_id(mapping)


def _needless_id(mapping: Mapping) -> list[Flaw]:
    """`image_id` without a URL would be ignored in silence."""
    if "image_id" not in mapping.fields:
        return []
    image = mapping.fields.get("image")
    if isinstance(image, Scalar) and image.text.startswith("http"):
        return []
    why = 'is only for an "image" that is an https URL; leave it out, a file is known by its content'
    if image is None:
        why = 'there is no "image" beside it; add one (an https URL), or leave "image_id" out'
    return [(place_of(mapping.fields["image_id"].mark), f"image_id: {why}")]


def _clashes(mapping: Mapping) -> list[Flaw]:
    source = next((name for name in SOURCES if name in mapping.fields), None)
    if source is None:
        return []
    message = f'cannot stand beside "{source}", which starts from a video'
    clashing = [name for name in mapping.fields if name in PICTURES or (name in SOURCES and name != source)]
    return [(place_of(mapping.fields[name].mark), f"{name}: {message}") for name in clashing]


class EntryMaker:
    """Puts the defaults of its group, and of the manifest, behind what a job sets itself."""

    def __init__(self, file: str, group: Group, number: int | None = None) -> None:
        self._file = file
        self._number = number
        self._defaults = group.defaults
        self._places = group.places

    def entry(
        self, draft: JobDraft, values: ReadOnly[str, Any], key: str, row: DataRow | None = None
    ) -> Entry:
        """`row`: of a clip that is like the draft, but for its prompt."""
        line, column = place_of(draft.mapping.mark)
        return Entry(
            key=key,
            values=values,
            group=self._number,
            make_job=self._job,
            own=draft.mapping.fields.keys(),
            line=line,
            column=column,
            find_places=partial(self._find_places, draft),
            file=self._file,
            row=row or draft.row,
            one_of_many=draft.maker is not None,
            inputs=draft.inputs if row is None else row.cells,
            kind=None if row is None else draft,
        )

    def _find_places(self, draft: JobDraft) -> ReadOnly[str, Place]:
        own = {name: place_of(node.mark) for name, node in draft.mapping.fields.items()}
        places = {**self._places, **own}
        return {name: place for name, place in places.items() if name not in draft.varying}

    def _job(self, key: str, values: ReadOnly[str, Any]) -> Job:
        own, defaults = values.get, self._defaults
        return Job(
            key=key,
            prompt=values["prompt"],
            model=own("model", defaults.model),
            duration_s=own("duration", defaults.duration_s),
            aspect_ratio=own("aspect_ratio", defaults.aspect_ratio),
            resolution=own("resolution", defaults.resolution),
            generate_audio=own("generate_audio", defaults.generate_audio),
            image=image_of(values["image"], own("image_id")) if "image" in values else None,
            reference_images=tuple([image_of(text) for text in own("reference_images", ())]),
            last_frame=image_of(values["last_frame"]) if "last_frame" in values else None,
            keyframes=tuple([_keyframe(**frame) for frame in own("keyframes", ())]),
            resize=own("resize", defaults.resize),
            edit=own("edit"),
            extend=own("extend"),
            revision=own("revision"),
            allow=tuple(own("allow", defaults.allow)),
            tags=tuple(own("tags", defaults.tags)),
            user=own("user", defaults.user),
            priority=own("priority", defaults.priority),
        )


def _keyframe(image: str, timestamp_s: float) -> Keyframe:
    return Keyframe(image=image_of(image), timestamp_s=float(timestamp_s))


def image_of(text: str, image_id: str | None = None) -> Image:
    return Image(url=text, id=image_id) if is_link(text) else Image(path=text)
