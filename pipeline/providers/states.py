"""The words in which gateways say how far a job is, and which of several in one answer counts.

The set is open: a word that is not here means nothing, and the caller takes the job as still running. Words:
docs/provider-apis.md, "Poll answers".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.providers.base import PollVerdict
from pipeline.providers.wire import plain

_RUNNING, _READY, _FAILED, _EXPIRED = (
    PollVerdict.RUNNING,
    PollVerdict.READY,
    PollVerdict.FAILED,
    PollVerdict.EXPIRED,
)
STATUS_WORDS: Mapping[str, PollVerdict] = {
    # xAI, CometAPI (both forms), GlobalAiOpc, and the synonyms of their relatives.
    **dict.fromkeys(("queued", "pending", "starting", "in_queue", "not_start", "submitted"), _RUNNING),
    **dict.fromkeys(("processing", "in_progress", "running"), _RUNNING),
    **dict.fromkeys(("done", "success", "succeeded", "completed"), _READY),
    **dict.fromkeys(("failed", "failure", "error", "cancelled", "canceled", "aborted"), _FAILED),
    "expired": _EXPIRED,
}
BAD_ENDS = frozenset({_FAILED, _EXPIRED})


def meaning(word: str | None) -> PollVerdict | None:
    """What a status word means; None for no word, and for one that nobody has documented."""
    return STATUS_WORDS.get(word.lower().replace("-", "_").replace(" ", "_")) if word else None


def status_of(levels: Sequence[Mapping[str, object]]) -> str | None:
    """The word that counts: the innermost in lower case, else the outermost.

    An outer failure wins over an inner word that is not final: the gateway gave up on a job that its
    upstream never ended. A number is HTTP's, unless there is nothing else.
    """
    words = _words(levels)
    if not words:
        return None
    chosen = next((word for word in reversed(words) if word.islower()), words[0])
    lost = meaning(words[0]) in BAD_ENDS and meaning(chosen) in (None, _RUNNING)
    return words[0] if lost else chosen


def goes_on_inside(levels: Sequence[Mapping[str, object]]) -> bool:
    """Whether the innermost word says that the job runs: an outer `success` is then only the call's."""
    words = _words(levels)
    return bool(words) and meaning(words[-1]) is _RUNNING


def _words(levels: Sequence[Mapping[str, object]]) -> list[str]:
    """Every status, outermost first."""
    statuses = [level.get("status") for level in levels]
    texts = [word for status in statuses if (word := plain(status, 60))]
    numbers = [str(status) for status in statuses if type(status) is int]
    return texts or numbers
