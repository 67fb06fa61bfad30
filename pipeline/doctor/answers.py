"""What an answer to a question about an unknown id says: of address and key, and of this machine's clock.

Pure: no gateway is asked here.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from pipeline.doctor.finding import GATEWAY_EXIT, Finding, fine, problem, warning
from pipeline.providers.base import Answer, PollVerdict, Provider
from pipeline.providers.topics import read_error
from pipeline.providers.wire import is_html, read_json, unwrapped

SKEW_S = 30.0
SLOW_DOWN = frozenset({408, 425, 429})
_ROUTER = re.compile(
    r"\bno (such )?(route|path|endpoint|static resource)\b|\binvalid url\b|\bcannot get\b|\bpage not found\b"
    r"|\b(route|path|endpoint) (was )?not found\b|\bunknown (route|path|endpoint|url)\b",
    re.IGNORECASE,
)
"""What web frameworks say of a path that they do not know, also in JSON."""


def answer_check(provider: Provider, answer: Answer, base_url: str, how: str) -> Finding:
    """What an answer about an unknown id says of address and key. `how`: time and way, for people."""
    name, status, facts = f"gateway {provider.name}", f"HTTP {answer.status}", provider.capabilities
    correct = f"check the address: {facts.base_url_env} or --base-url (usual: {facts.base_url})"
    said = provider.parse_poll(answer)
    document = read_json(answer.body)

    def wrong(seen: str, do: str) -> Finding:
        return problem(name, f"{base_url}: {seen}", do, GATEWAY_EXIT)

    if 300 <= answer.status < 400:
        return wrong(f"{status}, a redirect{_target(answer)}: the key does not follow it", correct)
    if is_html(answer):
        return wrong(f"{status}, a web page instead of an answer", f"{correct}; or a firewall answers for it")
    if said.verdict is PollVerdict.ACCOUNT:
        what = f"check {facts.key_env}: a key of {facts.title}, copied whole, and not revoked?"
        return wrong(f"the key is refused: {said.reason} ({status})", what)
    if said.verdict is PollVerdict.CREDITS:
        return wrong(f"no credits: {said.reason} ({status})", f"top up the account at {facts.title}")
    if not isinstance(document, dict):
        return wrong(f"{status}, no JSON: {said.reason or 'nothing in it'}", correct)
    if answer.status >= 500:
        seen = f"{base_url}: {status} {how}: {said.reason}"
        return warning(
            name, seen, "the gateway has a fault, or does not show whether the key is right: try later"
        )
    if answer.status in SLOW_DOWN:
        return warning(
            name, f"{base_url}: {status} {how}: {said.reason}", "it is busy: try again in a minute"
        )
    if _path_unknown(provider, answer, said.reason):
        return wrong(f"{status}, the path is not known there: {said.reason}", correct)
    if answer.status < 400 and not any(read_error(level) for level in unwrapped(document)):
        return warning(name, f"{base_url}: {status} for a job that does not exist", correct)
    return fine(name, f"{base_url}: answers and does not refuse the key ({status} {how})")


def _path_unknown(provider: Provider, answer: Answer, reason: str | None) -> bool:
    """A gateway names the id that it does not know; what stands in front of none names the whole path."""
    whole_path = provider.probe().path.encode() in answer.body
    return answer.status in (404, 405) and (whole_path or bool(_ROUTER.search(reason or "")))


def _target(answer: Answer) -> str:
    """The host of a redirect; the rest of it may hold anything."""
    try:
        host = urlsplit(answer.headers.get("location", "")).hostname
    except ValueError:
        host = None
    return f" to {host}" if host and host.isprintable() else ""


def clock_check(name: str, header: str | None, asked_at: float, answered_at: float) -> Finding:
    """This machine's clock against an answer's `Date` (RFC 9110, section 6.6.1), which has whole seconds."""
    try:
        told = parsedate_to_datetime(header or "")
        told_at = (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return fine(name, "not compared: the gateway tells no time")
    ahead_s, behind_s = asked_at - (told_at + 1), told_at - answered_at
    apart_s = max(ahead_s, behind_s)
    if apart_s <= SKEW_S:
        return fine(name, f"within {SKEW_S:g} s of the gateway's")
    which = "ahead of" if ahead_s > behind_s else "behind"
    seen = f"this machine's clock is {apart_s:,.0f} s {which} the gateway's"
    return warning(name, seen, "set it: waits that a gateway gives as a date, and the age of links, go wrong")
