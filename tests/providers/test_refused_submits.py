"""Refused or unknown? One row per rule of docs/design.md, section 4: a wrong row here pays twice."""

from __future__ import annotations

from typing import Any

import pytest
from providers.recorded import (
    CREDITS_FAMILY,
    CREDITS_XAI,
    HTML,
    INVALID_REQUEST_COMET,
    MODERATED_CODE,
    MODERATED_POLL,
    NO_CHANNEL_COMET,
    NO_MODEL_COMET,
    SPENDING_LIMIT_XAI,
    WRONG_KEY_XAI,
    an_answer,
    an_error,
)

from pipeline.providers import PROVIDERS, provider_named
from pipeline.providers.base import Submitted, SubmitVerdict
from pipeline.providers.refusals import REFUSING

V = SubmitVerdict
SOME_ERROR = an_error("duration must be between 1 and 15")


def submitted(status: int, body: Any = b"", content_type: str = "application/json") -> Submitted:
    """Every provider's reading, which is one and the same."""
    answer = an_answer(status, body, content_type)
    (reading,) = {provider.parse_submit(answer) for provider in PROVIDERS.values()}
    return reading


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, SOME_ERROR, V.REJECTED),
        (413, SOME_ERROR, V.REJECTED),
        (415, SOME_ERROR, V.REJECTED),
        (422, {"error": "field `duration` is out of range"}, V.REJECTED),  # xAI's 422 has no code
        (400, NO_MODEL_COMET, V.REJECTED),
        (500, INVALID_REQUEST_COMET, V.REJECTED),
        (401, an_error("Invalid token"), V.ACCOUNT),
        (401, an_error("any words at all"), V.ACCOUNT),
        (402, an_error("any words at all"), V.ACCOUNT),
        (403, an_error("You do not have permission"), V.ACCOUNT),
        (403, CREDITS_FAMILY, V.ACCOUNT),
        (403, SPENDING_LIMIT_XAI, V.ACCOUNT),
        (429, CREDITS_XAI, V.ACCOUNT),
        (400, WRONG_KEY_XAI, V.ACCOUNT),
        (400, an_error("Insufficient balance"), V.ACCOUNT),
        (429, an_error("this API key has been disabled"), V.ACCOUNT),
        (404, an_error("Invalid URL (POST /grok/v1/video)"), V.ADDRESS),
        (405, an_error("Method Not Allowed"), V.ADDRESS),
        (404, an_error("The model `grok-imagin-video` does not exist"), V.REJECTED),
        (404, an_error("not found", code="model_not_found"), V.REJECTED),
        (404, an_error("not found", param="model"), V.REJECTED),
        (429, an_error("Too many requests"), V.BUSY),
        (429, {"code": "resource-exhausted", "error": "Rate limit: 2 requests per second"}, V.BUSY),
        (503, an_error("The service is overloaded"), V.BUSY),
        (503, NO_CHANNEL_COMET, V.BUSY),
        (400, MODERATED_CODE, V.MODERATED),
        (403, an_error("Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_X"), V.MODERATED),
        (429, MODERATED_CODE, V.MODERATED),  # the body comes before the number
        (503, an_error("moderation service is temporarily unavailable"), V.BUSY),
    ],
)
def test_a_well_formed_error_is_a_refusal_read_from_its_body_first(
    status: int, body: Any, verdict: SubmitVerdict
) -> None:
    assert submitted(status, body).verdict is verdict


@pytest.mark.parametrize("status", [*range(300, 309), 399])
@pytest.mark.parametrize("body", [b"", HTML, SOME_ERROR])
def test_a_redirect_is_a_wrong_address_whatever_it_carries(status: int, body: Any) -> None:
    assert submitted(status, body).verdict is V.ADDRESS


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize(
    ("body", "content_type", "verdict"),
    [
        (HTML, "text/html; charset=utf-8", V.ADDRESS),
        (b"\xef\xbb\xbf\n <HTML>nothing here", "", V.ADDRESS),
        (b"nothing here", "text/html", V.ADDRESS),
        (b"404 page not found", "text/plain", V.UNKNOWN),  # the rule names pages, not any text
        (b"", "", V.UNKNOWN),
        ({"detail": "Not Found"}, "application/json", V.UNKNOWN),
        (an_error("no such path"), "text/html", V.ADDRESS),  # a JSON error under a wrong type is a JSON error
        (an_error("no such model"), "text/html", V.REJECTED),
    ],
)
def test_not_found_as_a_page_is_a_wrong_address_and_as_bare_text_is_unknown(
    status: int, body: Any, content_type: str, verdict: SubmitVerdict
) -> None:
    assert submitted(status, body, content_type).verdict is verdict


@pytest.mark.parametrize("status", [*sorted(REFUSING - {404, 405}), 500])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"rejected",
        b"{",
        HTML,
        [],
        {},
        "error",
        {"error": None},
        {"error": ""},
        {"error": {}},
        {"error": True, "message": "no"},
        {"error": {"message": "", "code": "invalid_request"}},
        {"error": {"code": "invalid_request"}},
        {"message": "Service Unavailable"},
        {"detail": "no"},
        {"code": "success", "message": "fine"},
    ],
)
def test_a_refusing_status_without_the_gateways_own_error_is_unknown(status: int, body: Any) -> None:
    """A proxy may have written it after it passed the call on, so the job may exist and be billed."""
    assert submitted(status, body).verdict is V.UNKNOWN


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
@pytest.mark.parametrize("word", ["queued", "processing", "PENDING", "done", "completed"])
def test_an_error_that_also_names_a_job_under_way_is_unknown(status: int, word: str) -> None:
    """To send it again would pay twice; the id is in the reason, for `resolve --remote-id`."""
    keys = (("cometapi", "request_id"), ("xai", "request_id"), ("globalaiopc", "id"), ("xai", "task_id"))
    for provider, key in keys:
        for head in ({key: "job-7", "status": word}, {"data": {key: "job-7", "status": word}}):
            body = {**an_error("busy", code="invalid_request"), **head}
            answer = provider_named(provider).parse_submit(an_answer(status, body))

            assert answer.verdict is V.UNKNOWN
            assert answer.reason == "busy (the answer names the id job-7)"
            assert answer.remote_id is None


@pytest.mark.parametrize("more", [{"status": "failed"}, {"status": 429}, {"status": "error"}, {}])
def test_an_id_alone_makes_no_refusal_doubtful(more: dict[str, Any]) -> None:
    """Many gateways put the number of a log into it."""
    answer = submitted(429, {**an_error("Too many requests"), "request_id": "log-7", **more})

    assert (answer.verdict, answer.reason) == (V.BUSY, "Too many requests")


@pytest.mark.parametrize(
    "text",
    [
        "upstream request timed out",
        "Timeout waiting for the provider",
        "The request time-out was reached",
        "video generation timed out",
        "image-to-video call timed out",
        "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        "read tcp: connection reset by peer",
        "the upstream connection was closed",
        "no response from upstream",
        "上游请求超时",
        "连接中断",
    ],
)
@pytest.mark.parametrize("status", [400, 422, 429, 503])
def test_a_gateway_that_waited_in_vain_itself_knows_nothing(status: int, text: str) -> None:
    """It may have passed the order on before it gave up, whatever number it chose for that."""
    assert submitted(status, an_error(text)).verdict is V.UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "The image could not be downloaded: timed out",
        "image URL timed out",
        "reference video: connection reset while fetching",
        "图片下载超时",
    ],
)
def test_a_picture_that_could_not_be_fetched_in_time_is_bad_input(text: str) -> None:
    assert submitted(400, an_error(text)).verdict is V.REJECTED


@pytest.mark.parametrize(
    "text",
    [
        "Your account has been suspended for violating our content policy",
        "organization is disabled due to policy violations",
        "账号已被封禁：违规内容",
    ],
)
def test_a_closed_account_is_not_a_moderated_clip(text: str) -> None:
    """As `moderated` every job of the night would end, one by one."""
    assert submitted(403, an_error(text)).verdict is V.ACCOUNT


@pytest.mark.parametrize("body", [SOME_ERROR, CREDITS_XAI, MODERATED_CODE, HTML])
def test_any_other_status_is_unknown_whatever_it_says(body: Any) -> None:
    for status in set(range(400, 600)) - REFUSING:
        assert submitted(status, body).verdict is V.UNKNOWN, status


def test_the_refusing_statuses_are_those_of_the_design() -> None:
    assert sorted(REFUSING) == [400, 401, 402, 403, 404, 405, 413, 415, 422, 429, 503]


@pytest.mark.parametrize("status", [100, 199, 600, 999, 0, -1])
def test_a_status_out_of_this_world_is_unknown(status: int) -> None:
    assert submitted(status, SOME_ERROR).verdict is V.UNKNOWN


@pytest.mark.parametrize("code", ["invalid_request", "INVALID_REQUEST"])
def test_a_500_is_refused_only_with_this_code(code: str) -> None:
    assert submitted(500, an_error("bad field", code=code)).verdict is V.REJECTED
    assert submitted(500, an_error("bad field", code=code + "_error")).verdict is V.UNKNOWN
    assert submitted(502, an_error("bad field", code=code)).verdict is V.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        {"error": "bad"},
        {"error": {"message": "bad"}},
        {"code": "x", "error": "bad"},
        {"code": "fail_to_submit", "message": "bad", "data": None},  # tasks at gateways of CometAPI's family
        {"error": {"message": {"message": "bad"}}},
        {"error": {"error": {"message": "bad"}}},
    ],
)
def test_every_known_form_of_an_error_is_read(body: Any) -> None:
    assert submitted(400, body) == Submitted(verdict=V.REJECTED, reason="bad")


def test_the_charge_of_a_moderated_submit_is_kept() -> None:
    answer = submitted(400, MODERATED_POLL)

    assert (answer.verdict, answer.cost_ticks) == (V.MODERATED, 2_500_000_000)
    assert answer.reason == "Generated video rejected by content moderation."


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (502, HTML, "HTTP 502, a web page"),
        (500, b"upstream\x00 \x1b[31mreset\r\n", "HTTP 500: upstream [31mreset"),
        (504, b"", "HTTP 504, no text"),
        (503, an_error("wait\u202e a\nbit"), "wait a bit"),
    ],
)
def test_a_reason_is_one_clean_line(status: int, body: Any, words: str) -> None:
    reason = submitted(status, body).reason

    assert reason is not None
    assert reason.startswith(words)
    assert reason.isprintable()


def test_a_long_reason_is_cut() -> None:
    reason = submitted(400, an_error("no " * 10_000)).reason

    assert reason is not None
    assert len(reason) <= 4000
