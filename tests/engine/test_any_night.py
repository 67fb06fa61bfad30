"""Any night: whatever goes wrong in whatever order, nothing is paid twice and every clip comes in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders_engine import (
    DEAD_LINK,
    OK,
    FakeGateway,
    Script,
    Step,
    clip_named,
    hangs,
    lost,
    not_sent,
    refused,
    slow,
    status_word,
    web_page,
)
from support.folders import in_memory
from support.night import Crash, Fate, Night

SUBMITS = [
    OK,
    slow(30.0),
    not_sent(),
    lost(accepted=True),
    lost(accepted=False),
    hangs(sent=False),
    hangs(accepted=True),
    refused(429, "slow down"),
    refused(429, "slow down", retry_after="45"),
    refused(503, "busy"),
    refused(500, "oops"),
    refused(402, "no credits left"),
    web_page(502),
]
POLLS = [
    OK,
    slow(30.0),
    not_sent(),
    lost(),
    hangs(),
    refused(429, "slow down"),
    refused(500, "oops"),
    web_page(502),
    web_page(200),
    status_word("dreaming"),
]
FILES = [
    OK,
    slow(30.0),
    not_sent(),
    lost(),
    hangs(),
    DEAD_LINK,
    web_page(200),
    refused(503, "busy"),
    replace(OK, cut_at=700),
    replace(OK, stall_at=700),
    replace(OK, ranges=False),
    replace(OK, cut_at=700, ranges=False),
    replace(OK, length=False),
]
KEYS = ["candle", "desk", "fox", "glass", "hill"]


def in_order(steps: Sequence[Step]) -> Script:
    """The n-th call of a kind gets the n-th step; then all is well."""
    return lambda ask: steps[ask.count - 1] if ask.count <= len(steps) else None


@st.composite
def manifests(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One to five jobs, some of them edits of earlier ones, in any order."""
    jobs: list[dict[str, Any]] = []
    for place, key in enumerate(KEYS[: draw(st.integers(1, 5))]):
        parent = draw(st.none() | st.integers(0, place - 1)) if place else None
        jobs.append({"id": key} if parent is None else {"id": key, "edit": KEYS[parent]})
    return draw(st.permutations(jobs))


def steps(table: Sequence[Step]) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.sampled_from(table), max_size=12)


# How a run of the troubled part ends: by itself, by Ctrl-C after so many seconds, or dead at some moment.
ends = st.one_of(
    st.none(),
    st.floats(0.1, 120.0),
    st.tuples(st.integers(3, 70), st.booleans()),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    jobs=manifests(),
    submit=steps(SUBMITS),
    poll=steps(POLLS),
    file=steps(FILES),
    runs=st.lists(ends, min_size=1, max_size=3),
    in_flight=st.integers(1, 4),
)
def test_any_night(
    jobs: list[dict[str, Any]],
    submit: list[Step],
    poll: list[Step],
    file: list[Step],
    runs: list[float | tuple[int, bool] | None],
    in_flight: int,
) -> None:
    """Up to three runs in trouble, then good ones: each job is done, or unknown and told so; paid once."""
    gateway = FakeGateway(in_order(submit), in_order(poll), in_order(file))
    limits = {"max_in_flight": in_flight, "job_deadline": "10m"}
    with in_memory() as folder:
        night = Night(folder, jobs, gateway, limits)
        for end in runs:
            one_run(night, end)
            night.sleep(10)
            assert all(count == 1 for count in gateway.bill().values())
            assert most_in_flight(gateway) <= in_flight

        gateway.heal()
        for _ in range(3):
            result = night.run()
            night.sound()

        states = night.states()
        parents = {job["id"]: job.get("edit") for job in jobs}
        assert set(states.values()) <= {"done", "unknown", "blocked"}, states
        assert result.exit_code == (0 if night.finished() else 1)
        for key, state in states.items():
            if state == "blocked":
                assert states[parents[key]] in ("unknown", "blocked")
            if state != "done":
                assert night.take(key).reason
        if night.finished():
            assert not [name for name in night.left_over() if not name.endswith(".rejected")]


def most_in_flight(gateway: FakeGateway) -> int:
    """Jobs that the gateway worked on at one time."""
    orders = gateway.orders.values()
    at_once = [sum(other.at <= one.at < other.at + other.render_s for other in orders) for one in orders]
    return max(at_once, default=0)


def one_run(night: Night, end: float | tuple[int, bool] | None) -> None:
    if isinstance(end, tuple):
        number, after = end
        try:
            night.run(fate=Fate(number, after))
        except Crash:
            return
    else:
        result = night.run(signal_at=end)
        assert result.exit_code in (0, 1, 3, 130)


PROMPTS = {
    "candle": ["A candle.", "A blue candle.", "A tall candle."],
    "desk": ["A desk.", "A standing desk."],
}
choices = st.fixed_dictionaries({}, optional={key: st.sampled_from(texts) for key, texts in PROMPTS.items()})


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    nights=st.lists(st.tuples(choices.filter(bool), ends), min_size=2, max_size=5),
    file=steps(FILES),
)
def test_any_changes(
    nights: list[tuple[dict[str, str], float | tuple[int, bool] | None]], file: list[Step]
) -> None:
    """Prompts edited and jobs removed between broken runs: what the gateway made is on disk, paid once."""
    gateway = FakeGateway(file=in_order(file))
    with in_memory() as folder:
        night = Night(folder, list(PROMPTS), gateway)
        for wanted, end in nights:
            night.edit([{"id": key, "prompt": prompt} for key, prompt in wanted.items()])
            one_run(night, end)
            night.sleep(10)

        gateway.heal()
        for _ in range(2):
            night.run()
            night.sound()

        assert set(night.states().values()) <= {"done", "unknown"}
        on_disk = {path.read_bytes() for path in night.batch.rglob("*.mp4")}
        for take in night.takes():
            if take.remote_id is not None:
                assert take.state == "done", take
                assert gateway.content(take.remote_id) in on_disk


@settings(max_examples=30, deadline=None, derandomize=True)
@given(poll=st.lists(st.sampled_from(POLLS), max_size=60), file=steps(FILES))
def test_no_trouble_after_acceptance_costs_a_clip(poll: list[Step], file: list[Step]) -> None:
    """Submits go well; whatever polls and downloads do, every clip is there after one good rerun."""
    with in_memory() as folder:
        night = Night(folder, KEYS[:3], FakeGateway(poll=in_order(poll), file=in_order(file)))
        night.run()

        night.gateway.heal()
        night.run()

        assert night.finished()
        assert len(night.submits) == 3
        night.sound()


streams = st.builds(
    Step,
    cut_at=st.none() | st.integers(0, 1500),
    stall_at=st.none() | st.integers(0, 1500),
    ranges=st.booleans(),
    blind=st.booleans(),
    length=st.booleans(),
    piece_bytes=st.sampled_from([1 << 6, 1 << 9, 1 << 14]),
    content=st.none() | st.binary(max_size=600) | st.sampled_from([clip_named("another"), b""]),
    headers=st.sampled_from([{}, {"etag": "W/x"}, {"content-range": "bytes 5-6/7"}, {"content-length": "x"}]),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(file=st.lists(streams, max_size=5))
def test_any_stream(file: list[Step]) -> None:
    """Whatever a file host sends: what counts as done is one whole clip, never two halves of two."""
    with in_memory() as folder:
        night = Night(folder, ["candle"], FakeGateway(file=in_order(file)))
        while night.run().exit_code != 0 and len(night.files()) <= len(file):
            night.sleep(10)
        night.gateway.heal()
        night.run()

        assert night.finished()
        assert night.clip().read_bytes() in (night.gateway.content("order-00001"), clip_named("another"))
        assert len(night.submits) == 1
