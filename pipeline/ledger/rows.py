"""Rows to takes and back: the one place that knows the ledger's columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import Any

from pipeline.model import Image, Job, Keyframe, Probe, Take, TakeState
from pipeline.money import spent

MUTABLE = (
    "origin", "credential", "remote_id", "intent_at", "accepted_at", "ready_at", "ended_at",
    "url", "url_at", "validator", "reserved_ticks", "cost_ticks", "reported_s", "reason", "sha256",
    "size_bytes", "loading_at", "probe",
)  # fmt: skip
"""What a move or a note may change, apart from the state."""

COLUMNS = (
    "id", "fingerprint", "number", "state", "provider", *MUTABLE, "estimate_ticks", "own_price", "replaced",
    "reused_from",
)  # fmt: skip
"""In the order of the `take` fragment in queries.sql, which ends with spec, wanted and selected."""

WIDTH = len(COLUMNS) + 3


def take_of(row: Sequence[Any]) -> Take:
    """The first `WIDTH` values of a row as a take."""
    facts = dict(zip(COLUMNS, row, strict=False))
    facts["state"] = TakeState(facts["state"])
    facts["replaced"], facts["own_price"] = bool(facts["replaced"]), bool(facts["own_price"])
    if facts["probe"] is not None:
        facts["probe"] = probe_of(json.loads(facts["probe"]))
    spec, wanted, selected = row[WIDTH - 3 : WIDTH]
    return Take(job=job_of(spec), wanted=bool(wanted), selected=bool(selected), **facts)


def values_of(take: Take) -> dict[str, Any]:
    facts = {name: getattr(take, name) for name in MUTABLE}
    if take.probe is not None:
        facts["probe"] = json.dumps(asdict(take.probe))
    return {"id": take.id, "state": take.state.value, "spent_ticks": spent(take)} | facts


def probe_of(facts: dict[str, Any]) -> Probe:
    """What was kept of a look at a clip, here or in a side file. Raises TypeError where it is no such thing.

    A field that a newer version added is left out.
    """
    return Probe(**{name: facts[name] for name in _PROBE_FIELDS if name in facts})


def spec_of(job: Job) -> str:
    """A job as JSON, without what it leaves out."""
    return json.dumps(_given(job, _JOB_FIELDS), ensure_ascii=False, separators=(",", ":"))


def _given(thing: Any, names: Sequence[str]) -> dict[str, Any]:
    """Without what is None or empty, all the way down."""
    values = [(name, getattr(thing, name)) for name in names]
    return {name: _plain(value) for name, value in values if value is not None and value != ()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return _given(value, _INNER[type(value)]) if type(value) in _INNER else value


def job_of(spec: str) -> Job:
    """The job that `spec_of` wrote. A field that a newer version added is left out."""
    facts = json.loads(spec)
    return Job(**{name: _READ.get(name, _as_is)(facts[name]) for name in _JOB_FIELDS if name in facts})


def _as_is(value: Any) -> Any:
    return value


def _image(value: dict[str, Any]) -> Image:
    return Image(**value)


def _keyframe(image: dict[str, Any], timestamp_s: float) -> Keyframe:
    return Keyframe(image=_image(image), timestamp_s=timestamp_s)


_PROBE_FIELDS = tuple(field.name for field in fields(Probe))
_JOB_FIELDS = tuple(field.name for field in fields(Job))
_INNER = {kind: tuple(field.name for field in fields(kind)) for kind in (Image, Keyframe)}
_READ: dict[str, Callable[[Any], Any]] = {
    "image": _image,
    "last_frame": _image,
    "reference_images": lambda images: tuple(map(_image, images)),
    "keyframes": lambda frames: tuple(_keyframe(**frame) for frame in frames),
    "allow": tuple,
    "tags": tuple,
}
