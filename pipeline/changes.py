"""What a job asks for otherwise than before, field by field, as far as the fingerprint counts it. Pure.

Fields have the manifest's names. A picture counts by its content, a parent by what it asks for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from pipeline.identity import fingerprint
from pipeline.model import Image, Job, Take

Value = str | int | float | bool | None

WHOLE_CHARS = 60  # a text this short is shown whole
AROUND_CHARS = 20  # of a longer one, so much is shown on each side of what differs
_PLAIN = {
    "model": "model",
    "prompt": "prompt",
    "duration_s": "duration",
    "resolution": "resolution",
    "aspect_ratio": "aspect_ratio",
    "generate_audio": "generate_audio",
    "resize": "resize",
    "revision": "revision",
}
_DEFAULTED = frozenset({"model", "duration", "resolution", "aspect_ratio", "generate_audio"})
_VERBS = {"edit": "edits", "extend": "extends"}
_CONTENT = "its content changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that differs. `how`: what a person should read where before and after do not say it."""

    field: str
    before: Value
    after: Value
    how: str | None = None

    @property
    def text(self) -> str:
        """`duration: 6 -> 8`, `prompt: "A fox" -> "A red fox"`, `image: its content changed`."""
        if self.how is not None:
            return f"{self.field}: {self.how}"
        before, after = self.before, self.after
        if isinstance(before, str) and isinstance(after, str):
            before, after = around(before, after)
        return f"{self.field}: {self._said(before)} -> {self._said(after)}"

    def _said(self, value: Value) -> str:
        if value is None:
            return "(default)" if self.field in _DEFAULTED else "(none)"
        if isinstance(value, bool):
            return "true" if value else "false"
        free = isinstance(value, str) and self.field not in _DEFAULTED and self.field != "provider"
        return f'"{value}"' if free else str(value)


def changes(
    before: Take, job: Job, provider: str, parent_fingerprint: str | None = None
) -> tuple[Change, ...]:
    """How `job` differs from what an older take asked for. `parent_fingerprint`: of what `job` starts from.

    Empty where the record of the older take is not whole, as after a ledger was lost with all but its log.
    """
    if not _is_whole(before):
        return ()
    return tuple(_differences(before, job, provider, parent_fingerprint))


def _is_whole(take: Take) -> bool:
    """Whether the job on record is what the take's fingerprint was made of, as far as can be seen."""
    if any(image.sha256 is None and image.url is None for _, image in take.job.pictures):
        return False
    if take.job.parent_key is not None:
        return bool(take.job.prompt)
    return fingerprint(take.job, take.provider) == take.fingerprint


def _differences(before: Take, job: Job, provider: str, parent_fingerprint: str | None) -> Iterator[Change]:
    old = before.job
    if before.provider != provider:
        yield Change(field="provider", before=before.provider, after=provider)
    for attribute, field in _PLAIN.items():
        was, now = getattr(old, attribute), getattr(job, attribute)
        if was != now:
            yield Change(field=field, before=was, after=now)
    yield from _picture("image", old.image, job.image)
    yield from _pictures("reference_images", old.reference_images, job.reference_images)
    yield from _picture("last_frame", old.last_frame, job.last_frame)
    yield from _keyframes(old, job)
    yield from _source(before, job, parent_fingerprint)


# --- pictures


def _picture(field: str, old: Image | None, new: Image | None, item: str = "") -> Iterator[Change]:
    if _content(old) == _content(new):
        return
    was, now = _named(old), _named(new)
    if was == now:
        yield Change(field=field, before=_content(old), after=_content(new), how=item + _CONTENT)
    elif item:
        yield Change(field=field, before=was, after=now, how=f'{item}"{was}" -> "{now}"')
    else:
        by_id = old is not None and new is not None and None not in (old.id, new.id)
        yield Change(field="image_id" if by_id else field, before=was, after=now)


def _pictures(field: str, old: tuple[Image, ...], new: tuple[Image, ...]) -> Iterator[Change]:
    if len(old) != len(new):
        yield Change(field=field, before=_listed(old), after=_listed(new))
        return
    for number, (was, now) in enumerate(zip(old, new, strict=True), start=1):
        yield from _picture(field, was, now, f"item {number}: ")


def _keyframes(old: Job, job: Job) -> Iterator[Change]:
    was, now = old.keyframes, job.keyframes
    yield from _pictures("keyframes", tuple(f.image for f in was), tuple(f.image for f in now))
    if len(was) != len(now):
        return
    for number, (one, other) in enumerate(zip(was, now, strict=True), start=1):
        if one.timestamp_s != other.timestamp_s:
            how = f"item {number}: timestamp_s {one.timestamp_s:g} -> {other.timestamp_s:g}"
            yield Change(field="keyframes", before=one.timestamp_s, after=other.timestamp_s, how=how)


def _content(image: Image | None) -> str | None:
    """What the fingerprint counts of a picture, with what it is."""
    if image is None:
        return None
    if image.id is not None:
        return f"image_id {image.id}"
    return f"sha256 {image.sha256}" if image.sha256 is not None else image.url


def _named(image: Image | None) -> str | None:
    """What a person calls a picture."""
    if image is None:
        return None
    if image.id is not None:
        return image.id
    return image.path or ("inline" if not image.is_link else image.url)


def _listed(images: tuple[Image, ...]) -> str | None:
    return ", ".join(_named(image) or "" for image in images) or None


# --- what it starts from


def _source(before: Take, job: Job, parent_fingerprint: str | None) -> Iterator[Change]:
    old = before.job
    if old.operation != job.operation:
        for field in ("edit", "extend"):
            was, now = getattr(old, field), getattr(job, field)
            if was != now:
                yield Change(field=field, before=was, after=now)
    elif old.source is None or _same_source(before, job, parent_fingerprint):
        return
    elif old.source == job.source:
        field = job.operation.value
        how = f"the clip that it {_VERBS[field]} changed"
        yield Change(
            field=field, before=f"{old.source}, as it was", after=f"{job.source}, as it is now", how=how
        )
    else:
        yield Change(field=job.operation.value, before=old.source, after=job.source)


def _same_source(before: Take, job: Job, parent_fingerprint: str | None) -> bool:
    """Whether both start from the same video. A parent that only has another key now is the same."""
    old = before.job
    if old.parent_key is None or job.parent_key is None or parent_fingerprint is None:
        return old.source == job.source
    return fingerprint(old, before.provider, parent_fingerprint) == before.fingerprint


# --- long texts


def around(before: str, after: str) -> tuple[str, str]:
    """Two texts, of long ones only what stands around the first and the last difference."""
    if max(len(before), len(after)) <= WHOLE_CHARS:
        return before, after
    start = _alike(before, after)
    rest = min(len(before), len(after)) - start
    same = min(rest, _alike(before[::-1], after[::-1]))
    return _cut(before, start, len(before) - same), _cut(after, start, len(after) - same)


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _cut(text: str, start: int, end: int) -> str:
    """`text` from a little before `start` to a little behind `end`, at the ends of words where there are."""
    first, last = max(0, start - AROUND_CHARS), min(len(text), end + AROUND_CHARS)
    if first > 0 and (space := text.find(" ", first, start)) >= 0:
        first = space + 1
    if last < len(text) and (space := text.rfind(" ", end, last)) >= 0:
        last = space
    middle = text[first:last]
    if len(middle) > 2 * WHOLE_CHARS:
        middle = f"{middle[:WHOLE_CHARS].rstrip()} … {middle[-WHOLE_CHARS:].lstrip()}"
    return "…" * (first > 0) + middle + "…" * (last < len(text))
