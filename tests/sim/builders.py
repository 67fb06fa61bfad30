"""What the simulator's tests are made of: orders, worlds, requests, pictures, waiting."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from pipeline.sim import EmbeddedSimulator
from pipeline.sim.gateway import Gateway
from pipeline.sim.orders import Order, generation
from pipeline.sim.prices import GROK_MODELS
from pipeline.sim.scenario import read_scenario
from pipeline.sim.wire import Reply, Request
from pipeline.sim.world import Job, World, WorldRules

KEY = "test-key"
GENERATE = "/grok/v1/videos/generations"
EDIT = "/grok/v1/videos/edits"
POLL = "/grok/v1/videos/"
ALL_DONE = 10_000.0  # by then every job of a calm world has ended


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


def a_request(method: str, path: str, body: Any = None, **headers: str) -> Request:
    """A request with the right key; `body` is sent as JSON unless it is bytes."""
    path, _, query = path.partition("?")
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    known = {"authorization": f"Bearer {KEY}", "host": "sim.test"} | headers
    return Request(method=method, path=path, query=query, headers=known, body=data)


def submit(gateway: Gateway, now: float = 0.0, path: str = GENERATE, **fields: Any) -> Reply:
    return gateway.handle(a_request("POST", path, {"prompt": "a fox", "duration": 6} | fields), now)


def submitted(gateway: Gateway, now: float = 0.0, path: str = GENERATE, **fields: Any) -> str:
    """Submit and return the id."""
    reply = submit(gateway, now, path, **fields)
    assert reply.status == 200, reply.body
    return str(json.loads(reply.body)["request_id"])


def poll(gateway: Gateway, job_id: str, now: float = ALL_DONE) -> Reply:
    return gateway.handle(a_request("GET", POLL + job_id), now)


def link_of(gateway: Gateway, job_id: str, now: float = ALL_DONE) -> str:
    return str(json.loads(poll(gateway, job_id, now).body)["video"]["url"])


def get_link(gateway: Gateway, url: str, now: float = ALL_DONE, method: str = "GET") -> Reply:
    return gateway.handle(a_request(method, url.removeprefix("http://sim.test")), now)


def a_picture(width: int = 90, height: int = 60, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), "orange").save(data, kind)
    return data.getvalue()


def data_uri(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


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
