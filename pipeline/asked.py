"""What was asked for and what came of it, as side files and the log show it: enough to know it again."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from pipeline.clock import utc_text
from pipeline.findings import findings
from pipeline.model import TICKS_PER_USD, Image, Job, Probe, Take


def asked_of(job: Job) -> dict[str, Any]:
    """The job without what it leaves out, and without the bytes of an inline picture."""
    return {
        name: _given(value)
        for name, value in asdict(job.with_pictures(_shown)).items()
        if value not in (None, ())
    }


def _shown(image: Image) -> Image:
    inline = image.sha256 is not None and image.path is None
    return replace(image, url="data:") if inline else image


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _given(inner) for name, inner in value.items() if inner is not None}
    return [_given(inner) for inner in value] if isinstance(value, tuple) else value


def side_of(take: Take, finished_at: float, probe: Probe | None) -> dict[str, Any]:
    """A side file: all that a person, or a rebuilt ledger, needs to know about a clip."""
    cost = take.cost_ticks
    return {
        "version": 1,
        "job": take.job.key,
        "label": take.label,
        "take": take.number,
        "fingerprint": take.fingerprint,
        "asked": asked_of(take.job),
        "provider": take.provider,
        "simulated": take.simulated,
        "origin": take.origin,
        "credential": take.credential,
        "remote_id": take.remote_id,
        **({} if take.reused_from is None else {"reused_from": take.reused_from}),
        "submitted_at": _text(take.intent_at),
        "accepted_at": _text(take.accepted_at),
        "ready_at": _text(take.ready_at),
        "finished_at": utc_text(finished_at),
        "estimate_ticks": take.estimate_ticks,
        "own_price": take.own_price,
        "reserved_ticks": take.reserved_ticks,
        "cost_ticks": cost,
        "cost_usd": None if cost is None else cost / TICKS_PER_USD,
        "reported_s": take.reported_s,
        "sha256": take.sha256,
        "size_bytes": take.size_bytes,
        "probe": None if probe is None else asdict(probe),
        "findings": [] if probe is None else list(findings(take.job, probe)),
    }


def _text(wall: float | None) -> str | None:
    return None if wall is None else utc_text(wall)
