"""Settings of one run: flag before environment before manifest before the provider's default.

Keys come from the environment alone and show as `***` wherever the settings are printed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pipeline.errors import GatewayUnusableError
from pipeline.manifest.shapes import Limits
from pipeline.model import SIM_ORIGIN
from pipeline.money import NO_CAPS, Caps
from pipeline.providers.base import Capabilities, PollAdvice
from pipeline.secret import Secret

DEFAULT_JOB_DEADLINE_S = 1800.0
DEFAULT_DOWNLOADS = 8
EAGER_FIRST = 6.0  # nothing is ready after a single floor; a few of them cost no time that is noticed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that a run needs to know about its gateway and its limits."""

    provider: str
    base_url: str
    origin: str
    key: Secret
    max_in_flight: int
    downloads: int
    submit_per_s: float
    poll_per_s: float
    submit_known: bool = True  # its rate is a limit, and not only where to start
    share: bool = False  # polls and submits count against one limit
    poll: PollAdvice
    job_deadline_s: float
    submit_timeout_s: float = 120.0
    poll_timeout_s: float = 60.0
    connect_timeout_s: float = 20.0
    stall_timeout_s: float = 60.0  # a download that brings nothing for so long is cut
    drain_s: float = 8.0
    longest_s: float = 240.0  # that a clip usually takes
    url_life_s: float = 3600.0
    caps: Caps = NO_CAPS
    allow_insecure: bool = False  # clips by plain http
    allow_private_hosts: bool = False  # clips from this machine and its network

    @property
    def simulated(self) -> bool:
        return self.origin == SIM_ORIGIN

    def leads_away(self, link: str) -> bool:
        """Whether a link leads away from the embedded simulator, if there is one. Each has its own port."""
        return self.simulated and not link.startswith(f"{origin_of(self.base_url)}/")


def resolve(
    provider: str,
    facts: Capabilities,
    limits: Limits,
    env: Mapping[str, str],
    *,
    base_url: str | None = None,
    allow_insecure: bool = False,
    allow_private_hosts: bool = False,
) -> Settings:
    """Settings from the flag `base_url`, environment, `limits` of flags and manifest, and `facts`.

    Raises GatewayUnusableError for a missing or malformed key or address.
    """
    address = checked_base_url(base_url or env.get(facts.base_url_env) or facts.base_url, allow_insecure)
    return Settings(
        provider=provider,
        base_url=address,
        origin=origin_of(address),
        key=checked_key(facts.key_env, env),
        max_in_flight=limits.max_in_flight or facts.max_in_flight,
        downloads=limits.downloads or DEFAULT_DOWNLOADS,
        submit_per_s=limits.submit_per_s or facts.submit_per_s,
        poll_per_s=limits.poll_per_s or facts.poll_per_s,
        submit_known=facts.submit_known or limits.submit_per_s is not None,
        share=bool(limits.share),
        poll=polling(facts.poll, limits.poll_min_s),
        job_deadline_s=limits.job_deadline_s or DEFAULT_JOB_DEADLINE_S,
        longest_s=facts.longest_s,
        url_life_s=facts.url_life_s,
        caps=Caps(
            batch_ticks=limits.budget_ticks,
            run_ticks=limits.run_budget_ticks,
            month_ticks=limits.month_ticks,
        ),
        allow_insecure=allow_insecure,
        allow_private_hosts=allow_private_hosts,
    )


def shared(settings: Sequence[Settings], limits: Sequence[Limits]) -> list[Settings]:
    """Settings of batches that share an account. Each limit is the smallest that any of them names, and
    `share` counts if any of them says so.

    `limits`: what each of them names.
    """

    def least(name: str) -> Any:
        return min((value for each in limits if (value := getattr(each, name)) is not None), default=None)

    named = {name: least(name) for name in ("max_in_flight", "downloads", "submit_per_s", "poll_per_s")}
    given = {name: value for name, value in named.items() if value is not None}
    given |= {name: any(getattr(each, name) for each in settings) for name in ("submit_known", "share")}
    return [replace(each, **given) for each in settings]


def gateway_origin(
    facts: Capabilities,
    env: Mapping[str, str],
    base_url: str | None = None,
    *,
    allow_insecure: bool = False,
) -> str:
    """What takes of a run would be bound to. Raises GatewayUnusableError for a malformed address."""
    address = base_url or env.get(facts.base_url_env) or facts.base_url
    return origin_of(checked_base_url(address, allow_insecure))


def polling(advice: PollAdvice, floor_s: float | None) -> PollAdvice:
    """The provider's advice with the user's floor; below the advice, polls start early and thin out."""
    if floor_s is None:
        return advice
    if floor_s < advice.min_s:
        first_s = min(advice.first_s, EAGER_FIRST * floor_s)
        return replace(advice, first_s=first_s, min_s=floor_s)
    return replace(advice, min_s=floor_s, max_s=max(advice.max_s, floor_s))


def checked_key(name: str, env: Mapping[str, str]) -> Secret:
    """The key from the environment, if it can stand in a header; the message never repeats it."""
    key = env.get(name, "")
    if not key:
        state = "is empty" if name in env else "is not set"
        raise GatewayUnusableError(f"{name} {state}: put your key there, for example export {name}=...")
    if not key.isascii() or not key.isprintable() or " " in key:
        what = (
            "a line break" if set(key) & set("\r\n") else "a character no key has (space, control or accent)"
        )
        raise GatewayUnusableError(f"{name} holds {what}: copy the key again, without quotes or line ends")
    return Secret(key)


def checked_base_url(url: str, allow_insecure: bool) -> str:
    """The base URL without its last slash. A prefix behind the host stays."""
    if not url.isprintable() or " " in url:
        raise GatewayUnusableError(f"base URL {_shown(url)!r} holds a space or a line end")
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GatewayUnusableError(f"base URL {_shown(url)!r} is not an address: expected https://host")
    if parts.username or parts.password or "?" in url or "#" in url:
        raise GatewayUnusableError(f"base URL of {parts.hostname} must hold no user name, query or fragment")
    if parts.scheme == "http" and not (is_loopback(parts.hostname) or allow_insecure):
        raise GatewayUnusableError(
            f"base URL {url!r} would send your key unencrypted: use https, or --allow-insecure if you mean it"
        )
    return url.rstrip("/")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as exc:
        raise GatewayUnusableError(f"base URL {_shown(url)!r} is not an address: {exc}") from exc
    return parts


def _shown(url: str) -> str:
    """The URL without what somebody may have put in front of the host."""
    return re.sub(r"//.*@", "//***@", url, flags=re.DOTALL)


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL: what a batch's takes are bound to."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a host name or literal is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
