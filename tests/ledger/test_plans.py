"""What the manifest asks for now, what earlier runs left, and how both are read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger.opening import a_ledger, a_run, bring, on_disk, states, the_take
from support.builders_core import a_file_image, a_row, rows_of

from pipeline.ledger.base import RenderTime
from pipeline.ledger.sqlite import PAGE
from pipeline.model import TakeState
from pipeline.polling.render_times import KEEP


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


# --- recovery


async def test_an_unanswered_submit_becomes_unknown(path: Path) -> None:
    """A run that died in between has perhaps paid: a person decides, nothing is sent again."""
    async with a_run(path, [a_row()]) as ledger:
        await ledger.move(await the_take(ledger), TakeState.SUBMITTING, intent_at=5.0, origin="https://g:443")

    async with a_ledger(path) as ledger:
        await ledger.begin_run("teasers.yaml", 9.0)
        count = await ledger.recover(9.0)
        take = (await ledger.takes_of("fox"))[0]

    assert count == 1
    assert take.state is TakeState.UNKNOWN
    assert take.reason == "the run was stopped before the answer was on record"
    assert (take.ended_at, take.intent_at, take.origin) == (9.0, 5.0, "https://g:443")


@pytest.mark.parametrize("state", [TakeState.HELD, TakeState.BLOCKED])
async def test_what_was_stopped_before_it_was_sent_starts_anew(path: Path, state: TakeState) -> None:
    """Held and blocked cost nothing; each start gives them another chance, without the old reason."""
    async with a_run(path, [a_row()]) as ledger:
        await bring(ledger, await the_take(ledger), state, reason="budget", ended_at=5.0)

    async with a_run(path, [a_row()]) as ledger:
        take = await the_take(ledger)

    assert (take.state, take.reason, take.ended_at) == (TakeState.PLANNED, None, None)


@pytest.mark.parametrize(
    "state", sorted(set(TakeState) - {TakeState.SUBMITTING, TakeState.HELD, TakeState.BLOCKED})
)
async def test_recovery_leaves_the_rest_alone(path: Path, state: TakeState) -> None:
    """Above all what was accepted."""
    async with a_run(path, [a_row()]) as ledger:
        before = await bring(ledger, await the_take(ledger), state, remote_id="r-1", reason="so")

        count = await ledger.recover(9.0)

        assert count == 0
        assert await the_take(ledger) == before


# --- planning


async def test_the_same_plan_again_changes_nothing(path: Path) -> None:
    """Resumes: the same manifest makes no second take, in the same run or in the next."""
    async with a_run(path, rows_of("abc")) as ledger:
        done = await bring(ledger, await the_take(ledger, "a"), TakeState.DONE, remote_id="r-1")
        await ledger.plan(rows_of("abc"), "cometapi")

    async with a_run(path, rows_of("abc")) as ledger:
        takes = [take async for take in ledger.all_takes()]

    assert takes[0] == done
    assert [(take.job.key, take.number, take.wanted) for take in takes] == [
        ("a", 1, True),
        ("b", 1, True),
        ("c", 1, True),
    ]


async def test_a_changed_fingerprint_makes_a_new_take_and_keeps_the_old(path: Path) -> None:
    """An edited prompt is another purchase; what was bought before stays on record, and in flight."""
    async with a_run(path, [a_row(prompt="A fox runs.")]) as ledger:
        old = await bring(ledger, await the_take(ledger), TakeState.ACCEPTED, remote_id="r-1")

    async with a_run(path, [a_row(prompt="A fox sleeps.")]) as ledger:
        takes = await ledger.takes_of("fox")
        collected = [take async for take in ledger.collectable(TakeState.ACCEPTED)]

    assert [(take.id, take.state, take.wanted) for take in takes] == [
        (old.id, TakeState.ACCEPTED, False),
        (old.id + 1, TakeState.PLANNED, True),
    ]
    assert takes[0].remote_id == "r-1"
    assert takes[0].job.prompt == "A fox runs."
    assert [take.id for take in collected] == [old.id]


async def test_going_back_to_an_older_prompt_buys_nothing(path: Path) -> None:
    """The take of that fingerprint is there already, done."""
    first, second = [a_row(prompt="A fox runs.")], [a_row(prompt="A fox sleeps.")]
    async with a_run(path, first) as ledger:
        done = await bring(ledger, await the_take(ledger), TakeState.DONE)
    async with a_run(path, second):
        pass

    async with a_run(path, first) as ledger:
        wanted = await the_take(ledger)
        waiting = [take async for take in ledger.planned()]

    assert (wanted.id, wanted.state) == (done.id, TakeState.DONE)
    assert waiting == []


async def test_a_planned_take_follows_the_manifest_where_it_costs_nothing(path: Path) -> None:
    """Tags, user and the picture's path are not in the fingerprint, but in what will be sent."""
    async with a_run(path, [a_row(image=a_file_image(path="/old.png"), user="a")]):
        pass

    async with a_run(path, [a_row(image=a_file_image(path="/new.png"), user="b", tags=("x",))]) as ledger:
        job = (await the_take(ledger)).job

    assert job.image is not None
    assert (job.image.path, job.user, job.tags) == ("/new.png", "b", ("x",))


async def test_a_sent_take_says_what_was_sent(path: Path) -> None:
    """Later edits of tags do not rewrite the record of a purchase."""
    async with a_run(path, [a_row(user="a")]) as ledger:
        await bring(ledger, await the_take(ledger), TakeState.ACCEPTED)

    async with a_run(path, [a_row(user="b")]) as ledger:
        assert (await the_take(ledger)).job.user == "a"


async def test_a_job_that_left_the_manifest_is_kept_and_not_wanted(path: Path) -> None:
    """Orphaned: not sent, not counted, its take still there."""
    async with a_run(path, rows_of("ab")):
        pass

    async with a_run(path, rows_of("b")) as ledger:
        waiting = [take.job.key async for take in ledger.planned()]
        takes = {take.job.key: take.wanted async for take in ledger.all_takes()}
        counts = await ledger.counts()

    assert waiting == ["b"]
    assert takes == {"a": False, "b": True}
    assert counts == {TakeState.PLANNED: 1}


async def test_an_orphaned_take_in_flight_is_still_collected(path: Path) -> None:
    """It was paid for."""
    async with a_run(path, rows_of("ab")) as ledger:
        await bring(ledger, await the_take(ledger, "a"), TakeState.READY)

    async with a_run(path, rows_of("b")) as ledger:
        collected = [(take.job.key, take.wanted) async for take in ledger.collectable(TakeState.READY)]

    assert collected == [("a", False)]


async def test_a_job_that_comes_back_is_wanted_again(path: Path) -> None:
    """With the take it had."""
    async with a_run(path, rows_of("ab")) as ledger:
        done = await bring(ledger, await the_take(ledger, "a"), TakeState.DONE)
    async with a_run(path, rows_of("b")):
        pass

    async with a_run(path, rows_of("ab")) as ledger:
        assert await the_take(ledger, "a") == done


async def test_counts_are_of_wanted_takes(path: Path) -> None:
    """By state; neither older takes nor orphans decide an exit code."""
    async with a_run(path, rows_of("abcde")) as ledger:
        for key, state in zip(
            "abcd",
            (TakeState.DONE, TakeState.DONE, TakeState.UNKNOWN, TakeState.FAILED),
            strict=True,
        ):
            await bring(ledger, await the_take(ledger, key), state)

    edited = [a_row("b", 1, prompt="A wolf."), *(row for row in rows_of("abcde") if row.job.key in "ace")]
    async with a_run(path, edited) as ledger:
        counts = await ledger.counts()

    assert counts == {TakeState.DONE: 1, TakeState.PLANNED: 2, TakeState.UNKNOWN: 1}


# --- reading


async def test_pages_join_without_gap_or_repeat(path: Path) -> None:
    """Three pages of planned jobs come in the order of the manifest, also while they are being moved."""
    count = 2 * PAGE + 10
    keys = [f"job-{(number * 7919) % count:04}" for number in range(count)]
    assert len(set(keys)) == count
    async with a_run(path, rows_of(keys)) as ledger:
        found = []
        async for take in ledger.planned():
            found.append(take.job.key)
            if len(found) % 100 == 0:
                await ledger.move(take, TakeState.HELD)

        everything = [take.job.key async for take in ledger.all_takes()]

    assert found == keys
    assert everything == keys


@pytest.mark.parametrize("state", [TakeState.READY, TakeState.ACCEPTED])
async def test_pages_of_what_can_be_collected(path: Path, state: TakeState) -> None:
    """Oldest take first, over more than one page, each once."""
    keys = [f"job-{number:04}" for number in range(PAGE + 5)]
    async with a_run(path, rows_of(keys)) as ledger:
        for take in [take async for take in ledger.planned()]:
            await bring(ledger, take, state)

        found = [take.job.key async for take in ledger.collectable(state)]

    assert found == keys


async def test_clips_in_place_are_listed_with_whose_they_are(path: Path) -> None:
    """Done and missing, in order, with the take that bears the job's name: the last that became done."""
    async with a_run(path, rows_of("abcd")) as ledger:
        done = await bring(ledger, await the_take(ledger, "a"), TakeState.DONE)
        await bring(ledger, await the_take(ledger, "b"), TakeState.READY)
        gone = await bring(ledger, await the_take(ledger, "d"), TakeState.MISSING)

        placed = [(row.key, row.clip_take) async for page in ledger.placed() for row in page]

    assert placed == [("a", done.id), ("d", gone.id)]


async def test_whose_clip_bears_the_name_can_change(path: Path) -> None:
    """A clip that came back from superseded/ is put on record as the one in place."""
    first, second = [a_row(prompt="A fox runs.")], [a_row(prompt="A fox sleeps.")]
    async with a_run(path, first) as ledger:
        old = await bring(ledger, await the_take(ledger), TakeState.DONE)
    async with a_run(path, second) as ledger:
        new = await bring(ledger, await the_take(ledger), TakeState.DONE)

    async with a_run(path, first) as ledger:
        before = [(row.id, row.clip_take) async for page in ledger.placed() for row in page]
        await ledger.set_clip("fox", old.id)
        after = [(row.id, row.clip_take) async for page in ledger.placed() for row in page]

    assert (before, after) == ([(old.id, new.id)], [(old.id, old.id)])


async def test_an_unwanted_take_that_ends_late_does_not_take_the_name(path: Path) -> None:
    """Its clip goes to superseded/."""
    async with a_run(path, [a_row(prompt="A fox runs.")]) as ledger:
        await bring(ledger, await the_take(ledger), TakeState.READY)
    async with a_run(path, [a_row(prompt="A fox sleeps.")]) as ledger:
        new = await bring(ledger, await the_take(ledger), TakeState.DONE)
        late = [take async for take in ledger.collectable(TakeState.READY)]

        await ledger.move(late[0], TakeState.DONE)

        assert [row.clip_take async for page in ledger.placed() for row in page] == [new.id]


async def test_children_are_those_that_wait_for_a_parent(path: Path) -> None:
    """In the order of the manifest, and only what has not been sent."""
    rows = [
        a_row("fox"),
        a_row("snow", 1, parent="11" * 32, edit="fox"),
        a_row("rain", 2, parent="11" * 32, edit="fox"),
        a_row("sent", 3, parent="11" * 32, edit="fox"),
        a_row("other", 4, parent="11" * 32, edit="wolf"),
    ]
    async with a_run(path, rows) as ledger:
        await bring(ledger, await the_take(ledger, "sent"), TakeState.ACCEPTED)

        children = [take.job.key for take in await ledger.children("fox")]

    assert children == ["snow", "rain"]


async def test_an_orphaned_child_is_not_fed(path: Path) -> None:
    """A child that left the manifest waits for nobody: its parent's end must not send it."""
    fox = a_row("fox")
    snow, rain = (a_row(key, 1, parent="11" * 32, edit="fox") for key in ("snow", "rain"))
    async with a_run(path, [fox, snow]):
        pass

    async with a_run(path, [fox, rain]) as ledger:
        children = [take.job.key for take in await ledger.children("fox")]

    assert children == ["rain"]


async def test_what_counts_against_the_limit_is_known_across_restarts(path: Path) -> None:
    """Accepted from acceptance, unknown from its intent; what is older than the deadline does not count."""
    async with a_run(path, rows_of("abcdef")) as ledger:
        for key, state, facts in (
            ("a", TakeState.ACCEPTED, {"accepted_at": 100.0}),
            ("b", TakeState.ACCEPTED, {"accepted_at": 200.0}),
            ("c", TakeState.UNKNOWN, {"intent_at": 150.0}),
            ("d", TakeState.READY, {"accepted_at": 300.0}),
            ("e", TakeState.DONE, {"accepted_at": 300.0}),
        ):
            await bring(ledger, await the_take(ledger, key), state, **facts)

        found = await ledger.in_flight(since=120.0)

        assert sorted(found) == [(2, 200.0), (3, 150.0)]


async def test_origins_are_those_that_takes_were_sent_to(path: Path) -> None:
    """A batch that was never sent anywhere belongs to nobody."""
    async with a_run(path, rows_of("abc")) as ledger:
        before = await ledger.origins()
        for key, origin in (("a", "https://g:443"), ("b", "https://g:443"), ("c", "sim")):
            await ledger.move(await the_take(ledger, key), TakeState.SUBMITTING, origin=origin)

        assert before == []
        assert sorted(await ledger.origins()) == ["https://g:443", "sim"]


async def test_runs_and_their_calls_are_on_record(path: Path) -> None:
    """Start, end, exit code, and how often which call got which answer; counts add up."""
    async with a_run(path, rows_of("a")) as ledger:
        await ledger.count_calls({(28, "poll", "200 running"): 2, (28, "submit", "200 accepted"): 1})
        await ledger.count_calls({(28, "poll", "200 running"): 3})
        await ledger.end_run(4, 77.0)

    assert on_disk(path, "SELECT manifest, started_at, ended_at, exit_code FROM runs") == [
        ("teasers.yaml", 1.0, 77.0, 4)
    ]
    assert on_disk(path, "SELECT kind, outcome, count FROM calls ORDER BY kind") == [
        ("poll", "200 running", 5),
        ("submit", "200 accepted", 1),
    ]


async def test_the_last_render_times_of_each_kind_are_kept(path: Path) -> None:
    """As many as a run makes use of, however many nights there were."""
    clips = [RenderTime("short", 1.0 * number, number + 5.0) for number in range(KEEP + 20)]
    async with a_run(path, rows_of("a")) as ledger:
        await ledger.count_calls({}, [RenderTime("long", 50.0, 60.0), *clips[:30]])
        await ledger.count_calls({}, clips[30:])

        assert await ledger.render_times() == [RenderTime("long", 50.0, 60.0), *clips[20:]]


async def test_a_job_nobody_knows_has_no_take(path: Path) -> None:
    """Reading what is not there is no error."""
    async with a_run(path, rows_of("a")) as ledger:
        assert await ledger.wanted_take("z") is None
        assert await ledger.takes_of("z") == []
        assert await ledger.children("z") == []
        assert await states(ledger) == {"a": TakeState.PLANNED}
