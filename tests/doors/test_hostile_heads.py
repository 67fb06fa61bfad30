"""Heads of answers that no honest host sends: an error of ours, soon, and in little memory."""

from __future__ import annotations

import asyncio

import pytest
from doors.servers import a_rude_server, a_transport, answering, read_head

from pipeline.errors import LostAnswerError

OK = b"HTTP/1.1 200 OK\r\n"
FLOOD_BYTES = 64 << 20
TAKEN_BYTES = 8 << 20  # what sockets hold, and far more than any head may have
ODD = {
    "many": OK + b"".join(b"x-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
    "a long value": OK + b"x: " + b"y" * (1 << 20) + b"\r\n\r\n",
    "a long name": OK + b"x" * (1 << 20) + b": y\r\n\r\n",
    "a long reason": b"HTTP/1.1 200 " + b"O" * (1 << 20) + b"\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "no number": OK + b"Content-Length: 0x10\r\n\r\n",
    "below nothing": OK + b"Content-Length: -1\r\n\r\n",
    "a length and chunks": OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a huge number": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "no colon": OK + b"hello\r\n\r\n",
    "a zero": OK + b"x: a\0b\r\n\r\n",
    "another protocol": b"ICY 200 OK\r\n\r\n",
    "another version": b"HTTP/9.9 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a huge status": b"HTTP/1.1 2000000000000 OK\r\n\r\n",
    "nothing but ends": b"\r\n" * 100_000,
    "a huge chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 5000 + b"\r\n",
    "a chunk's long extension": OK
    + b"Transfer-Encoding: chunked\r\n\r\n1;"
    + b"x" * (1 << 20)
    + b"\r\na\r\n",
}


async def load(url: str) -> None:
    async with a_transport(url) as transport, transport.fetch(url + "/v.mp4", {}) as fetched:
        async for _ in fetched.pieces():
            pass


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
async def test_an_odd_head_is_a_lost_answer(raw: bytes) -> None:
    """Tried again like any other trouble of the network; the message stays short."""
    async with a_rude_server(answering(raw)) as url:
        with pytest.raises(LostAnswerError) as caught:
            await load(url)

    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("endless", [b"x: y\r\n", b"x", b" folded\r\n"], ids=["headers", "name", "folds"])
async def test_a_head_without_end_is_cut(endless: bytes) -> None:
    """Memory is not filled while the stall time-out passes."""
    flooded = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal flooded
        await read_head(reader)
        writer.write(OK + b"a: b\r\n")
        while flooded < FLOOD_BYTES:
            writer.write(endless * (65_536 // len(endless)))
            await writer.drain()
            flooded += 65_536

    async with a_rude_server(flood) as url:
        with pytest.raises(LostAnswerError):
            await load(url)

    assert flooded < TAKEN_BYTES
