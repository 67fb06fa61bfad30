"""Reads links and redirects: an address that can be asked, with its host in one spelling.

The spelling that is checked must be the one that is connected to, whoever reads it next: yarl, aiohttp,
a resolver or a proxy.
"""

from __future__ import annotations

from yarl import URL

from pipeline.errors import BadLinkError
from pipeline.hosts import address_in

MAX_HOST = 255  # RFC 1035
MAX_SAID = 200  # of what yarl says; it may repeat the link


def address_of(place: str, base: URL | None = None) -> URL:
    """A link, or where `base` redirects to. Raises BadLinkError with what it is instead of an address."""
    try:
        address = URL(place, encoded=True) if base is None else base.join(URL(place))
        host, _ = address.host, address.port  # yarl reads host and port late
        if address.scheme in ("http", "https") and host:
            return _spelled(address, host)
    except (ValueError, IndexError) as exc:
        raise BadLinkError(f"no address: {str(exc)[:MAX_SAID]}") from exc
    raise BadLinkError("no http or https address")


def _spelled(address: URL, host: str) -> URL:
    """As browsers do: IDNA, and 2130706433, 0x7f.1 or 127.1 as 127.0.0.1; all else stays as it was signed."""
    if len(host) > MAX_HOST:
        raise ValueError(f"a host name has at most {MAX_HOST} characters")
    built = URL.build(scheme="https", host=host)
    literal = address_in(built.host or "")
    if literal is None and host.replace(".", "").isdigit():
        raise ValueError(f"{host} is no IPv4 address")
    plain = built.raw_host or "" if literal is None else str(literal)
    return address if plain == address.raw_host else address.with_host(plain)
