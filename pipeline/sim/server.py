"""The simulator over HTTP: an aiohttp server, thin over the gateway, and what it needs around it.

aiohttp's low-level server is used, without router, middleware and access log: the gateway dispatches
by itself, and thousands of small requests per second leave no room for more.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from pipeline.sim.clips import Clip, ClipStore
from pipeline.sim.encoding import EncodingStoppedError
from pipeline.sim.folder import WorldFolder
from pipeline.sim.gateway import Gateway
from pipeline.sim.ranges import Slice, choose_slice
from pipeline.sim.scenario import Scenario
from pipeline.sim.sending import Content, break_off, hold, send_oddly
from pipeline.sim.wire import Reply, Request
from pipeline.sim.world import World

MAX_BODY_BYTES = 64 * 1024 * 1024  # a 20 MiB picture is 28 MB of base64
READ_IN_THREAD_BYTES = 64 * 1024
PIECE_BYTES = 1024 * 1024  # where the loop cannot send a file by itself
GRACE_S = 0.2  # for answers under way when the server closes


class BodyTooLargeError(Exception):
    """More than `MAX_BODY_BYTES` were sent."""


class SimServer:
    """One world, served. `start` and `close` belong to the same event loop."""

    def __init__(
        self,
        folder: Path,
        *,
        scenario: Scenario,
        seed: int,
        key: str | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._folder = WorldFolder(folder)
        identity = self._folder.identity
        self.key = identity.key if key is None else key
        world = World(scenario.rules, seed=seed, secret=identity.secret)
        for job in self._folder.jobs:
            world.add(job)
        self.gateway = Gateway(world, scenario, key=self.key, seed=seed, keeper=self._folder)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="sim")
        self.clips = ClipStore(
            self._folder.clips,
            self._folder.picture_path,
            mode=scenario.clips,
            clip_bytes=scenario.clip_bytes,
            threads=self._threads,
        )
        self._wall = wall
        self._runner: web.ServerRunner | None = None

    async def start(self, listener: socket.socket) -> None:
        """Serve on a bound socket."""
        server = web.Server(self._answer, access_log=None, keepalive_timeout=600)
        self._runner = web.ServerRunner(server, shutdown_timeout=GRACE_S)
        await self._runner.setup()
        await web.SockSite(self._runner, listener, backlog=1024).start()

    async def close(self) -> None:
        """Stop serving; connections under way are broken after a moment. May be called twice."""
        self.clips.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._folder.close()

    async def _answer(self, raw: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._play(raw)
        except BodyTooLargeError:
            raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, raw.content_length or 0) from None
        except (ConnectionError, web.RequestPayloadError, EncodingStoppedError):
            return break_off(raw)  # the client went away, or we are closing: nothing to report

    async def _play(self, raw: web.BaseRequest) -> web.StreamResponse:
        """Read a request, have it answered, and do what the reply says."""
        body = await _body(raw)
        request = Request(
            method=raw.method,
            path=raw.path,
            query=raw.rel_url.raw_query_string,
            headers=raw.headers,
            body=body,
        )
        if len(body) < READ_IN_THREAD_BYTES:
            asked = self.gateway.read(request)
        else:
            # Not in the encoders' threads: a submission must not wait for clips.
            asked = await asyncio.to_thread(self.gateway.read, request)
        reply = self.gateway.answer(request, asked, self._wall())
        if reply.wait_s:
            await hold(raw, reply.wait_s)
        if reply.clip is not None and not reply.is_silent:
            return await self._send_clip(raw, reply)
        headers = {"Content-Type": reply.content_type, **reply.headers}
        if reply.is_plain:
            return web.Response(status=reply.status, body=reply.body, headers=headers)
        content = Content(data=reply.body, length=len(reply.body))
        return await send_oddly(raw, reply, reply.status, headers, content)

    async def _send_clip(self, raw: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        assert reply.clip is not None
        clip = await self.clips.get(reply.clip, reply.edition)
        part = choose_slice(
            _range_headers(raw.headers, reply),
            size=clip.size_bytes,
            etag=clip.etag,
            last_modified=reply.headers["Last-Modified"],
        )
        self.gateway.count_download(part.status)
        headers = {
            "Content-Type": reply.content_type,
            "ETag": clip.etag,
            "Accept-Ranges": "none" if reply.ranges == "ignored" else "bytes",
            "Content-Length": str(part.length),
            **reply.headers,
            **part.headers,
        }
        if reply.is_plain:
            if raw.method == "HEAD" or part.length == 0:
                return web.Response(status=part.status, headers=headers)
            if clip.data is not None:
                body = clip.data[part.start : part.start + part.length]
                return web.Response(status=part.status, body=body, headers=headers)
            return await _stream(raw, clip, part, headers)
        content = Content(path=clip.path, start=part.start, length=part.length)
        return await send_oddly(raw, reply, part.status, headers, content)


def _range_headers(headers: Mapping[str, str], reply: Reply) -> Mapping[str, str]:
    """What of a request's headers counts for the part it gets."""
    names = {"kept": ("range", "if-range"), "blind": ("range",), "ignored": ()}[reply.ranges]
    return {name: headers[name] for name in names if name in headers}


async def _body(raw: web.BaseRequest) -> bytes:
    """The whole body, up to the limit."""
    if not raw.body_exists:
        return b""
    if (raw.content_length or 0) > MAX_BODY_BYTES:
        raise BodyTooLargeError
    if raw.headers.get("expect", "").lower() == "100-continue":  # the low-level server leaves it to us
        await raw.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        raw.writer.output_size = 0
    pieces = bytearray()
    async for piece in raw.content.iter_any():
        pieces += piece
        if len(pieces) > MAX_BODY_BYTES:
            raise BodyTooLargeError
    return bytes(pieces)


async def _stream(
    raw: web.BaseRequest, clip: Clip, part: Slice, headers: dict[str, str]
) -> web.StreamResponse:
    """Send a part of a file without holding it in memory."""
    response = web.StreamResponse(status=part.status, headers=headers)
    await response.prepare(raw)
    with clip.path.open("rb") as file:
        await _send_part(raw, response, file, part.start, part.length)
    await response.write_eof()
    return response


async def _send_part(
    raw: web.BaseRequest, response: web.StreamResponse, file: BinaryIO, start: int, length: int
) -> None:
    if raw.transport is None or raw.transport.is_closing():
        raise ConnectionResetError("the client has gone")
    try:
        await asyncio.get_running_loop().sendfile(raw.transport, file, start, length)
    except NotImplementedError:  # uvloop
        file.seek(start)
        while length > 0:
            piece = await asyncio.to_thread(file.read, min(PIECE_BYTES, length))
            await response.write(piece)
            length -= len(piece)
