"""The words: what each topic must catch, and the near misses that it must not."""

from __future__ import annotations

import pytest
from providers.recorded import (
    CREDITS_FAMILY,
    CREDITS_XAI,
    MODERATED_CODE,
    MODERATED_POLL,
    NO_CHANNEL_COMET,
    NO_MODEL_COMET,
    SPENDING_LIMIT_XAI,
    WRONG_KEY_XAI,
)

from pipeline.providers.topics import GatewayError, Topic, names_model, read_error, topic_of


@pytest.mark.parametrize(
    ("body", "topic"),
    [
        (MODERATED_POLL, Topic.MODERATION),
        (MODERATED_CODE, Topic.MODERATION),
        (CREDITS_XAI, Topic.CREDITS),
        (SPENDING_LIMIT_XAI, Topic.CREDITS),
        (CREDITS_FAMILY, Topic.CREDITS),
        (WRONG_KEY_XAI, Topic.KEY),
        (NO_MODEL_COMET, None),
        (NO_CHANNEL_COMET, None),
    ],
)
def test_recorded_errors_are_about_what_they_say(body: object, topic: Topic | None) -> None:
    error = read_error(body)

    assert error is not None
    assert topic_of(error) is topic


@pytest.mark.parametrize(
    "text",
    [
        "moderation_blocked",
        "content_policy_violation",
        "content_filter",
        "Your request was rejected by the safety system. Please try again with another prompt.",
        "The prompt was flagged by moderation",
        "This prompt violates our content policy",
        "the prompt may violate our policies",
        "Content violates usage guidelines. Team: a, API key ID: b, Failed check: SAFETY_CHECK_TYPE_BIO",
        "NSFW image",
        "The input contains sensitive information",
        "输入内容审核不通过",
        "prompt 包含敏感词",
        "审核失败",
        "内容不合规",
        "违反平台内容政策",
        "The prompt is not in compliance with our usage policies",
    ],
)
def test_moderation(text: str) -> None:
    assert topic_of(GatewayError(message=text)) is Topic.MODERATION
    assert topic_of(GatewayError(message="no", code=text)) is Topic.MODERATION


@pytest.mark.parametrize(
    "text",
    [
        "insufficient credits",
        "Insufficient account balance",
        "insufficient_quota",
        "insufficient_user_quota",
        "User's credit limit is insufficient, remaining credit limit: $0.000000",
        "token quota is not enough, token remain quota: $0.1",
        "pre_consume_token_quota_failed",
        "You exceeded your current quota, please check your plan and billing details",
        "Your credits are exhausted",
        "monthly spending limit reached",
        "billing_hard_limit_reached",
        "You are out of credits",
        "no credits left",
        "用户额度不足",
        "账户余额不足",
        "积分不足，请充值",
        "Your account is suspended: insufficient balance",
    ],
)
def test_credits(text: str) -> None:
    assert topic_of(GatewayError(message=text)) is Topic.CREDITS


@pytest.mark.parametrize(
    "text",
    [
        "invalid_api_key",
        "Incorrect API key provided: sk-***",
        "Invalid token (request id: 2026)",
        "unauthorized token",
        "API key is not valid. Please pass a valid API key.",
        "The API key sk-*** has been revoked",
        "Missing Authorization header",
        "Invalid or expired credentials",
        "Your account has been suspended",
        "authentication_error",
        "无效的令牌",
        "该令牌状态不可用",
        "无效的API Key",
        "密钥不存在",
        "账号已被停用",
        "Your account was disabled for policy violations",
    ],
)
def test_key(text: str) -> None:
    assert topic_of(GatewayError(message=text)) is Topic.KEY


@pytest.mark.parametrize(
    "text",
    [
        "Rate limit reached for this API key",
        "Too many requests: quota exceeded, 2 requests per second",
        "resource-exhausted",
        "Some resource has been exhausted",
        "concurrency quota exceeded",
        "Failed: no credits were charged for this job",
        "invalid token at position 3 of the JSON body",
        "image url answered 401 Unauthorized",
        "Invalid image: authorization needed to fetch it",
        "moderation service is temporarily unavailable",
        "content moderation timed out",
        "a video about a credit card and a bank balance",
        "internal error",
    ],
)
def test_near_misses_are_about_nothing(text: str) -> None:
    assert topic_of(GatewayError(message=text)) is None


@pytest.mark.parametrize(
    ("message", "code", "param", "named"),
    [
        ("The model `x` does not exist", "", "", True),
        ("not found", "model_not_found", "", True),
        ("not found", "", "model", True),
        ("grok-imagine-video-2 was not found", "", "", True),
        ("Not found", "", "", False),
        ("Invalid URL (POST /grok/v1/videos)", "", "", False),
        ("remodeled away", "", "", False),
        ("No handler found for POST /v2/model-center/tasks", "", "", False),
        ("/v1/models/x is no route", "", "", False),
        ("models/x is not found", "", "", True),
    ],
)
def test_naming_the_model(message: str, code: str, param: str, named: bool) -> None:
    assert names_model(GatewayError(message=message, code=code, param=param)) is named


@pytest.mark.parametrize(
    ("body", "proper"),
    [
        ({"error": "no"}, True),
        ({"error": {"message": "no"}}, True),
        ({"code": "x", "message": "no"}, True),
        ({"code": 7, "message": "no"}, True),
        ({"message": "no"}, False),
        ({"code": "x", "detail": "no"}, False),
        ({"code": "", "message": "no"}, None),
        ({"code": 0, "message": "fine"}, None),
        ({"code": "success", "message": "fine"}, None),
        ({"error": {"code": "", "message": ""}}, None),
        ({"error": {"code": 0, "message": ""}}, None),
        ({"error": {"code": "imagine:content-moderated"}}, False),
        ({"error": None}, None),
        ([], None),
    ],
)
def test_an_error_is_proper_only_in_the_gateways_own_form(body: object, proper: bool | None) -> None:
    error = read_error(body)

    assert (error.proper if error else None) is proper
