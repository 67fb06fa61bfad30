"""What a run looks at between its plan and the first request: money, and whether the key is the same."""

from __future__ import annotations

import secrets

from pipeline.config import Settings
from pipeline.errors import UsageError
from pipeline.ledger.base import Ledger, Outlay
from pipeline.money import Caps, usd_text
from pipeline.stages.base import Record

MOST_REMADE = 10  # finished jobs that are made anew without a question


def weigh(outlay: Outlay, caps: Caps, batch_ticks: int, *, remake: bool) -> tuple[str, ...]:
    """What a person should know of the money. Raises UsageError where nothing may be sent.

    `batch_ticks`: spent and reserved by the batch so far.
    """
    if caps.any and outlay.unpriced:
        raise UsageError(
            f"no price is known for {_jobs(outlay.unpriced)}, such as {outlay.unpriced_key!r}: no budget can"
            " be kept. Put what you pay into `prices:`, or leave the budget out"
        )
    if outlay.remade > MOST_REMADE and not remake:
        raise UsageError(
            f"{_jobs(outlay.remade)} that have their clips ask for something else than before, and would be"
            " made and paid anew: `nightreel plan` shows which. Say --remake if you mean it"
        )
    if caps.batch_ticks is None or batch_ticks + outlay.ticks <= caps.batch_ticks:
        return ()
    left = usd_text(max(0, caps.batch_ticks - batch_ticks))
    costs = f"what is to be sent costs {usd_text(outlay.ticks)}"
    return (f"{costs}, and the batch's budget has {left} left: what does not fit is held",)


async def look_at_key(ledger: Ledger, settings: Settings, record: Record, key_env: str) -> None:
    """Say so when the key is another than takes in flight were sent with; polls go on."""
    if settings.simulated:
        return
    known = await ledger.key_check(settings.origin)
    if known is not None and settings.key.digest(known[0]) == known[1]:
        return
    in_flight = await ledger.in_flight(0.0)
    if known is not None and in_flight:
        why = (
            f"{key_env} is another key than before: {_jobs(len(in_flight))} in flight were sent with that"
            " one, and the gateway may refuse to tell of them"
        )
        record.trouble("key.changed", why)
    salt = secrets.token_hex(16)
    await ledger.set_key_check(settings.origin, salt, settings.key.digest(salt))


def _jobs(count: int) -> str:
    return f"{count} job{'s' * (count != 1)}"
