"""Who is asked for files: with a public gateway, only hosts of the public internet.

A link is a stranger's word. Links to this machine, to its network or to a cloud's metadata service are
refused, and so is plain http where the gateway itself is asked by https. What is checked is what is
connected to: names after they were looked up, every address in the answer, and at last the socket's own.
A proxy looks names up by itself, so of what goes through one only literal addresses can be checked.
"""

from __future__ import annotations

import asyncio
import socket

from aiohttp import AddrInfoType, ThreadedResolver
from aiohttp.abc import ResolveResult
from yarl import URL

from pipeline.config import is_loopback
from pipeline.errors import BadLinkError
from pipeline.hosts import address_in, is_public, kind_of
from pipeline.transport.proxies import Proxies


class StrangerError(BadLinkError):
    """A link leads to a host that a public gateway has no business with. Its text begins with that host."""


class Guard:
    """What a run allows its links, and what its gateway's own address implies."""

    def __init__(
        self, gateway: URL, proxies: Proxies, *, allow_insecure: bool, allow_private_hosts: bool
    ) -> None:
        self._gateway = gateway
        self._proxies = proxies
        self._plain = allow_insecure or gateway.scheme == "http"
        self._open = allow_private_hosts
        self._private: bool | None = None  # not known yet

    def trusts(self, address: URL) -> bool:
        """Whether an address needs no check: any, or the gateway's own, which the user named."""
        return self._open or _origin(address) == _origin(self._gateway)

    def check_link(self, address: URL) -> None:
        """What can be seen without a look-up. Raises BadLinkError."""
        host = address.host or ""
        if address.scheme == "http" and not self._plain:
            raise BadLinkError(
                f"{host} by plain http, which others can read and change on the way, but the gateway is"
                " asked by https: if you mean it, run with --allow-insecure"
            )
        if not self.trusts(address):
            check_host(host)

    async def opens(self) -> bool:
        """Whether the gateway turns out to be private, which opens the door to every host from now on.

        Asked only when something is about to be refused: most runs need no look-up of their own.
        """
        if self._private is None:
            self._private = await self._gateway_is_private()
        self._open = self._open or bool(self._private)
        return self._open

    async def _gateway_is_private(self) -> bool | None:
        """None where its name cannot be looked up now: it counts as public until it can."""
        host = self._gateway.host or ""
        address = address_in(host)
        if address is not None:
            return not is_public(address)
        if is_loopback(host):
            return True
        if self._proxies.proxy_for(self._gateway) is not None:
            return False
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, self._gateway.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return None
        return bool(found) and not any(_is_public(str(place[0])) for *_, place in found)


def _origin(address: URL) -> tuple[str, str | None, int | None]:
    return address.scheme, address.host, address.port  # the usual port counts as named


class CheckedResolver(ThreadedResolver):
    """Looks names up and refuses those with any address that is not public. aiohttp skips it for literals."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        for one in found:
            check_address(host, one["host"])
        return found


def checked_socket(info: AddrInfoType) -> socket.socket:
    """The last gate: a socket for the very address that is connected to next."""
    family, kind, protocol, _, place = info
    check_address(str(place[0]), str(place[0]))
    return socket.socket(family, kind, protocol)


def check_host(host: str) -> None:
    """Refuse a host that is no public one by its spelling alone. Raises StrangerError."""
    if address_in(host) is not None:
        check_address(host, host)
    elif is_loopback(host.rstrip(".")):
        raise _stranger(f"{host}, this machine itself")


def check_address(host: str, place: str) -> None:
    """Refuse a host for the address that it is looked up at, or is. Raises StrangerError."""
    if not _is_public(place):
        address = address_in(place)
        kind = "no address that is known" if address is None else kind_of(address)
        raise _stranger(f"{host}, {kind}" if host == place else f"{host} at {place}, {kind}")


def _is_public(place: str) -> bool:
    address = address_in(place)
    return address is not None and is_public(address)


def _stranger(what: str) -> StrangerError:
    return StrangerError(
        f"{what}, but the gateway is a public one: if that host is yours, run with --allow-private-hosts"
    )
