"""A night at the worst gateway there is, at length: the scenario `hostile`, in each dialect."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from nights.world import SimWorld
from support.night import Night

from pipeline.model import TakeState
from pipeline.sim import load_scenario

JOBS = 300
RUNS = 6  # credits and key are gone now and then, which ends a run
SETTLED = {"done", "unknown", "moderated", "failed", "expired", "rejected", "undelivered", "accepted"}
REPORTS_COST = {"cometapi", "xai"}


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["cometapi", "xai", "globalaiopc"])
def test_hostile_nights(dialect: str, tmp_path: Path) -> None:
    """Each take ends in a named state with a reason, paid once; bill and ledger agree to the tick."""
    world = SimWorld(load_scenario("hostile"), provider=dialect, seed=6)
    keys = [f"job{number:03d}" for number in range(JOBS)]
    limits = {"job_deadline": "3m", "max_in_flight": 40}
    night = Night(tmp_path, keys, world, limits, provider=dialect, base_url=world.base_url)

    codes = []
    while len(codes) < RUNS:
        codes.append(night.run().exit_code)
        night.sleep(300)

    states = Counter(night.states().values())
    assert set(codes) <= {1, 3}
    assert set(states) <= SETTLED, states
    assert states["done"] > JOBS * 0.7
    agree(night, world)
    night.sound()


def agree(night: Night, world: SimWorld) -> None:
    """What was accepted is on record by its id, or is one of the unknown; each by its own price."""
    takes = night.takes()
    accepted = {job.id: job for job in world.jobs}
    on_record = {take.remote_id: take for take in takes if take.remote_id in accepted}
    for take in takes:
        assert take.reason or take.state in (TakeState.DONE, TakeState.ACCEPTED), take
    for remote_id, take in on_record.items():
        if take.state is TakeState.DONE and world.provider in REPORTS_COST:
            assert take.cost_ticks == accepted[remote_id].ticks
        assert take.cost_ticks in (None, accepted[remote_id].ticks)
    lost = Counter(job.prompt for remote_id, job in accepted.items() if remote_id not in on_record)
    may_be_paid = Counter(take.job.prompt for take in takes if take.remote_id not in accepted)
    assert lost <= may_be_paid
