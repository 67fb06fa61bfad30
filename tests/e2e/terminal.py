"""A command on a terminal of its own, with somebody in front of it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.command import DEADLINE_S, NIGHTREEL, Desk, Ended


def on_a_terminal(desk: Desk, *words: str | Path, typed: str = "") -> tuple[str, Ended]:
    """All that a terminal of 120 columns on stderr was sent, and how the command ended. `typed`: ahead."""
    near, far = pty.openpty()
    try:
        _resize(far, 120, 40)
        command = [os.fspath(word) for word in (NIGHTREEL, *words)]
        with subprocess.Popen(
            command, cwd=desk.folder, env=desk.clean_env, stdin=far, stdout=subprocess.PIPE, stderr=far
        ) as process:
            os.write(near, typed.encode())
            os.close(far)
            screen = b""
            while data := read_terminal(near):
                screen += data
            out = process.communicate(timeout=10)[0].decode()
    finally:
        os.close(near)
    return screen.decode(), Ended(code=process.returncode, out=out, err="", seconds=0.0)


def read_terminal(terminal: int) -> bytes:
    """The next bytes; none once nobody has the other end open any more."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # EIO, which is how Linux says it
        return b""


class Seat:
    """Somebody in front of a window that a command is drawn in; its size may change meanwhile."""

    def __init__(self, near: int, process: subprocess.Popen[bytes]) -> None:
        self._near = near
        self.process = process
        self.screen = ""

    def until(self, text: str, deadline_s: float = DEADLINE_S) -> str:
        """All that came from now on, up to and with `text`."""
        begin, stop = len(self.screen), time.monotonic() + deadline_s
        while text not in self.screen[begin:]:
            ready, _, _ = select.select([self._near], [], [], max(0.0, stop - time.monotonic()))
            data = read_terminal(self._near) if ready else b""
            assert data, f"{text!r} did not come; this did: {self.screen[begin:]!r}"
            self.screen += data.decode(errors="replace")
        return self.screen[begin:]

    def rest(self) -> str:
        """Whatever comes until the command has left."""
        begin = len(self.screen)
        while data := read_terminal(self._near):
            self.screen += data.decode(errors="replace")
        return self.screen[begin:]

    def resize(self, columns: int, rows: int) -> None:
        _resize(self._near, columns, rows)


@contextmanager
def seat(desk: Desk, *words: str | Path, columns: int = 80, rows: int = 24) -> Iterator[Seat]:
    """A command with both of its outputs in a window."""
    near, far = pty.openpty()
    try:
        _resize(far, columns, rows)
        command = [os.fspath(word) for word in (NIGHTREEL, *words)]
        with subprocess.Popen(
            command, cwd=desk.folder, env=desk.clean_env, stdin=subprocess.DEVNULL, stdout=far, stderr=far
        ) as process:
            os.close(far)
            try:
                yield Seat(near, process)
            finally:
                process.kill()
    finally:
        os.close(near)


def _resize(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
