"""Rows to takes and back: the one place that knows the ledger's columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from pipeline.model import Image, Job, Take, TakeState

MUTABLE = (
    "origin", "credential", "remote_id", "intent_at", "accepted_at", "ready_at", "ended_at",
    "url", "url_at", "validator", "cost_ticks", "reason", "sha256", "size_bytes",
)  # fmt: skip
"""What a move or a note may change, apart from the state."""

COLUMNS = ("id", "fingerprint", "number", "state", "provider", *MUTABLE)
"""In the order of the `take` fragment in queries.sql, which ends with the spec and whether it is wanted."""

WIDTH = len(COLUMNS) + 2


def take_of(row: Sequence[Any]) -> Take:
    """The first `WIDTH` values of a row as a take."""
    facts = dict(zip(COLUMNS, row, strict=False))
    facts["state"] = TakeState(facts["state"])
    return Take(job=job_of(row[WIDTH - 2]), wanted=bool(row[WIDTH - 1]), **facts)


def values_of(take: Take) -> dict[str, Any]:
    return {"id": take.id, "state": take.state.value} | {name: getattr(take, name) for name in MUTABLE}


def spec_of(job: Job) -> str:
    """A job as JSON, without what it leaves out."""
    return json.dumps(_given(asdict(job)), ensure_ascii=False, separators=(",", ":"))


def _given(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _given(value) if isinstance(value, dict) else value
        for name, value in facts.items()
        if value is not None and value != ()
    }


def job_of(spec: str) -> Job:
    """The job that `spec_of` wrote. A field that a newer version added is left out."""
    facts = json.loads(spec)
    known = {name: facts[name] for name in _JOB_FIELDS if name in facts}
    if "image" in known:
        known["image"] = Image(**known["image"])
    return Job(**known | {"tags": tuple(known.get("tags", ()))})


_JOB_FIELDS = tuple(field.name for field in fields(Job))
