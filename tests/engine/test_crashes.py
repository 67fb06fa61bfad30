"""Crashes: the process dies at each moment at which something becomes durable; reruns pay nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.builders_engine import OK, FakeGateway, in_turn, lost, refused
from support.night import Crash, Fate, Night

MOST_MOMENTS = 400
Settle = Callable[[Night], None]


def nights(tmp_path: Path, make: Callable[[Path], Night], *, after: bool) -> list[Night]:
    """One night for each durable moment of a whole run, its process dead at that moment."""
    found = []
    for number in range(1, MOST_MOMENTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        night = make(folder)
        if not night.dies(number, after=after):
            return found
        found.append(night)
    raise AssertionError("the run has no end")


def settle(night: Night) -> None:
    """Reruns with a healthy gateway until nothing changes: done, or unknown and told so."""
    night.gateway.heal()
    night.sleep(20)
    code = night.run().exit_code
    states = set(night.states().values())
    assert states <= {"done", "unknown", "blocked"}, night.states()
    assert code == (0 if states == {"done"} else 1)
    night.sound()
    asked = len(night.gateway.asks)
    assert night.run().exit_code == code
    assert len(night.gateway.asks) == asked, "a settled batch asks for nothing"


def unpaid_unknown(night: Night) -> list[str]:
    """Jobs that are unknown although nothing was ever sent for them: allowed only around their intent."""
    sent = {ask.key for ask in night.submits}
    return [key for key, state in night.states().items() if state == "unknown" and key not in sent]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_moment_loses_and_repeats_nothing(tmp_path: Path, after: bool) -> None:
    """Two jobs and a child: what was recorded as accepted comes in, the rest is unknown or planned."""
    jobs = ["candle", "desk", {"id": "snow", "edit": "candle"}]

    died = nights(tmp_path, lambda folder: Night(folder, jobs), after=after)

    assert len(died) > 30
    unknown = 0
    for night in died:
        settle(night)
        unknown += "unknown" in night.states().values()
        assert len(unpaid_unknown(night)) <= 1
        assert night.left_over() == []
    assert 0 < unknown < len(died) / 2


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_in_a_troubled_night_loses_and_repeats_nothing(tmp_path: Path, after: bool) -> None:
    """The same with refusals, a lost answer, a broken transfer and a dead link on the way."""

    def make(folder: Path) -> Night:
        gateway = FakeGateway(
            submit=lambda ask: {
                ("candle", 1): refused(429, "slow down"),
                ("desk", 1): refused(503, "busy"),
                ("fox", 1): lost(),
            }.get((ask.key, ask.number)),
            poll=in_turn(refused(500, "oops")),
            file=in_turn(refused(403, "gone"), OK),
        )
        return Night(folder, ["candle", "desk", "fox"], gateway)

    for night in nights(tmp_path, make, after=after):
        settle(night)
        assert night.states()["fox"] in ("unknown", "done")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_in_a_rerun_with_a_new_prompt_keeps_both_clips(tmp_path: Path, after: bool) -> None:
    """The old clip moves aside just when the new one arrives: at no moment is one of them gone."""

    def make(folder: Path) -> Night:
        night = Night(folder)
        night.run()
        night.edit([{"id": "candle", "prompt": "A blue candle."}])
        return night

    for night in nights(tmp_path, make, after=after):
        old, content = "order-00001", night.gateway.content
        everywhere = [path.read_bytes() for path in night.batch.rglob("*.mp4")]
        assert content(old) in everywhere
        settle(night)
        if night.states()["candle"] == "done":
            assert night.clip().read_bytes() == content("order-00002")
            assert [path.read_bytes() for path in night.superseded()] == [content(old)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_while_an_old_clip_comes_back_keeps_both_clips(tmp_path: Path, after: bool) -> None:
    """Back to the first prompt: two clips change places, and each keeps its side file."""

    def make(folder: Path) -> Night:
        night = Night(folder)
        night.run()
        night.edit([{"id": "candle", "prompt": "A blue candle."}])
        night.run()
        night.run()
        night.edit(["candle"])
        return night

    for night in nights(tmp_path, make, after=after):
        settle(night)
        assert len(night.submits) == 2
        assert night.clip().read_bytes() == night.gateway.content("order-00001")
        found = {path.read_bytes() for path in night.batch.rglob("*.mp4")}
        assert night.gateway.content("order-00002") in found


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_placed_clip_is_adopted_not_loaded_again(tmp_path: Path, after: bool) -> None:
    """Dead between the rename and the ledger: the final file is known by its side file and its hash."""
    adopted = 0
    for night in nights(tmp_path, Night, after=after):
        if not night.clip().exists():
            continue
        adopted += 1
        state = night.states()["candle"]
        loaded, asked = len(night.files()), len(night.polls())
        assert state in ("ready", "done")

        assert night.run().exit_code == 0

        assert (len(night.files()), len(night.polls())) == (loaded, asked)
        night.sound()
    assert adopted >= 2


def test_a_foreign_file_under_the_name_is_not_taken_for_the_clip(tmp_path: Path) -> None:
    """A file without the right side file is not adopted; it is not overwritten either."""
    night = Night(tmp_path)
    (night.batch / "clips").mkdir(parents=True)
    night.clip().write_bytes(b"somebody's own film")

    assert night.run().exit_code == 0

    assert b"somebody's own film" in [path.read_bytes() for path in night.batch.rglob("*.mp4")]
    night.sound()


def test_dying_again_and_again_still_comes_to_an_end(tmp_path: Path) -> None:
    """Every run dies a few moments after its start: what is done stays done, and all of it gets done."""
    night = Night(tmp_path, ["candle", "desk", "fox"])

    for attempt in range(60):
        try:
            night.run(fate=Fate(9 + attempt % 7))
        except Crash:
            night.sleep(10)
            continue
        break

    settle(night)
    assert list(night.states().values()).count("unknown") <= 3
