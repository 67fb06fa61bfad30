"""One account at one gateway, as the stages talk to it: in its pace, in its words, and counted.

Joins provider (what to say), transport (how it travels) and pace (how fast). It retries nothing; it turns
whatever happens into a verdict, and stops the run when the gateway plainly cannot be used.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

import anyio

from pipeline.backoff import parse_retry_after
from pipeline.clock import Clock
from pipeline.config import Settings
from pipeline.errors import LostAnswerError, NotSentError
from pipeline.model import Handle, Job, Take
from pipeline.providers.base import (
    Answer,
    Polled,
    PollVerdict,
    Provider,
    Submitted,
    SubmitVerdict,
    Video,
)
from pipeline.stages.base import Record, Switches, nap
from pipeline.stages.turns import Turns
from pipeline.transport.base import Sent, Transport

FIRST_TRIES = 5
SILENCE_S = 600.0
REASON_CHARS = 500
KEY_IN_ID = (
    "the gateway's id for this job holds your key, so it is not kept, and the clip cannot be collected:"
    " get a new key, and ask the gateway about this job"
)
KEY_IN_LINK = "the link to the clip holds your key, and a file host must not get it"
SLOWEST_BYTES_PER_S = 32 << 10  # of an upload: many large pictures share one line


@dataclass(slots=True)
class Hearing:
    """Whether the gateway answers properly at all.

    Silence, web pages and the like count against it from the first try; a JSON 5xx ("busy") only over time.
    """

    heard_once: bool = False
    silent_since: float | None = None  # the first try without a proper answer since the last with one
    failures: int = 0

    def heard(self) -> None:
        self.heard_once = True
        self.silent_since = None
        self.failures = 0

    def failed(self, now: float) -> bool:
        """Count a try without a proper answer. True: it is time to give up on this gateway."""
        self.failures += 1
        return self.stalled(now) or (not self.heard_once and self.failures >= FIRST_TRIES)

    def stalled(self, now: float) -> bool:
        """A try brought no proper answer, and none did for long. While nobody asks, nobody is silent."""
        self.silent_since = now if self.silent_since is None else self.silent_since
        return now - self.silent_since > SILENCE_S


@dataclass(slots=True)
class Gateway:
    """What the stages need of a gateway. One per batch; transport, turns and hearing are the account's."""

    provider: Provider
    transport: Transport
    settings: Settings
    turns: Turns
    switches: Switches
    record: Record
    clock: Clock
    rng: random.Random
    hearing: Hearing
    calls: Counter[tuple[int, str, str]] = field(default_factory=Counter)

    async def turn(self, kind: str, off: anyio.Event) -> bool:
        """Wait until the pace lets one more call of this kind go. False: the switch went off."""
        return await self.turns.turn(kind, off)

    async def submit(self, job: Job, video: Video | None, sent: Sent) -> tuple[Submitted, float | None]:
        """The paid POST, once, and the seconds the gateway asks us to stay away, if it does.

        Raises NotSentError if nothing left this machine; every other trouble is UNKNOWN.
        """
        call = self.provider.build_submit(job, video=video)
        sent_at = self.clock.monotonic()
        limit_s = self.settings.submit_timeout_s + call.content_length // SLOWEST_BYTES_PER_S
        try:
            with anyio.fail_after(limit_s):
                answer = await self.transport.send(call, sent, fresh=True)
        except TimeoutError as exc:
            if not sent.headers_left:
                self._failed("submit", "not_sent", why := f"no connection within {limit_s:g} s")
                raise NotSentError(why) from exc
            return self._lost(f"no answer within {limit_s:g} s")
        except NotSentError as exc:
            why = self._safe(str(exc)) or ""
            self._failed("submit", "not_sent", why)
            raise NotSentError(why) from exc
        except LostAnswerError as exc:
            return self._lost(self._safe(str(exc)) or "")
        submitted = self._kept(self.provider.parse_submit(answer))
        hint_s = None
        with self.switches.spared("the answer to a submit"):  # no fault in what we learn of it costs its id
            self._answered("submit", submitted.verdict, answer, sent_at)
            # A 429 holds everybody, also one that a web page in front of the gateway sent.
            limited = submitted.verdict is SubmitVerdict.BUSY or answer.status == 429
            hint_s = self._hint("submit", answer, sent_at, limited=limited)
        return submitted, hint_s

    def _lost(self, why: str) -> tuple[Submitted, None]:
        self._failed("submit", "lost", why)
        return Submitted(verdict=SubmitVerdict.UNKNOWN, reason=why), None

    async def poll(self, handle: Handle) -> tuple[Polled, float | None]:
        """One question about a take, and the seconds the gateway asks us to stay away. Never raises."""
        sent_at = self.clock.monotonic()
        try:
            with anyio.fail_after(self.settings.poll_timeout_s):
                answer = await self.transport.send(self.provider.build_poll(handle), Sent())
        except (TimeoutError, NotSentError, LostAnswerError) as exc:
            why = self._safe(str(exc)) or f"no answer within {self.settings.poll_timeout_s:g} s"
            self._failed("poll", "lost", why)
            return Polled(verdict=PollVerdict.TRY_AGAIN, reason=why), None
        polled = self._fetchable(self.provider.parse_poll(answer))
        self._answered("poll", polled.verdict, answer, sent_at)
        limited = answer.status in (429, 503) and polled.verdict is PollVerdict.TRY_AGAIN
        return polled, self._hint("poll", answer, sent_at, limited=limited)

    async def fresh_link(self, take: Take, off: anyio.Event) -> Polled | None:
        """Ask once about a take that has been ready before. None: it cannot be asked now."""
        asked_ago_s = self.clock.wall() - (take.url_at or 0.0)
        if take.handle is None or await nap(off, self.settings.poll.min_s - max(0.0, asked_ago_s)):
            return None
        if not await self.turn("poll", off):
            return None
        polled = (await self.poll(take.handle))[0]
        if polled.verdict in (PollVerdict.ACCOUNT, PollVerdict.CREDITS):
            why = f"no fresh link: the gateway refuses this key or account ({polled.reason})"
            self.record.trouble("take.link_refused", why, take)
        return polled

    def _kept(self, submitted: Submitted) -> Submitted:
        """What was read of a submit, without the key. An id that holds it is not kept: no id was given."""
        remote_id = submitted.remote_id
        if remote_id is not None and self.settings.key.is_in(remote_id):
            self.switches.pause_account(f"{KEY_IN_ID}; nothing more is sent to {self.settings.base_url}")
            return Submitted(verdict=SubmitVerdict.UNKNOWN, reason=KEY_IN_ID)
        return replace(submitted, reason=self._safe(submitted.reason))

    def _fetchable(self, polled: Polled) -> Polled:
        """What was read of a poll, without the key. A link that holds it would bring it to a file host."""
        if polled.url is not None and self.settings.key.is_in(polled.url):
            return replace(polled, verdict=PollVerdict.NO_URL, url=None, status=None, reason=KEY_IN_LINK)
        reason, status, warning = map(self._safe, (polled.reason, polled.status, polled.warning))
        return replace(polled, reason=reason, status=status, warning=warning)

    def _safe(self, text: str | None) -> str | None:
        """A text from outside without the key, and then cut."""
        safe = self.settings.key.hidden_in(text)
        return safe if safe is None or len(safe) <= REASON_CHARS else safe[: REASON_CHARS - 1] + "…"

    def _hint(self, kind: str, answer: Answer, sent_at: float, *, limited: bool) -> float | None:
        """`Retry-After`, if any; a rate limit holds everybody on the account, and slows this kind of call."""
        hint_s = parse_retry_after(answer.headers.get("retry-after"), self.clock.wall())
        if limited and (answer.status == 429 or hint_s is not None):
            pace = self.turns.pace
            news = sent_at > pace.held_at
            held_s = pace.refused(kind, self.clock.monotonic(), sent_at, hint_s, self.rng)
            if news:
                self.record.trouble(
                    "gateway.rate_limited", f"rate limit (HTTP {answer.status}): next call in {held_s:.1f} s"
                )
            if (found := pace.learner(kind).found()) is not None:
                what = "calls" if pace.share else f"{kind}s"
                self.record.trouble(
                    "gateway.limit_found",
                    f"the gateway takes about {60 * found:.3g} {what} a minute: the pace follows that",
                )
        return hint_s

    def _answered(self, kind: str, verdict: str, answer: Answer, sent_at: float) -> None:
        self.count(kind, f"{answer.status} {verdict}")
        now = self.clock.monotonic()
        speaks = _is_json(answer) or (answer.status < 300 and not answer.body.strip())
        if speaks and answer.status < 500:
            self.hearing.heard()
            if answer.status < 400:
                self.turns.pace.served(kind, now, sent_at)
        elif not speaks or self.hearing.stalled(now):
            self._silent(f"HTTP {answer.status} without a proper answer")

    def _failed(self, kind: str, outcome: str, why: str) -> None:
        self.count(kind, outcome)
        self._silent(why)

    def _silent(self, why: str) -> None:
        if self.hearing.failed(self.clock.monotonic()):
            self.switches.pause_account(
                f"no proper answer from {self.settings.base_url}: {why}; check the address and the network",
                polls=True,
            )

    def count(self, kind: str, outcome: str) -> None:
        """Note one call for the report."""
        self.calls[int(self.clock.wall() // 60), kind, outcome] += 1


def _is_json(answer: Answer) -> bool:
    """Whether something that speaks JSON answered, even if with an error."""
    return answer.body.lstrip()[:1] in (b"{", b"[") and "html" not in answer.headers.get("content-type", "")
