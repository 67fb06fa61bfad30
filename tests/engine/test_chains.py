"""Chains: an edit waits for the clip it starts from, uses its link, and is blocked when there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.builders_engine import DEAD_LINK, FakeGateway, always, in_turn, lost, only, refused, status_word
from support.night import Night


def edit(key: str, of: str) -> dict[str, Any]:
    return {"id": key, "edit": of}


CHAIN = ["candle", edit("snow", "candle"), edit("ice", "snow")]


def test_a_child_waits_for_its_parent_and_uses_its_link(tmp_path: Path) -> None:
    """It is sent once the parent's clip is in place, with the very link that led to it."""
    night = Night(tmp_path, CHAIN)

    result = night.run()

    assert result.exit_code == 0
    assert [ask.key for ask in night.submits] == ["candle", "snow", "ice"]
    orders = list(night.gateway.orders.values())
    assert [order.source_url for order in orders[1:]] == [ask.url for ask in night.files()[:2]]
    night.sound()


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (2, 0, 1), (1, 0, 2)])
def test_the_order_in_the_manifest_does_not_matter(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Children may stand before their parents."""
    night = Night(tmp_path, [CHAIN[place] for place in order])

    assert night.run().exit_code == 0
    assert [ask.key for ask in night.submits] == ["candle", "snow", "ice"]
    night.sound()


def test_two_children_of_one_parent_are_both_made(tmp_path: Path) -> None:
    """Neither waits for the other."""
    night = Night(tmp_path, [edit("ice", "candle"), "candle", edit("snow", "candle"), "desk"])

    assert night.run().exit_code == 0
    assert len(night.gateway.orders) == 4
    night.sound()


@pytest.mark.parametrize(
    ("gateway", "parent_state"),
    [
        pytest.param(FakeGateway(submit=only("candle", always(refused(400, "bad")))), "rejected", id="rej"),
        pytest.param(FakeGateway(submit=only("candle", always(lost()))), "unknown", id="unknown"),
        pytest.param(FakeGateway(poll=only("candle", always(status_word("failed")))), "failed", id="failed"),
        pytest.param(FakeGateway(poll=only("candle", always(status_word("expired")))), "expired", id="exp"),
        pytest.param(FakeGateway(poll=only("candle", always(status_word("done")))), "undelivered", id="link"),
        pytest.param(FakeGateway(file=only("candle", always(DEAD_LINK))), "undelivered", id="dead link"),
        pytest.param(FakeGateway(render_s=1e9), "accepted", id="overdue"),
    ],
)
@pytest.mark.parametrize("reverse", [False, True], ids=["in order", "reversed"])
def test_a_parent_without_a_clip_blocks_what_comes_after_it(
    tmp_path: Path, gateway: FakeGateway, parent_state: str, reverse: bool
) -> None:
    """Children and grandchildren are blocked with the reason; jobs beside the chain are made."""
    jobs = [*CHAIN, edit("fog", "candle")]
    fresh = FakeGateway(gateway.submit, gateway.poll, gateway.file, render_s=gateway.render_s)
    night = Night(tmp_path, jobs[::-1] if reverse else jobs, fresh, limits={"job_deadline": "10m"})

    result = night.run()

    assert result.exit_code == 1
    blocked = {"snow": "blocked", "ice": "blocked", "fog": "blocked"}
    assert night.states() == {"candle": parent_state, **blocked}
    assert "candle" in (night.take("snow").reason or "")
    assert len(night.submits) == 1


def test_a_blocked_chain_goes_on_once_its_parent_is_there(tmp_path: Path) -> None:
    """The next run delivers the parent, and then makes what waited for it."""
    night = Night(tmp_path, CHAIN, FakeGateway(file=only("candle", always(DEAD_LINK))))
    assert night.run().exit_code == 1

    night.gateway.heal()

    assert night.run().exit_code == 0
    assert [ask.key for ask in night.submits] == ["candle", "snow", "ice"]
    night.sound()


@pytest.mark.parametrize("signal_at", [3.0, 21.5, 25.0, 45.0, 60.0])
def test_an_interrupted_chain_goes_on(tmp_path: Path, signal_at: float) -> None:
    """Wherever it stopped, the next run goes on from there and pays each link of the chain once."""
    night = Night(tmp_path, CHAIN)
    night.run(signal_at=signal_at)

    assert night.run().exit_code == 0
    assert len(night.submits) == 3
    night.sound()


def test_a_child_added_later_starts_from_the_clip_that_is_there(tmp_path: Path) -> None:
    """The parent is done from an earlier run; its link is old, so one poll asks for a fresh one."""
    night = Night(tmp_path)
    night.run()
    night.sleep(7200)
    asked = len(night.polls("candle"))

    night.edit(["candle", edit("snow", "candle")])
    result = night.run()

    order = list(night.gateway.orders.values())[-1]
    assert result.exit_code == 0
    assert len(night.polls("candle")) == asked + 1
    assert night.gateway.links[order.source_url or ""] > night.gateway.orders["order-00002"].at
    night.sound()


def test_a_link_of_less_than_ten_minutes_is_used_as_it_is(tmp_path: Path) -> None:
    """Fresh enough: no further poll."""
    night = Night(tmp_path)
    night.run()
    night.sleep(500)
    asked = len(night.polls("candle"))

    night.edit(["candle", edit("snow", "candle")])

    assert night.run().exit_code == 0
    assert len(night.polls("candle")) == asked


def test_a_parent_whose_link_is_gone_for_good_blocks_its_child(tmp_path: Path) -> None:
    """Our file is no link that the gateway could read: blocked, and nothing is sent."""
    night = Night(tmp_path)
    night.run()
    night.sleep(7200)
    night.edit(["candle", edit("snow", "candle")])
    night.gateway.poll = only("candle", always(refused(404, "no such request")))

    result = night.run()

    assert result.exit_code == 1
    assert night.states() == {"candle": "done", "snow": "blocked"}
    assert len(night.submits) == 1


def test_a_gateway_that_is_busy_blocks_no_child(tmp_path: Path) -> None:
    """A fresh link cannot be had for the moment: asked again, then sent."""
    night = Night(tmp_path)
    night.run()
    night.sleep(7200)
    night.edit(["candle", edit("snow", "candle")])
    tries = iter(range(3))
    night.gateway.poll = lambda _ask: None if next(tries, None) is None else refused(503, "busy")

    assert night.run().exit_code == 0
    night.sound()


def test_an_edit_of_a_link_waits_for_nobody(tmp_path: Path) -> None:
    """A URL from the manifest goes to the gateway as it is."""
    night = Night(tmp_path, [edit("snow", "https://example.com/candle.mp4")])

    assert night.run().exit_code == 0
    assert night.gateway.orders["order-00001"].source_url == "https://example.com/candle.mp4"


def test_a_long_chain_and_a_wide_one_fit_through_small_queues(tmp_path: Path) -> None:
    """Forty children of one job and forty in a row: everybody comes through."""
    wide = [edit(f"wide{n:02d}", "candle") for n in range(40)]
    long = [edit(f"long{n:02d}", f"long{n - 1:02d}" if n else "candle") for n in range(12)]
    limits = {"submit_per_s": 50, "max_in_flight": 5, "poll_per_s": 50}
    night = Night(tmp_path, [*long[::-1], *wide, "candle"], FakeGateway(render_s=6.0), limits)

    assert night.run().exit_code == 0
    night.sound()


def test_a_changed_parent_makes_its_children_anew(tmp_path: Path) -> None:
    """A child's fingerprint holds its parent's: another candle, another snow on it."""
    night = Night(tmp_path, CHAIN)
    night.run()

    night.edit([{"id": "candle", "prompt": "A blue candle."}, *CHAIN[1:]])

    assert night.run().exit_code == 0
    assert len(night.submits) == 6
    assert len(night.superseded()) == 3


UNREADABLE = refused(400, "Failed to download video from the provided URL: 403 Forbidden")


def test_a_link_that_the_gateway_cannot_read_is_asked_for_anew(tmp_path: Path) -> None:
    """Refused over the parent's link: nothing was paid, a fresh link is sent, and the chain goes on."""
    gateway = FakeGateway(submit=only("snow", in_turn(UNREADABLE)))
    night = Night(tmp_path, CHAIN, gateway)

    assert night.run().exit_code == 0
    assert [ask.key for ask in night.submits] == ["candle", "snow", "snow", "ice"]
    night.sound()


def test_a_link_that_is_never_readable_ends_the_child_with_the_gateways_words(tmp_path: Path) -> None:
    """Once more with a fresh link, and not for ever."""
    night = Night(tmp_path, CHAIN, FakeGateway(submit=only("snow", always(UNREADABLE))))

    assert night.run().exit_code == 1
    assert night.states() == {"candle": "done", "snow": "rejected", "ice": "blocked"}
    assert len(night.gateway.seen("submit", "snow")) == 2
    assert "Failed to download" in (night.take("snow").reason or "")
