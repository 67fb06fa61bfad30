"""Faults strike whom they should and as often as they should, add up, and leave the bill true."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.builders import (
    ALL_DONE,
    COMET,
    EVERY_DIALECT,
    WIRES,
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

from pipeline.sim.faults import FAULTS

HOWS = tuple(f", how: {how}" for how in ("cut", "quotes", "bytes", "deep", "digits"))


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
def test_half_way_is_said_by_the_number_of_accepted_jobs(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: credits, phase: submit, after: 3"))

    statuses = [submit(gateway, wire=wire, prompt=f"{i}").status for i in range(5)]

    assert statuses == [200, 200, 200, 429, 429]
    assert gateway.bill()["submissions"] == 3


@EVERY_DIALECT
def test_half_way_is_said_by_seconds_since_the_first_request(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: 503, phase: submit, from_s: 5, to_s: 10"))

    statuses = [
        submit(gateway, 100.0 + now, wire=wire, prompt=f"{now}").status for now in (0, 4.9, 5, 9.9, 10)
    ]

    assert statuses == [200, 200, 503, 503, 200]


def test_half_way_is_counted_at_each_gateway_for_itself() -> None:
    gateway = a_gateway(with_fault("fault: 503, phase: submit, after: 1"))

    statuses = [submit(gateway, wire=wire, prompt=f"{i}").status for wire in (COMET, XAI) for i in range(2)]

    assert statuses == [200, 503, 200, 503]


def test_half_way_survives_a_restart() -> None:
    scenario = with_fault("fault: 503, phase: poll, after: 1, from_s: 50")
    before, after = a_gateway(scenario), a_gateway(scenario)
    job = submitted(before, 100.0)
    for one in before.world.jobs():
        after.world.add(one)

    assert [poll(after, job, now).status for now in (149.0, 150.0)] == [200, 503]


def test_a_job_is_struck_at_all_polls_or_at_none() -> None:
    """What becomes of a job is not thrown for anew at each poll."""
    gateway = a_gateway(with_fault("fault: failed, rate: 0.5"))
    jobs = [submitted(gateway, prompt=f"{i}") for i in range(40)]

    ends = [{json.loads(poll(gateway, job).body)["status"] for _ in range(5)} for job in jobs]

    assert all(len(words) == 1 for words in ends)
    assert 10 <= ends.count({"failed"}) <= 30


@pytest.mark.parametrize("name", [name for name, kind in FAULTS.items() if "submit" in kind.phases])
@EVERY_DIALECT
def test_accepts_tells_what_is_owed(name: str, wire: Wire) -> None:
    """For each fault alone: one submission that is struck, and one that is not."""
    gateway = a_gateway(with_fault(f"fault: {name}, phase: submit, attempts: 1"))
    (fault,) = gateway.scenario.faults

    submit(gateway, wire=wire)
    struck = gateway.bill()
    submit(gateway, wire=wire)

    assert struck["faults"] == {f"{name} submit": 1}
    assert struck["submissions"] == int(fault.accepts)
    assert gateway.bill()["submissions"] == int(fault.accepts) + 1
    assert gateway.bill()["total_ticks"] == sum(job["ticks"] for job in gateway.bill()["jobs"])


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("name", ["5xx", "hung", "empty", "page", "bomb"])
def test_some_faults_may_stand_before_an_acceptance_or_not(name: str, accepted: bool) -> None:
    gateway = a_gateway(with_fault(f"fault: {name}, phase: submit, accepted: {str(accepted).lower()}"))
    other = a_gateway(with_fault(f"fault: {name}, phase: submit, accepted: {str(not accepted).lower()}"))

    reply, twin = submit(gateway), submit(other)

    assert gateway.bill()["submissions"] == int(accepted)
    assert (reply.status, reply.hang, reply.headers) == (twin.status, twin.hang, twin.headers)


@pytest.mark.parametrize(("name", "phase"), [(name, at) for name in FAULTS for at in FAULTS[name].phases])
@EVERY_DIALECT
def test_every_fault_does_something_where_it_says(name: str, phase: str, wire: Wire) -> None:
    """And nothing anywhere else: a kind that changes nothing would be a name without a fault."""
    gateway = a_gateway(with_fault(f"fault: {name}, phase: {phase}"))
    submit(gateway, wire=wire)
    if phase != "submit":
        (job,) = gateway.world.jobs()
        replies = [poll(gateway, job.id, now, wire) for now in (0.0, ALL_DONE)]
        assert all(reply.body != b"" or reply.status != 200 or reply.is_silent for reply in replies)
    if phase == "download":
        get_link(gateway, link_of(gateway, job.id, wire=wire))

    assert set(gateway.bill()["faults"]) == {f"{name} {phase}"}


def test_faults_add_up_on_one_answer() -> None:
    gateway = a_gateway(
        "faults:\n"
        "  - {fault: slow, phase: poll, wait_s: 1}\n"
        "  - {fault: slow, phase: poll, wait_s: 2}\n"
        "  - {fault: status_word, word: warming}\n"
        "  - {fault: content_type, phase: poll, value: text/plain}\n"
        "  - {fault: trickle, phase: poll, piece_bytes: 1, every_s: 0.5}\n"
        "  - {fault: no_url}\n"
        "  - {fault: status_word, word: warming}\n"
    )

    reply = poll(gateway, submitted(gateway))

    assert (reply.wait_s, reply.piece_bytes, reply.every_s) == (3, 1, 0.5)
    assert json.loads(reply.body)["status"] == "warming"
    assert json.loads(reply.body)["video"]["url"] is None
    assert len(gateway.bill()["faults"]) == 5


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_a_night_repeats_from_its_seed(seed: int) -> None:
    """All faults together, in any order of the jobs."""
    scenario = "faults:\n" + "".join(f"  - {{fault: {name}, rate: 0.1}}\n" for name in FAULTS)

    def night(order: list[int]) -> dict[int, tuple[int, bool]]:
        gateway = a_gateway(scenario, seed)
        replies = {i: submit(gateway, prompt=f"{i}") for i in order}
        return {i: (replies[i].status, replies[i].is_plain) for i in sorted(order)}

    assert night(list(range(20))) == night(list(reversed(range(20))))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_any_faults_go_together(seed: int, data: st.DataObject) -> None:
    """In any order, on any request: there is an answer, and the bill is what was accepted."""
    names = data.draw(st.permutations(list(FAULTS)))
    chosen = [(name, how) for name in names for how in (HOWS if name == "malformed" else ("",))]
    faults = [
        f"  - {{fault: {name}, rate: 0.2, seed: {place}{how}}}\n" for place, (name, how) in enumerate(chosen)
    ]
    gateway = a_gateway("poll_form: mixed\nfaults:\n" + "".join(faults), seed)

    for wire in WIRES:
        for number in range(5):
            submit(gateway, wire=wire, prompt=f"{number}")
    for job in list(gateway.world.jobs()):
        (wire,) = [one for one in WIRES if one.name == job.dialect]
        for now in (0.0, 1.0, ALL_DONE, ALL_DONE):
            poll(gateway, job.id, now, wire)
        link = gateway.world.links.give(job.id, ALL_DONE)
        for _ in range(3):
            get_link(gateway, link)

    bill = gateway.bill()
    assert bill["total_ticks"] == sum(job["ticks"] for job in bill["jobs"])
