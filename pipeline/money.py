"""Money is whole ticks; dollars appear only where people write or read them.

What a clip costs before it is sent (`Price`), and what a take counts against a budget (`spent`). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pipeline.model import TICKS_PER_USD, Take, TakeState

ANY = "any"
"""Stands for every resolution that a price does not name."""

_S = TakeState
_UNSENT = frozenset({_S.PLANNED, _S.HELD, _S.BLOCKED})
_WITHOUT_A_CLIP = frozenset({_S.FAILED, _S.EXPIRED, _S.MODERATED})
_WITH_A_CLIP = frozenset({_S.DONE, _S.MISSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in ticks: the sum of its parts. A second of 480p and one of 1080p differ.

    `source`: where it stands, and of when it is.
    """

    clip: int = 0  # each, however long
    second: Mapping[str, int] = field(default_factory=dict)  # of the clip, by resolution
    picture: int = 0  # each that is sent
    source_second: int = 0  # of the video that an edit or extension starts from
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most that may be settled and reserved, in ticks. None: no cap."""

    batch_ticks: int | None = None  # for the batch's whole life
    run_ticks: int | None = None  # by this run's own submits
    elsewhere_ticks: int = 0  # what other batches of this run have settled and reserved of that
    month_ticks: int | None = None  # by all batches on this account, in one calendar month (UTC)

    @property
    def any(self) -> bool:
        return (self.batch_ticks, self.run_ticks, self.month_ticks) != (None, None, None)


NO_CAPS = Caps()


def ticks_of(usd: float) -> int:
    """Dollars, as a person wrote them, in ticks."""
    return int((Decimal(repr(usd)) * TICKS_PER_USD).to_integral_value())


def usd_text(ticks: int) -> str:
    """Ticks as dollars: cents at least, and as many digits more as the figure needs."""
    whole, rest = divmod(abs(ticks), TICKS_PER_USD)
    digits = f"{rest:010d}".rstrip("0").ljust(2, "0")
    return f"{'-' * (ticks < 0)}${whole}.{digits}"


def spent(take: Take) -> int:
    """What a take counts against a budget: settled where its charge is known, else what is reserved for it.

    A price that the user gave goes before the gateway's figure, which may not be the charge. What was refused
    frees its reservation; what ended otherwise without a clip keeps it, unless the gateway gave a figure.
    """
    if take.state in _UNSENT or take.reused_from is not None:  # that batch has paid
        return 0
    if take.state is _S.REJECTED:
        return take.cost_ticks or 0
    free = take.cost_ticks == 0 and take.state in _WITHOUT_A_CLIP
    if take.cost_ticks is not None and (free or not take.own_price):
        return take.cost_ticks
    reserved = take.estimate_ticks if take.state in _WITH_A_CLIP else take.reserved_ticks
    return reserved or 0


def is_settled(take: Take) -> bool:
    """Whether what it counts is its charge, and not a reservation."""
    figure = take.cost_ticks is not None and not take.own_price
    return figure or take.state in _UNSENT | _WITH_A_CLIP | {_S.REJECTED} or spent(take) == 0
