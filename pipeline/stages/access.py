"""One account at one gateway, as all batches of a run share it: connections, turns, slots and downloads.

However many manifests are run together, the gateway sees one careful customer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from pipeline.clock import Clock
from pipeline.config import Settings
from pipeline.pace import Pace
from pipeline.stages.base import Switches
from pipeline.stages.gateway import Hearing
from pipeline.stages.slots import SlotPool
from pipeline.stages.turns import Turns
from pipeline.transport.base import Transport


@dataclass(slots=True, kw_only=True)
class Access:
    """What one account has only once. `downloads`: a place for each clip that is loaded at one time."""

    transport: Transport
    turns: Turns
    slots: SlotPool
    downloads: anyio.Semaphore
    hearing: Hearing = field(default_factory=Hearing)
    switches: list[Switches] = field(default_factory=list)  # of each batch: bad news are for all of them

    @classmethod
    def by(cls, settings: Settings, transport: Transport, clock: Clock) -> Access:
        """Within the limits of `settings`."""
        return cls(
            transport=transport,
            turns=Turns(
                Pace.by(
                    settings.submit_per_s,
                    settings.poll_per_s,
                    known=settings.submit_known,
                    share=settings.share,
                ),
                clock,
            ),
            slots=SlotPool(
                settings.max_in_flight,
                clock,
                most_behind=2 * settings.downloads,
                at_once=settings.downloads,
                most_behind_s=settings.url_life_s / 4,
            ),
            downloads=anyio.Semaphore(settings.downloads),
        )
