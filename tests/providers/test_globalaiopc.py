"""GlobalAiOpc's own: its table, its fields on the wire, and its answers, of which few are documented."""

from __future__ import annotations

from typing import Any

import pytest
from providers.jobs import CLIP, a_file, a_job, a_link, links, sent
from providers.recorded import (
    CREDITS_FAMILY,
    HTML,
    OPC_COMPLETED,
    OPC_FAILED,
    OPC_NO_HANDLER,
    OPC_PROCESSING,
    OPC_WRAPPED,
    an_answer,
)

from pipeline.config import checked_base_url
from pipeline.model import Handle, Job
from pipeline.providers import provider_named
from pipeline.providers.base import FilePart, PollAdvice, Polled, PollVerdict, SubmitVerdict
from pipeline.providers.rules import fixed_by_model, ignored_defaults, list_price

OPC = provider_named("globalaiopc")
FACTS = OPC.capabilities
PLAIN, PRO, MAX, STABLE = "grok_video3", "grok_video3_pro", "grok_video3_max", "grok_video3_stable"
V, P = SubmitVerdict, PollVerdict


def test_the_table_of_facts() -> None:
    assert (FACTS.key_env, FACTS.base_url_env) == ("GLOBALAIOPC_KEY", "GLOBALAIOPC_BASE_URL")
    assert (FACTS.base_url, FACTS.default_model) == ("https://zcbservice.aizfw.cn/kyyReactApiServer", PLAIN)
    assert (FACTS.submit_per_s, FACTS.poll_per_s, FACTS.max_in_flight) == (1, 2, 20)
    assert not FACTS.submit_known
    assert FACTS.poll == PollAdvice(first_s=30, min_s=30, max_s=60, growth=0.1)
    assert (FACTS.url_life_s, FACTS.max_prompt_chars, FACTS.takes_user) == (3600, None, False)


# --- what is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [FACTS.base_url, f"{FACTS.base_url}/"])
def test_both_paths_stand_behind_the_prefix(base: str) -> None:
    address = checked_base_url(base, allow_insecure=False)
    handle = Handle(provider="globalaiopc", origin="https://e.com", remote_id="video_grok_1")

    assert address + OPC.build_submit(a_job()).path == (
        "https://zcbservice.aizfw.cn/kyyReactApiServer/v1/grok/videos"
    )
    assert address + OPC.build_poll(handle).path == (
        "https://zcbservice.aizfw.cn/kyyReactApiServer/v1/result/video_grok_1"
    )


@pytest.mark.parametrize(
    ("job", "body"),
    [
        (a_job(), {"model": PLAIN, "duration": 10, "resolution": "720p"}),
        (
            a_job(duration_s=30, resolution="480p", aspect_ratio="2:3", image=a_link(7)),
            {
                "model": PLAIN,
                "duration": 30,
                "aspect_ratio": "2:3",
                "resolution": "480p",
                "image_urls": [a_link(7).url],
            },
        ),
        (a_job(model=PRO), {"model": PRO}),  # what a model fixes is not sent
        (
            a_job(model=PRO, aspect_ratio="16:9", image=a_link()),
            {"model": PRO, "aspect_ratio": "16:9", "image_urls": [a_link().url]},
        ),
        (
            a_job(model=MAX, duration_s=16, image=a_link(9), reference_images=links(4)),
            {
                "model": MAX,
                "duration": 16,
                "resolution": "720p",
                "image_urls": [a_link(9).url, *(one.url for one in links(4))],
            },
        ),
        (a_job(model=STABLE), {"model": STABLE, "duration": 10, "resolution": "720p"}),
        (
            a_job(model=STABLE, duration_s=6, resolution="480p", allow=("stable-6s", "stable-480p")),
            {"model": STABLE, "duration": 6, "resolution": "480p"},
        ),
    ],
)
def test_a_job_on_the_wire(job: Job, body: dict[str, Any]) -> None:
    assert OPC.validate(job) == ()
    assert sent(OPC, job) == {"prompt": "A fox in the snow.", **body}


def test_the_whole_body() -> None:
    (body,) = OPC.build_submit(a_job(image=a_link())).body

    assert body == (
        b'{"model":"grok_video3","prompt":"A fox in the snow.","duration":10,"resolution":"720p",'
        b'"image_urls":["https://example.com/0.png"]}'
    )


def test_a_file_goes_only_with_its_rule() -> None:
    job = a_job(image=a_file(), reference_images=(a_file(b"x"),), allow=("base64-images",))

    assert OPC.validate(job) == ()
    parts = [part for part in OPC.build_submit(job).body if isinstance(part, FilePart)]
    assert [part.size_bytes for part in parts] == [771, 1]


def test_it_starts_from_no_video() -> None:
    with pytest.raises(ValueError, match="'fox'"):
        OPC.build_submit(a_job(edit=CLIP), video=CLIP)


# --- defaults and prices --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fixed"),
    [
        (PLAIN, {"generate_audio"}),
        (PRO, {"generate_audio", "duration_s", "resolution"}),
        (MAX, {"generate_audio"}),
        (STABLE, {"generate_audio"}),
    ],
)
def test_what_a_model_fixes_is_dropped_from_the_defaults(model: str, fixed: set[str]) -> None:
    job = a_job(model=model, image=a_link())

    assert fixed_by_model(job, FACTS) == fixed
    assert ignored_defaults(job, FACTS) == fixed | {"user", "resize"}  # but a ratio counts beside a picture


def test_there_is_no_list_price() -> None:
    assert {list_price(a_job(model=model), FACTS, None) for model in FACTS.models} == {None}


# --- answers to submits ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "remote_id"),
    [
        ({**OPC_PROCESSING, "status": "queued"}, "video_grok_1234567890"),
        ({"code": 200, "msg": "ok", "data": {"id": "video_1", "status": "queued"}}, "video_1"),
        ({"request_id": "log-1", "id": "video_1"}, "video_1"),
        ({"request_id": "log-1", "data": {"id": "video_1"}}, "video_1"),
        ({"id": 17, "data": {"id": "video_1"}}, "video_1"),
        ({"task_id": "video_1"}, "video_1"),
        (
            {"id": "video_1", "status": "failed", "error": "no"},
            "video_1",
        ),  # it is asked about, and ends there
    ],
)
def test_an_accepted_job(body: Any, remote_id: str) -> None:
    """Its own name for the id comes first: another may be that of a log, and leads to no clip."""
    answer = OPC.parse_submit(an_answer(200, body))

    assert (answer.verdict, answer.remote_id) == (V.ACCEPTED, remote_id)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, {"code": 400, "msg": "duration is not supported"}, V.REJECTED),
        (400, {"code": 40001, "msg": "参数错误"}, V.REJECTED),
        (401, {"code": 401, "msg": "Unauthorized"}, V.ACCOUNT),
        (401, {"error": {"message": "Invalid token", "type": "authentication_error"}}, V.ACCOUNT),
        (400, {"code": 400, "msg": "无效的API Key"}, V.ACCOUNT),
        (403, CREDITS_FAMILY, V.ACCOUNT),
        (400, {"code": 40003, "msg": "账户余额不足，请充值后重试"}, V.ACCOUNT),
        (404, {"code": 404, "msg": "Not Found"}, V.ADDRESS),
        (404, {"status": 404, "error": "Not Found", "path": "/kyyReactApiServer/v1/grok/video"}, V.ADDRESS),
        (404, OPC_NO_HANDLER, V.ADDRESS),  # its path holds the word "model"
        (404, {"code": 404, "msg": "model grok_video4 not found"}, V.REJECTED),
        (429, {"code": 429, "msg": "请求过于频繁"}, V.BUSY),
        (503, {"code": 503, "msg": "系统繁忙，请稍后重试"}, V.BUSY),
        (400, {"code": 400, "msg": "内容审核未通过"}, V.MODERATED),
        (400, {"code": 400, "msg": "The prompt violates our content policy"}, V.MODERATED),
        # All that is not plainly the gateway's own refusal may have been accepted.
        (200, OPC_NO_HANDLER, V.UNKNOWN),
        (200, {"code": 500, "msg": "系统异常", "data": None}, V.UNKNOWN),
        (200, {"code": 401, "msg": "invalid api key"}, V.UNKNOWN),
        (200, b"", V.UNKNOWN),
        (500, {"code": 500, "msg": "系统异常"}, V.UNKNOWN),
        (500, {"status": 500, "error": "Internal Server Error", "path": "/v1/grok/videos"}, V.UNKNOWN),
        (400, HTML, V.UNKNOWN),
        (400, b"bad request", V.UNKNOWN),
        (429, b"slow down", V.UNKNOWN),
        (404, b"404 page not found", V.UNKNOWN),
        (503, {"message": "Service Unavailable"}, V.UNKNOWN),
        (503, {"code": 503, "msg": "上游请求超时"}, V.UNKNOWN),
    ],
)
def test_a_submit_that_was_not_accepted(status: int, body: Any, verdict: SubmitVerdict) -> None:
    answer = OPC.parse_submit(an_answer(status, body))

    assert (answer.verdict, answer.remote_id) == (verdict, None)
    assert answer.reason


# --- answers to polls -----------------------------------------------------------------------------


def polled(body: Any, status: int = 200) -> Polled:
    return OPC.parse_poll(an_answer(status, body))


def test_the_published_answers() -> None:
    url = "https://cdn.example.com/video_grok_1234567890.mp4"

    assert polled({**OPC_PROCESSING, "status": "queued"}) == Polled(verdict=P.RUNNING, status="queued")
    assert polled(OPC_PROCESSING) == Polled(verdict=P.RUNNING, status="processing")
    assert polled(OPC_COMPLETED) == Polled(verdict=P.READY, url=url, status="completed", duration_s=10)
    assert polled(OPC_FAILED) == Polled(
        verdict=P.FAILED, status="failed", reason="Reference image could not be accessed."
    )


def test_fields_inside_data_and_the_other_name_of_the_link() -> None:
    assert polled(OPC_WRAPPED) == Polled(
        verdict=P.READY,
        url="https://upstream.example/result.mp4",
        status="completed",
        progress=100,
        duration_s=8,
    )
    assert polled({"code": 200, "msg": "success", "data": OPC_PROCESSING}).verdict is P.RUNNING
    assert polled({"code": 200, "msg": "success", "data": OPC_FAILED}).verdict is P.FAILED
    both = {**OPC_COMPLETED, "result_url": "https://cdn.example.com/other.mp4"}
    assert polled(both).url == OPC_COMPLETED["video_url"]


@pytest.mark.parametrize(
    ("outer", "inner", "verdict"),
    [
        ("success", "Processing", P.RUNNING),  # the call went well, the job goes on
        ("SUCCESS", "QUEUED", P.RUNNING),
        ("success", "processing", P.RUNNING),
        (200, "COMPLETED", P.READY),  # a number is HTTP's
        (200, "PROCESSING", P.RUNNING),
        (200, "FAILED", P.FAILED),
        (True, "completed", P.READY),
    ],
)
def test_the_status_of_the_call_is_not_that_of_the_job(outer: Any, inner: str, verdict: PollVerdict) -> None:
    url = OPC_COMPLETED["video_url"] if verdict is P.READY else None
    answer = polled({"status": outer, "data": {**OPC_PROCESSING, "status": inner, "video_url": url}})

    assert (answer.verdict, answer.url) == (verdict, url)


@pytest.mark.parametrize(
    "text",
    [
        "The prompt or reference images violate content policies",
        "Content policy violation",
        "Rejected by content moderation",
        "生成失败：内容审核未通过",
        "提示词包含敏感内容",
        "图片违规",
        "审核失败",
        "内容不合规，请修改后重试",
        "提示词包含违禁词",
        "违反平台内容政策",
    ],
)
def test_moderation_is_guessed_from_the_text(text: str) -> None:
    answer = polled({**OPC_FAILED, "error": text})

    assert (answer.verdict, answer.reason) == (P.MODERATED, text)


@pytest.mark.parametrize(
    "text",
    [
        "The task timed out.",
        "生成超时",
        "参考图无法访问",
        "审核服务超时，请重试",
        "upstream error",
        "余额不足",
    ],
)
def test_any_other_failure_is_one(text: str) -> None:
    assert polled({**OPC_FAILED, "error": text}).verdict is P.FAILED


def test_a_failure_without_a_word_has_no_reason() -> None:
    assert polled({**OPC_FAILED, "error": None}) == Polled(verdict=P.FAILED, status="failed")


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, OPC_NO_HANDLER, P.TRY_AGAIN),
        (200, {"code": 401, "msg": "invalid api key", "data": None}, P.ACCOUNT),
        (200, {"status": "error", "msg": "无效的令牌"}, P.ACCOUNT),  # of the call, not of the job
        (200, {"status": "error", "msg": "账户余额不足"}, P.CREDITS),
        (200, {"status": "error", "msg": "render failed"}, P.FAILED),
        (404, {"code": 404, "msg": "Not Found"}, P.REFUSED),
        (404, HTML, P.REFUSED),
        (400, {"code": 400, "msg": "task not exist"}, P.REFUSED),
        (401, {"code": 401, "msg": "Unauthorized"}, P.ACCOUNT),
        (429, {"code": 429, "msg": "请求过于频繁"}, P.TRY_AGAIN),
        (500, {"code": 500, "msg": "系统异常"}, P.TRY_AGAIN),
        (502, HTML, P.TRY_AGAIN),
        (200, {**OPC_COMPLETED, "video_url": None}, P.NO_URL),
    ],
)
def test_a_poll_of_another_kind(status: int, body: Any, verdict: PollVerdict) -> None:
    answer = polled(body, status)

    assert answer.verdict is verdict
    assert answer.reason
