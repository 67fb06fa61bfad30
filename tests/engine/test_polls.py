"""Polls: what ends a paid take, and all that does not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from support.builders_engine import (
    HTML,
    Ask,
    FakeGateway,
    Step,
    always,
    between,
    hangs,
    in_turn,
    lost,
    not_sent,
    only,
    refused,
    says,
    slow,
    status_word,
    web_page,
)
from support.night import Night

COST = {"usage": {"cost_in_usd_ticks": 700}}


@pytest.mark.parametrize(
    "word", ["queued", "pending", "processing", "warming_up", "RENDERING", "0", "完成中", "half done"]
)
def test_an_unknown_status_word_keeps_running(tmp_path: Path, word: str) -> None:
    """A word that nobody has documented is no end: only the job's deadline bounds it."""
    night = Night(tmp_path, gateway=FakeGateway(poll=in_turn(*[status_word(word)] * 12)))

    result = night.run()

    assert result.exit_code == 0
    assert len(night.polls()) == 13
    night.sound()


FAILING = [
    pytest.param(refused(429, "slow down"), id="429"),
    pytest.param(refused(429, "slow down", retry_after="90"), id="429 with hint"),
    pytest.param(refused(408, "timeout"), id="408"),
    pytest.param(refused(500, "oops"), id="500"),
    pytest.param(refused(503, "busy"), id="503"),
    pytest.param(web_page(502), id="502 web page"),
    pytest.param(web_page(200), id="200 web page"),
    pytest.param(not_sent(), id="no connection"),
    pytest.param(lost(), id="reset"),
    pytest.param(hangs(), id="hangs"),
    pytest.param(Step(status=200, body=b"{]"), id="broken JSON"),
    pytest.param(says([1, 2]), id="JSON of another kind"),
]


@pytest.mark.parametrize("step", FAILING)
def test_no_number_of_failed_polls_ends_a_take(tmp_path: Path, step: Step) -> None:
    """200 in a row, over as many runs as it takes: it stays accepted, and then it is collected."""
    gateway = FakeGateway(poll=in_turn(*[step] * 200))
    night = Night(tmp_path, gateway=gateway, limits={"job_deadline": "12h"})

    codes = []
    while len(night.polls()) <= 200:
        codes.append(night.run().exit_code)
        assert night.states()["candle"] == ("done" if codes[-1] == 0 else "accepted")
        night.sleep(60)
    assert codes[-1] == 0
    assert set(codes[:-1]) <= {3}
    assert len(night.submits) == 1
    night.sound()


@pytest.mark.parametrize(
    ("step", "state"),
    [
        pytest.param(status_word("failed", error="the render crashed", **COST), "failed", id="failed"),
        pytest.param(
            says({"error": "rejected by content moderation", "code": "x", **COST}, 400),
            "moderated",
            id="moderation as 400",
        ),
        pytest.param(
            status_word("failed", error="blocked by content moderation", **COST), "moderated", id="moderation"
        ),
        pytest.param(
            status_word("done", video={"respect_moderation": False}, **COST), "moderated", id="kept back"
        ),
        pytest.param(status_word("expired", **COST), "expired", id="expired"),
        pytest.param(
            says({"error": "The image could not be read", "code": "x", **COST}, 400), "failed", id="input"
        ),
    ],
)
def test_an_end_is_recorded_with_reason_and_cost(tmp_path: Path, step: Step, state: str) -> None:
    """The gateway's last word ends the take; nothing is asked again, nothing is paid again."""
    night = Night(tmp_path, ["candle", "desk"], FakeGateway(poll=only("candle", in_turn(None, step))))

    codes = [night.run().exit_code, night.run().exit_code]

    take = night.take("candle")
    assert codes == [1, 1]
    assert (take.state, take.cost_ticks) == (state, 700)
    assert take.reason
    assert night.states()["desk"] == "done"
    assert len(night.polls("candle")) == 2
    assert len(night.submits) == 2


def test_done_without_a_link_is_asked_three_times_more(tmp_path: Path) -> None:
    """Then it is undelivered: paid, never sent again, asked once by each later run, and collected."""
    gateway = FakeGateway(poll=only("candle", always(status_word("done"))))
    night = Night(tmp_path, gateway=gateway)

    assert night.run().exit_code == 1
    assert night.states() == {"candle": "undelivered"}
    assert len(night.polls()) == 4

    assert night.run().exit_code == 1
    assert night.states() == {"candle": "undelivered"}
    assert len(night.polls()) == 5

    gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_a_link_that_comes_late_is_taken(tmp_path: Path) -> None:
    """Done without a link, then with one: done."""
    night = Night(tmp_path, gateway=FakeGateway(poll=in_turn(*[status_word("done")] * 3), render_s=5.0))

    assert night.run().exit_code == 0
    night.sound()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_fresh_id_may_be_unknown_for_a_minute(tmp_path: Path, status: int) -> None:
    """Refused within 60 s of acceptance, although others are answered: tolerated."""
    early = between(0, 50, refused(status, "no such request"))
    night = Night(tmp_path, ["candle", "desk"], FakeGateway(poll=only("candle", early), render_s=30.0))

    result = night.run()

    assert result.exit_code == 0
    night.sound()


@pytest.mark.parametrize("status", [400, 404, 410])
def test_one_lost_id_ends_that_take_alone(tmp_path: Path, status: int) -> None:
    """While the same account answers for others, an id it does not know is lost; not within 60 s, though."""
    gateway = FakeGateway(poll=only("candle", always(refused(status, "no such request"))), render_s=200.0)
    night = Night(tmp_path, ["candle", "desk"], gateway)

    result = night.run()

    take = night.take("candle")
    assert result.exit_code == 1
    assert night.states() == {"candle": "failed", "desk": "done"}
    assert "lost at gateway" in (take.reason or "")
    assert take.ended_at is not None
    assert take.accepted_at is not None
    assert take.ended_at - take.accepted_at >= 60


@pytest.mark.parametrize("step", [web_page(404), Step(status=404), Step(status=302, headers=HTML)])
def test_what_does_not_come_from_the_gateway_loses_no_take(tmp_path: Path, step: Step) -> None:
    """A page or a redirect in front of one id is no word of the gateway's, whatever it says of others."""
    gateway = FakeGateway(poll=only("candle", always(step)), render_s=200.0)
    night = Night(tmp_path, ["candle", "desk"], gateway)

    assert night.run().exit_code == 3  # in the end nothing at all was answered for ten minutes
    assert night.states() == {"candle": "accepted", "desk": "done"}

    night.gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_an_answer_from_before_the_refusal_proves_nothing(tmp_path: Path) -> None:
    """Others were answered, then everything is refused: nobody is lost, whoever was answered last."""
    gateway = FakeGateway(poll=between(100, 1e9, refused(404, "no such request")), render_s=400.0)
    night = Night(tmp_path, ["candle", "desk", "fox"], gateway)

    result = night.run()

    assert result.exit_code == 3
    assert set(night.states().values()) == {"accepted"}

    gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


@pytest.mark.parametrize("answer", [refused(404, "no such request"), refused(400, "bad"), refused(410, "no")])
def test_when_every_id_is_refused_nothing_ends(tmp_path: Path, answer: Step) -> None:
    """A gateway that knows no id is a wrong one: exit 3, and the rerun at the right one pays nothing."""
    night = Night(tmp_path, ["candle", "desk", "fox"], FakeGateway(poll=always(answer)))

    result = night.run()

    assert result.exit_code == 3
    assert set(night.states().values()) == {"accepted"}
    assert night.seconds < 600

    night.gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_a_single_refused_take_stays_and_submits_go_on(tmp_path: Path) -> None:
    """404 for the only take asked about, before anyone was answered: it is kept, and the rest is sent."""
    gateway = FakeGateway(poll=only("candle", always(refused(404, "no such request"))))
    night = Night(tmp_path, ["candle"], gateway, limits={"job_deadline": "10m"})

    result = night.run()

    assert result.exit_code == 1
    assert night.states() == {"candle": "accepted"}
    gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_stops_working_pauses_the_run(tmp_path: Path, status: int) -> None:
    """The key was revoked after acceptance: exit 3, the takes stay accepted, the rerun collects them."""
    gateway = FakeGateway(poll=always(refused(status, "invalid api key")))
    night = Night(tmp_path, ["candle", "desk"], gateway)

    result = night.run()

    assert result.exit_code == 3
    assert set(night.states().values()) == {"accepted"}
    assert night.seconds < 200

    gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_every_poll_refused_for_credits_is_given_a_few_more_tries(tmp_path: Path) -> None:
    """All takes are refused at once, and twice: that is no wrong address, and the clips still come."""
    broke = in_turn(*[refused(403, "You have used all available credits.")] * 2)
    night = Night(tmp_path, ["candle", "desk", "fox"], FakeGateway(poll=broke, render_s=20))

    result = night.run()

    assert result.exit_code == 0
    assert set(night.states().values()) == {"done"}


def test_credits_that_never_come_back_leave_the_takes_to_the_next_run(tmp_path: Path) -> None:
    """The run ends with exit 3; nothing that is paid for is given up."""
    night = Night(tmp_path, ["candle", "desk"], FakeGateway(poll=always(refused(402, "pay")), render_s=20))

    assert night.run().exit_code == 3
    assert set(night.states().values()) == {"accepted"}
    night.gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_credits_that_run_out_do_not_stop_the_collecting(tmp_path: Path) -> None:
    """A poll refused for credits stops submits; the takes are asked on, and end as they end."""
    broke = refused(402, "insufficient credits")
    gateway = FakeGateway(poll=only("candle", between(6, 120, broke)), render_s=100.0)
    night = Night(tmp_path, ["candle", "desk", "fox"], gateway, limits={"max_in_flight": 2})

    result = night.run()

    assert result.exit_code == 3
    assert night.states() == {"candle": "done", "desk": "done", "fox": "planned"}
    night.sound()


def test_a_take_past_its_deadline_is_left_and_collected_by_the_next_run(tmp_path: Path) -> None:
    """To stop waiting is no failure: it stays accepted, exit 1; the next run asks once, and later gets it."""
    night = Night(tmp_path, gateway=FakeGateway(render_s=3000.0), limits={"job_deadline": "10m"})

    first = night.run()

    assert first.exit_code == 1
    assert night.states() == {"candle": "accepted"}
    assert 600 <= night.seconds <= 640

    asked = len(night.polls())
    again = night.run()

    assert (again.exit_code, len(night.polls())) == (1, asked + 1)
    assert night.seconds < 10

    night.sleep(3000)
    assert night.run().exit_code == 0
    assert len(night.polls()) == asked + 2
    night.sound()


def test_an_overdue_take_is_asked_about_rarely_while_others_run(tmp_path: Path) -> None:
    """Nobody waits for it, but as long as the run lasts it may still come in."""
    gateway = FakeGateway(render_s=1000.0)
    night = Night(tmp_path, ["candle"], gateway, limits={"job_deadline": "5m"})
    night.run()
    asked = len(night.polls("candle"))
    gateway.render_s = 280.0

    night.edit(["candle", *[f"job{n}" for n in range(6)]])
    night.limits |= {"max_in_flight": 1}
    night.edit(night.jobs)
    result = night.run()

    assert result.exit_code == 0
    later = night.polls("candle")[asked:]
    assert all(late.at - early.at >= 299 for early, late in pairwise(later))
    night.sound()


def test_a_rerun_asks_about_old_takes_first_and_does_not_wait_for_them(tmp_path: Path) -> None:
    """Old handles by priority, not as a barrier: new jobs are sent while old ones render."""
    gateway = FakeGateway(render_s=300.0)
    night = Night(tmp_path, ["candle", "desk", "fox"], gateway, limits={"submit_per_s": 0.2})
    night.run(signal_at=7.0)
    assert night.states() == {"candle": "accepted", "desk": "accepted", "fox": "planned"}
    night.sleep(30)
    began, before = night.now, len(gateway.asks)

    result = night.run()

    later = gateway.asks[before:]
    assert result.exit_code == 0
    assert {ask.key for ask in later if ask.at < began + 1} == {"candle", "desk", "fox"}
    assert gateway.seen("submit", "fox")[0].at < began + 1
    night.sound()


def test_the_id_of_a_poll_is_the_one_the_gateway_gave(tmp_path: Path) -> None:
    """An opaque id, also after a restart."""
    night = Night(tmp_path, ["candle", "desk"])
    night.run(signal_at=8.0)
    night.run()

    asked: dict[str, set[str | None]] = {}
    for ask in night.polls():
        asked.setdefault(ask.key, set()).add(ask.remote_id)
    assert asked == {"candle": {"order-00001"}, "desk": {"order-00002"}}


def test_many_hanging_polls_do_not_stop_the_others(tmp_path: Path) -> None:
    """A gateway that leaves some questions hanging still gets asked about the rest."""

    def slow_ones(ask: Ask) -> Step | None:
        return hangs() if ask.key < "job10" and ask.number < 4 else None

    limits = {"submit_per_s": 100, "max_in_flight": 30, "poll_per_s": 50}
    night = Night(tmp_path, [f"job{n:02d}" for n in range(30)], FakeGateway(poll=slow_ones), limits)

    result = night.run()

    assert result.exit_code == 0
    assert all(ask.at < 30 for ask in night.files() if ask.key >= "job10")
    night.sound()


def test_an_answer_that_was_on_its_way_counts(tmp_path: Path) -> None:
    """A slow answer that says done is read, not thrown away because its take came due again."""
    night = Night(tmp_path, gateway=FakeGateway(poll=in_turn(None, None, slow(50.0)), render_s=12.0))

    assert night.run().exit_code == 0
    assert len(night.polls()) == 3


def test_polls_are_counted_for_the_job_they_are_about(tmp_path: Path) -> None:
    """The result tells how many requests a run sent."""
    night = Night(tmp_path, ["candle", "desk"])

    result = night.run()

    assert result.requests == len(night.gateway.asks)
