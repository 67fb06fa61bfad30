"""A poll that is not 2xx: what ends a paid take, what stops the account, and what only costs another try."""

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
    SPENDING_LIMIT_XAI,
    WRONG_KEY_XAI,
    an_answer,
    an_error,
)

from pipeline.providers import PROVIDERS
from pipeline.providers.base import Polled, PollVerdict

V = PollVerdict


def polled(status: int, body: Any = b"", content_type: str = "application/json") -> Polled:
    """Every provider's reading, which is one and the same."""
    answer = an_answer(status, body, content_type)
    (reading,) = {provider.parse_poll(answer) for provider in PROVIDERS.values()}
    return reading


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, MODERATED_POLL, V.MODERATED),
        (400, MODERATED_CODE, V.MODERATED),
        (403, an_error("Content violates usage guidelines."), V.MODERATED),
        (422, MODERATED_CODE, V.MODERATED),
        (429, MODERATED_CODE, V.TRY_AGAIN),  # a limit on checks is not a verdict on this clip
        (500, MODERATED_CODE, V.TRY_AGAIN),
        (401, an_error("Invalid token"), V.ACCOUNT),
        (401, HTML, V.ACCOUNT),
        (403, b"", V.ACCOUNT),
        (400, WRONG_KEY_XAI, V.ACCOUNT),
        (404, an_error("invalid API key"), V.ACCOUNT),
        (402, b"", V.CREDITS),
        (402, an_error("pay up"), V.CREDITS),
        (400, an_error("insufficient credits"), V.CREDITS),
        (403, SPENDING_LIMIT_XAI, V.CREDITS),
        (403, CREDITS_FAMILY, V.CREDITS),
        (429, CREDITS_XAI, V.CREDITS),
        (404, an_error("insufficient credits"), V.REFUSED),
        (429, an_error("rate limit exceeded for this API key"), V.TRY_AGAIN),
        (
            429,
            {"code": "resource-exhausted", "error": "quota of 2 requests per second exceeded"},
            V.TRY_AGAIN,
        ),
        (408, an_error("slow"), V.TRY_AGAIN),
        (425, an_error("early"), V.TRY_AGAIN),
        (500, INVALID_REQUEST_COMET, V.TRY_AGAIN),
        (503, CREDITS_XAI, V.TRY_AGAIN),
        (502, HTML, V.TRY_AGAIN),
        (524, b"", V.TRY_AGAIN),
        (100, b"", V.TRY_AGAIN),
        (700, b"", V.TRY_AGAIN),
        (400, b"", V.REFUSED),
        (400, HTML, V.REFUSED),
        (400, {}, V.REFUSED),
        (404, an_error("request not found"), V.REFUSED),
        (404, HTML, V.REFUSED),
        (409, an_error("conflict"), V.REFUSED),
        (410, an_error("gone"), V.REFUSED),
        (422, an_error("Invalid prompt"), V.REFUSED),  # on a GET that is more likely the id's form
        (301, b"", V.REFUSED),
        (302, MODERATED_CODE, V.REFUSED),
    ],
)
def test_each_kind_of_refusal_has_its_verdict(status: int, body: Any, verdict: PollVerdict) -> None:
    answer = polled(status, body)

    assert answer.verdict is verdict
    assert answer.reason


@pytest.mark.parametrize("body", [MODERATED_CODE, an_error("Invalid prompt"), CREDITS_XAI, HTML])
def test_only_a_4xx_can_end_a_take(body: Any) -> None:
    for status in [*range(100, 200), *range(300, 400), *range(500, 600)]:
        assert polled(status, body).verdict in (V.TRY_AGAIN, V.REFUSED), status


@pytest.mark.parametrize(
    "text",
    [
        "Invalid prompt",
        "prompt is too long: 5000 characters",
        "The prompt must not be empty (request id: 20260205132859798638387SIHCnxzJ)",
        "Unsupported image format",
        "Failed to decode the image",
        "The image could not be downloaded",
        "image.url cannot be fetched",
        "Input video is not supported: codec av01",
        "The source video exceeds 8.7 seconds",
        "The request input is invalid",
        "aspect_ratio must be one of 1:1, 16:9",
        # seen with code invalid-argument; public test data, read 23 November 2026
        "Duration 15s exceeds the maximum allowed for reference-to-video, which is 10s.",
        "resolution 4k is not supported",
    ],
)
def test_bad_input_ends_the_take(text: str) -> None:
    answer = polled(400, {**an_error(text), "usage": {"cost_in_usd_ticks": 7}})

    assert (answer.verdict, answer.cost_ticks, answer.reason) == (V.FAILED, 7, text)


@pytest.mark.parametrize("code", ["invalid_prompt", "invalid-image", "bad_input"])
def test_bad_input_named_by_the_code_ends_the_take(code: str) -> None:
    assert polled(400, an_error("no", code=code)).verdict is V.FAILED


@pytest.mark.parametrize(
    "text",
    [
        "Client specified an invalid argument",
        "invalid argument",
        "Invalid request",
        "bad request",
        "invalid request_id",
        "Invalid video id",
        "video_id is required",
        "The video is invalid",
        "video not found",
        "video could not be retrieved",
        "request not found",
        "task_not_exist",
        "no such image",
        "the input id is invalid",
        "image is still processing and cannot be shown, try again",
        "prompt queue is not ready, invalid state",
        "DNS resolution failed to complete",
        "could not connect upstream",
        "unknown prompt, invalid task",
    ],
)
@pytest.mark.parametrize("code", ["", "invalid-argument", "Client specified an invalid argument"])
def test_what_does_not_plainly_blame_the_input_never_ends_the_take(text: str, code: str) -> None:
    """Early and passing 400s were seen at gateways; a take that is paid for must outlive them."""
    assert polled(400, an_error(text, code=code)).verdict is V.REFUSED


@pytest.mark.parametrize("text", ["Blocked: content policy violation", "Invalid prompt"])
@pytest.mark.parametrize("name", ["message", "msg", "detail"])
def test_what_a_proxy_in_front_writes_never_ends_the_take(name: str, text: str) -> None:
    """A lone text is not the gateway's own form: a firewall blocks this question, and knows of no clip."""
    assert polled(400, {name: text}).verdict is V.REFUSED
    assert polled(400, {"code": "x", "message": text}).verdict in (V.MODERATED, V.FAILED)


def test_a_moderated_poll_keeps_charge_and_words() -> None:
    assert polled(400, MODERATED_POLL) == Polled(
        verdict=V.MODERATED,
        cost_ticks=2_500_000_000,
        reason="Generated video rejected by content moderation.",
    )


def test_a_wrapped_charge_is_found() -> None:
    body = {"error": {"message": "content moderated", "usage": {"cost_in_usd_ticks": 5}}}

    assert polled(400, body).cost_ticks == 5
