"""Real servers on loopback: polite ones of aiohttp, and rude ones that speak bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
from aiohttp import web

from pipeline.config import Secret
from pipeline.transport.http import HttpTransport

KEY = "sk-0123456789abcdef"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Heard:
    """One request as a server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int  # of the caller: the same port is the same connection


@dataclass
class Server:
    url: str
    heard: list[Heard] = field(default_factory=list)


@asynccontextmanager
async def a_server(handler: Handler) -> AsyncIterator[Server]:
    """Every request is noted, then answered by `handler`."""
    server = Server("")

    async def note(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert request.transport is not None
        port = request.transport.get_extra_info("peername")[1]
        server.heard.append(Heard(request.method, request.path_qs, headers, await request.read(), port))
        return await handler(request)

    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", note)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def a_rude_server(talk: Talk) -> AsyncIterator[str]:
    """A server whose every connection is `talk`; then it is closed."""
    talks: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            talks.discard(task)
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """A request up to the blank line."""
    return await reader.readuntil(b"\r\n\r\n")


def answering(raw: bytes) -> Talk:
    """Read one request's head, say `raw`, close."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(raw)
        await writer.drain()

    return talk


def resetting(raw: bytes = b"") -> Talk:
    """Read one request's head, say `raw`, and reset the connection instead of closing it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(raw)
        await writer.drain()
        writer.transport.abort()

    return talk


@asynccontextmanager
async def a_transport(base_url: str) -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(base_url, Secret(KEY), connect_timeout_s=5.0)
    try:
        with anyio.fail_after(20):  # no test may hang
            yield transport
    finally:
        await transport.close()
