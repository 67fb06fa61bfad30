"""What `nightreel plan` says about a night, without printing it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from support.night import Night

from pipeline.again import NO_ENDS
from pipeline.cli.plan import Summary, summaries
from pipeline.providers import provider_named
from pipeline.selection import ALL


def planned(night: Night, *, reuse: bool = False) -> Summary:
    facts = provider_named(night.provider).capabilities
    return foretold(
        night.folder / "night.yaml",
        output=night.folder,
        env={facts.base_url_env: night.base_url},
        reuse=reuse,
    )


def foretold(manifest: Path, *, output: Path, env: Mapping[str, str], reuse: bool = False) -> Summary:
    """What `plan` says of one manifest."""
    (found,) = asyncio.run(
        summaries(
            [manifest],
            provider=None,
            env=env,
            output=output,
            selection=ALL,
            again=NO_ENDS,
            reuse=reuse,
            date=None,
        )
    )
    return found


def outlooks(found: Summary) -> dict[str, tuple[str, str | None]]:
    """By job key, of what is listed."""
    return {job.key: (job.outlook.value, job.reason) for job in found.rows}


def counts(found: Summary) -> dict[str, int]:
    return {outlook.value: count for outlook, count in found.counts.items()}
