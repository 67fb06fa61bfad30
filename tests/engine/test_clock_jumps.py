"""The machine's clock is set by a day in the middle of a night: nobody pays for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.builders_engine import FakeGateway, in_turn, refused
from support.night import Jump, Night

DAY_S = 86_400.0


@pytest.mark.parametrize("by", [DAY_S, -DAY_S], ids=["forward", "back"])
@pytest.mark.parametrize("at", [0.01, 1.5, 12.0, 20.3, 45.0])
def test_a_clock_that_jumps_costs_nothing(tmp_path: Path, at: float, by: float) -> None:
    """Deadlines may pass at once or much later; each job is paid once, and reruns bring every clip."""
    gateway = FakeGateway(
        submit=in_turn(refused(429, "slow down", retry_after="5")),
        poll=in_turn(refused(404, "not found"), refused(500, "oops")),
    )
    night = Night(tmp_path, ["candle", "desk", {"id": "snow", "edit": "candle"}], gateway)
    night.jumps = [Jump(at, by)]

    first = night.run()
    for _ in range(3):
        night.run()

    assert first.exit_code in (0, 1)
    assert night.finished(), night.states()
    assert len(night.submits) - 3 == len(gateway.bill()) == 3
    night.sound()


def test_a_clock_that_jumps_teaches_nothing_about_how_long_clips_take(tmp_path: Path) -> None:
    """Set forward by hours while many are in flight: those that come later are asked about as in time."""
    gateway = FakeGateway(render_s=60.0)
    limits = {"job_deadline": "20h", "max_in_flight": 60, "submit_per_s": 1}
    night = Night(tmp_path, [f"job{number:02d}" for number in range(60)], gateway, limits=limits)
    night.jumps = [Jump(40.0, 8 * 3600.0)]

    result = night.run()

    assert result.exit_code == 0
    known = {ask.key: ask.at for ask in gateway.seen("file")}
    late = [known[order.key] - order.at - order.render_s for order in gateway.orders.values()]
    assert max(late) < 20.0
    night.sound()
