"""What is written about a take comes back as it was, and only legal moves are written."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.opening import WAY_TO, a_run, bring, on_disk, the_take
from support.builders_core import a_file_image, a_job, a_row, rows_of, steady

from pipeline.ledger.base import IllegalMoveError
from pipeline.ledger.rows import MUTABLE, job_of, spec_of
from pipeline.model import LEGAL_MOVES, Image, Job, Keyframe, Probe, Take, TakeState

FACTS: dict[str, Any] = {
    "origin": "https://api.example:443",
    "credential": "second",
    "remote_id": "r-1/ä ö",
    "intent_at": 1_700_000_000.123456,
    "accepted_at": 1_700_000_001.5,
    "ready_at": 1_700_000_002.25,
    "ended_at": 1_700_000_003.0,
    "url": "https://cdn.example/v.mp4?sig=a%2Fb",
    "url_at": 1_700_000_004.0,
    "validator": '"etag"',
    "reported_s": 6.04,
    "reserved_ticks": 223_456_789_012_345_678,
    "cost_ticks": 123_456_789_012_345_678,
    "reason": 'said "no"\n狐',
    "sha256": "ab" * 32,
    "size_bytes": 5 << 30,
    "loading_at": 1_700_000_002.5,
    "probe": Probe(
        width=1280, height=720, duration_s=6.04, codec="h264", fps=24.0, brightness=0.4, change=0.012
    ),
}
A_FULL_JOB = a_job(
    "hero/fox.1",
    prompt='Größe "7" – 狐\n\u2028',
    model="grok-imagine-video",
    duration_s=6,
    aspect_ratio="16:9",
    resolution="720p",
    generate_audio=True,
    image=a_file_image(),
    reference_images=(a_file_image(), Image(url="https://example.com/fox.png", id="fox")),
    last_frame=a_file_image(),
    keyframes=(Keyframe(image=a_file_image(), timestamp_s=1.5),),
    resize=1280,
    edit="https://example.com/v.mp4",
    extend="https://example.com/v.mp4",
    revision="2",
    allow=("wide-ratios",),
    tags=("hero", "night"),
    user="user-7",
    priority=5,
)


def test_the_facts_of_these_tests_are_all_there_are() -> None:
    """A column that is added must be added here, or nobody proves that it comes back."""
    assert set(FACTS) == set(MUTABLE)
    assert {field.name for field in fields(Take)} == {
        *MUTABLE, "id", "job", "fingerprint", "number", "state", "wanted", "selected", "provider",
        "replaced", "estimate_ticks", "own_price", "reused_from",
    }  # fmt: skip
    assert all(getattr(A_FULL_JOB, field.name) for field in fields(Job))


async def test_every_field_of_a_take_survives(tmp_path: Path) -> None:
    """Closed, opened again, read: the same take, to the last tick and microsecond."""
    path = tmp_path / "ledger.sqlite"
    row = a_row("hero/fox.1", **{f.name: getattr(A_FULL_JOB, f.name) for f in fields(Job) if f.name != "key"})
    async with a_run(path, [row]) as ledger:
        written = await ledger.move(await the_take(ledger, "hero/fox.1"), TakeState.SUBMITTING, **FACTS)

    async with a_run(path, [row]) as ledger:
        found = await the_take(ledger, "hero/fox.1")

    lost = {"state": TakeState.UNKNOWN, "ended_at": found.ended_at, "reason": found.reason}
    assert found == replace(written, **lost)  # the second run settled it
    assert found.job == A_FULL_JOB


@pytest.mark.parametrize("name", FACTS)
async def test_a_note_keeps_each_fact_and_the_state(tmp_path: Path, name: str) -> None:
    """Facts about a take that stays where it is, one by one; None takes a fact back."""
    path = tmp_path / "ledger.sqlite"
    async with a_run(path, [a_row()]) as ledger:
        take = await bring(ledger, await the_take(ledger), TakeState.ACCEPTED)

        noted = await ledger.note(take, **{name: FACTS[name]})

        assert await the_take(ledger) == noted == replace(take, **{name: FACTS[name]})
        if name != "credential":
            back = await ledger.note(noted, **{name: None})
            assert await the_take(ledger) == back == take


texts = st.text(max_size=8)
images = st.none() | st.builds(Image, url=texts) | st.builds(a_file_image, path=texts, sha256=texts)
jobs = st.builds(
    Job,
    key=texts,
    prompt=texts,
    model=st.none() | texts,
    duration_s=st.none() | st.integers(),
    aspect_ratio=st.none() | texts,
    resolution=st.none() | texts,
    image=images,
    edit=st.none() | texts,
    tags=st.lists(texts, max_size=3).map(tuple),
    user=st.none() | texts,
    priority=st.none() | st.integers(-100, 100),
)


@steady
@given(job=jobs)
def test_every_job_survives(job: Job) -> None:
    """What was asked is on record exactly, left-out fields left out."""
    assert job_of(spec_of(job)) == job


def test_a_job_of_a_newer_version_can_be_read() -> None:
    """A field that we do not know is left out, not an error."""
    assert job_of('{"key":"fox","prompt":"A fox runs.","seed":7}') == a_job()


ILLEGAL = [(here, to) for here in TakeState for to in TakeState if to not in LEGAL_MOVES[here]]


@pytest.mark.parametrize("here", TakeState)
async def test_an_illegal_move_is_refused_and_changes_nothing(tmp_path: Path, here: TakeState) -> None:
    """Each of the pairs that are not in the table, with facts that must not get in either."""
    path = tmp_path / "ledger.sqlite"
    async with a_run(path, [a_row()]) as ledger:
        take = await bring(ledger, await the_take(ledger), here)

        for to in (to for from_, to in ILLEGAL if from_ is here):
            with pytest.raises(IllegalMoveError, match=f"{here} does not lead to {to}"):
                await ledger.move(take, to, remote_id="other", cost_ticks=7)

        assert await the_take(ledger) == take


async def test_a_note_cannot_move_a_take(tmp_path: Path) -> None:
    """The table of moves has no back door."""
    async with a_run(tmp_path / "ledger.sqlite", [a_row()]) as ledger:
        take = await the_take(ledger)

        with pytest.raises(IllegalMoveError, match="a note cannot change"):
            await ledger.note(take, state=TakeState.DONE)

        assert await the_take(ledger) == take


@pytest.mark.parametrize("here", TakeState)
async def test_every_legal_move_is_written(tmp_path: Path, here: TakeState) -> None:
    """The whole table works in the database, with a new take for each move."""
    path, ways = tmp_path / "ledger.sqlite", sorted(LEGAL_MOVES[here])
    async with a_run(path, rows_of(ways)) as ledger:
        for to in ways:
            take = await bring(ledger, await the_take(ledger, to), here)
            await ledger.move(take, to)

    assert dict(on_disk(path, "SELECT job_key, state FROM takes")) == {to.value: to.value for to in ways}


async def test_a_take_that_moved_meanwhile_is_refused(tmp_path: Path) -> None:
    """Whoever still holds the older take writes nothing: no move, no note."""
    async with a_run(tmp_path / "ledger.sqlite", [a_row()]) as ledger:
        stale = await the_take(ledger)
        moved = await ledger.move(stale, TakeState.SUBMITTING, intent_at=5.0)

        with pytest.raises(IllegalMoveError, match="no longer planned"):
            await ledger.move(stale, TakeState.SUBMITTING, intent_at=6.0)
        with pytest.raises(IllegalMoveError, match="no longer planned"):
            await ledger.note(stale, reason="late")

        assert await the_take(ledger) == moved


async def test_a_take_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A write that hits no row is an error, never a silent success."""
    async with a_run(tmp_path / "ledger.sqlite", [a_row()]) as ledger:
        take = await the_take(ledger)

        with pytest.raises(IllegalMoveError):
            await ledger.move(replace(take, id=take.id + 1), TakeState.SUBMITTING)

        assert await the_take(ledger) == take


def test_there_is_a_way_to_every_state() -> None:
    """The tests' own table is complete and legal."""
    assert set(WAY_TO) == set(TakeState)
    for to, way in WAY_TO.items():
        steps = (TakeState.PLANNED, *way)
        assert steps[-1] is to
        assert all(after in LEGAL_MOVES[before] for before, after in zip(steps, way, strict=False))


@steady
@given(wishes=st.lists(st.tuples(st.sampled_from(TakeState), st.booleans()), max_size=12))
async def test_no_row_of_wishes_writes_an_illegal_move(
    wishes: list[tuple[TakeState, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In any order: a legal move is written, another one is refused, and so is one from an outdated row."""
    async with a_run(tmp_path_factory.mktemp("moves") / "ledger.sqlite", [a_row()]) as ledger:
        take = outdated = await the_take(ledger)
        for wish, from_outdated in wishes:
            begun = outdated if from_outdated else take
            legal = begun.state is take.state and wish in LEGAL_MOVES[begun.state]
            try:
                moved = await ledger.move(begun, wish)
            except IllegalMoveError:
                assert not legal
            else:
                assert legal
                take, outdated = moved, take
            assert (await the_take(ledger)).state is take.state
