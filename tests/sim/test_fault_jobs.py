"""What polls say about a job under faults: in each dialect's form, and free of charge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sim.builders import (
    ALL_DONE,
    COMET,
    EVERY_DIALECT,
    OPC,
    XAI,
    Wire,
    a_gateway,
    link_in,
    poll,
    submitted,
    with_fault,
)

from pipeline.sim.wire import Reply

DONE = {"cometapi": "done", "xai": "done", "globalaiopc": "completed"}


def polled(fault: str, wire: Wire, now: float = ALL_DONE, form: str = "flat", **fields: Any) -> Reply:
    """A poll of an accepted job under a fault."""
    gateway = a_gateway(f"poll_form: {form}\n{with_fault(fault)}")
    job = submitted(gateway, wire=wire, **fields)
    reply = poll(gateway, job, now, wire)
    assert gateway.bill()["submissions"] == 1
    return reply


def body_of(reply: Reply) -> dict[str, Any]:
    body = json.loads(reply.body)
    assert isinstance(body, dict)
    return body


def deep(body: dict[str, Any]) -> dict[str, Any]:
    """The innermost `data`."""
    while isinstance(body.get("data"), dict):
        body = body["data"]
    return body


@EVERY_DIALECT
@pytest.mark.parametrize("status", [404, 400])
def test_a_fresh_id_is_not_known_at_once(status: int, wire: Wire) -> None:
    gateway = a_gateway(with_fault(f"fault: early_id, status: {status}, within_s: 2"))
    job = submitted(gateway, wire=wire)

    replies = [poll(gateway, job, now, wire) for now in (0.1, 1.9, 2.0, ALL_DONE)]

    assert [reply.status for reply in replies[:2]] == [status, status]
    assert all("not found" in reply.body.decode() for reply in replies[:2])
    assert all(reply.status in (200, 202) for reply in replies[2:])


@EVERY_DIALECT
def test_one_id_is_lost_or_all_are(wire: Wire) -> None:
    one = a_gateway(with_fault('fault: lost_id, job: "*fox*"'))
    all_of_them = a_gateway(with_fault("fault: lost_id, from_s: 10"))

    lost = [
        poll(one, submitted(one, wire=wire, prompt=text), wire=wire).status for text in ("a fox", "a hen")
    ]
    jobs = [submitted(all_of_them, wire=wire, prompt=f"{i}") for i in range(3)]
    before = {poll(all_of_them, job, 9.0, wire).status for job in jobs}
    after = {poll(all_of_them, job, 10.0, wire).status for job in jobs}

    assert lost == [404, 200]
    assert before <= {200, 202}
    assert after == {404}


@EVERY_DIALECT
@pytest.mark.parametrize("form", ["flat", "envelope"])
def test_an_odd_status_word_stands_where_the_right_one_stood(wire: Wire, form: str) -> None:
    plain = body_of(polled("fault: slow, phase: poll", wire, form=form))
    odd = body_of(polled("fault: status_word, word: warming-up", wire, form=form))
    none = body_of(polled("fault: status_word", wire, form=form))

    assert deep(plain)["status"] == DONE[wire.name]
    assert deep(odd)["status"] == "warming-up"
    assert "status" not in deep(none)
    assert deep(plain).keys() - deep(none).keys() == {"status"}


def test_an_empty_answer_has_no_status_to_change() -> None:
    for number in range(10):
        reply = polled("fault: status_word, word: odd", XAI, 0.0, prompt=f"{number}")
        assert reply.status == 200 or not reply.body or b"odd" in reply.body


@EVERY_DIALECT
def test_done_without_a_link_and_then_with_one(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: no_url, times: 2"))
    job = submitted(gateway, wire=wire)
    poll(gateway, job, 0.0, wire)  # one before the end does not count

    bodies = [body_of(poll(gateway, job, wire=wire)) for _ in range(4)]

    assert {body["status"] for body in bodies} == {DONE[wire.name]}
    assert [link_in(body).startswith("http") for body in bodies] == [False, False, True, True]


@EVERY_DIALECT
def test_done_without_a_link_for_ever(wire: Wire) -> None:
    assert link_in(body_of(polled("fault: no_url", wire))) == "None"


@pytest.mark.parametrize(
    ("form", "wire", "expected"),
    [
        ("400", COMET, None),
        ("400", XAI, None),
        ("400", OPC, {"status": "failed"}),  # it has no other word for it
        ("failed", COMET, {"status": "failed"}),
        ("failed", XAI, {"status": "failed"}),
        ("failed", OPC, {"status": "failed"}),
        ("flag", COMET, {"status": "done"}),
        ("flag", XAI, {"status": "done"}),
        ("blocked", COMET, {"status": "done"}),
        ("blocked", XAI, {"status": "done"}),
        ("blocked", OPC, {"status": "completed", "video_url": None}),
    ],
)
def test_moderation_in_every_form(form: str, wire: Wire, expected: dict[str, Any] | None) -> None:
    reply = polled(f"fault: moderated, phase: poll, form: {form}", wire)

    body = body_of(reply)
    assert reply.status == (400 if expected is None else 200)
    assert body.items() >= (expected or {}).items()
    if form == "flag":
        assert body["video"]["respect_moderation"] is False
    elif form == "blocked":
        assert body["error"]["code"] == "moderation_blocked"
    else:
        assert "moderation" in reply.body.decode() or "policy" in reply.body.decode()


@EVERY_DIALECT
def test_any_moderation_stays_the_same_for_one_job(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: moderated, phase: poll"))
    jobs = [submitted(gateway, wire=wire, prompt=f"{i}") for i in range(30)]

    replies = [{poll(gateway, job, wire=wire).body for _ in range(3)} for job in jobs]

    kinds = {json.dumps(body_of(Reply(body=body)).get("status")) for one in replies for body in one}
    assert all(len(one) == 1 for one in replies)
    assert len(kinds) > 1


@pytest.mark.parametrize(("name", "word"), [("failed", "failed"), ("expired", "expired")])
@EVERY_DIALECT
def test_other_ends_come_when_the_job_has_ended(name: str, word: str, wire: Wire) -> None:
    gateway = a_gateway(with_fault(f"fault: {name}"))
    job = submitted(gateway, wire=wire)

    early, late = poll(gateway, job, 0.0, wire), body_of(poll(gateway, job, wire=wire))

    assert b"failed" not in early.body
    assert late["status"] == ("failed" if wire is OPC else word)
    assert "files" not in json.dumps(late)


@EVERY_DIALECT
def test_a_job_may_render_for_ever(wire: Wire) -> None:
    reply = polled("fault: stuck", wire, now=1e9)

    assert reply.status in (200, 202)
    assert b"files" not in reply.body
    assert DONE[wire.name].encode() not in reply.body


@EVERY_DIALECT
@pytest.mark.parametrize("form", ["flat", "envelope"])
def test_a_link_may_lead_anywhere(wire: Wire, form: str) -> None:
    link = "http://192.0.2.1/clip.mp4"

    reply = polled(f'fault: odd_link, link: "{link}"', wire, form=form)

    assert link in reply.body.decode()
    assert b"/files/" not in reply.body
