"""Which ends a run is asked to try again: `--retry failed,expired`. Pure."""

from __future__ import annotations

from pipeline.errors import UsageError
from pipeline.model import TakeState

Ends = frozenset[TakeState]

ALL_ENDS: Ends = frozenset({TakeState.FAILED, TakeState.EXPIRED, TakeState.REJECTED})
"""What `all` means. A moderated input is refused again, perhaps at a price, so it must be named."""

RETRIED = (TakeState.REJECTED, TakeState.FAILED, TakeState.EXPIRED, TakeState.MODERATED)
NO_ENDS: Ends = frozenset()
UNKNOWN: Ends = frozenset({TakeState.UNKNOWN})
"""What `--resubmit-unknown` adds."""


def ends_named(text: str) -> Ends:
    """The ends in a list such as `failed,expired`. Raises UsageError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = {state.value: frozenset({state}) for state in RETRIED} | {"all": ALL_ENDS}
    ends: Ends = frozenset()
    for word in words:
        if word not in known:
            hint = "; --resubmit-unknown sends unknown takes again" if word == TakeState.UNKNOWN else ""
            raise UsageError(f"--retry does not know {word!r}; it knows {', '.join(known)}{hint}")
        ends |= known[word]
    if not words:
        raise UsageError(f"--retry wants to know what to try again: {', '.join(known)}")
    return ends
