"""Long files straight from the socket: every byte once and in order, whatever comes when, also by TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
from doors.servers import Certificates, Talk, a_rude_server, a_server, a_transport, read_head
from doors.test_fetching import CLIP, GATEWAY, giving, load_into

from pipeline.errors import LostAnswerError
from pipeline.transport.body import PIECE_BYTES, piece_bytes_for


def in_bits(*sizes: int, cut: int = len(CLIP)) -> Talk:
    """Sends the clip in bits of these sizes, in turn, and closes after `cut` bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CLIP))
        place = turn = 0
        while place < cut:
            stop = min(cut, place + sizes[turn % len(sizes)])
            writer.write(CLIP[place:stop])
            await writer.drain()
            place, turn = stop, turn + 1

    return talk


BITS = [(1 << 20,), (len(CLIP),), (1, PIECE_BYTES), (PIECE_BYTES - 1, 1, 2), (70_001, 8191)]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("sizes", BITS, ids=str)
async def test_every_byte_comes_once_and_in_order(tmp_path: Path, sizes: Sequence[int], tls: bool) -> None:
    """However the host cuts it up, and also while the disk is slower than the host."""
    came: list[bytes] = []
    made = Certificates(tmp_path)
    async with (
        a_rude_server(in_bits(*sizes), made.tls if tls else None) as url,
        a_transport(GATEWAY, env=made.env) as transport,
        transport.fetch(url + "/v.mp4", {}) as fetched,
        aclosing(fetched.pieces()) as pieces,
    ):
        async for piece in pieces:
            came.append(bytes(piece))
            await anyio.sleep(0.001)
            assert came[-1] == piece, "it was written over while it was in use"

    assert b"".join(came) == CLIP
    assert {len(piece) for piece in came[:-1]} == {PIECE_BYTES}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("cut", [PIECE_BYTES, 3 * PIECE_BYTES + 5, len(CLIP) - 1])
async def test_a_long_file_that_breaks_off_is_noticed(tmp_path: Path, cut: int, tls: bool) -> None:
    """What came before is handed on, to the last byte: another try goes on from there."""
    came: list[bytes] = []
    made = Certificates(tmp_path)
    async with (
        a_rude_server(in_bits(1 << 16, cut=cut), made.tls if tls else None) as url,
        a_transport(GATEWAY, env=made.env) as transport,
    ):
        with pytest.raises(LostAnswerError, match="broke off before its end"):
            await load_into(came, transport, url + "/v.mp4")

    assert b"".join(came) == CLIP[:cut]


async def test_a_long_file_that_nobody_reads_is_not_loaded() -> None:
    """Two pieces wait at most, and leaving without a look closes the connection."""
    sent = 0
    gone = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        try:
            while True:
                writer.write(bytes(PIECE_BYTES))
                sent += PIECE_BYTES
                await writer.drain()
        except ConnectionError:
            gone.set()

    async with a_rude_server(endless) as url, a_transport(GATEWAY) as transport:
        async with transport.fetch(url + "/v.mp4", {}):
            before = -1
            while sent > before:  # until the socket's own buffers are full
                before = sent
                await anyio.sleep(0.05)
        await gone.wait()


async def test_short_files_share_a_connection() -> None:
    """A long one takes one of its own."""
    async with a_server(giving(CLIP[:1000])) as host, a_transport(GATEWAY) as transport:
        for _ in range(3):
            await load_into([], transport, host.url + "/v.mp4")

    assert len({heard.port for heard in host.heard}) == 1


@pytest.mark.parametrize("at_once", [1, 8, 64, 100])
def test_more_bodies_at_once_take_no_more_memory(at_once: int) -> None:
    """Two pieces each, 16 MiB in all."""
    assert 2 * at_once * piece_bytes_for(at_once) <= 16 << 20
    assert piece_bytes_for(at_once) >= 1 << 16
