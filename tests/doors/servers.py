"""Real servers on loopback: polite ones of aiohttp, and rude ones that speak bytes."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import trustme
from aiohttp import web

from pipeline.secret import Secret
from pipeline.transport.http import HttpTransport

KEY = "sk-0123456789abcdef"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Certificates:
    """A CA of the user's own, and a server certificate that it signed."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.file))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("gateway.test", "files.test", "127.0.0.1").configure_cert(self.tls)
        self.env = {"SSL_CERT_FILE": str(self.file)}

    def hash_name(self) -> str:
        """As `openssl rehash` would name it."""
        command = ["openssl", "x509", "-hash", "-noout", "-in", self.file]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() + ".0"


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
async def a_server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
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
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def a_rude_server(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
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

    server = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
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


def sending_to(place: str) -> Handler:
    """What is first asked for is elsewhere; all else is there."""

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/first":
            return web.Response(status=302, headers={"Location": place})
        return web.Response(body=b"clip")

    return handler


@dataclass
class Tunnels:
    """A proxy's view: the head of each request, and a way to cut what it carries."""

    heads: list[str] = field(default_factory=list)
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    cut_after_bytes: int | None = None  # of what the target says

    def to(self, target_url: str) -> Talk:
        """A CONNECT proxy that takes every name for the loopback server at `target_url`."""
        port = int(target_url.rpartition(":")[2])

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.heads.append((await read_head(reader)).decode())
            there, to_there = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                pumps = [
                    asyncio.ensure_future(part)
                    for part in (_pump(reader, to_there), self._answers(there, writer), self.cut.wait())
                ]
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                writer.transport.abort()  # before anything is awaited, where a cancel could end this
                to_there.transport.abort()
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)

        return talk

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut_after_bytes is not None:
            writer.write(await there.readexactly(self.cut_after_bytes))
            await writer.drain()
            return
        await _pump(there, writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def a_transport(
    base_url: str, env: Mapping[str, str] | None = None, **allowed: bool
) -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(base_url, Secret(KEY), connect_timeout_s=5.0, env=env, **allowed)
    try:
        with anyio.fail_after(20):  # no test may hang
            yield transport
    finally:
        await transport.close()
