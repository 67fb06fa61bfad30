"""The internet as a table: names are looked up in it, and every connection ends at a server on loopback.

Stands behind the two doors of the running event loop, `getaddrinfo` and `sock_connect`, so that all above
them is real, and keeps on record where each connection would have gone.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

PUBLIC = "93.184.216.34"
ANSWERS: Mapping[str, Sequence[str]] = {
    "gateway.test": [PUBLIC],
    "files.test": [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "nat64.test": ["64:ff9b::5db8:d822"],  # a public address behind NAT64, as DNS64 answers
    "localhost": ["127.0.0.1"],
    "localhost.": ["127.0.0.1"],
    "a.localhost": ["127.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "inner.test": ["10.0.0.7", "fd00::7"],
    "mixed.test": ["10.0.0.7", PUBLIC],
    "mixed6.test": ["::1", PUBLIC],
    "nat64-inner.test": ["64:ff9b::a00:7"],
}


@dataclass
class Net:
    """`ports`: at which port on loopback the server for a port of the internet listens.

    `later`: what a name's answer changes to once it was looked up.
    """

    ports: Mapping[int, int]
    answers: dict[str, list[str]] = field(default_factory=lambda: {k: list(v) for k, v in ANSWERS.items()})
    later: dict[str, list[str]] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        self.looked_up.append(host)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = [_info(address, port) for address in self.answers[host]]
        self.answers[host] = self.later.get(host, self.answers[host])
        return found

    def ended_at(self, sock: socket.socket, place: Sequence[Any]) -> tuple[str, int]:
        """Where a connection really goes: to our server, from a socket of either family."""
        self.connected.append(place[0])
        here = "127.0.0.1" if sock.family == socket.AF_INET else "::ffff:127.0.0.1"
        return here, self.ports.get(place[1], place[1])


def _info(address: str, port: int) -> tuple[Any, ...]:
    family, rest = (socket.AF_INET6, (0, 0)) if ":" in address else (socket.AF_INET, ())
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, *rest)


@contextmanager
def a_net(**ports: str) -> Iterator[Net]:
    """For the running loop. `http` and `https`: the addresses of the servers for ports 80 and 443."""
    known = {"http": 80, "https": 443}
    net = Net({known[name]: int(url.rpartition(":")[2]) for name, url in ports.items()})
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def sock_connect(sock: socket.socket, place: Sequence[Any]) -> None:
        await connect(sock, net.ended_at(sock, place))

    with (
        mock.patch.object(loop, "getaddrinfo", net.getaddrinfo),
        mock.patch.object(loop, "sock_connect", sock_connect),
    ):
        yield net
