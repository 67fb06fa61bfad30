"""Warm starts: `nightreel` in a process of its own, forked from one that has imported all of it already.

Most of what a start takes is imports, and end-to-end tests start the command some hundred times. So each
process of pytest has a server of its own: this file, run as a script. It never runs a command itself and has
one thread, no open file and no connection of anybody. A child of it gets its words, folder, environment and
three streams, and from there on calls and leaves `main` as the installed script does: by the interpreter's
own end, with what runs, is flushed and is complained of there.

What a process reads before it gets that far cannot be given to it any more. So an environment with anything
but what is known to be read later (LATE) is for the real executable, as are terminals, limits, and every
system but Linux.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

LATE = re.compile(
    r"PATH|HOME|TMPDIR|TZ|LANG=C\.UTF-8|RES_OPTIONS|XDG_\w+|HTTPS?_PROXY|NO_PROXY"
    r"|(COMETAPI|XAI|GLOBALAIOPC|NIGHTREEL)_\w+"
    r"|COMP_(WORDS|CWORD)|_(NIGHTREEL|TYPER)_COMPLETE(_\w+)?"
)
"""What an environment may hold for a warm start: names, or a name with the value that the server has."""
ORDER_BYTES = 1 << 16
STREAMS = 3
LOADED_LATE = (
    "PIL.ImageOps",
    "anyio._backends._asyncio",
    "av",
    "encodings.utf_8_sig",
    "pipeline.sim.embedded",
    "psutil",
    "pydantic.type_adapter",
    "rich._emoji_codes",
    "typer._adapters",
    "typer._click.decorators",
)
"""What commands import only as they run."""


def fits(env: Mapping[str, str]) -> bool:
    """Whether a command with this environment may be started warm."""
    given = (LATE.fullmatch(name) or LATE.fullmatch(f"{name}={value}") for name, value in env.items())
    return sys.platform == "linux" and all(given)


class Forked:
    """A process that the server started, with as much of `subprocess.Popen` as tests use."""

    def __init__(self, words: Sequence[str], *, folder: Path, env: Mapping[str, str]) -> None:
        order = json.dumps({"words": words, "folder": str(folder), "env": dict(env)}).encode()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out, into_out = os.pipe()
        err, into_err = os.pipe()
        self.stdout, self.stderr = open(out, "rb"), open(err, "rb")  # noqa: SIM115 - whoever reads closes
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            socket.send_fds(_server(), [order], [nothing, into_out, into_err, theirs.fileno()])
        finally:
            for fd in (nothing, into_out, into_err, theirs.detach()):
                os.close(fd)
        self._news = ours
        self.returncode: int | None = None
        self.pid = self._heard(None)

    def _heard(self, timeout_s: float | None) -> int:
        self._news.settimeout(timeout_s)
        said = self._news.recv(64)
        assert said, "the server of warm starts is gone"
        return int(said)

    def poll(self) -> int | None:
        with suppress(BlockingIOError):
            self._hear_of_end(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        try:
            return self._hear_of_end(timeout)
        except TimeoutError:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0) from None

    def _hear_of_end(self, timeout_s: float | None) -> int:
        if self.returncode is None:
            self.returncode = self._heard(timeout_s)
            self._news.close()
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


_first = threading.Lock()


def _server() -> socket.socket:
    """The way to this process's server, which is started for the first order."""
    with _first:
        return _started()


@cache
def _started() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # as a command's is, by which Python decides how to write to it
            start_new_session=True,  # Ctrl-C is for pytest, which ends what it has started
        )

    def leave() -> None:
        ours.close()
        process.communicate()

    atexit.register(leave)
    return ours


# --- the server, and what a child of it does before it is the command


def load() -> Callable[[], None]:
    """Imports all that any command does. What it returns is the command."""
    sys.path[0] = str(Path(sys.executable).parent)  # where the installed script lies; not this folder
    app = import_module("pipeline.cli.app")
    for name in (*(f"pipeline.cli.{command}" for command in app.COMMANDS), *LOADED_LATE):
        import_module(name)
    gc.collect()
    gc.freeze()  # so that children do not copy every page that a collection would touch
    command: Callable[[], None] = app.main
    return command


def serve(orders: socket.socket) -> bool:
    """Starts a process for each order, and tells who ordered it of its end. True in such a process.

    False once nobody can order any more; whatever still runs is killed then.
    """
    running: dict[int, tuple[int, int]] = {}  # by a descriptor of the process: its id, and whom to tell
    ready = select.poll()
    ready.register(orders, select.POLLIN)
    while True:
        for fd, _ in ready.poll():
            if fd in running:
                ready.unregister(fd)
                tell_of_end(*running.pop(fd))
                os.close(fd)
                continue
            order, fds, *_ = socket.recv_fds(orders, ORDER_BYTES, STREAMS + 1)
            if not order:
                for pid, _ in running.values():
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                return False
            pid = os.fork()
            if pid == 0:
                orders.close()
                become(fds[:STREAMS], **json.loads(order))
                return True
            for stream in fds[:STREAMS]:
                os.close(stream)
            tell(fds[STREAMS], pid)
            process = os.pidfd_open(pid)
            running[process] = (pid, fds[STREAMS])
            ready.register(process, select.POLLIN)


def tell_of_end(pid: int, to: int) -> None:
    tell(to, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.close(to)


def tell(to: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(to, str(number).encode())


def become(streams: Sequence[int], *, words: list[str], folder: str, env: dict[str, Any]) -> None:
    """Makes a child what a new process would be that was started so."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(STREAMS, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where pytest runs in the background
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = words


if __name__ == "__main__":
    main = load()
    if serve(socket.socket(fileno=int(sys.argv[1]))):
        sys.exit(main())
