"""xAI's wire format as provider-apis.md, section 1, has it: waiting, the ends, errors, paths."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sim.builders import ALL_DONE, XAI, XAI_EDIT, XAI_EXTEND, a_gateway, a_request, poll, submit, submitted

INVALID = "Client specified an invalid argument"
ODD_PATHS = ("/v1/videos", "/v1/videos/", "/v1/videos/a/b", "/v1/models", "/v1/grok/videos")


def end_of(prompt: str, form: str = "flat") -> tuple[int, dict[str, Any]]:
    gateway = a_gateway(f"poll_form: {form}")
    reply = poll(gateway, submitted(gateway, wire=XAI, prompt=prompt), wire=XAI)
    return reply.status, json.loads(reply.body)


def test_a_submission_is_answered_with_its_id_alone() -> None:
    gateway = a_gateway()

    reply = submit(gateway, wire=XAI)

    (job,) = gateway.bill()["jobs"]
    assert json.loads(reply.body) == {"request_id": job["id"]}
    assert (job["operation"], job["dialect"], job["prompt"]) == ("generate", "xai", "a fox")


@pytest.mark.parametrize("form", ["flat", "envelope"])
def test_done(form: str) -> None:
    """There is no envelope at xAI."""
    status, body = end_of("a fox", form)

    assert status == 200
    assert body["video"].pop("url").startswith("http://sim.test/files/")
    assert body == {
        "status": "done",
        "progress": 100,
        "model": "grok-imagine-video",
        "usage": {"cost_in_usd_ticks": 3_000_000_000},
        "video": {"duration": 6, "respect_moderation": True},
    }


def test_the_waiting_phase_has_four_faces() -> None:
    gateway = a_gateway("render_s: 1000\nspread: 0")
    ids = [submitted(gateway, wire=XAI, prompt=f"fox {i}") for i in range(40)]

    def faces(now: float) -> set[tuple[int, str]]:
        replies = [poll(gateway, one, now, XAI) for one in ids]
        return {(reply.status, reply.body.decode()) for reply in replies}

    def pending(progress: int) -> str:
        body = {"status": "pending", "progress": progress, "model": "grok-imagine-video"}
        return json.dumps(body, separators=(",", ":"))

    assert faces(1.0) == {(202, ""), (200, pending(0)), (202, pending(0))}
    assert faces(500.0) == {(202, ""), (200, pending(44)), (202, pending(44))}


def test_mixed_leaves_out_the_status_of_some_finished_jobs() -> None:
    gateway = a_gateway("poll_form: mixed")
    ids = [submitted(gateway, wire=XAI, prompt=f"fox {i}") for i in range(40)]

    bodies = [json.loads(poll(gateway, one, wire=XAI).body) for one in ids]

    assert {body.get("status") for body in bodies} == {"done", None}
    assert all(body["video"]["url"] and "data" not in body for body in bodies)


def test_moderation_by_400_has_two_codes_and_the_cost() -> None:
    gateway = a_gateway()
    ids = [submitted(gateway, wire=XAI, prompt=f"{i} [[moderated:400]]") for i in range(20)]

    replies = [poll(gateway, one, wire=XAI) for one in ids]

    bodies = [json.loads(reply.body) for reply in replies]
    assert {reply.status for reply in replies} == {400}
    assert {body["code"] for body in bodies} == {"imagine:content-moderated", INVALID}
    assert all("content moderation" in body["error"] for body in bodies)
    assert all(body["usage"] == {"cost_in_usd_ticks": 3_000_000_000} for body in bodies)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("[[moderated:failed]]", {"status": "failed", "usage": {"cost_in_usd_ticks": 3_000_000_000}}),
        ("[[moderated:flag]]", {"video": {"url": None, "duration": 6, "respect_moderation": False}}),
        ("[[no-url]]", {"video": {"url": None, "duration": 6, "respect_moderation": True}}),
        ("[[failed]]", {"status": "failed", "progress": 0}),
        ("[[expired]]", {"status": "expired", "model": "grok-imagine-video"}),
    ],
)
def test_other_ends_have_no_link(prompt: str, expected: dict[str, Any]) -> None:
    status, body = end_of(prompt, "mixed")

    assert status == 200
    assert body.items() >= expected.items()
    assert body["status"] in ("done", "failed", "expired")
    assert ("usage" in body) == (prompt not in ("[[failed]]", "[[expired]]"))


def test_a_failure_is_a_code_and_a_message() -> None:
    gateway = a_gateway()
    ids = [submitted(gateway, wire=XAI, prompt=f"{i} [[failed]]") for i in range(20)]

    errors = [json.loads(poll(gateway, one, wire=XAI).body)["error"] for one in ids]
    moderated = end_of("[[moderated:failed]]")[1]["error"]

    assert {error["code"] for error in errors} == {"internal_error", "service_unavailable"}
    assert all(set(error) == {"code", "message"} for error in errors)
    assert moderated["code"] == "invalid_argument"
    assert "moderation" in moderated["message"]


def test_a_wrong_key_is_400_and_shown_in_part() -> None:
    gateway = a_gateway()

    replies = [
        gateway.handle(a_request(method, path, {}, authorization="Bearer banana-na"), 0.0)
        for method, path in (("POST", XAI.generate), ("GET", XAI.poll + "x"))
    ]

    text = "Incorrect API key provided: ba***na. You can obtain an API key from https://console.x.ai."
    for reply in replies:
        assert (reply.status, json.loads(reply.body)) == (400, {"code": INVALID, "error": text})
    assert gateway.bill()["requests"] == {"submits": {"400": 1}, "polls": {"400": 1}, "downloads": {}}


def test_a_short_wrong_key_is_not_shown() -> None:
    reply = a_gateway().handle(a_request("GET", XAI.poll + "x", authorization="Bearer abcd"), 0.0)

    assert b"provided: ***." in reply.body


@pytest.mark.parametrize("header", ["", "Bearer", "Basic test-key"])
def test_no_key_is_401(header: str) -> None:
    reply = a_gateway().handle(a_request("POST", XAI.generate, {}, authorization=header), 0.0)

    assert reply.status == 401
    assert set(json.loads(reply.body)) == {"code", "error"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", path, 404) for path in ODD_PATHS),
        ("POST", "/v1/videos", 404),
        ("GET", XAI.poll + "f5f35814-953e-b094-5a2c-4a90014a58cb", 404),
        ("GET", XAI.generate, 405),
        ("PUT", XAI_EDIT, 405),
        ("GET", XAI_EXTEND, 405),
        ("DELETE", XAI.poll + "some-id", 405),
    ],
)
def test_wrong_paths_and_ids_get_a_flat_error(method: str, path: str, status: int) -> None:
    reply = a_gateway().handle(a_request(method, path), 0.0)

    body = json.loads(reply.body)
    assert reply.status == status
    assert (set(body), {type(value) for value in body.values()}) == ({"code", "error"}, {str})


def test_another_content_type_is_415() -> None:
    gateway = a_gateway()

    reply = gateway.handle(
        a_request("POST", XAI.generate, {"prompt": "a fox"}, content_type="text/plain"), 0.0
    )

    assert (reply.status, gateway.bill()["submissions"]) == (415, 0)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"duration": 6}', b'{"prompt": 7}'])
def test_a_body_without_the_form_of_an_order_is_422_with_error_alone(body: bytes) -> None:
    reply = a_gateway().handle(a_request("POST", XAI.generate, body), 0.0)

    assert (reply.status, list(json.loads(reply.body))) == (422, ["error"])


def test_a_job_of_another_gateway_is_unknown() -> None:
    gateway = a_gateway()

    assert poll(gateway, submitted(gateway), ALL_DONE, XAI).status == 404
