"""A long body straight from the socket into two buffers: one fills while the other is written to disk.

On the way through the HTTP library each byte is copied twice, into fresh memory each time, which costs more
than to receive it. So once the head of a long answer is read, and its length known, the connection gets
another protocol (`asyncio`'s own means, with and without TLS), and the event loop reads into our buffers.
Memory is two pieces for each body, and while both are full nothing is read. The connection is not used again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import aiohttp
import anyio

PIECE_S = 1.0
PIECE_BYTES = 1 << 19
LEAST_BYTES = 1 << 16
ALL_BYTES = 16 << 20


def piece_bytes_for(at_once: int) -> int:
    """How large pieces are with so many bodies at once: all of them share `ALL_BYTES`, at two each."""
    return max(LEAST_BYTES, min(PIECE_BYTES, ALL_BYTES // (2 * at_once)))


def is_long(response: aiohttp.ClientResponse, piece_bytes: int) -> bool:
    """Whether at least a piece is still to come of a file whose length is known."""
    length = response.content_length
    if response.status not in (200, 206) or length is None or "Transfer-Encoding" in response.headers:
        return False
    return length - response.content.total_bytes >= piece_bytes


def take_over(response: aiohttp.ClientResponse, piece_bytes: int) -> tuple[bytes, Receiver | None]:
    """What aiohttp has read of a long body, and a receiver for the rest; None where the connection is lost.

    It is asked until it has nothing more to give: then its parser holds nothing back either.
    """
    stream, connection = response.content, response.connection
    begun = b""
    while stream.exception() is None and (data := stream.read_nowait()):
        begun += data
    transport = connection.transport if connection is not None else None
    length = response.content_length
    if transport is None or transport.is_closing() or length is None or stream.exception() is not None:
        return begun, None
    return b"", Receiver(transport, begun, length - len(begun), piece_bytes)


class Receiver(asyncio.BufferedProtocol):
    """The protocol of a connection from which `left` more bytes of a body are to come, after `begun`."""

    def __init__(self, transport: asyncio.Transport, begun: bytes, left: int, piece_bytes: int) -> None:
        self._filling = memoryview(bytearray(begun.ljust(piece_bytes)))
        self._other = memoryview(bytearray(piece_bytes))
        self._filled = len(begun)
        self._left = left
        self._transport = transport
        self._library = transport.get_protocol()
        self._paused = False
        self._due = asyncio.Event()  # a piece is full, or nothing more comes
        self._lost: Exception | None = None
        transport.set_protocol(self)
        self._look()

    # --- the event loop's side

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._filling[self._filled : self._filled + self._left]

    def buffer_updated(self, count: int) -> None:
        self._filled += count
        self._left -= count
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._left:
            self._lost = exc or aiohttp.ClientPayloadError("closed before its end")
        self._library.connection_lost(exc)
        self._due.set()

    def _look(self) -> None:
        if not self._left or self._filled == len(self._filling):
            self._transport.pause_reading()
            self._paused = True
            self._due.set()

    # --- the reader's side

    async def pieces(self) -> AsyncGenerator[memoryview, None]:
        """Full pieces; what there is of one after `PIECE_S`, at the end, and before an error.

        Each is good until the next is asked for. Raises what befell the connection.
        """
        over = False
        while not over:
            if not self._due.is_set():
                with anyio.move_on_after(PIECE_S):
                    await self._due.wait()
            over = not self._left or self._lost is not None
            if self._filled:
                yield self._exchanged(over=over)
        if self._lost is not None:
            raise self._lost

    def _exchanged(self, *, over: bool) -> memoryview:
        """What has come; from now on the other buffer is filled, which nobody looks at any more."""
        piece = self._filling[: self._filled]
        self._filling, self._other = self._other, self._filling
        self._filled = 0
        if not over:
            self._due.clear()
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
        return piece

    def close(self) -> None:
        """Give the connection back, for the library to close."""
        self._transport.set_protocol(self._library)
