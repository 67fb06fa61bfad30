"""What `nightreel plan` says about a night, without printing it."""

from __future__ import annotations

import asyncio
from typing import Any

from support.night import Night

from pipeline.cli.plan import Summary, summary
from pipeline.providers import provider_named


def planned(night: Night, **what: Any) -> Summary:
    """`what`: as `opening.foreseen` takes it."""
    manifest = night.folder / "night.yaml"
    env = {provider_named(night.provider).capabilities.base_url_env: night.base_url}
    what = {"output": night.folder, "env": env} | what
    return asyncio.run(summary(manifest, **what))


def outlooks(found: Summary) -> dict[str, tuple[str, str | None]]:
    """By job key, of what is listed."""
    return {job.key: (job.outlook.value, job.reason) for job in found.rows}


def counts(found: Summary) -> dict[str, int]:
    return {outlook.value: count for outlook, count in found.counts.items()}
