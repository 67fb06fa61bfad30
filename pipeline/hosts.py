"""Which network addresses belong to the public internet, and what a host in a link really is.

Pure: nothing is looked up here. Python's `ipaddress` knows the registries. What it says of an address that
carries another one differs between its versions, so those are told apart here.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that IANA gives out for the public internet
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # NAT64, RFC 6052: IPv4 in the last 32 bits


def address_in(host: str) -> Address | None:
    """The address that a host is, in any spelling that some resolver takes; None for a name.

    Beside the usual forms these are the ones of `inet_aton`: 2130706433, 0x7f.1, 0177.0.0.1, 127.1.
    """
    bare = host.rstrip(".")
    with suppress(ValueError):
        return ipaddress.ip_address(bare)
    with suppress(OSError, ValueError):
        return ipaddress.IPv4Address(socket.inet_aton(bare))
    return None


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet's, also through what it carries."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _TRANSLATED:
        return is_public(_last_bits(address))
    # Nobody serves files by 6to4 any more, and Python's versions disagree about it. Teredo is not global.
    return address in _UNICAST and address.is_global and address.sixtofour is None


def _last_bits(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end at, if any."""
    if address in _TRANSLATED:
        return _last_bits(address)
    teredo = address.teredo and address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or teredo


def kind_of(address: Address) -> str:
    """What an address that is not public is, in words for a message."""
    inner = _carried(address) if isinstance(address, ipaddress.IPv6Address) else None
    if inner is not None and not is_public(inner):
        return f"a form of {inner}, {kind_of(inner)}"
    if address.is_loopback or address.is_unspecified:
        return "this machine itself"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast:
        return "a multicast address"
    return "an address of a private or reserved network"
