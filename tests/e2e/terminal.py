"""A command on a terminal of its own, with somebody in front of it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

from support.command import NIGHTREEL, Desk, Ended


def on_a_terminal(desk: Desk, *words: str | Path, typed: str = "") -> tuple[str, Ended]:
    """All that a terminal of 120 columns on stderr was sent, and how the command ended. `typed`: ahead."""
    near, far = pty.openpty()
    try:
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
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
