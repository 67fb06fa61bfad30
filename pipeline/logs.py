"""The log of a batch: one JSON line per change of state or trouble, in `log.jsonl`.

A listener to events, nothing more. Keys and the signed part of links never get in. A log that cannot be
written (disk full) must not stop a run that holds paid clips: its lines are dropped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from pipeline.asked import asked_of
from pipeline.clock import utc_text
from pipeline.events import (
    Draining,
    Event,
    JobRenamed,
    LedgerSaved,
    Paused,
    RunEnded,
    RunStarted,
    TakeMoved,
    TakesHeld,
    Trouble,
)
from pipeline.model import Take, TakeState
from pipeline.secret import LEAST, Secret
from pipeline.shown import shown_json

_USER = re.compile(r"(https?://)[^\s/?#\"]*@", re.IGNORECASE)
_TELLING = re.compile(r"https?://[^\s\"]*[?#@]", re.IGNORECASE)
_QUERY = re.compile(r"(https?://[^\s?#\"]+)[?#][^\s\"]*", re.IGNORECASE)


class JsonLog:
    """Writes events to a file, redacted."""

    def __init__(self, path: Path, key: Secret | None, wall: Callable[[], float]) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._file: BinaryIO = os.fdopen(fd, "ab", buffering=0)
        self._wall = wall
        self._log = structlog.wrap_logger(
            _Lines(self._file),
            processors=[self._stamp, Redactor(key)],
            wrapper_class=structlog.BoundLogger,
        ).bind()  # once: else each line would make a logger of its own

    def close(self) -> None:
        self._file.close()

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                counts = {state.value: count for state, count in event.counts.items()}
                place = {"batch": event.batch, "provider": event.provider, "origin": event.origin}
                self._log.info("run.started", **place, takes=counts)
            case TakeMoved(take=take):
                begins = take.state is TakeState.SUBMITTING or event.before is TakeState.PLANNED
                asked = {"asked": asked_of(take.job)} if begins else {}
                self._log.info(f"take.{take.state}", **_facts(take), before=event.before.value, **asked)
            case Trouble():
                facts = {} if event.take is None else _facts(event.take)
                self._log.warning(event.event, **facts | {"reason": event.message})
            case Paused():
                self._log.warning("run.paused", reason=event.reason, exit_code=event.exit_code)
            case TakesHeld():
                self._log.warning("run.held", reason=event.reason, count=event.count)
            case Draining():
                self._log.info("run.draining", reason=event.reason)
            case JobRenamed():
                self._log.info("job.renamed", job=event.old, to=event.new)
            case LedgerSaved():
                self._log.info("ledger.saved", run=event.run)
            case RunEnded():
                self._log.info("run.ended", exit_code=event.exit_code, seconds=round(event.seconds, 3))

    def _stamp(self, _logger: WrappedLogger, level: str, event: EventDict) -> EventDict:
        return {"at": utc_text(self._wall()), "level": level, **event}


def _facts(take: Take) -> dict[str, Any]:
    """The fields of a take under the names that the ledger uses: all that a lost ledger is made of again."""
    facts = {
        "job": take.job.key,
        "take": take.number,
        "fingerprint": take.fingerprint,
        "provider": take.provider,
        "origin": take.origin,
        "credential": None if take.origin is None else take.credential,
        "remote_id": take.remote_id,
        "estimate_ticks": take.estimate_ticks,
        "own_price": take.own_price or None,
        "reserved_ticks": take.reserved_ticks,
        "cost_ticks": take.cost_ticks,
        "reason": take.reason,
        "sha256": take.sha256,
        "size_bytes": take.size_bytes,
        "reported_s": take.reported_s,
        "reused_from": take.reused_from,
    }
    return {name: value for name, value in facts.items() if value is not None}


class Redactor:
    """Renders an event as JSON, without the key in any text, and links without what may be a signature."""

    def __init__(self, key: Secret | None) -> None:
        self._key = key

    def __call__(self, _logger: WrappedLogger, _level: str, event: EventDict) -> str:
        line = shown_json(event, indent=None)
        return line if self._is_harmless(line) else shown_json(self._clean(event), indent=None)

    def text(self, value: str) -> str:
        text = (self._key.hidden_in(value) if self._key is not None else value) or ""
        return _QUERY.sub(r"\1?***", _USER.sub(r"\1***@", text))

    def _is_harmless(self, line: str) -> bool:
        """A look at the whole line, as most have nothing to hide: no link but to a plain path, no key."""
        if "\\" in line or _TELLING.search(line):  # a key may be broken by what is escaped here
            return False
        return self._key is None or (len(self._key) >= LEAST and self._key.hidden_in(line) == line)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self._clean(inner) for name, inner in value.items()}
        return [self._clean(inner) for inner in value] if isinstance(value, list) else value


class _Lines:
    """The logger at the bottom: a line is one write."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def info(self, line: str) -> None:
        try:
            self._file.write(line.encode("utf-8", "replace") + b"\n")
        except OSError:
            return  # the ledger is the record, not this file

    warning = info
