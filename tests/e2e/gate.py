"""A way to the simulator on which an answer can be stopped in the middle, for as long as a test wants.

So a test acts while a submit waits for its answer, or while a clip is half loaded, instead of hoping to meet
that moment. The simulator's links carry the host that was asked: downloads come through here as well.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from support.command import DEADLINE_S, Sim

SUBMIT = b"POST "
POLL = b"GET /grok/"
DOWNLOAD = b"GET /files/"
PIECE_BYTES = 1 << 16


@dataclass(slots=True, eq=False)
class Hold:
    """Answers to requests that begin so are stopped after some bytes, until they are let go."""

    request: bytes
    after_bytes: int = 0
    _reached: threading.Event = field(default_factory=threading.Event)
    _let_go: threading.Event = field(default_factory=threading.Event)

    def wait(self, deadline_s: float = DEADLINE_S) -> None:
        """Until an answer is stopped here."""
        assert self._reached.wait(deadline_s), f"no answer to {self.request!r} within {deadline_s:g} s"

    def let_go(self) -> None:
        self._let_go.set()

    def stops(self, request: bytes) -> bool:
        return not self._let_go.is_set() and request.startswith(self.request)

    def stop(self) -> None:
        self._reached.set()
        self._let_go.wait()


@dataclass(slots=True)
class Way:
    """One connection: the hold on its present answer, and how much of that answer has passed."""

    hold: Hold | None = None
    passed: int = 0


class Gate:
    """Forwards connections to a simulator. `sim` is how to reach it this way."""

    def __init__(self, sim: Sim) -> None:
        address = urlsplit(sim.base_url)
        self._target = (address.hostname, address.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.sim = replace(sim, base_url=f"http://127.0.0.1:{self._listener.getsockname()[1]}")
        self._holds: list[Hold] = []
        self._sockets: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def hold(self, request: bytes, after_bytes: int = 0) -> Hold:
        self._holds.append(hold := Hold(request, after_bytes))
        return hold

    def open(self) -> None:
        """Let everything pass from now on."""
        for hold in self._holds:
            hold.let_go()

    def close(self) -> None:
        self.open()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for connection in list(self._sockets):
            _shut(connection)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._sockets |= {client, server}
            self._threads.append(threading.Thread(target=self._join, args=(client, server)))
            self._threads[-1].start()

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        way = Way()
        back = threading.Thread(target=self._answers, args=(server, client, way))
        with client, server:
            back.start()
            self._requests(client, server, way)
            back.join()
        self._sockets -= {client, server}

    def _requests(self, client: socket.socket, server: socket.socket, way: Way) -> None:
        """Towards the simulator. A request begins a piece of its own: nothing is pipelined."""
        with suppress(OSError):
            while data := client.recv(PIECE_BYTES):
                hold = next((hold for hold in self._holds if hold.stops(data)), None)
                if hold is not None:
                    way.hold, way.passed = hold, 0
                server.sendall(data)
        _shut(server)

    def _answers(self, server: socket.socket, client: socket.socket, way: Way) -> None:
        with suppress(OSError):
            while data := server.recv(PIECE_BYTES):
                hold = way.hold
                if hold is not None and way.passed + len(data) > hold.after_bytes:
                    before = max(0, hold.after_bytes - way.passed)
                    client.sendall(data[:before])
                    hold.stop()
                    way.hold, data = None, data[before:]
                client.sendall(data)
                way.passed += len(data)
        _shut(client)


def _shut(connection: socket.socket) -> None:
    """Wakes whoever reads from it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def gate_to(sim: Sim) -> Iterator[Gate]:
    gate = Gate(sim)
    try:
        yield gate
    finally:
        gate.close()
