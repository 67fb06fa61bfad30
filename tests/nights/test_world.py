"""The simulator in memory does what its server does, as the real transport sees it: fault by fault."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import anyio
import pytest
import yaml
from nights.world import SimWorld
from support.night import KEY

from pipeline.errors import BadLinkError, LostAnswerError, NotSentError
from pipeline.providers.base import Answer, Call
from pipeline.secret import Secret
from pipeline.sim import read_scenario
from pipeline.sim.faults import FAULTS
from pipeline.sim.scenario import Scenario
from pipeline.sim.server import SimServer
from pipeline.transport.base import Sent, Transport
from pipeline.transport.http import HttpTransport

T = TypeVar("T")
Gate = tuple[Transport, Callable[[str], int]]  # and the size of a job's file

CLIP_BYTES = 4000
ORDER = {"model": "grok-imagine-video", "prompt": "A fox.", "duration": 1}
SUBMIT = Call(
    method="POST",
    path="/grok/v1/videos/generations",
    body=(json.dumps(ORDER).encode(),),
    headers={"Content-Type": "application/json"},
)
SHARES = ((0, "nothing"), (0.15, "little"), (0.35, "a quarter"), (0.8, "half"), (1.2, "all"), (1e9, "more"))
PATIENCE_S = 0.6  # a real hung connection is given so long
FIELDS = {
    "slow": [{"wait_s": 0.05}],
    "hung": [{"for_s": 0.05}, {"for_s": 0.05, "headers": True}, {}],
    "trickle": [{"every_s": 0.001, "piece_bytes": 200}],
    "endless": [{"mib": 2}, {"mib": 2, "chunked": False}],
    "bomb": [{"mib": 64}],
    "page": [{}, {"status": 404}],
    "5xx": [{"body": "json"}, {"body": "html"}, {"body": "empty"}],
    "empty": [{}, {"status": 204}],
    "malformed": [{"how": how} for how in ("cut", "quotes", "bytes", "digits")],
    "no_length": [{}, {"fraction": 0.5}, {"chunked": True}, {"fraction": 0.5, "chunked": True}],
    "redirect": [{"to": to} for to in ("elsewhere", "loop", "home")],
    "expired_link": [{}, {"status": "410"}],
    "no_url": [{}],
    "stuck": [{}],
}
CASES = [
    (name, phase, fields)
    for name, kind in FAULTS.items()
    for phase in kind.phases
    for fields in FIELDS.get(name, [{}])
]


@asynccontextmanager
async def served(scenario: Scenario, folder: Path) -> AsyncIterator[Gate]:
    """The real server on a socket, and the real transport to it."""
    server = SimServer(folder, scenario=scenario, seed=0, key=KEY)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await server.start(listener)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        transport = HttpTransport(address, Secret(KEY), connect_timeout_s=5)
        try:
            yield transport, lambda _: CLIP_BYTES
        finally:
            await transport.close()
            await server.close()


@asynccontextmanager
async def in_memory(scenario: Scenario, _: Path) -> AsyncIterator[Gate]:
    world = SimWorld(scenario, latency_s=(0.0, 0.0))
    yield world, lambda remote_id: len(world.content(remote_id))


async def talk(gate: Gate, phase: str) -> list[object]:
    """One submit, polls to the end, the file twice, the second time from its middle: what a client sees."""
    transport, size_of = gate
    submitted = await seen(transport.send(SUBMIT, Sent(), fresh=True))
    if phase == "submit":
        return [shape(submitted)]
    remote_id = json.loads(submitted.body)["request_id"]
    poll = Call(method="GET", path=f"/grok/v1/videos/{remote_id}")
    if phase == "poll":
        await asyncio.sleep(0.05)
        return [shape(await seen(transport.send(poll, Sent())))]
    while (answer := json.loads((await transport.send(poll, Sent())).body)).get("status") != "done":  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    size = size_of(remote_id)
    return [
        await file_seen(transport, answer["video"]["url"], headers, size)
        for headers in ({}, {"Range": f"bytes={size // 2}-"})
    ]


async def seen(answer: Awaitable[T]) -> T:
    """The answer, or the name of what came instead."""
    try:
        with anyio.fail_after(PATIENCE_S):
            return await answer
    except (NotSentError, LostAnswerError, BadLinkError, TimeoutError) as exc:
        return type(exc).__name__  # type: ignore[return-value]


def shape(answer: Answer | str) -> object:
    """What of an answer does not depend on ids, addresses and times."""
    if isinstance(answer, str):
        return answer
    try:
        read = json.loads(answer.body)
    except ValueError:
        read = answer.body[:1]
    names = {name for name in answer.headers if name in ("content-type", "retry-after", "location")}
    large = len(answer.body) == 1 << 20
    return answer.status, names, sorted(read) if isinstance(read, dict) else type(read), large


async def file_seen(transport: Transport, url: str, headers: dict[str, str], size: int) -> object:
    """Status, whether a length is announced, which share of the file comes, and how it ends."""
    got, head, end = 0, None, "whole"
    try:
        with anyio.fail_after(PATIENCE_S):
            async with transport.fetch(url, headers) as fetched:
                head = (fetched.status, "content-length" in fetched.headers)
                async with aclosing(fetched.pieces()) as pieces:
                    async for piece in pieces:
                        got += len(piece)
    except (NotSentError, LostAnswerError, BadLinkError, TimeoutError) as exc:
        end = type(exc).__name__
    return head, next(word for most, word in SHARES if got <= most * size), end


@pytest.mark.parametrize(("name", "phase", "fields"), CASES, ids=str)
async def test_it_does_what_the_server_does(
    name: str, phase: str, fields: dict[str, object], tmp_path: Path
) -> None:
    """The same answer, error or silence, on a socket and in memory."""
    rules = {"render_s": 0.01, "spread": 0, "clips": "small", "clip_bytes": CLIP_BYTES}
    text = yaml.safe_dump({**rules, "faults": [{"fault": name, "phase": phase, **fields}]})
    scenario = read_scenario(text, "case")

    async with in_memory(scenario, tmp_path) as gate:
        expected = await talk(gate, phase)
    async with served(scenario, tmp_path / "world") as gate:
        real = await talk(gate, phase)

    assert real == expected
