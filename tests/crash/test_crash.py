"""SIGKILL at every point that matters, and at random ones: paid once, nothing lost, nothing left lying about.

`make crash KILLS=1000` is the long form. Batches are begun together and reported in their turn.
"""

from __future__ import annotations

import queue
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from crash.driver import Plan, Report, Stable, crash_batch, random_plan, stable
from crash.launcher import POINTS
from support.command import Desk, sim

AT_ONCE = 3
CHOSEN = [
    Plan(
        mark="chosen-submits",
        provider="cometapi",
        rounds=(
            ("mid-migration:3", "mid-migration:8", "before-plan:5", "before-intent:1", "after-intent:2"),
            ("mid-post:1", "after-post:1", "before-handle:1"),
        ),
        strict=True,
    ),
    Plan(
        mark="chosen-downloads",
        provider="xai",
        rounds=(
            ("after-handle:2", "before-ready:1", "mid-download:1", "before-fsync:1", "after-fsync:1"),
            ("after-post:2", "before-second-name:1", "after-second-name:2"),
            ("mid-return:1", "after-return:1", "after-second-name:1"),
        ),
        strict=True,
    ),
    Plan(
        mark="chosen-finishes",
        provider="globalaiopc",
        rounds=(
            (
                "after-post:1",
                "before-side:1",
                "after-side:1",
                "after-rename:1",
                "before-done:1",
                "after-done:1",
            ),
            ("after-side:1", "after-rename:1"),
        ),
        strict=True,
    ),
]
RANDOM = [random_plan(f"random-{number}", random.Random(number)) for number in range(9)]
FAULTY = {
    "double submission": Plan(
        mark="resend", provider="xai", rounds=(("after-post:1", "after-post:1"),), fault="resend"
    ),
    "lost clip": Plan(
        mark="done-first", provider="cometapi", rounds=(("after-done:1", "after-done:1"),), fault="done-first"
    ),
}
Reports = Callable[[Plan], Report]


@pytest.fixture(scope="module")
def report_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reports]:
    """The report of a plan, once its batch has come to its end."""
    folder = tmp_path_factory.mktemp("crash")
    with ExitStack() as stack:
        gateway = stack.enter_context(sim(Desk(folder=folder / "gateway"), "--render-s", "0.2"))
        launchers: queue.Queue[Stable] = queue.Queue()
        for _ in range(AT_ONCE):
            launchers.put(stack.enter_context(stable()))

        def crash(plan: Plan) -> Report:
            launcher = launchers.get()
            try:
                return crash_batch(plan, folder / plan.mark, gateway, launcher)
            finally:
                launchers.put(launcher)

        pool = ThreadPoolExecutor(AT_ONCE)
        begun: dict[str, Future[Report]] = {
            plan.mark: pool.submit(crash, plan) for plan in (*CHOSEN, *RANDOM, *FAULTY.values())
        }
        yield lambda plan: begun[plan.mark].result()
        pool.shutdown(cancel_futures=True)


def test_every_point_is_chosen() -> None:
    chosen = {kill.partition(":")[0] for plan in CHOSEN for kills in plan.rounds for kill in kills}
    assert chosen == set(POINTS)


@pytest.mark.slow
@pytest.mark.parametrize("plan", CHOSEN, ids=lambda plan: plan.mark)
def test_a_batch_that_dies_at_each_point_of_a_list(plan: Plan, report_of: Reports) -> None:
    """Each run really died where it was told to; bill, ledger and files agree in the end."""
    report = report_of(plan)
    assert report.violations == []
    assert report.kills.total() == sum(map(len, plan.rounds))


@pytest.mark.slow
def test_batches_that_die_anywhere(report_of: Reports) -> None:
    """A few dozen kills from a seed, at any point and at any moment."""
    total = Report()
    for plan in RANDOM:
        total.add(report_of(plan))
    assert total.violations == []
    assert total.kills.total() >= 24, total.kills


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTY)
def test_a_client_that_is_at_fault_is_found_out(kind: str, report_of: Reports) -> None:
    """Paid twice, or done before the clip is there: a harness that cannot fail proves nothing."""
    found = {violation.kind for violation in report_of(FAULTY[kind]).violations}
    assert kind in found
