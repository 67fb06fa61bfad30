"""What the simulator's tests are made of: orders, worlds, requests, pictures, waiting."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.sim import EmbeddedSimulator
from pipeline.sim.gateway import Gateway
from pipeline.sim.orders import Order
from pipeline.sim.orders.grok import generation
from pipeline.sim.prices import GROK_MODELS
from pipeline.sim.scenario import read_scenario
from pipeline.sim.wire import Reply, Request
from pipeline.sim.world import Job, World, WorldRules

KEY = "test-key"
GENERATE = "/grok/v1/videos/generations"
EDIT = "/grok/v1/videos/edits"
POLL = "/grok/v1/videos/"
ALL_DONE = 10_000.0  # by then every job of a calm world has ended


@dataclass(frozen=True, kw_only=True)
class Wire:
    """How one dialect is spoken to: its paths, where its id stands, and what an order must have there."""

    name: str
    generate: str
    poll: str
    id_field: str = "request_id"
    order: Mapping[str, Any] = field(default_factory=dict)


COMET = Wire(name="cometapi", generate=GENERATE, poll=POLL)
XAI = Wire(name="xai", generate="/v1/videos/generations", poll="/v1/videos/")
OPC = Wire(
    name="globalaiopc",
    generate="/kyyReactApiServer/v1/grok/videos",
    poll="/kyyReactApiServer/v1/result/",
    id_field="id",
    order={"model": "grok_video3"},
)
WIRES = (COMET, XAI, OPC)
EVERY_DIALECT = pytest.mark.parametrize("wire", WIRES, ids=[wire.name for wire in WIRES])
XAI_EDIT, XAI_EXTEND = "/v1/videos/edits", "/v1/videos/extensions"


def an_order(**fields: Any) -> Order:
    body = {"prompt": "a fox", "duration": 6} | fields
    model = GROK_MODELS[body.pop("model", "grok-imagine-video")]
    return generation(body, model)


def a_world(seed: int = 0, **rules: Any) -> World:
    return World(WorldRules(**rules), seed=seed, secret=b"secret")


def a_job(world: World | None = None, now: float = 0.0, **fields: Any) -> Job:
    """An accepted job."""
    world = world or a_world()
    job = world.draft(an_order(**fields), "cometapi", now)
    world.add(job)
    return job


def a_gateway(scenario: str = "", seed: int = 0) -> Gateway:
    """A gateway in memory under a scenario given as YAML."""
    read = read_scenario(scenario, "test")
    return Gateway(World(read.rules, seed=seed, secret=b"secret"), read, key=KEY, seed=seed)


def with_fault(text: str) -> str:
    """A scenario with one fault, given as the inside of a YAML mapping."""
    return f"faults:\n  - {{{text}}}\n"


def a_request(method: str, path: str, body: Any = None, **headers: str) -> Request:
    """A request with the right key; `body` is sent as JSON unless it is bytes."""
    path, _, query = path.partition("?")
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"authorization": f"Bearer {KEY}", "host": "sim.test", "content-type": "application/json"}
    known = sent | named
    return Request(method=method, path=path, query=query, headers=known, body=data)


def submit(gateway: Gateway, now: float = 0.0, path: str = "", wire: Wire = COMET, **fields: Any) -> Reply:
    body = {"prompt": "a fox", "duration": 6} | wire.order | fields
    return gateway.handle(a_request("POST", path or wire.generate, body), now)


def submitted(gateway: Gateway, now: float = 0.0, path: str = "", wire: Wire = COMET, **fields: Any) -> str:
    """Submit and return the id."""
    reply = submit(gateway, now, path, wire, **fields)
    assert reply.status == 200, reply.body
    return str(json.loads(reply.body)[wire.id_field])


def poll(gateway: Gateway, job_id: str, now: float = ALL_DONE, wire: Wire = COMET) -> Reply:
    return gateway.handle(a_request("GET", wire.poll + job_id), now)


def link_of(gateway: Gateway, job_id: str, now: float = ALL_DONE, wire: Wire = COMET) -> str:
    return link_in(json.loads(poll(gateway, job_id, now, wire).body))


def link_in(body: dict[str, Any]) -> str:
    """The link in a flat body of any dialect."""
    return str(body["video_url"] if "video_url" in body else body["video"]["url"])


def get_link(gateway: Gateway, url: str, now: float = ALL_DONE, method: str = "GET") -> Reply:
    return gateway.handle(a_request(method, url.removeprefix("http://sim.test")), now)


def a_picture(width: int = 90, height: int = 60, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), "orange").save(data, kind)
    return data.getvalue()


def data_uri(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def video_uri(data: bytes) -> str:
    return f"data:video/mp4;base64,{base64.b64encode(data).decode()}"


@contextmanager
def running(
    folder: Path, scenario: str = "render_s: 0\nclips: small", seed: int = 0
) -> Iterator[EmbeddedSimulator]:
    """An embedded simulator under a scenario given as YAML; jobs end at once and clips are tiny."""
    with EmbeddedSimulator(folder, scenario=read_scenario(scenario, "test"), seed=seed) as simulator:
        yield simulator


async def until(check: Callable[[], Awaitable[bool]], deadline_s: float = 5.0) -> None:
    """Ask again and again until it is so. For what only the wall clock or another thread brings about."""
    async with asyncio.timeout(deadline_s):
        while not await check():  # noqa: ASYNC110 - the other side cannot set an event for us
            await asyncio.sleep(0.01)
