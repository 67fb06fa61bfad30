"""Changes to finished answers that any dialect allows: another status word, another id.

What a fault may do to an answer without knowing where its fields stand. Levels are nested in `data`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from pipeline.sim.wire import Reply, json_reply


def with_status(reply: Reply, word: str | None) -> Reply:
    """The same answer with this status word on every level that has one; None takes it away."""
    levels = _levels(reply)
    if not levels:
        return reply
    for level in [level for level in levels if "status" in level] or levels[-1:]:
        if word is None:
            level.pop("status", None)
        else:
            level["status"] = word
    return _rewritten(reply, levels[0])


def with_id(reply: Reply, field: str, job_id: str | None) -> Reply:
    """The same answer to a submission with another id; None takes it away."""
    levels = _levels(reply)
    if not levels:
        return reply
    if job_id is None:
        levels[0].pop(field, None)
    else:
        levels[0][field] = job_id
    return _rewritten(reply, levels[0])


def _levels(reply: Reply) -> list[dict[str, Any]]:
    """The objects of a body from the outside in; none where another fault has made it no JSON object."""
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        return []
    found: list[dict[str, Any]] = []
    while isinstance(value, dict):
        found.append(value)
        value = value.get("data")
    return found


def _rewritten(reply: Reply, body: dict[str, Any]) -> Reply:
    return replace(reply, body=json_reply(body).body)
