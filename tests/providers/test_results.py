"""2xx answers: the id of an accepted job, and every way to say how far it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from providers.recorded import (
    CREDITS_FAMILY,
    DONE,
    ENVELOPE_DONE,
    ENVELOPE_URL,
    HTML,
    MODERATED_CODE,
    SUBMITTED,
    WAITING,
    WRONG_KEY_XAI,
    an_answer,
    an_error,
)

from pipeline.providers import PROVIDERS, provider_named
from pipeline.providers.base import Polled, PollVerdict, Submitted, SubmitVerdict

V = PollVerdict
URL = "https://example.com/xai-video.mp4"
COMET = provider_named("cometapi")


def polled(body: Any, status: int = 200, content_type: str = "application/json") -> Polled:
    """Every provider's reading, which is one and the same."""
    answer = an_answer(status, body, content_type)
    (reading,) = {provider.parse_poll(answer) for provider in PROVIDERS.values()}
    return reading


def enveloped(status: str, inner: Any = None, **more: Any) -> dict[str, Any]:
    data = {"task_id": "t-1", "status": status, "fail_reason": "", "data": inner, **more}
    return {"code": "success", "message": "", "data": data}


# --- submit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 299])
@pytest.mark.parametrize(
    ("body", "remote_id"),
    [
        (SUBMITTED, "4b2cd27e-0b0d-3dec-c31c-7572daf74bb3"),
        ({"id": "video_1", "object": "video", "error": None}, "video_1"),
        ({"task_id": 17}, "17"),
        ({"code": "success", "data": {"task_id": "t"}}, "t"),
        ({"data": {"data": {"request_id": "deep"}}}, "deep"),
        ({"request_id": "", "id": "b"}, "b"),
        ({"request_id": None, "data": {"id": "c"}}, "c"),
        ({"request_id": "a", "id": "b", "task_id": "c"}, "a"),
        ({"request_id": "a/b ?ü"}, "a/b ?ü"),
        ({"request_id": "x" * 512}, "x" * 512),
        ({"request_id": "a", "error": {"message": "odd"}}, "a"),  # an id can be asked about, so it is kept
    ],
)
def test_an_id_on_a_success_is_an_accepted_job(status: int, body: Any, remote_id: str) -> None:
    answer = COMET.parse_submit(an_answer(status, body))

    assert answer == Submitted(verdict=SubmitVerdict.ACCEPTED, remote_id=remote_id)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        HTML,
        b"\xff\xfe",
        [],
        "id",
        {},
        {"request_id": None},
        {"request_id": "  "},
        {"request_id": ".."},
        {"request_id": True},
        {"request_id": 0},
        {"request_id": -3},
        {"request_id": 1.5},
        {"request_id": ["a"]},
        {"request_id": "x" * 513},
        {"request_id": "a\nb"},
        {"request_id": "a\u202eb"},
        b'{"request_id": "\\ud800"}',
        b'{"request_id": ' + b"9" * 5000 + b"}",
        {"data": "t-1"},
        {"error": {"message": "Insufficient balance"}},
        {"error": "content moderated"},
        {"code": "fail", "message": "no"},
    ],
)
def test_a_success_without_a_usable_id_is_unknown_even_with_an_error(body: Any) -> None:
    answer = COMET.parse_submit(an_answer(200, body))

    assert answer.verdict is SubmitVerdict.UNKNOWN
    assert answer.remote_id is None
    assert answer.reason is not None
    assert "no job id" in answer.reason


# --- polls as published ---------------------------------------------------------------------------


def test_the_flat_form() -> None:
    assert polled(WAITING) == Polled(verdict=V.RUNNING)
    assert polled(DONE) == Polled(
        verdict=V.READY, url=URL, status="done", progress=100, cost_ticks=500_000_000, duration_s=1.0
    )


def test_the_envelope_says_the_same() -> None:
    assert polled(ENVELOPE_DONE) == replace(polled(DONE), url=ENVELOPE_URL)


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("queued", V.RUNNING),
        ("processing", V.RUNNING),
        ("pending", V.RUNNING),
        ("Processing", V.RUNNING),
        ("NOT_START", V.RUNNING),
        ("SUBMITTED", V.RUNNING),
        ("QUEUED", V.RUNNING),
        ("IN_PROGRESS", V.RUNNING),
        ("in progress", V.RUNNING),
        ("failed", V.FAILED),
        ("FAILURE", V.FAILED),
        ("ERROR", V.FAILED),
        ("cancelled", V.FAILED),
        ("expired", V.EXPIRED),
        ("done", V.NO_URL),
        ("SUCCESS", V.NO_URL),
        ("completed", V.NO_URL),
    ],
)
def test_known_words_in_both_forms(word: str, verdict: PollVerdict) -> None:
    for body in ({"status": word}, enveloped(word)):
        answer = polled(body)
        assert (answer.verdict, answer.status, answer.warning) == (verdict, word, None)


@pytest.mark.parametrize("word", ["rendering", "unknown", "DONE?", 7])
def test_an_unknown_word_counts_as_running_with_a_warning(word: Any) -> None:
    answer = polled({"status": word, "video": {"url": URL}})

    assert answer.verdict is V.RUNNING
    assert answer.url is None
    assert answer.warning is not None
    assert str(word) in answer.warning


@pytest.mark.parametrize("status", [200, 201, 204, 206])
def test_an_empty_body_means_not_yet(status: int) -> None:
    assert polled(b"", status).verdict is V.RUNNING
    assert polled(b" \r\n", status).verdict is V.RUNNING


@pytest.mark.parametrize("body", [b"", b"{", HTML, WAITING, DONE, MODERATED_CODE])
def test_202_means_not_yet_whatever_it_carries(body: Any) -> None:
    assert polled(body, 202).verdict is V.RUNNING


@pytest.mark.parametrize(
    "body",
    [b"{", b"ok", HTML, b"\xff\xfe\x00", b"[" * 200_000, [], [DONE], "done", 7, {}, {"model": "m"}, None],
)
def test_a_body_that_says_nothing_is_tried_again(body: Any) -> None:
    raw = b"null" if body is None else body
    answer = polled(raw)

    assert answer.verdict is V.TRY_AGAIN
    assert answer.reason


# --- which status counts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outer", "inner", "verdict"),
    [
        ("SUCCESS", {"status": "done", "video": {"url": URL}}, V.READY),
        ("IN_PROGRESS", {"status": "done", "video": {"url": URL}}, V.READY),
        ("IN_PROGRESS", {"status": "failed"}, V.FAILED),
        ("IN_PROGRESS", {"status": "pending"}, V.RUNNING),
        ("SUCCESS", {"status": "pending"}, V.RUNNING),
        ("FAILURE", {"status": "pending"}, V.FAILED),
        ("FAILURE", {"status": "rendering"}, V.FAILED),
        ("FAILURE", {"status": "done", "video": {"url": URL}}, V.READY),
        ("FAILURE", {}, V.FAILED),
        ("FAILURE", None, V.FAILED),
        ("SUCCESS", {"video": {"url": URL}}, V.READY),
        ("SUCCESS", {"status": "PENDING", "video": {"url": URL}}, V.READY),
        ("processing", {"status": "done", "video": {"url": URL}}, V.READY),
        ("done", {"status": "processing", "video": {"url": URL}}, V.RUNNING),
        ("SUCCESS", {"status": "PENDING"}, V.RUNNING),  # the call went well, the job goes on
        ("SUCCESS", {"status": "ODD"}, V.NO_URL),
    ],
)
def test_the_innermost_lower_case_word_counts_unless_the_outer_gave_up(
    outer: str, inner: Any, verdict: PollVerdict
) -> None:
    assert polled(enveloped(outer, inner)).verdict is verdict


def test_fail_reason_is_the_link_on_success_and_the_reason_on_failure() -> None:
    won = polled(enveloped("SUCCESS", fail_reason=URL))
    lost = polled(enveloped("FAILURE", fail_reason="the renderer crashed"))
    odd = polled(enveloped("FAILURE", fail_reason=URL))
    busy = polled(enveloped("IN_PROGRESS", fail_reason="slow today"))
    bare = polled(enveloped("SUCCESS", fail_reason="content moderated"))

    assert (won.verdict, won.url) == (V.READY, URL)
    assert (lost.verdict, lost.reason) == (V.FAILED, "the renderer crashed")
    assert (odd.verdict, odd.url, odd.reason) == (V.FAILED, None, None)
    assert (busy.verdict, busy.reason) == (V.RUNNING, None)
    assert bare.verdict is V.NO_URL


@pytest.mark.parametrize("error", [None, "", {}, {"code": "", "message": ""}])
def test_a_link_without_a_status_and_without_an_error_is_ready(error: Any) -> None:
    answer = polled({"video": {"url": URL}, "error": error})

    assert (answer.verdict, answer.url, answer.status) == (V.READY, URL, None)


@pytest.mark.parametrize("message", ["accepted", "content moderated", "invalid api key"])
def test_a_lone_message_beside_an_id_or_a_link_is_not_an_error(message: str) -> None:
    assert polled({**WAITING, "message": message}).verdict is V.RUNNING
    assert polled({"video": {"url": URL}, "message": message}).verdict is V.READY


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (an_error("upstream hiccup"), V.TRY_AGAIN),
        ({**WAITING, **an_error("upstream hiccup")}, V.TRY_AGAIN),
        ({"video": {"url": URL}, **an_error("upstream hiccup")}, V.TRY_AGAIN),
        ({"code": "task_not_exist", "message": "task_not_exist", "data": None}, V.TRY_AGAIN),
        (MODERATED_CODE, V.MODERATED),
        (CREDITS_FAMILY, V.CREDITS),
        (WRONG_KEY_XAI, V.ACCOUNT),
    ],
)
def test_an_error_on_a_200_without_a_status_ends_a_take_only_for_moderation(
    body: Any, verdict: PollVerdict
) -> None:
    answer = polled(body)

    assert answer.verdict is verdict
    assert answer.reason


# --- ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"status": "done", "video": {"url": "", "respect_moderation": False}},
        {"status": "done", "video": {"url": URL, "respect_moderation": False}},
        {"video": {"url": None, "respect_moderation": False}},
        {
            "status": "failed",
            "error": {"code": "invalid_argument", "message": "Rejected by content moderation."},
        },
        {"status": "failed", "error": "Rejected by content moderation."},
        {"status": "completed", "error": {"code": "moderation_blocked", "message": "no"}},
        {"status": "failed", "error": {"code": "imagine:content-moderated", "message": ""}},
        enveloped("FAILURE", fail_reason="Generated video rejected by content moderation."),
        enveloped("FAILURE", {"status": "failed", "error": "x"}, fail_reason="content moderated"),
        enveloped("SUCCESS", {"status": "done", "video": {"respect_moderation": False}}),
    ],
)
def test_moderation_by_flag_code_or_words_with_its_cost(body: dict[str, Any]) -> None:
    answer = polled({**body, "usage": {"cost_in_usd_ticks": 2_500_000_000}})

    assert (answer.verdict, answer.url, answer.cost_ticks) == (V.MODERATED, None, 2_500_000_000)
    assert answer.reason


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (CREDITS_FAMILY, V.CREDITS),
        (WRONG_KEY_XAI, V.ACCOUNT),
        (an_error("the renderer crashed"), V.FAILED),
        (MODERATED_CODE, V.MODERATED),
    ],
)
def test_the_word_error_over_key_or_credits_is_about_the_call(error: Any, verdict: PollVerdict) -> None:
    """Some services head every error so; what is said of the account says nothing of a paid job."""
    assert polled({**error, "status": "error"}).verdict is verdict
    assert polled({**error, "status": "failed"}).verdict in (V.FAILED, V.MODERATED)


def test_the_moderation_flag_does_not_end_a_running_job() -> None:
    assert polled({"status": "processing", "video": {"respect_moderation": False}}).verdict is V.RUNNING


@pytest.mark.parametrize(
    "error", ["The model crashed", {"code": "internal_error", "message": "The model crashed"}]
)
def test_a_failed_job_keeps_the_gateways_words(error: Any) -> None:
    answer = polled({"status": "failed", "error": error, "progress": 0})

    assert (answer.verdict, answer.reason, answer.progress) == (V.FAILED, "The model crashed", 0)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        7,
        "/files/a.mp4",
        "//example.com/a.mp4",
        "ftp://example.com/a.mp4",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///a.mp4",
        "https://[::1/a.mp4",
        "https://example.com/a b.mp4",
        "https://example.com/a\n.mp4",
        "https://example.com/\u202ea.mp4",
        "https://example.com/" + "a" * 9000,
        ["https://example.com/a.mp4"],
    ],
)
def test_done_without_a_usable_link_has_no_url(url: Any) -> None:
    answer = polled({"status": "done", "video": {"url": url}})

    assert (answer.verdict, answer.url) == (V.NO_URL, None)
    assert answer.reason


# --- figures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "ticks"),
    [
        (0, 0),
        (500_000_000, 500_000_000),
        (5e8, 500_000_000),
        (10**14, 10**14),
        (10**14 + 1, None),
        (10**30, None),
        (-1, None),
        (1.5, None),
        (True, None),
        ("500000000", None),
        (None, None),
        ([1], None),
    ],
)
def test_a_cost_is_a_whole_number_in_bounds(raw: Any, ticks: int | None) -> None:
    assert polled({"status": "done", "usage": {"cost_in_usd_ticks": raw}}).cost_ticks == ticks


def test_the_innermost_cost_counts() -> None:
    outer = enveloped("SUCCESS", {"status": "done", "usage": {"cost_in_usd_ticks": 7}})
    assert polled({**outer, "usage": {"cost_in_usd_ticks": 9}}).cost_ticks == 7
    assert polled({"status": "done", "usage": {"cost_in_usd_ticks": 0}}).cost_ticks == 0


@pytest.mark.parametrize("raw", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 10_000])
def test_figures_beyond_reason_do_not_spoil_the_rest(raw: bytes) -> None:
    body = b'{"status": "done", "progress": %s, "usage": {"cost_in_usd_ticks": %s}, "video": {"url": "%s"}}'
    answer = polled(body % (raw, raw, URL.encode()))

    assert (answer.verdict, answer.url) == (V.READY, URL)
    assert (answer.progress, answer.cost_ticks) == (None, None)


@pytest.mark.parametrize(
    ("raw", "progress"),
    [
        (0, 0),
        (45, 45),
        (45.9, 45),
        ("45%", 45),
        (" 45 % ", 45),
        ("99.5%", 99),
        ("100", 100),
        (101, None),
        ("101%", None),
        (-1, None),
        ("half", None),
        ("", None),
        ("٤٥%", None),
        (True, None),
        (None, None),
        ("1" * 100, None),
    ],
)
def test_progress_is_a_number_or_a_percentage(raw: Any, progress: int | None) -> None:
    assert polled({"status": "processing", "progress": raw}).progress == progress


@pytest.mark.parametrize(("raw", "seconds"), [(6, 6.0), (5.04, 5.04), (-1, None), ("6", None), (1e9, None)])
def test_the_length_is_a_number_of_seconds(raw: Any, seconds: float | None) -> None:
    assert polled({"status": "done", "video": {"url": URL, "duration": raw}}).duration_s == seconds


def test_hostile_words_are_made_safe_to_show() -> None:
    answer = polled({"status": "x\x1b[2J" * 50, "error": "a\x00b"})

    assert answer.status is not None
    assert answer.status.isprintable()
    assert len(answer.status) <= 60
