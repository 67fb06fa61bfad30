"""Playing a reply that no good server would send: late, in part, wrongly announced, slow or without end.

Written onto the connection by hand, since aiohttp keeps its servers honest, and never used twice: such a
connection is closed afterwards. What is sent is read or made piece by piece, so that no reply costs memory.
Whoever waits here is let go when its client leaves; when the server closes, aiohttp cancels it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from pipeline.sim.wire import Reply

PIECE_BYTES = 256 * 1024
LOOK_S = 0.2  # between looks whether a client that gets nothing is still there
_ZEROS = bytes(PIECE_BYTES)
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends RST


@dataclass(frozen=True, slots=True)
class Content:
    """What a body is made of: bytes, or a stretch of a file."""

    data: bytes = b""
    path: Path | None = None
    start: int = 0
    length: int = 0


async def hold(raw: web.BaseRequest, seconds: float | None) -> None:
    """Wait so long, None for ever, or until the client has gone."""
    loop = asyncio.get_running_loop()
    until_s = float("inf") if seconds is None else loop.time() + seconds
    while not _has_left(raw) and (rest_s := until_s - loop.time()) > 0:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(min(rest_s, LOOK_S))


def break_off(raw: web.BaseRequest) -> web.StreamResponse:
    """Break the connection with a TCP reset, as a crashed gateway or a proxy in between would."""
    if raw.transport is not None:
        connection = raw.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        raw.transport.abort()
    return web.Response(status=500)  # goes nowhere: the transport is closed


async def send_oddly(
    raw: web.BaseRequest, reply: Reply, status: int, headers: Mapping[str, str], content: Content
) -> web.StreamResponse:
    """Play a reply that is not plain. `headers` need not hold a length: the reply says which to announce."""
    if reply.is_silent:
        if not reply.drop:
            await hold(raw, reply.hang_s)
        return break_off(raw)
    await raw.writer.write(_head(reply, status, headers, content.length))
    if reply.hang == "after":
        await hold(raw, reply.hang_s)
        return break_off(raw)
    if raw.method != "HEAD":
        await _send_body(raw, reply, content)
    if raw.transport is not None:
        raw.transport.close()  # not abort: what was sent should arrive
    return web.Response(status=500)  # goes nowhere either


def _head(reply: Reply, status: int, headers: Mapping[str, str], length: int) -> bytes:
    named = {name: value for name, value in headers.items() if name != "Content-Length"}
    if reply.announced is not None and not reply.endless:
        named["Content-Length"] = str(int(length * reply.announced))
    elif reply.chunked:
        named["Transfer-Encoding"] = "chunked"
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"{name}: {value}" for name, value in (named | {"Connection": "close"}).items()]
    return "\r\n".join([f"HTTP/1.1 {status} {phrase}", *lines, "", ""]).encode("utf-8", "surrogateescape")


async def _send_body(raw: web.BaseRequest, reply: Reply, content: Content) -> None:
    in_chunks = reply.chunked and (reply.announced is None or reply.endless)
    async with aclosing(_pieces(reply, content)) as pieces:
        async for piece in pieces:
            if in_chunks:
                await raw.writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            else:
                await raw.writer.write(piece)
            if reply.piece_bytes:
                await hold(raw, reply.every_s)
            else:
                await asyncio.sleep(0)  # a client that reads as fast as we write must not stop all others
    if in_chunks and reply.cut_at is None and not reply.endless:
        await raw.writer.write(b"0\r\n\r\n")


async def _pieces(reply: Reply, content: Content) -> AsyncGenerator[bytes, None]:
    """The body as it is sent, in pieces of the reply's size."""
    size = reply.piece_bytes or PIECE_BYTES
    left = content.length if reply.cut_at is None else int(content.length * reply.cut_at)
    if content.path is None:
        for start in range(content.start, content.start + left, size):
            yield content.data[start : min(start + size, content.start + left)]
    else:
        with content.path.open("rb") as file:
            file.seek(content.start)
            while left > 0 and (piece := await asyncio.to_thread(file.read, min(size, left))):
                left -= len(piece)
                yield piece
    rest = None if reply.stop_bytes is None else reply.stop_bytes - content.length
    while reply.endless and (rest is None or rest > 0):
        piece = _ZEROS[: min(size, PIECE_BYTES, size if rest is None else rest)]
        rest = None if rest is None else rest - len(piece)
        yield piece


def _has_left(raw: web.BaseRequest) -> bool:
    return raw.transport is None or raw.transport.is_closing()
