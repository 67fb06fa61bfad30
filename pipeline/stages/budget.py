"""What a run may spend: a reservation with every intent, and a look at what the gateway really charges.

Shared by the submit stage and the runner. Rules: docs/money.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio

from pipeline.clock import month_text
from pipeline.events import Event, TakeMoved
from pipeline.ledger.base import Account, Ledger, OverCapError
from pipeline.model import Take, TakeState
from pipeline.money import Caps, usd_text
from pipeline.stages.base import ENDED_BEFORE, Record, Switches

WARN_AT = 0.1  # a gateway's figure so far off its estimate is told, and later reservations follow it
STOP_AT = 0.5  # so far above it, nothing more is sent


class RunBudget:
    """What all batches of one run may spend together (`--budget`): one of them at a time reserves."""

    def __init__(self, ledgers: Sequence[Ledger]) -> None:
        self._ledgers = ledgers
        self._turn = anyio.Lock()

    @asynccontextmanager
    async def turn(self, ledger: Ledger, caps: Caps) -> AsyncIterator[Caps]:
        """The caps, with what this run's other batches have settled and reserved so far."""
        async with self._turn:
            spent = [(await other.spent())[1] for other in self._ledgers if other is not ledger]
            yield replace(caps, elsewhere_ticks=sum(spent))


class Budget:
    """Reserves before each submit, or holds everything that is left. Listens for the gateway's figures."""

    def __init__(
        self,
        caps: Caps,
        account: Account | None,
        record: Record,
        switches: Switches,
        run_budget: RunBudget | None = None,
    ) -> None:
        """`run_budget`: shared with other batches of the same run."""
        self._caps = caps
        self._account = account
        self._run_budget = run_budget
        self._record = record
        self._switches = switches
        self._turn = anyio.Lock()
        self._dearer: dict[str, tuple[int, int]] = {}  # by model: the highest figure, and its estimate
        self._cheaper: set[str] = set()  # models of which it was told that they cost less than expected

    async def intend(self, take: Take, *, intent_at: float, **facts: Any) -> Take | None:
        """The take with its intent on record and its money reserved; None: a cap is reached."""
        facts |= {"intent_at": intent_at, "reserved_ticks": self._reservation(take)}
        try:
            if self._run_budget is None or self._caps.run_ticks is None:
                return await self._intend(take, self._caps, facts)
            async with self._run_budget.turn(self._record.ledger, self._caps) as caps:
                return await self._intend(take, caps, facts)
        except OverCapError as exc:
            self._switches.hold(f"budget: {exc}")
            return None

    async def _intend(self, take: Take, caps: Caps, facts: Mapping[str, Any]) -> Take:
        if caps.month_ticks is None or self._account is None:
            return await self._record.intend(take, caps, **facts)
        async with self._turn:  # what is reserved for the month and what is on record must not pass
            spent, month = await self._record.ledger.spent_by_month(), month_text(facts["intent_at"])
            await self._account.reserve(spent, month, facts["reserved_ticks"] or 0, caps.month_ticks)
            return await self._record.intend(take, caps, **facts)

    async def publish(self) -> None:
        """Tell other batches of the account what this one has spent."""
        if self._account is not None:
            async with self._turn:
                await self._account.publish(await self._record.ledger.spent_by_month())

    def _reservation(self, take: Take) -> int | None:
        dearer = self._dearer.get(_model(take))
        if take.estimate_ticks is None or take.own_price or dearer is None:
            return take.estimate_ticks
        figure, estimate = dearer
        return -(-take.estimate_ticks * figure // estimate)

    def hear(self, event: Event) -> None:
        """Compare each figure with its estimate, as clips become ready."""
        if not isinstance(event, TakeMoved) or event.take.state is not TakeState.READY:
            return
        if event.before in ENDED_BEFORE:  # an old figure, of what was paid then
            return
        take = event.take
        if take.cost_ticks is not None and take.estimate_ticks and not take.own_price:
            self._compare(take, take.cost_ticks, take.estimate_ticks)

    def _compare(self, take: Take, figure: int, estimate: int) -> None:
        off = figure - estimate
        if abs(off) <= WARN_AT * estimate or not self._is_news(_model(take), figure, estimate):
            return
        what = f"{usd_text(figure)} for {_model(take)}, {usd_text(estimate)} was expected"
        if off > 0:
            self._dearer[_model(take)] = (figure, estimate)
        if off > STOP_AT * estimate:
            self._switches.hold(f"price: the gateway charges {what}; put what you pay into `prices:`")
        else:
            self._record.trouble("price.drifted", f"the gateway charges {what}", take)

    def _is_news(self, model: str, figure: int, estimate: int) -> bool:
        """Dearer than any before; or cheaper for the first time, as nothing follows from that."""
        if figure < estimate:
            known_cheaper = model in self._cheaper
            self._cheaper.add(model)
            return not known_cheaper
        known, its_estimate = self._dearer.get(model, (1, 1))
        return figure * its_estimate > known * estimate


def _model(take: Take) -> str:
    return take.job.model or "the default model"
