"""The real command, made to kill itself: with SIGKILL, at a named point or after some time.

Started once, it imports the command and then forks a child for each line on stdin, so that a thousand runs
do not import everything a thousand times. A line is JSON: `words`, `folder`, `env`, and `said`, the stem of
two files for stdout and stderr. The exit code comes back as a line (-9: killed). The environment may say:

    CRASH_AT=after-intent:3     die at the third time this point is passed (POINTS)
    CRASH_AT=time:0.35          die after so many seconds
    CRASH_FAULT=resend          behave wrongly, to show that the harness would notice (FAULTS)

The product has no hooks for this. What is watched is what it asks of others: SQLite, aiohttp, and the `os`
functions that make files durable or give them names. Those are replaced in this process only, before the
command is imported; no private name of the product is needed, and its own lines run unchanged.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import aiohttp

POINTS = {
    "mid-migration": "a statement of a migration has run, and is not committed",
    "before-plan": "a page of jobs is written, and not committed",
    "before-intent": "the intent of a submit is written, and not committed",
    "after-intent": "the intent is durable, nothing is sent",
    "mid-post": "a part of the POST, or all of it, has left",
    "after-post": "the gateway has accepted, its answer is not read",
    "before-handle": "the answer is read, the remote id not committed",
    "after-handle": "the remote id is durable",
    "before-ready": "a poll said that there is a clip, which is not committed",
    "mid-download": "half a piece of a clip is in its part file",
    "before-fsync": "a clip is in its part file, perhaps not durably",
    "after-fsync": "it is, and not on record as whole",
    "before-side": "the side file is durable under its temporary name",
    "after-side": "the side file has its name, the clip does not",
    "before-second-name": "an older clip of the name is to be kept",
    "after-second-name": "and has its second name",
    "after-rename": "the clip has its name, perhaps not durably",
    "mid-return": "an older clip comes back: its side file has its old name again, the clip does not",
    "after-return": "it does, and nothing is on record",
    "before-done": "the folder is durable, `done` is not committed",
    "after-done": "it is",
}
FAULTS = {
    "resend": "a submit whose answer was lost is sent again by the next run",
    "done-first": "a take is `done` before its clip has its name",
}

_LEDGER = "ledger.sqlite"
_MIGRATION = ("CREATE ", "ALTER ", "PRAGMA APPLICATION_ID =", "PRAGMA USER_VERSION =")
_BEFORE = {
    "submitting": "before-intent",
    "accepted": "before-handle",
    "ready": "before-ready",
    "done": "before-done",
}
_AFTER = {"submitting": "after-intent", "accepted": "after-handle", "done": "after-done"}

_at, _number, _fault = "", 0.0, ""
_passed: Counter[str] = Counter()
_counting = threading.Lock()


def passing(point: str) -> None:
    """Dies here, if this is where the process is meant to die."""
    assert point in POINTS, point
    if point == _at:
        with _counting:
            _passed[point] += 1
            if _passed[point] == _number:
                die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_later() -> None:
    time.sleep(_number)
    die()


# --- the ledger


_late: list[Callable[[], None]] = []
"""Renames that the fault `done-first` keeps back."""


class WatchedLedger(sqlite3.Connection):
    """Knows which moves a transaction holds."""

    _moves: frozenset[str] = frozenset()

    def execute(self, sql: str, values: Mapping[str, Any] = {}, /) -> sqlite3.Cursor:  # type: ignore[override]
        begun = sql.lstrip().upper()
        if begun.startswith("COMMIT"):
            moves, self._moves = self._moves, frozenset()
            _pass_all(_BEFORE, moves)
            cursor = super().execute(sql, values)
            _pass_all(_AFTER, moves)
            if "done" in moves:
                while _late:
                    _late.pop()()
            return cursor
        if _fault == "resend":
            sql = sql.replace("SET state = 'unknown'", "SET state = 'planned'")
        cursor = super().execute(sql, values)
        if begun.startswith("UPDATE TAKES") and values.get("state") != values.get("before"):
            self._moves |= {values.get("state", "")}
        elif begun.startswith("INSERT INTO TAKES"):
            passing("before-plan")
        elif self.in_transaction and _is_migration(begun):
            passing("mid-migration")
        return cursor


def _is_migration(begun: str) -> bool:
    lines = [line for line in begun.splitlines() if line and not line.startswith("--")]
    return bool(lines) and lines[0].startswith(_MIGRATION)


def _pass_all(points: Mapping[str, str], moves: frozenset[str]) -> None:
    for state in points.keys() & moves:
        passing(points[state])


_connect = sqlite3.connect


def connect(path: Any, *args: Any, **options: Any) -> sqlite3.Connection:
    if os.path.basename(os.fspath(path)) == _LEDGER:
        options["factory"] = WatchedLedger
    return _connect(path, *args, **options)


# --- the wire


def _trace() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()

    async def piece_sent(
        _session: Any, _context: SimpleNamespace, sent: aiohttp.TraceRequestChunkSentParams
    ) -> None:
        if sent.method == "POST":
            passing("mid-post")

    async def answered(_session: Any, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams) -> None:
        if end.method == "POST":
            passing("after-post")

    trace.on_request_chunk_sent.append(piece_sent)
    trace.on_request_end.append(answered)
    return trace


_session_init = aiohttp.ClientSession.__init__


def session_init(self: aiohttp.ClientSession, *args: Any, **options: Any) -> None:
    traces = [*(options.pop("trace_configs", None) or []), _trace()]
    _session_init(self, *args, trace_configs=traces, **options)


# --- files


_parts: set[int] = set()
_open, _close, _pwrite, _fsync = os.open, os.close, os.pwrite, os.fsync
_replace, _link = os.replace, os.link


def open_(path: Any, *args: Any, **options: Any) -> int:
    fd = _open(path, *args, **options)
    if os.fspath(path).endswith(".part"):
        _parts.add(fd)
    return fd


def close(fd: int) -> None:
    _parts.discard(fd)
    _close(fd)


def pwrite(fd: int, data: Any, offset: int) -> int:
    if fd in _parts and _at == "mid-download":
        half = _pwrite(fd, memoryview(data)[: len(data) // 2], offset)
        passing("mid-download")
        return half
    return _pwrite(fd, data, offset)


def fsync(fd: int) -> None:
    if fd in _parts:
        passing("before-fsync")
    _fsync(fd)
    if fd in _parts:
        passing("after-fsync")


def replace(source: Any, target: Any, **options: Any) -> None:
    before, after = os.fspath(source), os.fspath(target)
    if "superseded" in before.split(os.sep):
        _replace(source, target, **options)
        passing("mid-return" if after.endswith(".json") else "after-return")
    elif after.endswith(".json"):
        passing("before-side")
        _replace(source, target, **options)
        passing("after-side")
    elif before.endswith(".part") and after.endswith(".mp4"):
        if _fault == "done-first":
            _late.append(lambda: _replace(source, target, **options))
            return
        _replace(source, target, **options)
        passing("after-rename")
    else:
        _replace(source, target, **options)


def link(source: Any, target: Any, **options: Any) -> None:
    passing("before-second-name")
    _link(source, target, **options)
    passing("after-second-name")


def watch() -> None:
    sqlite3.connect = connect  # type: ignore[assignment]
    aiohttp.ClientSession.__init__ = session_init  # type: ignore[method-assign]
    os.open, os.close, os.pwrite, os.fsync = open_, close, pwrite, fsync
    os.replace, os.link = replace, link


# --- runs


def run(words: list[str], folder: str, env: dict[str, str], said: str) -> None:
    """In the child: the command, as a shell would start it. Never returns."""
    global _at, _number, _fault
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    streams = (os.devnull, os.O_RDONLY), (f"{said}.out", os.O_WRONLY), (f"{said}.err", os.O_WRONLY)
    for number, (path, flags) in enumerate(streams):
        fd = _open(path, flags | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(fd, number)
        _close(fd)
    _at, _, number_text = env.get("CRASH_AT", "").partition(":")
    _number, _fault = float(number_text or 0), env.get("CRASH_FAULT", "")
    assert _at in ("", "time", *POINTS), _at
    assert _fault in ("", *FAULTS), _fault
    if _at == "time":
        threading.Thread(target=_die_later, daemon=True).start()
    code: object = 70
    try:
        command(words)
    except SystemExit as exc:
        code = exc.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 70)


def serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            run(**order)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    watch()
    from pipeline.cli import main as command

    for late in ("anyio._backends._asyncio", "av", "pipeline.cli.resolve", "pipeline.cli.run"):
        import_module(late)  # or every child would
    gc.collect()
    gc.freeze()  # so that children do not copy every page that a collection would touch
    serve()
