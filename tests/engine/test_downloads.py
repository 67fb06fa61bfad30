"""Downloads: a link that dies, a transfer that breaks, a file that is no clip. The paid id outlives all."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest
from support.builders_engine import (
    BAD_LINK,
    DEAD_LINK,
    OK,
    PIECE_BYTES,
    Ask,
    FakeGateway,
    Step,
    always,
    between,
    clip_named,
    hangs,
    in_turn,
    lost,
    not_sent,
    only,
    refused,
    tiny_mp4,
    web_page,
)
from support.night import Night

from pipeline.events import Event, TakeMoved
from pipeline.model import TakeState
from pipeline.runner import QUEUE_SIZE
from pipeline.stages.finish import WORKERS

SIZE = len(clip_named("x"))
HALF = SIZE // 2


def cut(at: int = HALF, **more: object) -> Step:
    return replace(OK, cut_at=at, **more)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_dead_link_is_refreshed_by_a_poll(tmp_path: Path, status: int) -> None:
    """The gateway is asked for a fresh link, once, and the clip comes through it."""
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(Step(status=status))))

    result = night.run()

    first, second = night.files()
    assert result.exit_code == 0
    assert len(night.polls()) == 5  # four for the render, one for the link
    assert first.url != second.url
    night.sound()


def test_a_link_that_stays_dead_leaves_the_take_undelivered(tmp_path: Path) -> None:
    """Paid, no file: never sent again, asked about once by the next run, and collected then."""
    night = Night(tmp_path, gateway=FakeGateway(file=always(DEAD_LINK)))

    assert night.run().exit_code == 1
    assert night.states() == {"candle": "undelivered"}
    assert night.take().remote_id == "order-00001"
    assert night.take().reason

    night.gateway.heal()
    asked = len(night.polls())

    assert night.run().exit_code == 0
    assert len(night.polls()) == asked + 1
    night.sound()


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(not_sent(), id="no connection"),
        pytest.param(lost(), id="reset"),
        pytest.param(refused(500, "oops"), id="500"),
        pytest.param(refused(503, "busy", retry_after="20"), id="503"),
        pytest.param(refused(429, "slow"), id="429"),
        pytest.param(web_page(502), id="502 web page"),
        pytest.param(hangs(), id="hangs"),
    ],
)
def test_trouble_at_the_file_host_is_tried_again_with_the_same_link(tmp_path: Path, step: Step) -> None:
    """It is not about the link: the same one, later, without another poll."""
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(step, step, step)))

    result = night.run()

    assert result.exit_code == 0
    assert len({ask.url for ask in night.files()}) == 1
    assert len(night.files()) == 4
    assert len(night.polls()) == 4
    night.sound()


def test_a_file_host_that_stays_down_leaves_the_take_ready(tmp_path: Path) -> None:
    """The run ends with the link's life, exit 1; the take stays ready, and the next run gets it."""
    night = Night(tmp_path, ["candle", "desk"], FakeGateway(file=only("candle", always(refused(503, "no")))))

    assert night.run().exit_code == 1
    assert night.states() == {"candle": "ready", "desk": "done"}
    assert 3000 < night.seconds < 3700

    night.gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_a_transfer_that_broke_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """The rest is asked for with Range, and If-Range, so that it fits on what is there."""
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(cut(), cut(HALF + 200))))

    result = night.run()

    assert result.exit_code == 0
    plain, second, third = [ask.headers for ask in night.files()]
    assert "Range" not in plain
    assert second["Range"] == f"bytes={HALF}-"
    assert third["Range"] == f"bytes={HALF + 200}-"
    assert second["If-Range"].startswith('"')
    night.sound()


def test_a_host_that_ignores_ranges_starts_over(tmp_path: Path) -> None:
    """200 instead of 206: what was there is dropped, not glued in front."""
    whole = replace(OK, ranges=False)
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(cut(), whole, whole)))

    assert night.run().exit_code == 0
    night.sound()


def test_a_file_that_changed_in_between_is_loaded_anew(tmp_path: Path) -> None:
    """If-Range fails, the new file comes whole: no clip is made of two halves."""
    other = tiny_mp4() + clip_named("other")[len(tiny_mp4()) :]
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(cut(content=other), None)))

    assert night.run().exit_code == 0
    night.sound()


def test_a_stretch_that_was_not_asked_for_is_not_taken(tmp_path: Path) -> None:
    """206 from another place, or from nowhere: dropped, and loaded from the start."""
    wrong = Step(status=206, body=b"x" * 100, headers={"content-range": "bytes 7-106/9999"})
    nowhere = Step(status=206, body=b"x" * 100)
    half = Step(status=206, body=b"x" * 100, headers={"content-range": f"bytes {HALF}"})
    beyond = Step(status=416)
    steps = [cut(), wrong, cut(), nowhere, cut(), half, cut(), beyond]
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(*steps)))

    assert night.run().exit_code == 0
    night.sound()


@pytest.mark.parametrize("begun", [False, True])
def test_a_beginning_is_not_the_whole(tmp_path: Path, begun: bool) -> None:
    """206 with the first bytes alone, asked for or not: it says itself that more belongs to the file."""
    first = Step(
        status=206,
        body=clip_named("x")[:100],
        headers={"content-range": f"bytes 0-99/{SIZE}", "content-length": "100"},
    )
    steps = [cut(), first] if begun else [first]
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(*steps)))

    assert night.run().exit_code == 0
    night.sound()


def test_a_file_without_a_length_is_taken_to_its_end(tmp_path: Path) -> None:
    """No Content-Length: the probe decides whether it is whole."""
    night = Night(tmp_path, gateway=FakeGateway(file=always(replace(OK, length=False))))

    assert night.run().exit_code == 0
    night.sound()


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(web_page(200), id="web page"),
        pytest.param(Step(status=200, body=b'{"error": "gone"}'), id="JSON"),
        pytest.param(Step(status=200, body=b""), id="empty"),
        pytest.param(Step(status=200, body=b"\0" * 5000), id="zeros"),
        pytest.param(cut(len(tiny_mp4()) // 2, length=False), id="cut off without a length"),
    ],
)
def test_what_is_no_clip_is_kept_aside(tmp_path: Path, step: Step) -> None:
    """Undelivered with the reason; the file is kept as evidence, the paid id too; a rerun can still win."""
    night = Night(tmp_path, gateway=FakeGateway(file=always(step)))

    result = night.run()

    take = night.take()
    assert (result.exit_code, take.state, take.remote_id) == (1, "undelivered", "order-00001")
    assert take.reason
    assert [name.endswith(".rejected") for name in night.left_over()] == [True]
    assert not night.clip().exists()

    night.gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_a_transfer_that_stalls_is_cut(tmp_path: Path) -> None:
    """Nothing for the stall time-out, long or short: the connection is dropped and the rest is fetched."""
    stall = replace(OK, stall_at=512)
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(stall)), settings={"stall_timeout_s": 45.0})

    result = night.run()

    first, second = night.files()
    assert result.exit_code == 0
    assert 45 < second.at - first.at < 47
    assert second.headers["Range"] == "bytes=512-"
    night.sound()


def test_a_slow_transfer_is_not_cut(tmp_path: Path) -> None:
    """As long as something comes, it goes on for as long as a link lives."""
    night = Night(tmp_path, gateway=FakeGateway(file=always(replace(OK, piece_s=50.0))))

    assert night.run().exit_code == 0
    assert len(night.files()) == 1
    night.sound()


def test_a_link_that_expires_while_the_host_is_down_is_refreshed(tmp_path: Path) -> None:
    """First 503, then 403 because the link's time is over: a fresh link, the same clip."""
    down = in_turn(*[refused(503, "busy", retry_after="30")] * 6)
    night = Night(tmp_path, gateway=FakeGateway(file=down, link_life_s=100.0))

    assert night.run().exit_code == 0
    assert len({ask.url for ask in night.files()}) == 2
    night.sound()


def test_a_refresh_that_fails_for_now_is_repeated(tmp_path: Path) -> None:
    """The link is dead and the gateway is busy: nothing ends, it asks again."""

    def poll(ask: Ask) -> Step | None:
        return refused(503, "busy") if night.files() and ask.number < 9 else None

    night = Night(tmp_path, gateway=FakeGateway(poll=poll, file=in_turn(DEAD_LINK)))

    assert night.run().exit_code == 0
    night.sound()


def test_no_more_downloads_at_once_than_allowed(tmp_path: Path) -> None:
    """`downloads` bounds the transfers, and the ready ones wait their turn."""
    limits = {"downloads": 2, "submit_per_s": 100, "max_in_flight": 20, "poll_per_s": 100}
    gateway = FakeGateway(file=always(replace(OK, piece_s=3.0)))
    night = Night(tmp_path, [f"job{n}" for n in range(7)], gateway, limits)

    night.run()

    sizes = {ask.at: len(gateway.content(ask.remote_id or "")) for ask in night.files()}
    spans = [(at, at + 3.0 * -(-size // PIECE_BYTES)) for at, size in sizes.items()]
    assert night.finished()
    assert max(sum(begin <= at < end for begin, end in spans) for at, _ in spans) == 2
    night.sound()


def test_links_that_hang_keep_no_other_clip_waiting(tmp_path: Path) -> None:
    """Between two tries a take holds no place: the healthy clips come, however many links are bad."""
    bad = {f"job{n:02d}" for n in range(6)}
    gateway = FakeGateway(file=lambda ask: refused(503, "down") if ask.key in bad else None)
    limits = {"downloads": 2, "submit_per_s": 100, "max_in_flight": 20, "poll_per_s": 100}
    night = Night(tmp_path, [f"job{n:02d}" for n in range(10)], gateway, limits)

    night.run(signal_at=300.0)

    states = night.states()
    assert {key for key, state in states.items() if state == "ready"} == bad
    assert {key for key, state in states.items() if state == "done"} == set(states) - bad
    gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_the_link_that_dies_first_is_loaded_first(tmp_path: Path) -> None:
    """The oldest link broke off and waits a moment: once it may, it goes before one that was due for long."""
    broken = only("a", in_turn(refused(503, "down", retry_after="10")))
    gateway = FakeGateway(file=lambda ask: broken(ask) if ask.key == "a" else replace(OK, piece_s=5.0))
    limits = {"downloads": 1, "submit_per_s": 100, "poll_per_s": 5}
    night = Night(tmp_path, ["a", "b", "c"], gateway, limits)

    assert night.run().exit_code == 0
    assert [ask.key for ask in night.files()] == ["a", "b", "a", "c"]
    night.sound()


def test_nothing_new_is_sent_while_too_many_clips_wait_to_be_loaded(tmp_path: Path) -> None:
    """Links die, prompts do not: with the file host down, the buying stops at twice the downloads."""
    gateway = FakeGateway(file=between(0, 2000, refused(503, "down")), render_s=10)
    limits = {"downloads": 2, "submit_per_s": 1, "max_in_flight": 2, "poll_per_s": 100}
    night = Night(tmp_path, [f"job{n:02d}" for n in range(20)], gateway, limits)

    night.run(signal_at=1500.0)

    sent = len(night.submits)
    assert sent <= 2 * 2 + 1 + 2, "twice the downloads, one more that tipped it, and what was in flight"
    assert "clips wait to be downloaded" in repr(night.events)
    assert night.run().exit_code == 0
    night.sound()


def test_a_rest_of_another_file_is_never_joined_to_the_beginning(tmp_path: Path) -> None:
    """The host answers 206 with another tag, whatever was asked: the clip is loaded anew, whole."""

    def changed(ask: Ask) -> Step | None:
        if "Range" not in ask.headers:
            return cut() if ask.number == 1 else None
        return replace(OK, content=clip_named("another"), blind=True)

    night = Night(tmp_path, gateway=FakeGateway(file=changed))

    assert night.run().exit_code == 0
    night.sound()


def test_a_host_that_trickles_is_cut_and_asked_again(tmp_path: Path) -> None:
    """A byte now and then is no transfer; it must not hold a place for hours."""
    gateway = FakeGateway(file=in_turn(replace(OK, piece_s=2.0, piece_bytes=1)))
    night = Night(tmp_path, gateway=gateway)

    assert night.run().exit_code == 0
    assert "next to nothing for 60 s" in repr(night.events)
    assert night.seconds < 300
    night.sound()


def test_a_link_that_can_never_work_is_asked_for_anew_at_once(tmp_path: Path) -> None:
    """Redirects without end and other schemes are no network trouble: a fresh link at once."""
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(BAD_LINK)))

    assert night.run().exit_code == 0
    assert len({ask.url for ask in night.files()}) == 2
    assert night.seconds < 120


def test_the_key_never_goes_to_the_file_host(tmp_path: Path) -> None:
    """A file is asked for without any header of ours but those of a resume."""
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(cut())))

    night.run()

    assert {name for ask in night.files() for name in ask.headers} <= {"Range", "If-Range"}


def test_a_download_cut_by_a_signal_is_finished_by_the_next_run(tmp_path: Path) -> None:
    """The part file is kept, the take stays ready, and there is one clip in the end."""
    night = Night(tmp_path, gateway=FakeGateway(file=always(replace(OK, piece_s=5.0))))

    result = night.run(signal_at=25.0)

    assert result.exit_code == 130
    assert night.states() == {"candle": "ready"}
    assert [name.endswith(".part") for name in night.left_over()] == [True]
    assert night.run().exit_code == 0
    assert night.left_over() == []
    night.sound()


def test_clips_that_are_looked_at_slowly_hold_up_those_behind_them(tmp_path: Path) -> None:
    """Between two stages wait as many as the queue holds, also where loading is far faster than looking."""
    jobs = [f"job{number}" for number in range(150)]
    limits = {"submit_per_s": 50, "max_in_flight": 150, "downloads": 4}
    night = Night(tmp_path, jobs, FakeGateway(render_s=10.0), limits, look_s=20.0)

    assert night.run().exit_code == 0

    moves = [(ask.at, 1) for ask in night.files()]
    moves += [(at, -1) for at, event in night.events if _is_done(event)]
    waiting = accumulate(change for _, change in sorted(moves))
    assert max(waiting) <= WORKERS + QUEUE_SIZE + 4
    night.sound()


def _is_done(event: Event) -> bool:
    return isinstance(event, TakeMoved) and event.take.state is TakeState.DONE
