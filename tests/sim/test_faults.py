"""Faults strike whom they should, as often as they should, and leave the bill true."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.builders import (
    ALL_DONE,
    COMET,
    EVERY_DIALECT,
    OPC,
    XAI,
    Wire,
    a_gateway,
    get_link,
    link_of,
    poll,
    submit,
    submitted,
)

from pipeline.sim.faults import FAULTS
from pipeline.sim.wire import Reply


def with_fault(text: str, seed: int = 0) -> str:
    return f"faults:\n  - {{{text}}}\n"


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


@EVERY_DIALECT
def test_a_truncated_download_keeps_its_announced_length(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: truncate, fraction: 0.25, attempts: 1"))
    link = link_of(gateway, submitted(gateway, wire=wire), wire=wire)

    cut, whole = get_link(gateway, link), get_link(gateway, link)

    assert (cut.status, cut.cut_at, cut.clip) == (200, 0.25, whole.clip)
    assert whole.cut_at is None


@EVERY_DIALECT
def test_an_expired_link_stays_so_until_a_poll(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: expired_link, attempts: 1"))
    job = submitted(gateway, wire=wire)
    link = link_of(gateway, job, wire=wire)

    statuses = [get_link(gateway, link).status for _ in range(3)]
    fresh = link_of(gateway, job, wire=wire)

    assert statuses == [403, 403, 403]
    assert fresh != link
    assert get_link(gateway, fresh).status == 200
    assert get_link(gateway, link).status == 403
    assert gateway.bill()["requests"]["downloads"] == {"403": 4}


@EVERY_DIALECT
def test_a_fault_keeps_to_its_jobs(wire: Wire) -> None:
    gateway = a_gateway(with_fault('fault: 503, phase: submit, job: "*harbour*"'))

    assert submit(gateway, wire=wire, prompt="fog over the harbour, dawn").status == 503
    assert submit(gateway, wire=wire, prompt="fog over the moor").status == 200


def test_equal_orders_at_two_gateways_are_two_jobs() -> None:
    """What happens at one gateway does not depend on the other."""
    gateway = a_gateway(with_fault("fault: reset_after, phase: submit, attempts: 1"))

    dropped = [submit(gateway, wire=wire).drop for wire in (COMET, XAI, COMET, XAI)]

    assert dropped == [True, True, False, False]


def test_a_job_can_be_named_by_its_id() -> None:
    plain = a_gateway()
    first, second = submitted(plain, prompt="one"), submitted(plain, prompt="two")
    gateway = a_gateway(with_fault(f'fault: 503, phase: poll, job: "{first}"'))

    assert (submitted(gateway, prompt="one"), submitted(gateway, prompt="two")) == (first, second)

    assert poll(gateway, first).status == 503
    assert poll(gateway, second).status == 200


@pytest.mark.parametrize(
    ("attempts", "statuses"),
    [("2", [200, 503, 200, 200]), ("1-3", [503, 503, 503, 200]), ("3-", [200, 200, 503, 503])],
)
def test_a_fault_keeps_to_its_attempts(attempts: str, statuses: list[int]) -> None:
    gateway = a_gateway(with_fault(f"fault: 503, phase: poll, attempts: {attempts}"))
    job = submitted(gateway)

    assert [poll(gateway, job).status for _ in range(4)] == statuses


def test_equal_orders_count_as_one_job_until_they_have_an_id() -> None:
    """A client that sends the same again is on its second attempt, whatever came of the first."""
    gateway = a_gateway(with_fault("fault: reset_after, phase: submit, attempts: 1"))

    dropped = [submit(gateway).drop, submit(gateway).drop, submit(gateway, prompt="other").drop]

    assert dropped == [True, False, True]


@EVERY_DIALECT
def test_a_restart_remembers_the_attempts_that_were_accepted(wire: Wire) -> None:
    scenario = with_fault("fault: reset_after, phase: submit, attempts: 1")
    before, after = a_gateway(scenario), a_gateway(scenario)
    submit(before, wire=wire)
    for job in before.world.jobs():
        after.world.add(job)

    assert not submit(after, wire=wire).drop


def test_the_first_answer_wins_and_spoilers_add_up() -> None:
    gateway = a_gateway(
        "faults:\n"
        "  - {fault: reset_after, phase: poll}\n"
        "  - {fault: 503, phase: poll, attempts: 1}\n"
        "  - {fault: 429, phase: poll, attempts: 1-2}\n"
    )
    job = submitted(gateway)

    replies = [poll(gateway, job) for _ in range(3)]

    assert [(reply.status, reply.drop) for reply in replies] == [(503, False), (429, False), (200, True)]


@settings(deadline=None, max_examples=20)  # a hundred submissions each
@given(seed=st.integers(0, 2**32), fault_seed=st.integers(0, 2**32))
def test_the_rate_is_kept_and_repeats(seed: int, fault_seed: int) -> None:
    def struck() -> list[bool]:
        gateway = a_gateway(with_fault(f"fault: 503, phase: submit, rate: 0.3, seed: {fault_seed}"), seed)
        return [submit(gateway, prompt=f"{i}").status == 503 for i in range(100)]

    first = struck()

    assert first == struck()
    assert 5 <= sum(first) <= 60


def test_two_faults_of_one_kind_strike_apart() -> None:
    one = with_fault("fault: 503, phase: submit, rate: 0.5, seed: 1")
    two = with_fault("fault: 503, phase: submit, rate: 0.5, seed: 2")

    results = [[submit(a_gateway(text), prompt=f"{i}").status for i in range(30)] for text in (one, two)]

    assert results[0] != results[1]


@EVERY_DIALECT
def test_improper_requests_do_not_use_up_attempts(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: 503, phase: submit, attempts: 1"))

    statuses = [submit(gateway, wire=wire, duration=99).status, submit(gateway, wire=wire).status]

    assert statuses == [400, 503]


@EVERY_DIALECT
def test_every_named_fault_does_something(wire: Wire) -> None:
    """A kind that overrides neither place would be a name without a fault."""
    gateway = a_gateway()
    link = link_of(gateway, submitted(gateway, wire=wire), ALL_DONE, wire)
    plain = get_link(gateway, link)
    for name in FAULTS:
        spoilt = a_gateway(with_fault(f"fault: {name}, phase: download"))
        reply: Reply = get_link(spoilt, link_of(spoilt, submitted(spoilt, wire=wire), wire=wire))
        assert (reply.status, reply.drop, reply.cut_at) != (plain.status, plain.drop, plain.cut_at), name
