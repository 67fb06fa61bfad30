"""The deadline at work: what could not come home in time is not sent, and at the end all is cut.

Shared by the submit stage and the runner. The rule itself: pipeline/deadline.py.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio

from pipeline.clock import Clock
from pipeline.deadline import Deadline, in_words
from pipeline.model import Take, TakeState
from pipeline.stages.base import Record, Switches


class Curfew:
    """Keeps one batch to its run's deadline, if there is one.

    `longest_s`: how long a take may take to render, nearly always; `usual_s`: any, by its provider.
    """

    def __init__(
        self,
        deadline: Deadline | None,
        record: Record,
        switches: Switches,
        clock: Clock,
        longest_s: Callable[[Take], float],
        usual_s: float,
    ) -> None:
        self._deadline = deadline
        self._record = record
        self._switches = switches
        self._clock = clock
        self._longest_s = longest_s
        self._least_s = usual_s  # that anything may take, as far as we have met it
        self.held_some = False
        self.why: str | None = None  # something was held, or cut
        self.is_over = False  # polls and downloads were cut

    async def keep(self, take: Take) -> Take:
        """The take, held where it is too late for it. Where it is too late for any, all the rest is."""
        if self._deadline is None:
            return take
        longest_s = self._longest_s(take)
        self._least_s = min(self._least_s, longest_s)
        if not self._is_too_late(longest_s):
            return take
        if self._is_too_late(self._least_s):
            self._switches.hold(self._why(longest_s))
            return take
        self.held_some, self.why = True, self._why(longest_s)
        return await self._record.end(take, TakeState.HELD, self.why)

    def _is_too_late(self, longest_s: float) -> bool:
        return self._deadline is not None and self._deadline.is_too_late(self._clock.monotonic(), longest_s)

    def _why(self, longest_s: float) -> str:
        assert self._deadline is not None, "nothing is too late without a deadline"
        return f"deadline {self._deadline.text}: a clip may take {in_words(longest_s)}, and less is left"

    async def watch(self, cut: Callable[[str], None], sends: bool) -> None:
        """At the deadline nobody waits to send any more; and after its grace, `cut` what is under way."""
        if self._deadline is None:
            return
        text, grace = self._deadline.text, in_words(self._deadline.grace_s)
        await self._until(self._deadline.at)
        if sends:
            self._switches.hold(f"deadline {text} is reached; for {grace} more, clips are brought home")
        await self._until(self._deadline.over_at)
        self.is_over, self.why = True, f"deadline {text} and {grace} of grace are over"
        cut(self.why)

    async def _until(self, at: float) -> None:
        await anyio.sleep(max(0.0, at - self._clock.monotonic()))  # it may have passed as the run was planned
