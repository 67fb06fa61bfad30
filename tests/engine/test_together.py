"""Several batches in one run: what belongs to an account is kept by all of its batches together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from support.builders_engine import (
    Ask,
    FakeGateway,
    Order,
    Step,
    always,
    lost,
    only,
    refused,
    says,
    slow,
    web_page,
)
from support.night import Night, interrupt

from pipeline.config import Settings
from pipeline.model import TICKS_PER_USD
from pipeline.runner import Runner, RunResult
from pipeline.stages.access import Access
from pipeline.stages.budget import RunBudget
from pipeline.together import run_together

EPSILON_S = 1e-6


def nights(folder: Path, gateway: FakeGateway, *each: Sequence[str], **more: object) -> list[Night]:
    """A batch for each list of jobs, all at one gateway."""
    made = []
    for number, jobs in enumerate(each):
        (home := folder / f"home-{number}").mkdir()
        made.append(Night(home, jobs, gateway, **more))  # type: ignore[arg-type]
    return made


def run_all(
    batches: Sequence[Night],
    *,
    apart: bool = False,
    budget: bool = False,
    signal_at: float | None = None,
) -> list[RunResult | Exception]:
    """One run of all of them, as one account, or `apart`: each with an account of its own."""
    loop = batches[0].new_loop()
    if signal_at is not None:
        loop.call_at(batches[0].now + signal_at, interrupt)
    try:
        with batches[0].disk():
            return loop.run_until_complete(_run_all(batches, apart, budget, signal_at is not None))
    finally:
        for batch in batches:
            batch.now = loop.time()
        loop.close()


async def _run_all(
    batches: Sequence[Night], apart: bool, budget: bool, signals: bool
) -> list[RunResult | Exception]:
    common: list[Access] = []
    ledgers: list[object] = []
    run_budget = RunBudget(ledgers)  # type: ignore[arg-type]

    def one_access(night: Night) -> Callable[[Settings], Access]:
        def access(settings: Settings) -> Access:
            if apart or not common:
                common.append(night.own_access(settings))
            return common[-1]

        return access

    def joined(ledger: object) -> RunBudget:
        ledgers.append(ledger)
        return run_budget

    async with AsyncExitStack() as stack:
        runners: list[Runner] = []
        for night in batches:
            opened = night.opened(one_access(night), joined if budget else None)
            runners.append(await stack.enter_async_context(opened))
        return await run_together(runners, signals=signals)


def codes(ends: Sequence[RunResult | Exception]) -> list[int]:
    assert all(isinstance(end, RunResult) for end in ends), ends
    return [end.exit_code for end in ends if isinstance(end, RunResult)]


def most_at_once(orders: list[Order]) -> int:
    return max(sum(1 for other in orders if other.at <= one.at < other.at + other.render_s) for one in orders)


def closest(asks: Sequence[Ask]) -> float:
    return min(later.at - earlier.at for earlier, later in pairwise(asks))


def names(mark: str, count: int) -> list[str]:
    return [f"{mark}{number}" for number in range(count)]


def test_two_batches_of_an_account_keep_its_rates_together(tmp_path: Path) -> None:
    """Submits and polls of both, in one line each; in flight no more than one batch alone would have."""
    gateway = FakeGateway(render_s=60.0)
    limits = {"submit_per_s": 2, "poll_per_s": 1, "max_in_flight": 5}
    both = nights(tmp_path, gateway, names("a", 8), names("b", 8), limits=limits)

    ends = run_all(both)

    assert codes(ends) == [0, 0]
    assert closest(gateway.seen("submit")) >= 0.5 - EPSILON_S
    assert closest(gateway.seen("poll")) >= 1.0 - EPSILON_S
    assert most_at_once(list(gateway.orders.values())) == 5
    for night in both:
        night.sound()


def test_neither_of_two_batches_waits_for_the_other(tmp_path: Path) -> None:
    """A short one beside a long one gets its share of the places from the start."""
    gateway = FakeGateway(render_s=30.0)
    limits = {"submit_per_s": 10, "max_in_flight": 4}
    both = nights(tmp_path, gateway, names("long", 40), names("short", 4), limits=limits)

    run_all(both)

    at = {order.key: order.at for order in gateway.orders.values()}
    assert max(at[key] for key in names("short", 4)) < sorted(at[key] for key in names("long", 40))[12]


def test_two_accounts_do_not_slow_one_another(tmp_path: Path) -> None:
    """What one batch would take alone, it takes beside another."""
    limits = {"submit_per_s": 0.1, "max_in_flight": 3}
    alone = nights(tmp_path, FakeGateway(), names("a", 6), limits=limits)[0]
    alone.run()
    (tmp_path / "pair").mkdir()
    pair = nights(tmp_path / "pair", FakeGateway(), names("a", 6), names("b", 6), limits=limits)
    pair[1].gateway = FakeGateway()
    pair[1].edit(pair[1].jobs)

    ends = run_all(pair, apart=True)

    assert codes(ends) == [0, 0]
    assert all(isinstance(end, RunResult) and end.seconds <= alone.seconds + 1 for end in ends)


def test_a_rate_limit_met_by_one_holds_all(tmp_path: Path) -> None:
    """The account is told to wait, not the batch."""
    gateway = FakeGateway(
        submit=lambda ask: refused(429, "slow down", retry_after="60") if ask.count == 3 else None
    )
    both = nights(tmp_path, gateway, names("a", 3), names("b", 3), limits={"submit_per_s": 1})

    ends = run_all(both)

    told = gateway.seen("submit")[2].at
    assert codes(ends) == [0, 0]
    assert not [ask for ask in gateway.asks if ask.kind != "file" and told + 1 < ask.at < told + 60]


def test_what_earlier_runs_of_any_batch_left_in_flight_counts(tmp_path: Path) -> None:
    """Two of the one batch are still at the gateway: the other may send one, not three."""
    gateway = FakeGateway(render_s=100.0)
    limits = {"submit_per_s": 10, "max_in_flight": 3}
    late, early = nights(tmp_path, gateway, names("late", 2), names("early", 3), limits=limits)
    late.run(signal_at=5.0)
    early.now = late.now

    ends = run_all([early, late])

    assert codes(ends) == [0, 0]
    assert most_at_once(list(gateway.orders.values())) == 3


def test_a_refused_key_is_refused_for_all_batches_of_the_account(tmp_path: Path) -> None:
    """One of them hears it; the others do not try."""
    gateway = FakeGateway(submit=always(refused(401, "bad key")))
    both = nights(tmp_path, gateway, names("a", 3), names("b", 3), limits={"submit_per_s": 1})

    ends = run_all(both)

    assert codes(ends) == [3, 3]
    assert len(gateway.seen("submit")) == 1


def test_a_brake_is_of_one_batch(tmp_path: Path) -> None:
    """A bad list of prompts stops itself, and not the good one beside it."""
    gateway = FakeGateway(
        submit=lambda ask: refused(422, "no such thing") if ask.key.startswith("bad") else None
    )
    both = nights(tmp_path, gateway, names("bad", 9), names("good", 9))

    ends = run_all(both)

    assert codes(ends) == [4, 0]


def test_a_run_budget_is_of_all_batches_together(tmp_path: Path) -> None:
    """Five clips of a dollar for both, however they share them; never six."""
    head = {"prices": {"*": {"clip": 1}}}
    both = nights(
        tmp_path, FakeGateway(), names("a", 4), names("b", 4), head=head,
        limits={"submit_per_s": 5}, run_budget_ticks=5 * TICKS_PER_USD,
    )  # fmt: skip

    ends = run_all(both, budget=True)

    assert max(codes(ends)) == 4
    assert len(both[0].gateway.orders) == 5
    again = run_all(both, budget=True)
    assert codes(again) == [0, 0]
    for night in both:
        night.sound()


def test_a_signal_drains_all(tmp_path: Path) -> None:
    """Every batch leaves with what it has on record, and the next run collects all of it."""
    both = nights(tmp_path, FakeGateway(render_s=300.0), names("a", 2), names("b", 2))

    ends = run_all(both, signal_at=20.0)

    assert codes(ends) == [130, 130]
    assert both[0].now < 30.0
    assert codes(run_all(both)) == [0, 0]
    assert len(both[0].gateway.orders) == 4


@pytest.mark.parametrize("when", ["before it runs", "while it runs"])
def test_a_batch_that_fails_takes_no_other_with_it(tmp_path: Path, when: str) -> None:
    """The fault comes back in its place; the other is complete."""
    gateway = FakeGateway()
    broken, whole = nights(tmp_path, gateway, names("a", 2), names("b", 2), limits={"submit_per_s": 0.1})
    if when == "before it runs":
        broken.base_url = "https://elsewhere.test"
        broken.run()
        broken.base_url = whole.base_url
        broken.edit([*broken.jobs, "a2"])
    else:
        broken.faults = lambda name: RuntimeError("a bug") if name == "write" else None

    first, second = run_all([broken, whole])

    assert isinstance(first, Exception)
    assert isinstance(second, RunResult)
    assert second.exit_code == 0
    whole.sound()


def test_unknown_takes_of_one_batch_hold_places_of_the_other(tmp_path: Path) -> None:
    """The gateway may be working on them, whichever batch they are of."""
    gateway = FakeGateway(submit=only("lost", always(lost())))
    limits = {"max_in_flight": 1, "job_deadline": "10m", "submit_per_s": 1}
    first, second = nights(tmp_path, gateway, ["lost"], ["b0"], limits=limits)
    first.run()
    second.now = first.now

    run_all([second, first])

    (sent,), (other,) = gateway.seen("submit", "lost"), gateway.seen("submit", "b0")
    assert other.at >= sent.at + 600


def test_an_earlier_night_is_only_collected(tmp_path: Path) -> None:
    """It shares places and pace with tonight; what it had not sent is not sent."""
    gateway = FakeGateway(render_s=100.0)
    limits = {"submit_per_s": 0.1, "poll_per_s": 1, "max_in_flight": 2}
    earlier, tonight = nights(tmp_path, gateway, names("old", 4), names("new", 3), limits=limits)
    earlier.run(signal_at=50.0)
    tonight.now = earlier.now
    before = earlier.states()
    earlier.earlier = True

    ends = run_all([tonight, earlier])

    assert before == {"old0": "accepted", "old1": "accepted", "old2": "planned", "old3": "planned"}
    assert codes(ends)[0] == 0
    assert earlier.states() == {"old0": "done", "old1": "done", "old2": "planned", "old3": "planned"}
    assert tonight.finished()
    assert most_at_once(list(gateway.orders.values())) == 2
    assert closest(gateway.seen("poll")) >= 1.0 - EPSILON_S
    earlier.sound()


def test_an_earlier_night_holds_nothing(tmp_path: Path) -> None:
    """However badly its takes end: what was not sent stays planned."""
    failed = says({"status": "failed", "error": {"message": "it broke"}})
    gateway = FakeGateway(render_s=100.0)
    night = nights(tmp_path, gateway, names("old", 8), limits={"max_in_flight": 6, "submit_per_s": 1})[0]
    night.run(signal_at=30.0)
    night.earlier = True
    gateway.poll = always(failed)

    night.run()

    assert sorted(set(night.states().values())) == ["failed", "planned"]


@pytest.mark.parametrize("refusal", [web_page(404), refused(401, "bad key")], ids=["forgotten", "key"])
def test_what_an_earlier_night_hears_is_no_news_for_tonight(tmp_path: Path, refusal: Step) -> None:
    """Its ids may be forgotten and its key another: tonight's batch goes on to its end."""
    gateway = FakeGateway(render_s=100.0, poll=lambda ask: refusal if ask.key.startswith("old") else None)
    limits = {"submit_per_s": 1, "max_in_flight": 20}
    earlier, tonight = nights(tmp_path, gateway, names("old", 6), names("new", 3), limits=limits)
    earlier.run(signal_at=30.0)
    earlier.sleep(600)
    tonight.now = earlier.now
    earlier.earlier = True

    ends = run_all([earlier, tonight])

    assert codes(ends)[1] == 0
    assert set(earlier.states().values()) == {"accepted"}


def test_a_batch_whose_clips_are_looked_at_slowly_holds_up_no_other(tmp_path: Path) -> None:
    """Places for downloads are the account's; what waits to be looked at takes up its own batch's room."""
    ready_together = {"a": 10.0, "b": 40.0}  # the first are also prepared slowly
    gateway = FakeGateway(render_s=lambda key: ready_together[key[0]], file=always(slow(1.0)))
    limits = {"submit_per_s": 50, "max_in_flight": 260, "downloads": 4}
    late, quick = nights(tmp_path, gateway, names("a", 60), names("b", 200), limits=limits)
    late.look_s = 30.0

    ends = run_all([late, quick])

    assert codes(ends) == [0, 0]
    late_end, quick_end = (night.events[-1][0] for night in (late, quick))
    assert late_end > 200
    assert quick_end < 120
    for night in (late, quick):
        night.sound()
