"""`--notify`: what is told while a run works, and how it ended, by whatever services somebody named.

A run tells once that it needs somebody for each kind of need, and once how it ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.advice import advice
from pipeline.cli.endings import Takes, batches_text, cut, end_body, end_title, exit_text
from pipeline.cli.env import NOTIFY_ENV
from pipeline.events import Event, Paused, RunStarted, TakeMoved
from pipeline.model import TakeState
from pipeline.notify import LAST_WAIT_S, Notifier
from pipeline.runner import SIGNAL_EXIT
from pipeline.shown import shown
from pipeline.together import RunsResult, exit_code_of

INTERRUPTED = frozenset(SIGNAL_EXIT.values())
SHORT_WAIT_S = 1.5
AS_WISHED = ("deadline ", "budget: ")
"""How reasons begin that stop a run as somebody wished: nobody is needed for that."""


def notify_urls(named: Sequence[str] | None, env: Mapping[str, str]) -> list[str]:
    """Those of the options, else those of the environment, with blanks in between."""
    return list(named or env.get(NOTIFY_ENV, "").split())


class News:
    """Listens to a run, and tells by `notifier`."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._told: set[str] = set()
        self._folders: dict[str, Path] = {}

    def hear(self, batch: str, event: Event) -> None:
        match event:
            case RunStarted(folder=folder):
                self._folders[batch] = folder.absolute()
            case Paused(reason=reason, exit_code=3):
                self._need("gateway", batch, f"the gateway cannot be used: {cut(reason)}")
            case Paused(reason=reason) if not reason.startswith(AS_WISHED):
                self._need("stopped", batch, f"nothing more is sent: {cut(reason)}")
            case TakeMoved(take=take) if take.state is TakeState.UNKNOWN:
                what = advice(take, self._folders.get(batch, Path(batch)))
                self._need("unknown", batch, f"{take.job.key}: {cut(take.reason or '')}", what or "")

    def _need(self, kind: str, batch: str, *lines: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._notifier.send(shown(f"nightreel needs you: {batch}"), "\n".join(map(shown, lines)))

    def ended(self, result: RunsResult, takes: Takes) -> None:
        what = batches_text(result.batches) if result.batches else "nothing was run"
        self._notifier.send(end_title(what, result.exit_code), end_body(result, takes))

    def failed(self, error: Exception) -> None:
        """Nothing could be started, or it ended by a fault of ours."""
        title = f"nightreel: not run to its end: {exit_text(exit_code_of(error))}"
        self._notifier.send(title, shown(cut(str(error))))

    def close(self, code: int) -> list[str]:
        """What could not be delivered. Whoever sent a signal waits for an end within ten seconds."""
        return self._notifier.close(SHORT_WAIT_S if code in INTERRUPTED else LAST_WAIT_S)
