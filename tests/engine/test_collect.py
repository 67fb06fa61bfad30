"""`run --collect`: nothing is sent, what was paid for comes home, and the exit code says if more will."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.builders_engine import FakeGateway, always, only, refused, status_word
from support.night import Night


def cut_off(folder: Path, **more: object) -> Night:
    """`candle` is in flight, `desk` and its child were not sent."""
    jobs = ["candle", "desk", {"id": "snow", "edit": "desk"}]
    night = Night(folder, jobs, limits={"submit_per_s": 0.05, "job_deadline": "10m"}, **more)  # type: ignore[arg-type]
    night.run(signal_at=8.0)
    assert night.states() == {"candle": "accepted", "desk": "planned", "snow": "planned"}
    return night


def test_it_waits_for_what_is_in_flight_and_sends_nothing(tmp_path: Path) -> None:
    """Planned jobs stay planned and are no failure; the next run sends them."""
    night = cut_off(tmp_path, gateway=FakeGateway(render_s=120.0))
    night.collect = True
    result, again = night.run(), night.run()

    assert (result.exit_code, again.exit_code, again.requests) == (0, 0, 0)
    assert night.states() == {"candle": "done", "desk": "planned", "snow": "planned"}
    assert len(night.submits) == 1
    assert night.now < 300.0

    night.collect = False
    assert night.run().exit_code == 0
    night.sound()


def test_one_past_its_deadline_is_asked_once_and_ends_the_run_with_4(tmp_path: Path) -> None:
    """Come again: it may be collected yet."""
    night = cut_off(tmp_path, gateway=FakeGateway(render_s=3600.0))
    night.collect = True
    first = night.run()
    asked = len(night.polls())
    second = night.run()
    night.sleep(3600.0)
    third = night.run()

    assert [result.exit_code for result in (first, second, third)] == [4, 4, 0]
    assert second.requests == 1
    assert len(night.polls()) == asked + 2
    assert night.states()["candle"] == "done"


def test_a_clip_that_cannot_be_loaded_yet_is_to_be_collected_too(tmp_path: Path) -> None:
    night = cut_off(tmp_path, gateway=FakeGateway(file=always(refused(503))))
    night.collect = True

    assert night.run().exit_code == 4
    assert night.states()["candle"] == "ready"


@pytest.mark.parametrize("word", ["failed", "expired"])
def test_what_ended_without_a_clip_is_told(tmp_path: Path, word: str) -> None:
    """Nothing is in flight any more, and a job has no clip: exit 1."""
    night = cut_off(tmp_path)
    night.gateway.poll = only("candle", always(status_word(word)))
    night.collect = True

    assert night.run().exit_code == 1
    assert night.states()["candle"] == word


def test_nothing_was_ever_sent(tmp_path: Path) -> None:
    """A timer may fire before the first run: no request, exit 0."""
    night = Night(tmp_path, ["candle", {"id": "snow", "edit": "candle"}])
    night.collect = True
    result = night.run()

    assert (result.exit_code, result.requests) == (0, 0)
    assert night.states() == {"candle": "planned", "snow": "planned"}


def test_an_orphan_that_still_renders_does_not_hold_the_exit_code(tmp_path: Path) -> None:
    """It is asked, and collected when it is ready; but nobody waits for it."""
    night = cut_off(tmp_path, gateway=FakeGateway(render_s=3600.0))
    night.edit(["desk"])
    night.collect = True

    assert night.run().exit_code == 0
    assert [take.state.value for take in night.takes("candle")] == ["accepted"]
