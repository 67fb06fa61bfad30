"""The pure world: states by time, chance by seed, links, and the bill."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim.builders import a_job, a_world, an_order

from pipeline.sim.world import Job, World, order_digest

PROMPTS = st.lists(st.sampled_from(["fox", "hare", "owl [[failed]]", "elk [[moderated]]"]), max_size=8)


def accept(world: World, prompt: str, now: float) -> Job:
    job = world.draft(an_order(prompt=prompt), "cometapi", now)
    world.add(job)
    return job


def test_a_job_queues_then_renders_then_ends() -> None:
    world = a_world()
    job = a_job(world, now=100.0)
    started = 100.0 + job.queue_s

    states = [(view.phase, view.progress) for view in (world.look(job, now) for now in (50, 100, started))]
    half = world.look(job, started + job.render_s / 2)

    assert states == [("queued", 0), ("queued", 0), ("rendering", 0)]
    assert (half.phase, half.progress) == ("rendering", 49)
    assert world.look(job, job.ends_at).phase == "ended"


@given(times=st.lists(st.floats(0, 1e6), min_size=2), seed=st.integers())
def test_progress_never_goes_back(times: list[float], seed: int) -> None:
    world = a_world(seed, render_s=3600.0)
    job = a_job(world)

    seen = [world.look(job, now).progress for now in sorted(times)]

    assert seen == sorted(seen)


@given(prompts=PROMPTS, seed=st.integers(), data=st.data())
def test_what_happens_to_a_job_does_not_depend_on_the_others(
    prompts: list[str], seed: int, data: st.DataObject
) -> None:
    """Any order of submission gives every (prompt, copy) the same render time, outcome and variety."""
    shuffled = data.draw(st.permutations(prompts))

    def fates(texts: list[str]) -> dict[str, tuple[float, str, int]]:
        world = a_world(seed)
        jobs = [accept(world, text, float(i)) for i, text in enumerate(texts)]
        return {job.key: (job.render_s, job.outcome, job.variety) for job in jobs}

    assert fates(prompts) == fates(shuffled)


@given(prompts=PROMPTS)
def test_the_bill_is_the_sum_of_the_acceptances(prompts: list[str]) -> None:
    world = a_world()

    jobs = [accept(world, prompt, 0.0) for prompt in prompts]

    assert world.total_ticks == sum(job.ticks for job in jobs) == 3_000_000_000 * len(prompts)
    assert len({job.id for job in jobs}) == len(world) == len(prompts)


def test_an_order_known_from_an_old_journal_keeps_its_digest() -> None:
    """Or a restart with a newer simulator would take a repeated order for a new one."""
    assert order_digest(an_order()) == "002ab006963e7dc9a773b9ca"


def test_a_draft_costs_nothing() -> None:
    world = a_world()

    first, second = world.draft(an_order(), "cometapi", 0.0), world.draft(an_order(), "cometapi", 0.0)

    assert (world.total_ticks, len(world)) == (0, 0)
    assert first == second


def test_a_world_rebuilt_from_its_acceptances_goes_on_alike() -> None:
    world = a_world(seed=5)
    for number in range(3):
        accept(world, "fox", float(number))
    again = a_world(seed=5)
    for job in world.jobs():
        again.add(job)

    assert accept(again, "fox", 9.0) == accept(world, "fox", 9.0)
    assert again.total_ticks == world.total_ticks


def test_an_id_of_a_world_begun_anew_is_another() -> None:
    """A client that kept ids of a deleted world must not find foreign jobs under them."""
    assert a_job(now=1.0).id != a_job(now=2.0).id


@pytest.mark.parametrize(
    ("prompt", "outcome"),
    [
        ("a fox", "done"),
        ("a fox [[moderated:400]]", "moderated:400"),
        ("[[moderated:failed]] a fox", "moderated:failed"),
        ("a [[moderated:flag]] fox", "moderated:flag"),
        ("a fox [[failed]] [[expired]]", "failed"),
        ("a fox [[expired]]", "expired"),
        ("a fox [[no-url]]", "no-url"),
        ("a fox [[unheard-of]] [failed]", "done"),
    ],
)
def test_markers_steer_the_end(prompt: str, outcome: str) -> None:
    assert a_job(prompt=prompt).outcome == outcome


def test_a_bare_moderated_marker_uses_all_channels() -> None:
    world = a_world()

    outcomes = {accept(world, "[[moderated]]", 0.0).outcome for _ in range(40)}

    assert outcomes == {"moderated:400", "moderated:failed", "moderated:flag"}


def test_longer_clips_take_longer_and_the_median_is_kept() -> None:
    world = a_world(render_s=10.0, spread=0.3)
    six = sorted(job.ends_at for job in (accept(world, f"{i}", 0.0) for i in range(401)))
    calm = a_world(render_s=10.0, spread=0.0)

    assert six[200] == pytest.approx(10.0, rel=0.1)
    assert a_job(calm, duration=15).ends_at > a_job(calm, duration=1).ends_at


def test_a_finished_job_is_forgotten_after_its_time() -> None:
    world = a_world(keep_s=60.0)
    job = a_job(world)

    assert world.look(job, job.ends_at + 59).outcome == "done"
    assert world.look(job, job.ends_at + 61).outcome == "expired"


def test_an_edit_of_our_clip_counts_by_its_job_not_by_the_link() -> None:
    """Links change with every refresh; the fate of an edit must not."""
    world = a_world()
    parent = a_job(world)
    order = an_order()

    one = world.draft(replace(order, source_url="http://a/1"), "cometapi", 0.0, parent)
    two = world.draft(replace(order, source_url="http://a/2"), "cometapi", 0.0, parent)

    assert one == two
