"""GlobalAiOpc's wire format as provider-apis.md, section 3, has it, and the rules of its four models."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from sim.builders import ALL_DONE, OPC, a_gateway, a_picture, a_request, data_uri, poll, submit, submitted

from pipeline.sim.world import Job

BASE, PRO, MAX, STABLE = "grok_video3", "grok_video3_pro", "grok_video3_max", "grok_video3_stable"
URL, INLINE = "https://x.test/a.png", data_uri(a_picture())
PREFIX = "/kyyReactApiServer"


def job_of(**fields: Any) -> Job:
    gateway = a_gateway()
    job = gateway.world.find(submitted(gateway, wire=OPC, **fields))
    assert job is not None
    return job


def ends_of(prompt: str, form: str = "flat", jobs: int = 1, **fields: Any) -> list[dict[str, Any]]:
    gateway = a_gateway(f"poll_form: {form}")
    ids = [submitted(gateway, wire=OPC, prompt=f"{i} {prompt}", **fields) for i in range(jobs)]
    replies = [poll(gateway, one, wire=OPC) for one in ids]
    assert {reply.status for reply in replies} == {200}
    return [json.loads(reply.body) for reply in replies]


def test_a_submission_is_answered_with_a_queued_video() -> None:
    gateway = a_gateway()

    body = json.loads(submit(gateway, 1774836724.9, wire=OPC).body)

    (job,) = gateway.bill()["jobs"]
    assert body == {
        "id": job["id"],
        "object": "video",
        "created": 1774836724,
        "model": BASE,
        "status": "queued",
        "error": None,
    }
    assert job["dialect"] == "globalaiopc"


def test_ids_have_two_forms_and_are_found_again() -> None:
    gateway = a_gateway()
    ids = [submitted(gateway, wire=OPC, prompt=f"fox {i}") for i in range(30)]

    forms = {re.sub(r"[0-9a-f]{8,}|[0-9a-f]{4}(?=-)", "0", one) for one in ids}

    assert len(set(ids)) == 30
    assert forms == {"video_grok_0", "video_0-0-0-0-0"}
    assert {poll(gateway, one, wire=OPC).status for one in ids} == {200}


def test_waiting_has_no_link_no_length_no_progress() -> None:
    gateway = a_gateway("render_s: 1000\nspread: 0")
    job = submitted(gateway, wire=OPC)

    bodies = [json.loads(poll(gateway, job, now, OPC).body) for now in (1.0, 500.0)]

    assert [body["status"] for body in bodies] == ["queued", "processing"]
    for body in bodies:
        assert set(body) == {"id", "object", "created", "model", "status", "video_url", "error"}
        assert (body["video_url"], body["error"]) == (None, None)


def test_completed() -> None:
    bodies = ends_of("a fox", jobs=20, duration=10)

    assert {body["status"] for body in bodies} == {"completed"}
    assert all(body["video_url"].startswith("http://sim.test/files/video_") for body in bodies)
    assert {body["actualDuration"] for body in bodies} == {10, 10.04}
    assert {body["error"] for body in bodies} == {None}
    assert not any("usage" in json.dumps(body) or "progress" in body for body in bodies)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("[[moderated:400]]", "content policy"),
        ("[[moderated:failed]]", "content policy"),
        ("[[moderated:flag]]", "content policy"),
        ("[[failed]]", "generation failed"),
        ("[[expired]]", "timed out"),
    ],
)
def test_every_bad_end_is_failed_with_a_text(prompt: str, words: str) -> None:
    (body,) = ends_of(prompt)

    assert (body["status"], body["video_url"]) == ("failed", None)
    assert words in body["error"]
    assert "actualDuration" not in body


def test_a_failure_with_a_picture_blames_the_picture() -> None:
    (body,) = ends_of("[[failed]]", image_urls=[INLINE])

    assert body["error"] == "Reference image could not be accessed."


def test_completed_without_a_link() -> None:
    (body,) = ends_of("[[no-url]]")

    assert (body["status"], body["video_url"], body["error"]) == ("completed", None, None)


def test_mixed_wraps_some_and_calls_the_link_otherwise() -> None:
    bodies = ends_of("a fox", "mixed", 40)

    wrapped = [body for body in bodies if "data" in body]
    assert {frozenset(body) for body in wrapped} == {frozenset({"data"}), frozenset({"code", "msg", "data"})}
    assert all(body["data"]["result_url"] and "video_url" not in body["data"] for body in wrapped)
    assert 0 < len(wrapped) < 40
    assert all(body["video_url"] for body in bodies if body not in wrapped)
    assert all("data" in body for body in ends_of("a fox", "envelope", 5))


@pytest.mark.parametrize(
    ("fields", "size", "duration_s", "ticks"),
    [
        ({"model": BASE, "duration": 6, "resolution": "480p"}, (854, 480), 6, 1_200_000_000),
        ({"model": BASE, "duration": None}, (1280, 720), 10, 3_000_000_000),
        ({"model": BASE, "duration": 30, "aspect_ratio": "2:3"}, (720, 1080), 30, 9_000_000_000),
        ({"model": PRO, "duration": 3, "resolution": "4k"}, (1280, 720), 10, 2_500_000_000),
        ({"model": PRO, "duration": None, "aspect_ratio": "9:16"}, (720, 1280), 10, 2_500_000_000),
        ({"model": MAX, "duration": 12, "image_urls": [URL] * 5}, (1280, 720), 12, 4_800_000_000),
        ({"model": STABLE, "duration": 6, "resolution": "480p"}, (854, 480), 6, 3_000_000_000),
        ({"model": STABLE, "duration": None, "image_urls": [URL] * 7}, (1280, 720), 10, 3_000_000_000),
        ({"model": BASE, "image_urls": [INLINE, URL]}, (1280, 720), 6, 1_800_000_000),
    ],
)
def test_what_any_page_allows_is_taken(
    fields: dict[str, Any], size: tuple[int, int], duration_s: int, ticks: int
) -> None:
    job = job_of(**fields)

    assert ((job.width, job.height), job.duration_s, job.ticks) == (size, duration_s, ticks)
    assert bool(job.picture) == (INLINE in fields.get("image_urls", ()))


@pytest.mark.parametrize(
    "fields",
    [
        {"model": None},
        {"model": "grok-imagine-video"},
        {"prompt": None},
        {"prompt": ""},
        {"duration": 5},
        {"duration": 31},
        {"duration": "6"},
        {"aspect_ratio": "4:3"},
        {"resolution": "1080p"},
        {"image_urls": URL},
        {"image_urls": [URL] * 8},
        {"image_urls": [{"url": URL}]},
        {"image_urls": ["a.png"]},
        {"image_urls": [data_uri(b"no picture")]},
        {"model": MAX, "duration": 8},
        {"model": MAX, "aspect_ratio": "3:2"},
        {"model": MAX, "image_urls": [URL] * 6},
        {"model": MAX, "image_urls": [INLINE]},
        {"model": STABLE, "duration": 8},
        {"model": STABLE, "image_urls": [INLINE], "duration": 10},
    ],
)
def test_the_rest_is_refused_and_not_billed(fields: dict[str, Any]) -> None:
    gateway = a_gateway()

    reply = submit(gateway, wire=OPC, **fields)

    body = json.loads(reply.body)
    assert (reply.status, set(body), body["code"]) == (400, {"code", "msg"}, 400)
    assert gateway.bill()["submissions"] == 0


@pytest.mark.parametrize("header", ["", "Bearer wrong"])
def test_a_missing_or_wrong_key_is_401(header: str) -> None:
    gateway = a_gateway()

    reply = gateway.handle(a_request("POST", OPC.generate, {}, authorization=header), 0.0)

    assert reply.status == 401
    assert json.loads(reply.body) == {"error": {"message": "Invalid token", "type": "authentication_error"}}
    assert gateway.bill()["requests"]["submits"] == {"401": 1}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/result/", 404),
        ("GET", "/v1/result/a/b", 404),
        ("GET", "/v1/videos/x", 404),
        ("GET", "/v1/result/video_unknown", 404),
        ("POST", "/v1/result/video_unknown", 405),
        ("GET", "/v1/grok/videos", 405),
    ],
)
def test_wrong_paths_and_ids_get_json(method: str, path: str, status: int) -> None:
    reply = a_gateway().handle(a_request(method, PREFIX + path), 0.0)

    assert (reply.status, json.loads(reply.body)["code"]) == (status, status)


def test_without_the_prefix_nobody_is_found() -> None:
    """A joiner of URLs that loses the prefix ends at another gateway, which has no such path."""
    request = a_request("POST", OPC.generate.removeprefix(PREFIX), {"prompt": "a fox", "model": BASE})

    assert a_gateway().handle(request, ALL_DONE).status == 404
