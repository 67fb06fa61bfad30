"""Any prices, figures and troubles: no submit brings what is settled and reserved above a cap."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from engine.test_any_night import KEYS, in_order
from hypothesis import given, settings
from hypothesis import strategies as st
from support.books import ON_INTENT, read_books
from support.builders_engine import (
    OK,
    Ask,
    FakeGateway,
    Script,
    Step,
    lost,
    not_sent,
    refused,
    says,
    status_word,
    web_page,
)
from support.folders import in_memory
from support.night import Crash, Fate, MortalConnection, Night

from pipeline.again import NO_ENDS, UNKNOWN
from pipeline.ledger.connection import Connection, connect
from pipeline.ledger.sqlite import SqliteLedger
from pipeline.model import TakeState
from pipeline.opening import LEDGER_NAME
from pipeline.runner import RunResult

CENT = 100_000_000
LIST_PRICE = 5 * CENT  # a second of 480p, by the vendor's page
NO_CAP = 10**18
FREE_END = status_word("failed", usage={"cost_in_usd_ticks": 0})
DEAR_END = status_word("failed", usage={"cost_in_usd_ticks": 90 * CENT})
MODERATED = {"error": {"message": "Blocked by moderation.", "code": "content_moderation"}}

SUBMITS = [
    OK,
    not_sent(),
    lost(accepted=True),
    lost(accepted=False),
    refused(429, "slow down"),
    refused(400, "bad prompt"),
    says(MODERATED, 400),
    web_page(502),
]
POLLS = [
    OK,
    OK,
    lost(),
    refused(500, "oops"),
    status_word("failed"),
    FREE_END,
    DEAR_END,
    status_word("expired"),
]
ends = st.none() | st.floats(0.1, 60.0) | st.tuples(st.integers(3, 60), st.booleans())


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One run in trouble: its caps in cents, how it ends, and what is asked of it."""

    budget: int | None
    run_budget: int | None
    end: float | tuple[int, bool] | None
    canary: int | None
    resubmits: bool


@dataclass(slots=True)
class BookedNight(Night):
    """A night whose every intent is added up in its own transaction, and once more at the gateway."""

    second_ticks: int = LIST_PRICE  # what is to be paid for a second, whatever figures say
    own_prices: bool = False
    cap: int = NO_CAP
    run_cap: int = NO_CAP
    told: dict[str, int] = field(default_factory=dict)  # by remote id: the least that was said of its cost
    broken: list[str] = field(default_factory=list)

    def connect(self, path: Path) -> Connection:
        inner = connect(path)
        inner.create_function("note_intent", 2, self.note_intent)  # type: ignore[attr-defined]
        return MortalConnection(inner, self.fate, self.ledger_full)

    async def _ledger(self) -> SqliteLedger:
        ledger = await Night._ledger(self)
        ledger._db.execute(ON_INTENT)
        return ledger

    def note_intent(self, batch: int, run: int) -> None:
        if batch > self.cap or run > self.run_cap:
            self.broken.append(f"an intent: {batch} of {self.cap}, {run} of {self.run_cap}")

    # --- the gateway adds up for itself

    def price(self, key: str) -> int:
        return self.second_ticks * next(job["duration"] for job in self.jobs if job["id"] == key)

    def watched_submit(self, script: Script) -> Script:
        def watched(ask: Ask) -> Step | None:
            accepted = sum(
                min(self.price(order.key), self.told.get(order.remote_id, NO_CAP))
                for order in self.gateway.orders.values()
            )
            if accepted + self.price(ask.key) > self.cap:
                self.broken.append(f"a submit: {ask.key} after {accepted} of {self.cap}")
            return script(ask)

        return watched

    def watched_poll(self, script: Script) -> Script:
        """Keeps what a poll may say of the cost. The user's own price is corrected by nothing but a zero."""

        def watched(ask: Ask) -> Step | None:
            step = script(ask)
            figure = 0 if step is FREE_END else self.gateway.ticks(ask.key)
            if figure is not None and ask.remote_id and (step is FREE_END or not self.own_prices):
                self.told[ask.remote_id] = min(figure, self.told.get(ask.remote_id, figure))
            return step

        return watched


@st.composite
def spells(draw: st.DrawFn) -> Spell:
    cents = st.none() | st.integers(1, 250)
    return Spell(
        budget=draw(cents),
        run_budget=draw(cents),
        end=draw(ends),
        canary=draw(st.sampled_from([None, None, 1, 2])),
        resubmits=draw(st.booleans()),
    )


@pytest.mark.slow
@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    seconds=st.lists(st.integers(1, 15), min_size=1, max_size=5),
    own_cents=st.none() | st.integers(1, 20),
    ratios=st.lists(st.sampled_from([None, 0, 0.5, 1, 1.05, 1.3, 1.5, 3]), min_size=5, max_size=5),
    submit=st.lists(st.sampled_from(SUBMITS), max_size=8),
    poll=st.lists(st.sampled_from(POLLS), max_size=8),
    troubled=st.lists(spells(), min_size=1, max_size=4),
)
def test_any_budget(
    seconds: list[int],
    own_cents: int | None,
    ratios: list[float | None],
    submit: list[Step],
    poll: list[Step],
    troubled: list[Spell],
) -> None:
    """Nothing is sent above a cap; what is above it afterwards, figures above their estimates explain."""
    jobs = [{"id": key, "duration": length} for key, length in zip(KEYS, seconds, strict=False)]
    with in_memory() as folder:
        night = a_booked_night(folder, jobs, own_cents, dict(zip(KEYS, ratios, strict=True)))
        night.gateway.submit = night.watched_submit(in_order(submit))
        night.gateway.poll = night.watched_poll(in_order(poll))
        for spell in troubled:
            result = one_run(night, spell)
            night.sleep(10)
            assert night.broken == []
            the_books_are_right(night, troubled)
            if result is not None:
                nothing_is_held_in_silence(night, result)


def a_booked_night(
    folder: Path, jobs: list[dict[str, Any]], own_cents: int | None, ratios: dict[str, float | None]
) -> BookedNight:
    """`ratios`: of each job's figure to its price, or None for no figure."""
    night = BookedNight(folder, jobs, provider="xai", head={"brake": "off"})
    if own_cents is not None:
        night.head["prices"] = {"*": {"second": own_cents / 100}}
        night.own_prices, night.second_ticks = True, own_cents * CENT

    def figure(key: str) -> int | None:
        ratio = ratios[key]
        return None if ratio is None else round(night.price(key) * ratio)

    night.gateway = FakeGateway(ticks=figure)
    return night


def one_run(night: BookedNight, spell: Spell) -> RunResult | None:
    """None: it died."""
    night.cap = NO_CAP if spell.budget is None else spell.budget * CENT
    night.run_cap = NO_CAP if spell.run_budget is None else spell.run_budget * CENT
    night.run_budget_ticks = None if spell.run_budget is None else night.run_cap
    night.limits = {} if spell.budget is None else {"budget_usd": spell.budget / 100}
    night.canary, night.again = spell.canary, UNKNOWN if spell.resubmits else NO_ENDS
    night.edit(night.jobs)
    if not isinstance(spell.end, tuple):
        return night.run(signal_at=spell.end)
    try:
        return night.run(fate=Fate(*spell.end))
    except Crash:
        return None


def the_books_are_right(night: BookedNight, troubled: Sequence[Spell]) -> None:
    """The ledger's sums are those of its rows, and the excess over all caps is that of the figures."""
    if not night.takes_exist() or (books := read_books(night.batch / LEDGER_NAME)) is None:
        return
    assert books.kept_by_run == books.by_run
    caps = [NO_CAP if spell.budget is None else spell.budget * CENT for spell in troubled]
    assert books.counted_ticks - max(caps) <= books.excess_ticks


def nothing_is_held_in_silence(night: BookedNight, result: RunResult) -> None:
    held = [take for take in night.takes() if take.state is TakeState.HELD]
    assert result.exit_code in (0, 1, 3, 4, 130)
    assert all(re.match("(budget|price|canary): ", take.reason or "") for take in held)
    if held:
        assert result.exit_code in (3, 4, 130)
