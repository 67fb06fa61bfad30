"""Notifications: a text to services that somebody named by URL, through Apprise.

Each service has a thread of its own, so that a slow one holds up neither the run nor the others, and hears
in order what it is told. What fails is a note and nothing more. The URLs hold tokens: they are shown nowhere.
Apprise is an extra: who asks for no notification needs none.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any

from pipeline.errors import UsageError
from pipeline.secret import Secret, guard

INSTALL = "pip install 'nightreel[notify]'"
LAST_WAIT_S = 15.0  # Apprise gives a server that does not answer 4 s to connect, and 4 s more
_TOKEN = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16,}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,15}(?=://)", re.IGNORECASE)


class Notifier:
    """Sends texts to all services. Raises UsageError where Apprise or a service is not known."""

    def __init__(self, urls: Sequence[str]) -> None:
        for url in urls:
            _guard(url)
        self._services = [_Service(url, number) for number, url in enumerate(urls, start=1)]

    def send(self, title: str, body: str) -> None:
        """Returns at once."""
        for service in self._services:
            service.put(title, body)

    def close(self, within_s: float = LAST_WAIT_S) -> list[str]:
        """Wait until all is sent, but not for long. What was not is returned, one line each."""
        until = time.monotonic() + within_s
        for service in self._services:
            service.end()
        return [why for service in self._services if (why := service.join(until)) is not None]


class _Service:
    """One URL, and the thread that sends there."""

    def __init__(self, url: str, number: int) -> None:
        scheme = _SCHEME.match(url)
        self._name = f"notification {number}" + (f" ({scheme[0].lower()})" if scheme else "")
        self._apprise = _apprise(url, self._name)
        self._texts: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
        self._failed = 0
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
        self._thread.start()

    def put(self, title: str, body: str) -> None:
        self._texts.put((title, body))

    def end(self) -> None:
        self._texts.put(None)

    def join(self, until: float) -> str | None:
        self._thread.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive():
            return f"{self._name} was not delivered in time"
        return f"{self._name} was not delivered" if self._failed else None

    def _work(self) -> None:
        while (text := self._texts.get()) is not None:
            try:
                sent = self._apprise.notify(title=text[0], body=text[1], body_format="text")
            except Exception:  # a plugin's own fault; its message may hold the URL
                sent = False
            self._failed += not sent


def _apprise(url: str, name: str) -> Any:
    try:
        import apprise
    except ImportError:
        raise UsageError(f"notifications need Apprise: {INSTALL}") from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it names URLs
    service = apprise.Apprise()
    if not service.add(url):
        why = "no service that Apprise knows has such a URL (which may hold a token, so it is not shown)"
        raise UsageError(f"{name}: {why}")
    return service


def _guard(url: str) -> None:
    """From now on no text of this process shows it, nor any part of it that looks like a token.

    Words do not: what is guarded is taken out of side files and ledger too, and a topic may be called like
    a job.
    """
    words = re.split(r"[/?&=:@#]+", url)
    for secret in {url, *filter(_TOKEN.fullmatch, words)}:
        guard(Secret(secret))
