"""How long to wait after something failed: pure decisions, no sleeping."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_HINT_S = 600.0  # no gateway may send us to sleep for longer; then one probe


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential growth from `base_s`, never above `cap_s`."""

    base_s: float
    cap_s: float


SUBMIT_BACKOFF = Backoff(1.0, 60.0)
POLL_BACKOFF = Backoff(2.0, 60.0)
DOWNLOAD_BACKOFF = Backoff(0.5, 30.0)


def retry_delay(tries: int, policy: Backoff, rng: random.Random, hint_s: float | None = None) -> float:
    """Seconds to wait after `tries` failed tries (from 1): the server's hint, and jitter on top.

    The hint is cut at 10 minutes. Without one, half of the exponential step is fixed and half is
    chance, so that nobody comes back at once and nobody comes back together.
    """
    step = min(policy.cap_s, policy.base_s * 2.0 ** min(tries - 1, 32))  # huge powers overflow
    if hint_s is not None:
        return min(max(hint_s, 0.0), MAX_HINT_S) + rng.uniform(0.0, min(step, policy.base_s))
    return rng.uniform(step / 2, step)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait according to a `Retry-After` header; None if it says nothing usable.

    `now` is UTC seconds since the epoch. Takes delta-seconds or an HTTP date; a past date gives 0.0.
    Source: RFC 9110, section 10.2.3.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 12 else MAX_HINT_S
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000" means UTC without a statement about the place
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(now, UTC)).total_seconds())
