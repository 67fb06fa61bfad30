"""The simulator in memory: a transport of the engine straight into the simulator's pure gateway.

What its server does on a connection happens here in virtual time, by the same `Reply`: late, in part,
wrongly announced, never. `test_world.py` compares it, fault by fault, with the real server behind the real
transport. It is the world of a whole night: it lives on when the program dies.
"""

from __future__ import annotations

import asyncio
import base64
import random
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from support.builders_engine import clip_named
from support.night import EVENING, KEY

from pipeline.errors import BadLinkError, LostAnswerError
from pipeline.providers.base import Answer, Call, FilePart
from pipeline.sim.gateway import Gateway
from pipeline.sim.ranges import choose_slice
from pipeline.sim.scenario import Scenario
from pipeline.sim.wire import Reply, Request
from pipeline.sim.world import Job, World
from pipeline.transport.base import Fetched, Sent

HOST = "127.0.0.1:8787"
PREFIXES = {"globalaiopc": "/kyyReactApiServer"}
MAX_ANSWER_BYTES = 1 << 20
PIECE_BYTES = 512
MANY_BYTES = 1 << 18
MAX_REDIRECTS = 5
RANGES = {"kept": ("range", "if-range"), "blind": ("range",), "ignored": ()}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that reached the simulator."""

    kind: str  # submit, poll, file
    at: float  # seconds since the first night began
    path: str


@dataclass(slots=True)
class SimWorld:
    """`transport.base.Transport` without a network, in front of one simulator. Latencies follow the seed."""

    scenario: Scenario = field(default_factory=Scenario)
    provider: str = "cometapi"
    seed: int = 0
    latency_s: tuple[float, float] = (0.01, 0.15)  # one way
    asks: list[Ask] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)  # job key by prompt, as the night tells
    open_files: int = 0
    tell: Callable[[str], None] = lambda _: None
    alive: Callable[[], None] = lambda: None  # raises where the program is dead
    accepted: Callable[[], None] = lambda: None  # told once a job is billed
    gateway: Gateway = field(init=False)
    gateway_now: float = EVENING  # when it was asked last
    _rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        world = World(self.scenario.rules, seed=self.seed, secret=b"night")
        self.gateway = Gateway(world, self.scenario, key=KEY, seed=self.seed)
        self._rng = random.Random(f"latency {self.seed}")

    # --- what is known about it afterwards

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def jobs(self) -> list[Job]:
        """What was accepted, and is billed."""
        return list(self.gateway.world.jobs())

    def heal(self) -> None:
        """From now on no fault strikes; what was accepted stays."""
        self.gateway._lab.faults = ()

    def done_faults(self) -> Counter[str]:
        """What faults did, by name and phase."""
        return Counter(self.gateway.bill()["faults"])

    def bill(self) -> Counter[tuple[str, str]]:
        """How many accepted jobs there are for each key and prompt."""
        return Counter((self.keys[job.prompt], job.prompt) for job in self.jobs)

    def content(self, remote_id: str, edition: int = 0) -> bytes:
        return clip_named(f"{remote_id} edition {edition}" if edition else remote_id)

    def made(self, content: bytes, remote_id: str) -> bool:
        """Whether this is a whole clip of that job, in any edition; zeros may follow it."""
        return content.rstrip(b"\0") in {self.content(remote_id, edition) for edition in range(3)}

    @property
    def prefix(self) -> str:
        return PREFIXES.get(self.provider, "")

    @property
    def base_url(self) -> str:
        return f"http://{HOST}{self.prefix}"

    # --- as a transport

    async def send(self, call: Call, sent: Sent, *, fresh: bool = False) -> Answer:
        assert fresh or call.method != "POST", "a paid call takes a connection of its own"
        await self._travel()
        sent.headers_left = True
        kind = "submit" if call.method == "POST" else "poll"
        headers = {"authorization": f"Bearer {KEY}", **_lower(call.headers)}
        reply = self._ask(kind, self.prefix + call.path, headers, _body(call), call.method)
        await self._travel()
        await self._wait_as(reply)
        if reply.hang == "after":
            await _hang(reply)
        body = bytearray()
        async with aclosing(_pieces(reply, reply.body)) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) >= MAX_ANSWER_BYTES:
                    break
        return Answer(
            status=reply.status, headers=_head(reply, len(reply.body)), body=_unpacked(reply, bytes(body))
        )

    def fetch(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Fetched]:
        return self._fetch(url, _lower(headers))

    async def close(self) -> None:
        assert self.open_files == 0, "a file's answer was left open"

    # --- inside

    async def _travel(self) -> None:
        await asyncio.sleep(self._rng.uniform(*self.latency_s))

    def _ask(
        self, kind: str, path: str, headers: Mapping[str, str], body: bytes = b"", method: str = "GET"
    ) -> Reply:
        self.alive()
        self.asks.append(Ask(kind, self.now, path))
        path, _, query = path.partition("?")
        request = Request(method=method, path=path, query=query, headers={"host": HOST, **headers}, body=body)
        billed = len(self.jobs)
        reply = self.gateway.handle(request, EVENING + self.now)
        if len(self.jobs) > billed:
            self.accepted()
        self.gateway_now = EVENING + self.now
        silence = "dropped" if reply.drop else "hung" if reply.is_silent else reply.status
        self.tell(f"{kind} {path}: {silence}")
        return reply

    async def _wait_as(self, reply: Reply) -> None:
        """Until the head of the answer is there, if it ever comes."""
        await asyncio.sleep(reply.wait_s)
        if reply.hang == "before":
            await _hang(reply)
        if reply.drop:
            raise LostAnswerError("connection lost")

    @asynccontextmanager
    async def _fetch(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[_File]:
        for _ in range(MAX_REDIRECTS):
            address = urlsplit(url)
            if address.scheme not in ("http", "https") or not address.hostname:
                raise BadLinkError("the link is no http or https address")
            await self._travel()
            path = f"{address.path}?{address.query}" if address.query else address.path
            reply = self._ask("file", path, {**headers, "host": address.netloc})
            await self._travel()
            await self._wait_as(reply)
            place = reply.headers.get("Location")
            if place is None:
                break
            url = urljoin(url, place)
        else:
            raise BadLinkError("the link is redirected without end")
        self.open_files += 1
        try:
            yield self._file(reply, headers)
        finally:
            self.open_files -= 1

    def _file(self, reply: Reply, headers: Mapping[str, str]) -> _File:
        if reply.clip is None:
            return _File(reply.status, _head(reply, len(reply.body)), reply, reply.body)
        content = self.content(reply.clip.id, reply.edition)
        etag = f'"{zlib.crc32(content):x}-{len(content):x}"'
        part = choose_slice(
            {name: headers[name] for name in RANGES[reply.ranges] if name in headers},
            size=len(content),
            etag=etag,
            last_modified=reply.headers["Last-Modified"],
        )
        self.gateway.count_download(part.status)
        body = content[part.start : part.start + part.length]
        head = {**_head(reply, part.length), "etag": etag, **_lower(part.headers)}
        return _File(part.status, head, reply, body)


@dataclass(slots=True)
class _File:
    """`transport.base.Fetched` of a reply."""

    status: int
    headers: Mapping[str, str]
    reply: Reply
    body: bytes

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        if self.reply.hang == "after":
            await _hang(self.reply)
        async for piece in _pieces(self.reply, self.body):
            yield piece


async def _hang(reply: Reply) -> None:
    """Nothing comes; in the end the connection is reset, or the caller gives up."""
    if reply.hang_s is None:
        await asyncio.Event().wait()
    await asyncio.sleep(reply.hang_s or 0.0)
    raise LostAnswerError("connection lost")


async def _pieces(reply: Reply, body: bytes) -> AsyncGenerator[bytes, None]:
    """The body as it reaches a client that believes the head."""
    announced = None if reply.announced is None or reply.endless else int(len(body) * reply.announced)
    there = body if reply.cut_at is None else body[: int(len(body) * reply.cut_at)]
    if announced is not None:
        there = there[:announced]
    size = reply.piece_bytes or PIECE_BYTES
    for start in range(0, len(there), size):
        await asyncio.sleep(reply.every_s if reply.piece_bytes and start else 0.002)
        yield there[start : start + size]
    rest = None if reply.stop_bytes is None else reply.stop_bytes - len(body)
    while reply.endless and (rest is None or rest > 0):
        await asyncio.sleep(0.01)
        piece = bytes(MANY_BYTES if rest is None else min(rest, MANY_BYTES))
        rest = None if rest is None else rest - len(piece)
        yield piece
    broken = len(there) < (len(body) if announced is None else announced)
    if (broken and (announced is not None or reply.chunked)) or (reply.endless and reply.chunked):
        raise LostAnswerError("the answer broke off before its end")


def _head(reply: Reply, length: int) -> dict[str, str]:
    head = {"content-type": reply.content_type, **_lower(reply.headers)}
    if reply.announced is not None and not reply.endless and reply.status != 204:
        head["content-length"] = str(int(length * reply.announced))
    return head


def _unpacked(reply: Reply, body: bytes) -> bytes:
    """What a client holds of an answer: unpacked, and no more than its cap."""
    if reply.headers.get("Content-Encoding") == "gzip":
        return zlib.decompressobj(31).decompress(body, MAX_ANSWER_BYTES)
    return body[:MAX_ANSWER_BYTES]


def _body(call: Call) -> bytes:
    return b"".join(
        base64.b64encode(Path(part.path).read_bytes()) if isinstance(part, FilePart) else part
        for part in call.body
    )


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
