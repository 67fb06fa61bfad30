"""What the stages need of HTTP: one call to the gateway, and one stream from a file host."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from pipeline.providers.base import Answer, Call


@dataclass(slots=True)
class Sent:
    """How far a call got. Once the headers left, nobody can know that nothing was accepted."""

    headers_left: bool = False


class Fetched(Protocol):
    """A file's answer: its head is here, its bytes still come."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes, in pieces of up to about half a MiB. Raises LostAnswerError."""


class Transport(Protocol):
    """All HTTP of a run."""

    async def send(self, call: Call, sent: Sent, *, fresh: bool = False) -> Answer:
        """One call to the gateway with its key, never redirected, never tried again.

        `fresh` takes a connection of its own: a reused one that the server has just closed looks like
        a lost answer. Raises NotSentError before the headers left, LostAnswerError after. The caller
        sets the deadline.
        """

    def fetch(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Fetched]:
        """Get a file, without any key, following redirects.

        Raises NotSentError, LostAnswerError, and BadLinkError where no other try can help.
        """

    async def close(self) -> None: ...
