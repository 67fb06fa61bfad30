"""What the gateway says when it turns a request away: the right words in each dialect, and nothing billed."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime

import pytest
from sim.builders import (
    COMET,
    EVERY_DIALECT,
    KEY,
    OPC,
    XAI,
    Wire,
    a_gateway,
    get_link,
    link_of,
    poll,
    submit,
    submitted,
    with_fault,
)


@EVERY_DIALECT
@pytest.mark.parametrize(
    ("extra", "expected"),
    [("", None), (", retry_after: null", None), (", retry_after: 7", "7"), (", retry_after: 0", "0")],
)
def test_429_with_and_without_retry_after(extra: str, expected: str | None, wire: Wire) -> None:
    gateway = a_gateway(with_fault(f"fault: 429, phase: submit, attempts: 1{extra}"))

    refused, accepted = submit(gateway, wire=wire), submit(gateway, wire=wire)

    assert (refused.status, refused.headers.get("Retry-After")) == (429, expected)
    assert "Rate limit" in json.dumps(json.loads(refused.body)["error"])
    assert accepted.status == 200
    assert gateway.bill()["submissions"] == 1
    assert gateway.bill()["requests"]["submits"] == {"429": 1, "200": 1}


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (COMET, '"type":"comet_api_error"'),
        (XAI, '{"code":"resource-exhausted","error":"Rate limit'),
        (OPC, '"type":"rate_limit_error"'),
    ],
)
def test_a_fault_speaks_the_dialect(wire: Wire, words: str) -> None:
    reply = submit(a_gateway(with_fault("fault: 429")), wire=wire)

    assert words in reply.body.decode()


@EVERY_DIALECT
@pytest.mark.parametrize("phase", ["submit", "poll", "download"])
def test_503_in_every_phase(phase: str, wire: Wire) -> None:
    gateway = a_gateway(with_fault(f"fault: 503, phase: {phase}, attempts: 1"))

    submits = [submit(gateway, wire=wire).status for _ in range(2)]
    job = next(iter(gateway.world.jobs())).id
    polls = [poll(gateway, job, wire=wire).status for _ in range(2)]
    downloads = [get_link(gateway, link_of(gateway, job, wire=wire)).status for _ in range(2)]

    spoilt = {"submit": submits, "poll": polls, "download": downloads}
    assert {name: statuses for name, statuses in spoilt.items() if statuses != [200, 200]} == {
        phase: [503, 200]
    }


@EVERY_DIALECT
def test_reset_before_bills_nothing(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: reset_before, phase: submit, attempts: 1"))

    reply = submit(gateway, wire=wire)

    assert reply.drop
    assert gateway.bill()["submissions"] == 0
    assert gateway.bill()["requests"]["submits"] == {"dropped": 1}


@EVERY_DIALECT
def test_reset_after_bills_once(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: reset_after, phase: submit, attempts: 1"))

    reply = submit(gateway, wire=wire)

    (job,) = gateway.bill()["jobs"]
    assert reply.drop
    assert poll(gateway, job["id"], wire=wire).status == 200


@pytest.mark.parametrize("value", [-5, 0, 999_999_999_999, "soon", "1.5", "Wed, 99 Foo 2026"])
def test_retry_after_may_be_absurd(value: int | str) -> None:
    reply = submit(a_gateway(with_fault(f"fault: 429, retry_after: {json.dumps(value)}")))

    assert reply.headers["Retry-After"] == str(value)


@pytest.mark.parametrize("seconds", [7, -7])
@pytest.mark.parametrize("name", ["429", "503"])
def test_retry_after_as_a_date_to_come_or_past(name: str, seconds: int) -> None:
    gateway = a_gateway(with_fault(f"fault: {name}, retry_after: {seconds}, as_date: true"))

    value = submit(gateway, 1_000.0).headers["Retry-After"]

    assert parsedate_to_datetime(value).timestamp() == 1_000 + seconds


@EVERY_DIALECT
@pytest.mark.parametrize("status", [500, 502, 504, 524])
def test_5xx_in_three_bodies(status: int, wire: Wire) -> None:
    bodies = {
        body: submit(a_gateway(with_fault(f"fault: 5xx, status: {status}, body: {body}")), wire=wire)
        for body in ("json", "html", "empty")
    }

    assert {reply.status for reply in bodies.values()} == {status}
    assert "Internal server error" in bodies["json"].body.decode()
    assert bodies["html"].content_type.startswith("text/html")
    assert bodies["empty"].body == b""


@EVERY_DIALECT
def test_invalid_request_is_a_500_with_that_code(wire: Wire) -> None:
    reply = submit(a_gateway(with_fault("fault: invalid_request")), wire=wire)

    body = json.loads(reply.body)
    assert reply.status == 500
    assert (body["error"] if wire is COMET else body)["code"] == "invalid_request"


@pytest.mark.parametrize("status", [429, 403, 400, 402])
@pytest.mark.parametrize(
    ("wire", "words"),
    [(COMET, "insufficient_user_quota"), (XAI, "used all available credits"), (OPC, "balance")],
)
def test_no_credits_in_the_words_of_each_gateway(wire: Wire, words: str, status: int) -> None:
    gateway = a_gateway(with_fault(f"fault: credits, status: {status}, phase: [submit, poll], from_s: 1"))
    job = submitted(gateway, 0.0, wire=wire)

    replies = [submit(gateway, 2.0, wire=wire, prompt="another"), poll(gateway, job, 3.0, wire)]

    assert [reply.status for reply in replies] == [status, status]
    assert all(words in reply.body.decode() for reply in replies)
    assert gateway.bill()["submissions"] == 1


@pytest.mark.parametrize(("wire", "usual"), [(COMET, 401), (XAI, 400), (OPC, 401)])
def test_a_revoked_key_is_answered_like_a_wrong_one(wire: Wire, usual: int) -> None:
    gateway = a_gateway(with_fault("fault: key_revoked, after: 1"))
    job = submitted(gateway, wire=wire)

    replies = [submit(gateway, wire=wire, prompt="another"), poll(gateway, job, wire=wire)]
    forced = submit(a_gateway(with_fault("fault: key_revoked, status: 403")), wire=wire)

    assert [reply.status for reply in replies] == [usual, usual]
    assert (forced.status, forced.body) == (403, replies[0].body)
    assert gateway.bill()["submissions"] == 1


@EVERY_DIALECT
def test_a_nasty_text_holds_the_key(wire: Wire) -> None:
    reply = submit(a_gateway(with_fault("fault: nasty_text, status: 400")), wire=wire)

    text = json.dumps(json.loads(reply.body))
    assert reply.status == 400
    assert KEY in text
    assert "\\u001b[2J" in text
    assert len(text) > 20_000


@EVERY_DIALECT
def test_a_prompt_is_moderated_before_it_is_accepted(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: moderated, phase: submit"))

    reply = submit(gateway, wire=wire)

    assert reply.status == 400
    assert "content" in reply.body.decode()
    assert gateway.bill()["submissions"] == 0
