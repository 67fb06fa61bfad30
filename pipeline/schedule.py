"""When to ask about a take by the provider's advice alone. What a run learns beyond it: polling/.

Pure: ages are seconds since acceptance.
"""

from __future__ import annotations

from pipeline.providers.base import PollAdvice


def poll_gap_s(age_s: float, advice: PollAdvice) -> float:
    """Seconds from one poll to the next for a take of this age: a share of the age, within bounds."""
    if age_s < advice.first_s:
        return max(advice.first_s - age_s, advice.min_s)
    return min(max(age_s * advice.growth, advice.min_s), advice.max_s)
