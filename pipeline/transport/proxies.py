"""Which proxy a request goes through, by the environment's usual variables; pure, nothing is opened here.

`HTTPS_PROXY` for https, `HTTP_PROXY` for http, `ALL_PROXY` for both where those are not set; `NO_PROXY` lists
what is reached directly: hosts, domains (with all below them), networks (10.0.0.0/8), or `*` for everything.
Lower-case names win, and an empty one means none, as for curl. This machine itself is never reached through
a proxy. User and password never leave `Proxy.login`.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from yarl import URL

from pipeline.config import is_loopback
from pipeline.errors import GatewayUnusableError
from pipeline.secret import Secret, guard

SCHEMES = ("https", "http")
SOCKS = ("socks", "socks4", "socks4a", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, and the variable that named it."""

    address: URL  # without user and password
    variable: str
    login: Secret | None  # what Proxy-Authorization says

    def headers(self) -> dict[str, str]:
        """What the proxy alone is to hear."""
        return {} if self.login is None else {"Proxy-Authorization": self.login.reveal()}

    def __str__(self) -> str:
        return f"proxy {self.address.host_subcomponent}:{self.address.port} ({self.variable})"


class Proxies:
    """The proxies of an environment."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._found: dict[str, Proxy | GatewayUnusableError] = {}
        self._direct = [name for name in re.split(r"[,\s]+", _setting(env, "no_proxy")[1].lower()) if name]
        for scheme in SCHEMES:
            variable, value = _setting(env, f"{scheme}_proxy", "all_proxy")
            if value and "*" not in self._direct:
                self._found[scheme] = _read(variable, value)

    def check(self, gateway: URL) -> None:
        """Raises GatewayUnusableError for a proxy that cannot be used, also one that only files would need.

        With the gateway on this machine (the simulator) none is expected to be used: then `proxy_for` raises.
        """
        for found in self._found.values():
            if isinstance(found, GatewayUnusableError) and not is_loopback(gateway.host or ""):
                raise found

    def proxy_for(self, url: URL) -> Proxy | None:
        """The proxy for one request, or None to go directly. Raises GatewayUnusableError."""
        found = self._found.get(url.scheme)
        host = url.host or ""
        if found is None or is_loopback(host) or any(_covers(name, host, url.port) for name in self._direct):
            return None
        if isinstance(found, GatewayUnusableError):
            raise found
        return found


def _setting(env: Mapping[str, str], *names: str) -> tuple[str, str]:
    """The first of `names` that is set, in lower or upper case, and its value."""
    for name in names:
        for variable in (name, name.upper()):
            if variable in env:
                return variable, env[variable].strip()
    return names[0], ""


def _covers(name: str, host: str, port: int | None) -> bool:
    """Whether an entry of `NO_PROXY` means a host: host or domain, perhaps with a port, or a network."""
    domain = name.translate({ord("["): None, ord("]"): None}).removeprefix("*").lstrip(".")
    if any(f".{spelled}".endswith(f".{domain}") for spelled in (host, f"{host}:{port}")):
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(domain, strict=False)
    except ValueError:
        return False


def _read(variable: str, value: str) -> Proxy | GatewayUnusableError:
    """The proxy that `value` names: `http://user:password@host:port`, all but the host may be missing.

    Whatever is wrong, the error repeats nothing of `value`: a slip of the pen can make a password look like
    a host or a port.
    """
    scheme, mark, _ = value.partition("://")
    if scheme.lower() in SOCKS:
        return GatewayUnusableError(
            f"{variable} names a SOCKS proxy, which is not supported: give the address of an HTTP proxy"
            f" (http://host:port), or unset {variable} to connect directly"
        )
    proxy = _parsed(variable, value if mark else f"http://{value}")
    return proxy or GatewayUnusableError(
        f"{variable} is not the address of an HTTP proxy: expected http://host:port or"
        " http://user:password@host:port, where special characters of user and password are"
        " percent-encoded (@ as %40, / as %2F, # as %23)"
    )


def _parsed(variable: str, value: str) -> Proxy | None:
    if not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        if parts.scheme not in SCHEMES or not parts.hostname or parts.path.strip("/"):
            return None
        if "?" in value or "#" in value:
            return None
        address = URL.build(scheme=parts.scheme, host=parts.hostname, port=parts.port)
    except ValueError:
        return None
    if parts.username is None:
        return Proxy(address, variable, None)
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    secret = Secret(f"Basic {base64.b64encode(login.encode()).decode()}")
    guard(secret)
    return Proxy(address, variable, secret)
