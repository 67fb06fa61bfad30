"""A gateway and a file host in memory, told call by call what to answer. Every call is on record.

A script is a function of one `Ask` that gives a `Step`, or None: then a healthy gateway answers. The gateway
counts for itself what it accepted, so that no test has to believe the engine about money.
"""

from __future__ import annotations

import asyncio
import functools
import io
import json
import struct
import zlib
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from pipeline.errors import BadLinkError, LostAnswerError, NotSentError
from pipeline.providers.base import Answer, Call
from pipeline.transport.base import Fetched, Sent

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}
FILE_HOST = "https://files.test"
PIECE_BYTES = 128


# --- what is asked, and what becomes of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One call. `number`: of this kind about this job, from 1; `count`: of this kind at all."""

    kind: str  # submit, poll, file
    key: str
    number: int
    count: int
    at: float  # seconds since the first night began
    remote_id: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)  # of a submit's body
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What becomes of one call. `status` None: what a healthy gateway says at that moment."""

    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    before_s: float = 0.02  # on its way out
    after_s: float = 0.08  # on its way back
    hangs: bool = False
    resets: bool = False
    leaves: bool = True  # the headers leave this machine
    accepts: bool = False  # a submit that the gateway takes, whatever then becomes of the answer
    # of files:
    bad_link: bool = False  # it can lead to no file
    content: bytes | None = None
    cut_at: int | None = None  # absolute position at which the connection breaks, or, without length, ends
    stall_at: int | None = None
    ranges: bool = True
    blind: bool = False  # gives the rest of what it has, whatever the condition
    piece_bytes: int = PIECE_BYTES
    length: bool = True
    piece_s: float = 0.01


Script = Callable[[Ask], Step | None]

OK = Step()
BAD_LINK = Step(bad_link=True)
DEAD_LINK = Step(status=403, body=b"<Error><Code>AccessDenied</Code></Error>")


def healthy(_ask: Ask) -> None:
    return None


def slow(after_s: float) -> Step:
    return Step(after_s=after_s)


def says(document: object, status: int = 200, **more: Any) -> Step:
    """A JSON answer."""
    return Step(status=status, body=json.dumps(document).encode(), headers=JSON, **more)


def refused(status: int, message: str = "no", code: str = "", **headers: str) -> Step:
    """The gateway's own JSON error. `retry_after="30"` becomes a header."""
    step = says({"error": {"message": message, "code": code}}, status)
    return replace(step, headers=JSON | {name.replace("_", "-"): text for name, text in headers.items()})


def web_page(status: int = 200) -> Step:
    return Step(status=status, body=b"<!DOCTYPE html><html><body>hello</body></html>", headers=HTML)


def not_sent() -> Step:
    """No connection: nothing left this machine."""
    return Step(leaves=False, resets=True)


def lost(*, accepted: bool = True) -> Step:
    """The connection dies before the answer. The gateway may have taken the job or not."""
    return Step(resets=True, accepts=accepted)


def hangs(*, sent: bool = True, accepted: bool = False) -> Step:
    return Step(hangs=True, leaves=sent, accepts=accepted)


def status_word(word: str, **more: Any) -> Step:
    """A poll answer with this status."""
    return says({"status": word, **more})


def http_date(wall: float) -> str:
    return format_datetime(datetime.fromtimestamp(wall, UTC), usegmt=True)


# --- scripts made of steps


def in_turn(*steps: Step | None) -> Script:
    """The first call about each job gets the first step, and so on; after the last all is well."""
    return lambda ask: steps[ask.number - 1] if ask.number <= len(steps) else None


def always(step: Step) -> Script:
    return lambda _ask: step


def only(key: str, script: Script) -> Script:
    return lambda ask: script(ask) if ask.key == key else None


def between(start: float, end: float, step: Step) -> Script:
    return lambda ask: step if start <= ask.at < end else None


# --- clips


@functools.cache
def tiny_mp4() -> bytes:
    """A real film of five frames, made once per session."""
    import av
    from PIL import Image

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for shade in range(5):
            frame = av.VideoFrame.from_image(Image.new("RGB", (32, 32), (40 * shade, 80, 120)))  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def clip_named(name: str) -> bytes:
    """A film of its own for each name, and of its own length: the name stands in a box that players skip."""
    payload = name.encode().ljust(64 + zlib.crc32(name.encode()) % 97, b" ")
    return tiny_mp4() + struct.pack(">I4s", 8 + len(payload), b"free") + payload


# --- the gateway


@dataclass(slots=True)
class Order:
    """A job that the gateway accepted, and bills."""

    remote_id: str
    key: str
    prompt: str
    at: float
    render_s: float
    source_url: str | None = None


class FakeGateway:
    """`transport.base.Transport` without a network."""

    def __init__(
        self,
        submit: Script = healthy,
        poll: Script = healthy,
        file: Script = healthy,
        *,
        render_s: float | Callable[[str], float] = 20.0,
        link_life_s: float = 3600.0,
        ticks: int | Callable[[str], int | None] | None = 500_000_000,
    ) -> None:
        self.submit, self.poll, self.file = submit, poll, file
        self.render_s = render_s
        self.link_life_s = link_life_s
        self.ticks = ticks  # told with each clip, perhaps by job key
        self.asks: list[Ask] = []
        self.orders: dict[str, Order] = {}
        self.keys: dict[str, str] = {}  # of each prompt, as the night told
        self.links: dict[str, float] = {}  # when each dies
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._counts: Counter[str] = Counter()

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def heal(self) -> None:
        """From now on all is well."""
        self.submit = self.poll = self.file = healthy

    def bill(self) -> dict[tuple[str, str], int]:
        """How many accepted jobs there are for each key and prompt."""
        bill: dict[tuple[str, str], int] = defaultdict(int)
        for order in self.orders.values():
            bill[order.key, order.prompt] += 1
        return dict(bill)

    def content(self, remote_id: str) -> bytes:
        return clip_named(remote_id)

    def made(self, content: bytes, remote_id: str) -> bool:
        """Whether this is the whole clip of that order."""
        return content == self.content(remote_id)

    def seen(self, kind: str, key: str | None = None) -> list[Ask]:
        return [ask for ask in self.asks if ask.kind == kind and key in (None, ask.key)]

    # --- as a transport

    async def send(self, call: Call, sent: Sent, *, fresh: bool = False) -> Answer:
        body = b"".join(part for part in call.body if isinstance(part, bytes))
        if call.method == "POST":
            assert fresh, "a paid call takes a connection of its own"
            fields = json.loads(body)
            ask = self._note("submit", self.keys[fields["prompt"]], fields=fields)
            step = self.submit(ask) or OK
        else:
            remote_id = call.path.rpartition("/")[2]
            order = self.orders.get(remote_id)
            ask = self._note("poll", order.key if order else "?", remote_id=remote_id)
            step = self.poll(ask) or OK
        await self._travel(step, sent, ask)
        if step.status is not None:
            return Answer(status=step.status, headers=step.headers, body=step.body)
        return _json_answer(*self._healthy(ask))

    def fetch(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Fetched]:
        return self._fetch(url, headers)

    async def close(self) -> None:
        """Nothing is open."""

    # --- inside

    def _note(self, kind: str, key: str, **facts: Any) -> Ask:
        self._numbers[kind, key] += 1
        self._counts[kind] += 1
        number, count = self._numbers[kind, key], self._counts[kind]
        self.asks.append(Ask(kind=kind, key=key, number=number, count=count, at=self.now, **facts))
        return self.asks[-1]

    async def _travel(self, step: Step, sent: Sent, ask: Ask) -> None:
        """Out and back, as far as the step lets it come."""
        await asyncio.sleep(step.before_s)
        if step.leaves:
            sent.headers_left = True
            if ask.kind == "submit" and (step.accepts or step == OK or _is_only_slow(step)):
                self._accept(ask)
        if step.bad_link:
            raise BadLinkError("the link is redirected without end")
        if step.hangs:
            await asyncio.Event().wait()
        if not step.leaves:
            raise NotSentError("cannot connect to gateway.test")
        await asyncio.sleep(step.after_s)
        if step.resets:
            raise LostAnswerError("connection to gateway.test lost")

    def _accept(self, ask: Ask) -> None:
        remote_id = f"order-{len(self.orders) + 1:05d}"
        render_s = self.render_s(ask.key) if callable(self.render_s) else self.render_s
        self.orders[remote_id] = Order(
            remote_id=remote_id,
            key=ask.key,
            prompt=ask.fields["prompt"],
            at=self.now,
            render_s=render_s,
            source_url=ask.fields.get("video", {}).get("url"),
        )

    def _healthy(self, ask: Ask) -> tuple[int, object]:
        if ask.kind == "submit":
            return 200, {"request_id": next(reversed([o for o in self.orders if self._is_for(o, ask)]))}
        order = self.orders.get(ask.remote_id or "")
        if order is None:
            return 404, {"error": {"message": "request not found", "code": "not_found"}}
        if self.now < order.at + order.render_s:
            return 200, {"status": "pending", "progress": 40}
        return 200, self.done_body(order.remote_id)

    def _is_for(self, remote_id: str, ask: Ask) -> bool:
        order = self.orders[remote_id]
        return (order.key, order.prompt) == (ask.key, ask.fields["prompt"])

    def done_body(self, remote_id: str) -> dict[str, Any]:
        url = f"{FILE_HOST}/{remote_id}/{len(self.links) + 1}.mp4"
        self.links[url] = self.now + self.link_life_s
        ticks = self.ticks(self.orders[remote_id].key) if callable(self.ticks) else self.ticks
        usage = {} if ticks is None else {"usage": {"cost_in_usd_ticks": ticks}}
        return {"status": "done", "video": {"url": url, "duration": 6}, **usage}

    @asynccontextmanager
    async def _fetch(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[_File]:
        remote_id = url.removeprefix(FILE_HOST + "/").partition("/")[0]
        key = self.orders[remote_id].key
        ask = self._note("file", key, remote_id=remote_id, headers=headers, url=url)
        step = self.file(ask) or OK
        if step.status is None and self.now >= self.links.get(url, 0.0):
            step = DEAD_LINK
        await self._travel(step, Sent(), ask)
        yield _file(step, headers, self.content(remote_id))


def _is_only_slow(step: Step) -> bool:
    return step.status is None and not step.hangs and not step.resets


def _json_answer(status: int, document: object) -> Answer:
    return Answer(status=status, headers=JSON, body=json.dumps(document).encode())


@dataclass(slots=True)
class _File:
    """`transport.base.Fetched` of a step."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    start: int
    step: Step

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        step, place, end = self.step, self.start, len(self.content)
        cut = end if step.cut_at is None else min(end, step.cut_at)
        while place < cut:
            if step.stall_at is not None and place >= step.stall_at:
                await asyncio.Event().wait()
            await asyncio.sleep(step.piece_s)
            stop = min(cut, place + step.piece_bytes)
            yield self.content[place:stop]
            place = stop
        if cut < end and step.length:
            raise LostAnswerError("the answer of files.test broke off before its end")


def _file(step: Step, asked: Mapping[str, str], healthy_content: bytes) -> _File:
    if step.status not in (None, 200):
        headers = {"content-length": str(len(step.body)), **step.headers}
        return _File(step.status, headers, step.body, 0, step)
    content = healthy_content if step.content is None else step.content
    if step.status == 200:
        content = step.body
    etag = f'"{zlib.crc32(content)}"'
    start, given = 0, {name.lower(): text for name, text in asked.items()}
    if step.ranges and "range" in given and (step.blind or given.get("if-range") == etag):
        start = int(given["range"].removeprefix("bytes=").rstrip("-"))
    headers = {"etag": etag, **step.headers}
    if start:
        headers["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    if step.length:
        headers["content-length"] = str(len(content) - start)
    return _File(206 if start else 200, headers, content, start, step)
