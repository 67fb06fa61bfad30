"""One take's trouble, a full ledger or a quiet hour must not cost other takes their answers."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from PIL import Image
from support.builders_engine import (
    DEAD_LINK,
    FakeGateway,
    Step,
    always,
    in_turn,
    lost,
    not_sent,
    only,
    refused,
    slow,
    status_word,
    web_page,
)
from support.night import KEY, Night

KEPT = ("accepted", "ready", "done")


def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_full_disk_at_the_half_minute_loses_no_submit(tmp_path: Path) -> None:
    """The count of calls finds no room for a second; the POST under way keeps its answer."""
    gateway = FakeGateway(submit=lambda ask: slow(20.0) if ask.key == "desk" else None)
    night = Night(tmp_path, ["candle", "desk"], gateway, limits={"submit_per_s": 0.04})
    night.ledger_full = lambda: 29.9 < now() < 31.0

    night.run()

    assert night.states()["desk"] in KEPT


def test_a_full_disk_while_a_child_is_blocked_loses_no_submit(tmp_path: Path) -> None:
    """The feeder finds no room; the POST under way keeps its answer."""
    gateway = FakeGateway(
        submit=lambda ask: slow(20.0) if ask.key == "desk" else None,
        poll=only("candle", always(status_word("failed"))),
    )
    night = Night(tmp_path, ["candle", {"id": "snow", "edit": "candle"}, "desk"], gateway)
    night.ledger_full = lambda: (
        5.0 < now() < 5.5 and bool(night.polls()) and night.on_record("candle")[0] == "failed"
    )

    night.run()

    assert night.states()["desk"] in KEPT


@pytest.mark.parametrize("status", [401, 403])
def test_one_id_that_is_refused_for_ever_does_not_keep_the_others_out(tmp_path: Path, status: int) -> None:
    """An old take asked through another key: the others still come in, and it waits for its own key."""
    foreign = only("candle", always(refused(status, "not yours")))
    gateway = FakeGateway(poll=foreign, render_s=100.0, link_life_s=1e9)
    night = Night(tmp_path, ["candle", "desk", "fox"], gateway)

    result = night.run()

    assert result.exit_code == 1
    assert night.states() == {"candle": "accepted", "desk": "done", "fox": "done"}
    assert "take.other_key" in night.troubles()

    night.gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_a_key_that_is_refused_for_all_stops_the_run(tmp_path: Path) -> None:
    """Nothing ends, exit 3; with the key put right the rerun collects all, paid once."""
    gateway = FakeGateway(poll=always(refused(401, "invalid api key")), render_s=30.0, link_life_s=1e9)
    night = Night(tmp_path, ["candle", "desk"], gateway)

    assert night.run().exit_code == 3
    assert set(night.states().values()) == {"accepted"}

    gateway.poll = only("nobody", always(None))
    assert night.run().exit_code == 0
    assert len(night.submits) == 2


def test_quiet_minutes_are_no_silence_of_the_gateway(tmp_path: Path) -> None:
    """After a hold of ten minutes, one lost call does not stop the run."""
    gateway = FakeGateway(
        submit=lambda ask: {1: refused(429, "slow", retry_after="600"), 2: not_sent()}.get(ask.number)
    )

    assert Night(tmp_path, gateway=gateway).run().exit_code == 0


def test_polls_far_apart_are_no_silence_either(tmp_path: Path) -> None:
    """With twelve minutes between polls, one lost answer does not stop the run."""
    seldom = {"poll_min_s": 700, "job_deadline": "3h"}
    gateway = FakeGateway(poll=lambda ask: lost() if ask.number == 2 else None, render_s=2000)

    assert Night(tmp_path, gateway=gateway, limits=seldom).run().exit_code == 0


def test_a_picture_that_changes_while_it_waits_for_its_turn_is_not_sent(tmp_path: Path) -> None:
    """The old fingerprint must not stand for another picture."""
    picture = tmp_path / "desk.png"
    Image.new("RGB", (64, 64), (200, 10, 10)).save(picture)
    night = Night(tmp_path, ["candle", {"id": "desk", "image": "desk.png"}])

    def repaint(ask: object) -> None:
        Image.new("RGB", (64, 64), (10, 10, 200)).save(picture)

    night.gateway.submit = only("candle", repaint)

    assert night.run().exit_code == 1
    assert night.states()["desk"] == "held"


def test_a_rerun_of_a_complete_batch_hashes_nothing(tmp_path: Path) -> None:
    """Whose clip bears the name is committed with its done, so a look at its size is enough."""
    night = Night(tmp_path)
    night.run()
    seen: list[str] = []

    def watch(name: str) -> None:
        seen.append(name)

    night.faults = watch
    night.run()

    assert "bring_back" not in seen


def test_the_floor_between_polls_holds_for_a_fresh_link_too(tmp_path: Path) -> None:
    """`poll_min_s` counts from the poll that brought the dead link."""
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(DEAD_LINK)), limits={"poll_min_s": 12})

    night.run()

    at = [poll.at for poll in night.polls()]
    assert min(later - sooner for sooner, later in itertools.pairwise(at)) >= 12


def test_a_link_is_refreshed_a_bounded_number_of_times(tmp_path: Path) -> None:
    """Two fresh ones dead too: undelivered, for another run to ask."""
    night = Night(tmp_path, gateway=FakeGateway(file=always(DEAD_LINK)))

    night.run()

    assert len(night.files()) == 3
    assert night.states() == {"candle": "undelivered"}


@pytest.mark.parametrize("name", ["open_part", "write", "seal", "place", "free_bytes", "adoptable", "reject"])
def test_a_file_error_costs_no_other_job_its_answer(tmp_path: Path, name: str) -> None:
    """A disk that fails stops submits; a POST under way is recorded, and the rerun completes."""

    def fail(call: str) -> OSError | None:
        return OSError(5, "Input/output error") if call == name else None

    gateway = FakeGateway(submit=lambda ask: slow(30.0) if ask.key == "desk" else None)
    if name == "reject":
        gateway.file = always(web_page())
    night = Night(tmp_path, ["candle", "desk"], gateway, faults=fail, limits={"submit_per_s": 0.1})

    assert night.run().exit_code == 4
    assert night.states()["desk"] in KEPT

    night.faults = lambda _: None
    gateway.file = only("nobody", always(None))
    if name == "reject":  # what was loaded is whole, and no clip: kept aside first, then asked for anew
        assert night.run().exit_code == 1
    assert night.run().exit_code == 0
    assert len(night.submits) == 2


def test_a_hostile_header_costs_no_other_job_its_answer(tmp_path: Path) -> None:
    """Digits that are none for Python's int: the file is asked for again, the POST under way is kept."""
    odd = Step(status=206, body=b"x", headers={"content-range": "bytes \u00b2-5/6"})
    gateway = FakeGateway(
        submit=lambda ask: slow(30.0) if ask.key == "desk" else None, file=only("candle", in_turn(odd))
    )
    night = Night(tmp_path, ["candle", "desk"], gateway, limits={"submit_per_s": 0.1})

    assert night.run().exit_code == 0
    assert len(night.submits) == 2


def test_a_fault_of_ours_ends_the_run_only_after_all_is_recorded(tmp_path: Path) -> None:
    """The error comes out, the POST under way keeps its answer, and the rerun completes."""

    def fail(call: str) -> Exception | None:
        return RuntimeError("a bug") if call == "write" else None

    gateway = FakeGateway(submit=lambda ask: slow(30.0) if ask.key == "desk" else None)
    night = Night(tmp_path, ["candle", "desk"], gateway, faults=fail, limits={"submit_per_s": 0.1})

    with pytest.raises(RuntimeError, match="a bug"):
        night.run()

    assert night.states()["desk"] in KEPT
    night.faults = lambda _: None
    assert night.run().exit_code == 0
    assert len(night.submits) == 2


def test_a_clip_that_is_whole_on_disk_needs_no_gateway_any_more(tmp_path: Path) -> None:
    """Loaded, but not placed; then the link dies and the gateway forgets it: still done."""

    def fail(call: str) -> OSError | None:
        return OSError(5, "Input/output error") if call == "place" else None

    night = Night(tmp_path, faults=fail)
    assert night.run().exit_code == 4
    loaded = len(night.files())

    night.faults = lambda _: None
    night.gateway.file = always(DEAD_LINK)
    night.gateway.poll = always(refused(404, "no such request"))

    assert night.run().exit_code == 0
    assert len(night.files()) == loaded


@pytest.mark.parametrize("status", [400, 401])
def test_a_key_that_the_gateway_repeats_is_not_kept(tmp_path: Path, status: int) -> None:
    """Neither in the ledger nor in what is told."""
    echo = refused(status, f"Incorrect API key in headers: Bearer {KEY}")
    night = Night(tmp_path, gateway=FakeGateway(submit=always(echo)))

    night.run()

    assert "Bearer ***" in (night.take().reason or "")
    assert KEY not in repr(night.events)
