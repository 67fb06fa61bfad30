"""Who shows a run to a person, on stderr: a few live lines on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import anyio

from pipeline.cli.lines import Loudness, comes_and_goes, said
from pipeline.cli.live import LiveFace
from pipeline.cli.screen import Screen, can_redraw
from pipeline.events import Event, Trouble
from pipeline.shown import shown

SELDOM_S = 60.0  # between two lines about the same state that comes and goes


class Face(Protocol):
    """Shows events to a person."""

    def __call__(self, event: Event, batch: str = "") -> None:
        """`batch`: to name it in front of the message, where several are run."""

    async def keep(self) -> None:
        """Draw again and again what changes; until it is cancelled, if there is anything to draw."""

    def close(self) -> None: ...


class PlainFace:
    """A line per event, for files, pipes and cron mail. Written plainly: drawing costs more than the job."""

    def __init__(
        self, loudness: Loudness = Loudness.NORMAL, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._loudness = loudness
        self._monotonic = monotonic
        self._said_at: dict[tuple[str, str], float] = {}

    def __call__(self, event: Event, batch: str = "") -> None:
        line = said(event, self._loudness, batch)
        if line is not None and not self._was_said(event, batch):
            print(line.plain, file=sys.stderr, flush=True)

    def _was_said(self, event: Event, batch: str) -> bool:
        """Whether a state that comes and goes was told of a moment ago."""
        if not isinstance(event, Trouble) or not comes_and_goes(event):
            return False
        now, name = self._monotonic(), (batch, event.event)
        if now - self._said_at.get(name, -SELDOM_S) < SELDOM_S:
            return True
        self._said_at[name] = now
        return False

    async def keep(self) -> None:
        """What was said stands."""

    def close(self) -> None:
        """Nothing is open."""


class Patient:
    """Shows events while somebody looks: a run that holds paid clips does not end with its reader."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._gone = False

    def __call__(self, event: Event, batch: str = "") -> None:
        if not self._gone:
            try:
                self._face(event, batch)
            except OSError:  # broken pipe, full disk, closed terminal
                self._leave()

    async def keep(self) -> None:
        try:
            await self._face.keep()
        except OSError:
            self._leave()
        except Exception as exc:  # a fault of ours in a picture must not end what is paid for
            with suppress(OSError):
                print(f"the display failed ({shown(exc)}); the run goes on", file=sys.stderr)

    def close(self) -> None:
        if not self._gone:
            try:
                self._face.close()
            except OSError:
                self._leave()

    def _leave(self) -> None:
        """Everything later goes nowhere, also what Python still holds for stderr when it leaves."""
        self._gone = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())
        os.close(nowhere)


def face(loudness: Loudness = Loudness.NORMAL, *, live: bool = True) -> Face:
    """The right one for where stderr goes. `live`: may redraw, on a terminal that can."""
    redraws = live and loudness is not Loudness.QUIET and can_redraw(sys.stderr, os.environ)
    return Patient(LiveFace(Screen(), loudness) if redraws else PlainFace(loudness))


@asynccontextmanager
async def kept(face: Face) -> AsyncGenerator[None, None]:
    """Has the face drawn while the body works. What the body raises comes out as it is, not in a group."""
    raised: Exception | None = None
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(face.keep)
            try:
                yield
            except Exception as exc:
                raised = exc
            group.cancel_scope.cancel()
    finally:
        face.close()
    if raised is not None:
        raise raised
