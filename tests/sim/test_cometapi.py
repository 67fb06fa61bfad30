"""CometAPI's wire format as provider-apis.md, section 2, has it: both poll forms, errors, paths."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sim.builders import ALL_DONE, GENERATE, POLL, a_gateway, a_request, poll, submit, submitted

FORMS = ("flat", "envelope")


def body_of(form: str, prompt: str, now: float = ALL_DONE) -> tuple[int, dict[str, Any]]:
    gateway = a_gateway(f"poll_form: {form}")
    reply = poll(gateway, submitted(gateway, prompt=prompt), now)
    return reply.status, json.loads(reply.body)


def test_a_submission_is_answered_with_its_id_alone() -> None:
    gateway = a_gateway()

    reply = submit(gateway)

    (job,) = gateway.bill()["jobs"]
    assert json.loads(reply.body) == {"request_id": job["id"]}
    assert (job["operation"], job["dialect"], job["prompt"]) == ("generate", "cometapi", "a fox")


def test_flat_done() -> None:
    status, body = body_of("flat", "a fox")

    url = body["video"].pop("url")
    assert status == 200
    assert url.startswith("http://sim.test/files/")
    assert body == {
        "model": "grok-imagine-video",
        "usage": {"cost_in_usd_ticks": 3_000_000_000},
        "video": {"duration": 6, "respect_moderation": True},
        "status": "done",
        "progress": 100,
    }


def test_envelope_done_has_the_url_in_fail_reason() -> None:
    status, body = body_of("envelope", "a fox")

    data = body["data"]
    assert (status, body["code"]) == (200, "success")
    assert (data["status"], data["progress"], data["action"]) == ("SUCCESS", "100%", "generate")
    assert data["fail_reason"] == data["data"]["video"]["url"]
    assert data["data"]["status"] == "done"
    assert 0 == data["submit_time"] <= data["start_time"] <= data["finish_time"]


def test_the_waiting_phase_has_many_faces() -> None:
    gateway = a_gateway("render_s: 1000\nspread: 0")
    ids = [submitted(gateway, prompt=f"fox {i}") for i in range(60)]

    early = {tuple(json.loads(poll(gateway, one, 1.0).body)) for one in ids}
    bodies = [json.loads(poll(gateway, one, 500.0).body) for one in ids]

    assert early == {("request_id",), ("request_id", "status")}
    assert {body.get("status") for body in bodies} == {None, "processing", "pending"}
    assert {body["progress"] for body in bodies if "progress" in body} == {44}
    assert not any("video" in body or "usage" in body for body in bodies)


def test_the_envelope_waits_in_upper_case() -> None:
    gateway = a_gateway("render_s: 1000\nspread: 0\npoll_form: envelope")
    ids = [submitted(gateway, prompt=f"fox {i}") for i in range(40)]

    early = [json.loads(poll(gateway, one, 1.0).body)["data"] for one in ids]
    later = [json.loads(poll(gateway, one, 500.0).body)["data"] for one in ids]

    assert {(data["status"], data["progress"], data["fail_reason"]) for data in early} == {
        ("SUBMITTED", "0%", "")
    }
    assert {(data["status"], data["progress"]) for data in later} == {("IN_PROGRESS", "44%")}
    assert {(data["data"] or {}).get("status") for data in later} == {None, "processing", "pending"}


def test_mixed_gives_each_job_one_form_and_some_no_status() -> None:
    gateway = a_gateway("poll_form: mixed")
    ids = [submitted(gateway, prompt=f"fox {i}") for i in range(60)]

    bodies = [json.loads(poll(gateway, one).body) for one in ids]
    again = [json.loads(poll(gateway, one).body) for one in ids]

    assert bodies == again
    assert {"envelope" if "data" in body else body.get("status") for body in bodies} == {
        "envelope",
        "done",
        None,
    }
    assert all(body["video"]["url"] for body in bodies if "data" not in body)


@pytest.mark.parametrize("form", FORMS)
def test_moderation_by_400_carries_the_cost(form: str) -> None:
    status, body = body_of(form, "[[moderated:400]]")

    words = json.dumps(body)
    assert status == 400
    assert "imagine:content-moderated" in words
    assert body["usage"] == {"cost_in_usd_ticks": 3_000_000_000}
    assert isinstance(body["error"], dict) == (form == "flat")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("prompt", "outer", "status"),
    [
        ("[[moderated:failed]]", "FAILED", "failed"),
        ("[[moderated:flag]]", "SUCCESS", "done"),
        ("[[failed]]", "FAILED", "failed"),
        ("[[expired]]", "FAILED", "expired"),
        ("[[no-url]]", "SUCCESS", "done"),
    ],
)
def test_other_ends_have_no_link(form: str, prompt: str, outer: str, status: str) -> None:
    http, body = body_of(form, prompt)

    inner = body["data"]["data"] if form == "envelope" else body
    assert (http, inner["status"]) == (200, status)
    assert not (inner.get("video") or {}).get("url")
    assert inner.get("video", {}).get("respect_moderation", True) == (prompt != "[[moderated:flag]]")
    assert ("moderation" in json.dumps(inner.get("error", ""))) == (prompt == "[[moderated:failed]]")
    assert ("usage" in inner) == (prompt not in ("[[failed]]", "[[expired]]"))
    if form == "envelope":
        assert body["data"]["status"] == outer
        assert "http" not in body["data"]["fail_reason"]


def test_an_error_is_a_string_or_an_object() -> None:
    gateway = a_gateway()
    ids = [submitted(gateway, prompt=f"{i} [[failed]]") for i in range(20)]

    errors = [json.loads(poll(gateway, one).body)["error"] for one in ids]

    assert {type(error) for error in errors} == {str, dict}


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic test-key", "test-key"]
)
def test_a_missing_or_wrong_key_is_401(header: str | None) -> None:
    gateway = a_gateway()
    request = a_request("POST", GENERATE, {"prompt": "a fox"}, authorization=header or "")

    reply = gateway.handle(request, 0.0)

    error = json.loads(reply.body)["error"]
    assert (reply.status, error["type"]) == (401, "comet_api_error")
    assert set(error) == {"message", "type", "param", "code"}
    assert "request id: " in error["message"]
    assert gateway.bill()["requests"]["submits"] == {"401": 1}


def test_a_key_that_is_no_text_is_401() -> None:
    request = a_request("GET", POLL + "x", authorization="Bearer \udcff")

    assert a_gateway().handle(request, 0.0).status == 401


def test_an_unknown_id_is_404() -> None:
    reply = poll(a_gateway(), "f5f35814-953e-b094-5a2c-4a90014a58cb")

    assert (reply.status, json.loads(reply.body)["error"]["type"]) == (404, "comet_api_error")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/grok/v1/videos/", 301, "text/html"),
        ("POST", "/grok/v1/videos", 301, "text/html"),
        ("POST", "/grok/v2/videos/generations", 301, "text/html"),
        ("GET", "/grok/v1/videos/a/b", 301, "text/html"),
        ("GET", "/grok/v1/videos/generations", 405, "application/json"),
        ("DELETE", "/grok/v1/videos/some-id", 405, "application/json"),
        ("POST", "/v2/nothing", 404, "text/html"),
        ("GET", "/", 200, "text/html"),
    ],
)
def test_wrong_paths(method: str, path: str, status: int, kind: str) -> None:
    reply = a_gateway().handle(a_request(method, path), 0.0)

    assert (reply.status, reply.content_type.partition(";")[0]) == (status, kind)


def test_text_in_any_script_comes_back_on_the_bill() -> None:
    gateway = a_gateway()
    prompt = 'ein Fuchs, 狐狸, "x"\n\ud83e'

    submitted(gateway, prompt=prompt)
    reply = gateway.handle(a_request("GET", "/sim/bill", authorization=""), 0.0)

    assert json.loads(reply.body)["jobs"][0]["prompt"] == prompt
