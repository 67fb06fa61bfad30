"""The gateway, asked once and for nothing: about a job that does not exist.

Any answer in the gateway's own form that does not refuse the key shows that address, way and key are right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import aiohttp
import anyio
from yarl import URL

from pipeline.clock import Clock
from pipeline.config import Settings, checked_key, resolve
from pipeline.doctor.answers import answer_check, clock_check
from pipeline.doctor.finding import GATEWAY_EXIT, Finding, fine, problem
from pipeline.errors import GatewayUnusableError, LostAnswerError, NotSentError
from pipeline.manifest.shapes import Limits
from pipeline.providers.base import Provider
from pipeline.secret import Secret
from pipeline.transport.base import Sent
from pipeline.transport.proxies import Proxies
from pipeline.wiring import open_transport

PROBE_S = 20.0


def key_check(provider: Provider, env: Mapping[str, str]) -> tuple[Secret | None, Finding]:
    """The key, if it can be used at all."""
    name, facts = f"key {provider.name}", provider.capabilities
    if provider.name == "sim":
        return None, fine(name, "the simulator needs none")
    try:
        key = checked_key(facts.key_env, env)
    except GatewayUnusableError as exc:
        return None, _unusable(name, exc)
    return key, fine(name, f"{facts.key_env} is set and well-formed")


def address(
    provider: Provider, env: Mapping[str, str], base_url: str | None, *, allow_insecure: bool
) -> Settings | Finding:
    """Where a run would send its jobs: settings, still without the key."""
    facts = provider.capabilities
    keyless = {**env, facts.key_env: "looked-at-apart"}
    try:
        return resolve(
            provider.name, facts, Limits(), keyless, base_url=base_url, allow_insecure=allow_insecure
        )
    except GatewayUnusableError as exc:
        return _unusable(f"gateway {provider.name}", exc)


async def reach(
    provider: Provider, settings: Settings, key: Secret, env: Mapping[str, str], clock: Clock
) -> list[Finding]:
    """Ask once, and say what came: of the gateway, and of the clock where the answer tells the time."""
    name = f"gateway {provider.name}"
    try:
        proxy = Proxies(env).proxy_for(URL(settings.base_url))
        way = f"through {proxy}" if proxy else "directly"
        async with open_transport(replace(settings, key=key), env) as transport:
            asked_at, began = clock.wall(), clock.monotonic()
            with anyio.fail_after(PROBE_S):
                answer = await transport.send(provider.probe(), Sent(), fresh=True)
            answered_at, took_s = clock.wall(), clock.monotonic() - began
    except TimeoutError:
        seen = f"{settings.base_url}: no answer within {PROBE_S:g} s, {way}"
        return [problem(name, seen, _advice(None, provider), GATEWAY_EXIT)]
    except GatewayUnusableError as exc:
        return [_unusable(name, exc)]
    except (NotSentError, LostAnswerError) as exc:
        seen, advice = _cause_and_advice(key.hidden_in(str(exc)) or "", exc.__cause__, provider)
        return [problem(name, f"{settings.base_url}: {seen}", advice, GATEWAY_EXIT)]
    found = answer_check(provider, answer, settings.base_url, f"in {took_s * 1000:.0f} ms, {way}")
    told = clock_check(f"clock {provider.name}", answer.headers.get("date"), asked_at, answered_at)
    return [replace(found, seen=key.hidden_in(found.seen) or ""), told]


def _cause_and_advice(text: str, cause: BaseException | None, provider: Provider) -> tuple[str, str]:
    """A transport's error in two: some end in what to do, behind a semicolon, a proxy's behind a colon."""
    if isinstance(cause, aiohttp.ClientHttpProxyError):
        seen, _, advice = text.rpartition(": ")
    else:
        seen, _, advice = text.partition("; ")
    return seen, advice or _advice(cause, provider)


def _advice(cause: BaseException | None, provider: Provider) -> str:
    variable = provider.capabilities.base_url_env
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return f"check the address ({variable} or --base-url) and this machine's DNS"
    if isinstance(cause, aiohttp.ClientConnectorSSLError):
        return f"check the address ({variable} or --base-url): perhaps no TLS is spoken there"
    return f"check the address ({variable} or --base-url), the network and the firewall; a proxy: HTTPS_PROXY"


def _unusable(name: str, exc: GatewayUnusableError) -> Finding:
    """These errors end in what to do, behind a colon."""
    seen, _, do = str(exc).rpartition(": ")
    return problem(name, seen or do, do if seen else "give it as https://host", GATEWAY_EXIT)
