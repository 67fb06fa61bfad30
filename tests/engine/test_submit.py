"""Submits: what is on record at which moment, what is sent again and what never is."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image
from support.builders_engine import (
    HTML,
    Ask,
    FakeGateway,
    Script,
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
    web_page,
)
from support.night import KEY, Night

NO_CREDITS = "Your team has used all available credits. Please purchase more credits."
REDIRECT = Step(status=302, headers={"location": "https://elsewhere.test/"})


def test_the_intent_is_on_record_before_the_post(tmp_path: Path) -> None:
    """A process that dies during the POST leaves a row that says so."""
    night = Night(tmp_path)
    found: list[tuple[str, str | None]] = []
    night.gateway.submit = lambda _ask: found.append(night.on_record())

    night.run()

    assert found == [("submitting", None)]


def test_the_remote_id_is_on_record_before_the_first_poll(tmp_path: Path) -> None:
    """Nothing is asked about an id that only memory knows."""
    night = Night(tmp_path)
    found: list[tuple[str, str | None]] = []
    night.gateway.poll = lambda _ask: found.append(night.on_record())

    night.run()

    assert set(found) == {("accepted", "order-00001")}


@pytest.mark.parametrize(
    ("step", "longest_s"),
    [
        (not_sent(), 60),
        (hangs(sent=False), 400),
        (refused(503, "overloaded"), 60),
        (refused(503, "overloaded", retry_after="7"), 60),
        (refused(429, "slow down"), 60),
    ],
    ids=["no connection", "connect hangs", "503", "503 with hint", "429"],
)
def test_what_was_plainly_not_accepted_is_sent_again(tmp_path: Path, step: Step, longest_s: float) -> None:
    """Nothing left, or the gateway said no for now: the row goes back to planned; the clip is paid once."""
    night = Night(tmp_path, gateway=FakeGateway(submit=in_turn(step, step)))

    result = night.run()

    assert result.exit_code == 0
    assert len(night.submits) == 3
    assert night.seconds < longest_s
    night.sound()


def test_a_refusal_is_on_record_before_the_pause(tmp_path: Path) -> None:
    """A process that dies during the back-off has lost nothing: the row says planned."""
    night = Night(tmp_path, gateway=FakeGateway(submit=in_turn(refused(429, "slow", retry_after="60"))))

    night.run(signal_at=30.0)

    assert night.states() == {"candle": "planned"}
    assert night.run().exit_code == 0
    night.sound()


@pytest.mark.parametrize(
    ("step", "state", "exit_code"),
    [
        pytest.param(refused(401, "bad key"), "planned", 3, id="401"),
        pytest.param(refused(402, "pay"), "planned", 3, id="402"),
        pytest.param(refused(403, "forbidden"), "planned", 3, id="403"),
        pytest.param(refused(429, NO_CREDITS), "planned", 3, id="429 no credits"),
        pytest.param(refused(403, NO_CREDITS), "planned", 3, id="403 no credits"),
        pytest.param(refused(400, NO_CREDITS), "planned", 3, id="400 no credits"),
        pytest.param(refused(404, "no route"), "planned", 3, id="404"),
        pytest.param(web_page(404), "planned", 3, id="404 web page"),
        pytest.param(web_page(405), "planned", 3, id="405 web page"),
        pytest.param(REDIRECT, "planned", 3, id="redirect"),
        pytest.param(refused(404, "model not found"), "rejected", 1, id="404 model"),
        pytest.param(refused(400, "prompt is too long"), "rejected", 1, id="400"),
        pytest.param(refused(413, "too large"), "rejected", 1, id="413"),
        pytest.param(refused(415, "no such type"), "rejected", 1, id="415"),
        pytest.param(refused(422, "bad ratio"), "rejected", 1, id="422"),
        pytest.param(refused(500, "bad body", "invalid_request"), "rejected", 1, id="500 invalid_request"),
        pytest.param(refused(400, "rejected by content moderation"), "moderated", 1, id="moderation"),
    ],
)
def test_a_refusal_ends_as_the_table_says(tmp_path: Path, step: Step, state: str, exit_code: int) -> None:
    """What is about us stops the submits and costs no job; what is about the input ends it. One try each."""
    night = Night(tmp_path, gateway=FakeGateway(submit=always(step)))

    result = night.run()

    assert (night.states()["candle"], result.exit_code, len(night.submits)) == (state, exit_code, 1)
    assert night.seconds < 5
    assert (night.take().reason or "") != ""

    night.gateway.heal()
    rerun = night.run()

    assert (rerun.exit_code, len(night.submits)) == ((0, 2) if state == "planned" else (1, 1))
    night.sound()


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(refused(401, "bad key"), id="key"),
        pytest.param(refused(402, "pay"), id="credits"),
        pytest.param(web_page(404), id="address"),
    ],
)
def test_one_refused_account_stops_all_submits(tmp_path: Path, step: Step) -> None:
    """The other jobs are not sent against a wall: they stay planned."""
    night = Night(tmp_path, ["candle", "desk", "fox"], FakeGateway(submit=always(step)))

    result = night.run()

    assert result.exit_code == 3
    assert set(night.states().values()) == {"planned"}
    assert len(night.submits) == 1


def test_without_credits_what_is_in_flight_is_still_collected(tmp_path: Path) -> None:
    """Credits stop submits alone: polls and downloads go on, and the exit code says why it stopped."""
    night = Night(tmp_path, ["candle", "desk"], FakeGateway(submit=only("desk", always(refused(402, "pay")))))

    result = night.run()

    assert result.exit_code == 3
    assert night.states() == {"candle": "done", "desk": "planned"}


UNKNOWN = [
    pytest.param(lost(accepted=True), id="reset after acceptance"),
    pytest.param(lost(accepted=False), id="reset before acceptance"),
    pytest.param(hangs(accepted=True), id="no answer"),
    pytest.param(refused(500, "oops"), id="500"),
    pytest.param(web_page(502), id="502 web page"),
    pytest.param(refused(504, "upstream"), id="504"),
    pytest.param(refused(408, "timeout"), id="408"),
    pytest.param(refused(409, "conflict"), id="409"),
    pytest.param(refused(425, "early"), id="425"),
    pytest.param(says({"status": "queued"}, accepts=True), id="200 without id"),
    pytest.param(says({"error": {"message": "no"}}, accepts=True), id="200 with error"),
    pytest.param(web_page(200), id="200 web page"),
    pytest.param(Step(status=200, accepts=True), id="200 empty"),
    pytest.param(Step(status=503, body=b"busy"), id="503 without JSON"),
]


@pytest.mark.parametrize("step", UNKNOWN)
def test_an_unknown_answer_is_never_sent_again(tmp_path: Path, step: Step) -> None:
    """Perhaps paid: it rests, exit 1, over any number of reruns; the other jobs go on."""
    gateway = FakeGateway(submit=only("candle", always(step)))
    night = Night(tmp_path, ["candle", "desk"], gateway)

    codes = [night.run().exit_code for _ in range(4)]

    assert codes == [1, 1, 1, 1]
    assert night.states() == {"candle": "unknown", "desk": "done"}
    assert len(gateway.seen("submit", "candle")) == 1
    assert night.take("candle").reason
    night.sound()


def test_a_gateway_that_never_answers_is_given_up_soon(tmp_path: Path) -> None:
    """Five dead first tries are enough: exit 3 without endless waiting, everything still planned."""
    night = Night(tmp_path, ["candle", "desk", "fox"], FakeGateway(submit=always(not_sent())))

    result = night.run()

    assert result.exit_code == 3
    assert set(night.states().values()) == {"planned"}
    assert len(night.submits) <= 8
    assert night.seconds < 60


@pytest.mark.parametrize(
    "dead", [not_sent(), hangs(sent=False), web_page(502)], ids=["no connection", "hangs", "web page"]
)
def test_a_gateway_that_falls_silent_ends_the_run_but_loses_nothing(tmp_path: Path, dead: Step) -> None:
    """Ten minutes without a proper answer: exit 3. A rerun finds everything, and pays for it once."""
    silence = between(60, 1e9, dead)
    submits: Script = between(60, 1e9, not_sent())
    gateway = FakeGateway(submit=submits, poll=silence, render_s=200.0)
    night = Night(tmp_path, [f"job{n}" for n in range(9)], gateway, limits={"max_in_flight": 4})

    result = night.run()

    assert result.exit_code == 3
    assert 600 <= night.seconds <= 900
    assert set(night.states().values()) <= {"planned", "accepted"}

    gateway.heal()

    assert night.run().exit_code == 0
    night.sound()


def test_a_picture_that_changed_after_planning_is_not_sent(tmp_path: Path) -> None:
    """The picture that was checked and fingerprinted is the one that is sent, or none is."""
    picture = tmp_path / "desk.png"
    Image.new("RGB", (64, 64), (200, 10, 10)).save(picture)
    jobs = ["candle", {"id": "desk", "image": "desk.png"}]
    night = Night(tmp_path, jobs, limits={"max_in_flight": 1})

    def repaint(ask: Ask) -> None:
        if ask.key == "candle":
            Image.new("RGB", (64, 64), (10, 10, 200)).save(picture)

    night.gateway.submit = repaint

    assert night.run().exit_code == 1
    assert night.states() == {"candle": "done", "desk": "held"}
    assert night.run().exit_code == 0
    night.sound()


def test_a_429_from_a_web_page_in_front_holds_everybody(tmp_path: Path) -> None:
    """Whether that job was taken is not known; the next ones wait as long as they are told to."""
    page = Step(status=429, body=b"<html>slow down</html>", headers=HTML | {"retry-after": "120"})
    gateway = FakeGateway(submit=lambda ask: page if ask.count == 1 else None)
    night = Night(tmp_path, ["candle", "desk", "fox"], gateway, limits={"submit_per_s": 1})

    night.run()

    assert sorted(night.states().values()) == ["done", "done", "unknown"]
    assert all(ask.at > 119 for ask in night.submits[1:])


def test_a_key_that_a_gateway_repeats_is_shown_nowhere(tmp_path: Path) -> None:
    """Cut in half by the limit of a text, percent-encoded, or in an error of the connection."""
    for number, text in enumerate(("x" * 470 + KEY, quote(KEY, safe=""), f"{KEY} is bad")):
        gateway = FakeGateway(submit=always(refused(400, f"prompt is invalid: {text}")))
        (folder := tmp_path / str(number)).mkdir()
        night = Night(folder, ["candle"], gateway)

        night.run()

        reason = night.take("candle").reason or ""
        assert KEY[:9] not in reason
        assert quote(KEY, safe="") not in reason
        assert len(reason) <= 500


def test_a_large_picture_gets_the_time_that_a_slow_line_takes(tmp_path: Path) -> None:
    """200 s are too long for a few words, and not for 4 MiB beside others on one line."""
    Image.frombytes("RGB", (1200, 1200), random.Random(7).randbytes(1200 * 1200 * 3)).save(tmp_path / "n.png")
    gateway = FakeGateway(submit=always(slow(200)))
    night = Night(tmp_path, ["candle", {"id": "noise", "image": "n.png"}], gateway)

    night.run()

    assert night.states() == {"candle": "unknown", "noise": "done"}


def test_nothing_to_do_sends_nothing(tmp_path: Path) -> None:
    """With every clip there, the same command sends no request at all."""
    night = Night(tmp_path, ["candle", "desk"])
    night.run()
    before = len(night.gateway.asks)

    result = night.run()

    assert (result.exit_code, result.requests, len(night.gateway.asks)) == (0, 0, before)


def test_submits_keep_the_order_of_the_manifest(tmp_path: Path) -> None:
    """What stands first is made first."""
    keys = [f"job{n:02d}" for n in range(12)]
    night = Night(tmp_path, keys, limits={"submit_per_s": 10})

    night.run()

    assert [ask.key for ask in night.submits] == keys
    assert all(later.at > earlier.at for earlier, later in pairwise(night.submits))
