"""Money is whole ticks; dollars appear only where people read them."""

from __future__ import annotations

from pipeline.model import TICKS_PER_USD


def usd_text(ticks: int) -> str:
    """Ticks as dollars: cents at least, and as many digits more as the figure needs."""
    whole, rest = divmod(ticks, TICKS_PER_USD)
    digits = f"{rest:010d}".rstrip("0").ljust(2, "0")
    return f"${whole}.{digits}"
