"""Changes between runs: an edited prompt, a removed job, a deleted clip. Nothing paid for is ever lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.builders_engine import FakeGateway, always, lost, only, status_word
from support.night import Night

BLUE = {"id": "candle", "prompt": "A blue candle."}


def test_an_edited_prompt_makes_a_new_take(tmp_path: Path) -> None:
    """The clip of the old prompt moves aside just when the new one arrives, with its side file."""
    night = Night(tmp_path)
    night.run()
    night.edit([BLUE])
    old_is_there: list[bool] = []
    night.gateway.file = lambda _ask: old_is_there.append(night.clip().read_bytes() == _content(night, 1))

    result = night.run()

    assert result.exit_code == 0
    assert old_is_there == [True]
    (kept,) = night.superseded()
    assert kept.name == f"{night.takes('candle')[0].label}.mp4"
    assert kept.read_bytes() == _content(night, 1)
    assert kept.with_suffix(".json").exists()
    assert night.clip().read_bytes() == _content(night, 2)
    night.sound()


def test_an_old_take_in_flight_is_collected_all_the_same(tmp_path: Path) -> None:
    """It was paid for: its clip goes to superseded/, whichever of the two ends first."""
    for number, render_s in enumerate((15.0, 200.0)):
        folder = tmp_path / str(number)
        folder.mkdir()
        night = Night(folder, gateway=FakeGateway(render_s=render_s))
        night.run(signal_at=8.0)
        night.gateway.render_s = 60.0
        night.edit([BLUE])

        result = night.run()

        assert result.exit_code == 0
        assert [take.state.value for take in night.takes()] == ["done", "done"]
        (kept,) = night.superseded()
        assert kept.read_bytes() == _content(night, 1)
        assert night.clip().read_bytes() == _content(night, 2)
        night.sound()


def test_an_old_take_that_ends_badly_does_not_count(tmp_path: Path) -> None:
    """Nobody wants it any more: the exit code is about what the manifest asks for."""
    night = Night(tmp_path)
    night.run(signal_at=8.0)
    night.edit([BLUE])
    night.gateway.poll = lambda ask: status_word("failed") if ask.remote_id == "order-00001" else None

    result = night.run()

    assert result.exit_code == 0
    assert [take.state.value for take in night.takes()] == ["failed", "done"]


def test_an_old_unknown_take_does_not_count_and_the_new_prompt_is_sent(tmp_path: Path) -> None:
    """Another prompt is another purchase."""
    night = Night(tmp_path, gateway=FakeGateway(submit=always(lost())))
    night.run()
    night.gateway.heal()
    night.edit([BLUE])

    assert night.run().exit_code == 0
    assert [take.state.value for take in night.takes()] == ["unknown", "done"]
    night.sound()


def test_going_back_brings_the_old_clip_back_without_a_request(tmp_path: Path) -> None:
    """To and fro as often as one likes: no request, and the clip under the name is that prompt's."""
    night = Night(tmp_path)
    night.run()
    night.edit([BLUE])
    night.run()
    night.run()
    asked = len(night.gateway.asks)

    for jobs, number in [(["candle"], 1), ([BLUE], 2), (["candle"], 1)]:
        night.edit(jobs)
        result = night.run()
        assert (result.exit_code, result.requests) == (0, 0)
        assert night.clip().read_bytes() == _content(night, number)
        night.sound()

    assert len(night.gateway.asks) == asked
    assert {path.read_bytes() for path in night.superseded()} >= {_content(night, 2)}


def test_a_removed_job_that_was_not_sent_is_not_sent(tmp_path: Path) -> None:
    """Its row stays, planned and unwanted."""
    night = Night(tmp_path, ["candle", "desk"], limits={"submit_per_s": 0.1})
    night.run(signal_at=5.0)
    night.edit(["candle"])

    result = night.run()

    assert result.exit_code == 0
    assert night.states() == {"candle": "done"}
    assert [take.state.value for take in night.takes("desk")] == ["planned"]
    assert [ask.key for ask in night.submits] == ["candle"]

    night.edit(["candle", "desk"])
    assert night.run().exit_code == 0
    night.sound()


def test_a_removed_job_in_flight_is_collected(tmp_path: Path) -> None:
    """Paid for: its clip is kept, and comes back with the job, without a request."""
    night = Night(tmp_path, ["candle", "desk"])
    night.run(signal_at=8.0)
    night.edit(["candle"])

    assert night.run().exit_code == 0
    assert [take.state.value for take in night.takes("desk")] == ["done"]
    asked = len(night.gateway.asks)

    night.edit(["candle", "desk"])
    assert night.run().exit_code == 0
    assert len(night.gateway.asks) == asked
    night.sound()


def test_a_removed_job_that_never_ends_does_not_hold_the_exit_code(tmp_path: Path) -> None:
    """Exit 0 as soon as what is wanted is there; the orphan stays accepted for a later run."""
    gateway = FakeGateway(render_s=lambda key: 1e9 if key == "desk" else 20.0)
    night = Night(tmp_path, ["candle", "desk"], gateway, limits={"job_deadline": "5m"})
    night.run(signal_at=8.0)
    night.edit(["candle"])

    assert night.run().exit_code == 0
    assert [take.state.value for take in night.takes("desk")] == ["accepted"]


def test_a_deleted_clip_is_fetched_again_by_one_poll(tmp_path: Path) -> None:
    """Missing is not unpaid: one poll for a fresh link, one download, no submit."""
    night = Night(tmp_path, ["candle", "desk"])
    night.run()
    night.sleep(86400)
    night.clip().unlink()
    before = len(night.gateway.asks)

    result = night.run()

    assert result.exit_code == 0
    assert [(ask.kind, ask.key) for ask in night.gateway.asks[before:]] == [
        ("poll", "candle"),
        ("file", "candle"),
    ]
    night.sound()


@pytest.mark.parametrize("body", [status_word("expired"), status_word("failed"), status_word("done")])
def test_a_deleted_clip_that_the_gateway_has_no_more_stays_missing(tmp_path: Path, body: object) -> None:
    """Told as missing, exit 1, and never paid again by itself."""
    night = Night(tmp_path)
    night.run()
    night.clip().unlink()
    night.gateway.poll = only("candle", always(body))  # type: ignore[arg-type]

    codes = [night.run().exit_code, night.run().exit_code]

    assert codes == [1, 1]
    assert night.states() == {"candle": "missing"}
    assert len(night.submits) == 1


def test_a_clip_put_back_by_hand_is_found(tmp_path: Path) -> None:
    """Missing, then restored from a backup: done again, and nothing was asked."""
    night = Night(tmp_path)
    night.run()
    backup = night.clip().read_bytes()
    night.clip().unlink()
    night.gateway.poll = always(status_word("expired"))
    night.run()
    night.clip().write_bytes(backup)
    asked = len(night.gateway.asks)

    result = night.run()

    assert (result.exit_code, len(night.gateway.asks)) == (0, asked)
    night.sound()


def test_a_truncated_clip_is_noticed(tmp_path: Path) -> None:
    """A clip of another size than on record is not there; the gateway is asked for it."""
    night = Night(tmp_path)
    night.run()
    night.run()
    night.clip().write_bytes(night.clip().read_bytes()[:100])

    assert night.run().exit_code == 0
    assert len(night.submits) == 1
    night.sound()


def test_the_same_prompt_under_two_names_is_two_purchases(tmp_path: Path) -> None:
    """A job is its key and its fingerprint."""
    night = Night(tmp_path, ["candle"])
    night.run()
    night.edit(["candle", {"id": "candle2", "prompt": "A candle."}])

    assert night.run().exit_code == 0
    assert len(night.submits) == 2


def _content(night: Night, number: int) -> bytes:
    return night.gateway.content(f"order-{number:05d}")
