"""Faults on a real connection, byte by byte: what leaves the simulator, when, and that it lets go."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sim.builders import GENERATE, POLL, until

from pipeline.sim import read_scenario
from pipeline.sim.faults.answers import zeros_as_gzip
from pipeline.sim.server import SimServer

MIB = 1024 * 1024


class Line:
    """A simulator in this loop, spoken to in bytes."""

    def __init__(self, server: SimServer, port: int) -> None:
        self.server, self.port = server, port

    @asynccontextmanager
    async def asked(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> AsyncIterator[asyncio.StreamReader]:
        """The answer to one request, as it comes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        head = {"Host": f"127.0.0.1:{self.port}", "Authorization": "Bearer k"} | named
        if body:
            head |= {"Content-Length": str(len(body)), "Content-Type": "application/json"}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        try:
            yield reader
        finally:
            writer.close()

    async def whole(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[str, bytes]:
        """Head and body, to the end of the connection; the client asks for it to close."""
        async with (
            asyncio.timeout(10),
            self.asked(method, path, body, Connection="close", **headers) as reader,
        ):
            data = await reader.read()
        head, _, rest = data.partition(b"\r\n\r\n")
        return head.decode(), rest

    async def submit(self, prompt: str = "a fox", path: str = GENERATE) -> tuple[str, bytes]:
        return await self.whole("POST", path, json.dumps({"prompt": prompt, "duration": 1}).encode())

    async def link(self) -> str:
        """Path and query of a clip's link."""
        _, body = await self.submit()
        _, polled = await self.whole("GET", POLL + json.loads(body)["request_id"])
        return str(json.loads(polled)["video"]["url"]).removeprefix(f"http://127.0.0.1:{self.port}")


@asynccontextmanager
async def line_to(folder: Path, fault: str, rules: str = "clips: small") -> AsyncIterator[Line]:
    """Jobs end at once."""
    scenario = read_scenario(f"render_s: 0\n{rules}\nfaults:\n  - {{{fault}}}\n", "test")
    server = SimServer(folder, scenario=scenario, seed=0, key="k")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await server.start(listener)
        try:
            yield Line(server, listener.getsockname()[1])
        finally:
            await server.close()


def length_in(head: str) -> int | None:
    found = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
    return int(found[0].partition(":")[2]) if found else None


async def test_slow_is_late_and_right(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: slow, phase: submit, wait_s: 0.4") as line:
        began = time.monotonic()
        head, body = await line.submit()

    assert time.monotonic() - began >= 0.4
    assert head.startswith("HTTP/1.1 200")
    assert "request_id" in json.loads(body)


async def test_hung_before_the_headers_sends_nothing_until_its_time_is_over(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: hung, phase: submit, for_s: 0.3") as line:
        began = time.monotonic()
        with pytest.raises(ConnectionResetError):
            await line.submit()
        bill = line.server.gateway.bill()

    assert time.monotonic() - began >= 0.3
    assert (bill["submissions"], bill["requests"]["submits"]) == (1, {"hung": 1})


async def test_hung_after_the_headers_never_comes_to_a_body(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: hung, phase: submit, headers: true, accepted: false") as line:
        async with line.asked("POST", GENERATE, b'{"prompt": "x"}') as reader:
            head = await reader.readuntil(b"\r\n\r\n")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await reader.read(1)
        bill = line.server.gateway.bill()

    assert head.startswith(b"HTTP/1.1 200")
    assert b"Content-Length" not in head
    assert bill["submissions"] == 0


@pytest.mark.parametrize(
    "fault",
    [
        "fault: hung",
        "fault: hung, headers: true",
        "fault: slow, wait_s: 600",
        "fault: endless",
        "fault: trickle, piece_bytes: 1, every_s: 600",
    ],
)
async def test_closing_lets_go_of_whoever_hangs(fault: str, tmp_path: Path) -> None:
    async with (
        line_to(tmp_path, f"{fault}, phase: submit") as line,
        line.asked("POST", GENERATE, b'{"prompt": "x"}') as reader,
    ):
        await until_billed(line)

        began = time.monotonic()
        await line.server.close()
        took = time.monotonic() - began

        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1 << 30)
    assert took < 1.5


async def until_billed(line: Line) -> None:
    async def billed() -> bool:
        return line.server.gateway.bill()["submissions"] == 1

    await until(billed)


@pytest.mark.parametrize("fault", ["fault: hung", "fault: hung, headers: true", "fault: slow, wait_s: 600"])
async def test_a_client_who_leaves_frees_its_connection(fault: str, tmp_path: Path) -> None:
    async with line_to(tmp_path, f"{fault}, phase: submit") as line:
        idle = len(asyncio.all_tasks())
        async with line.asked("POST", GENERATE, b'{"prompt": "x"}'):
            await until_billed(line)
            assert len(asyncio.all_tasks()) > idle

        async def freed() -> bool:
            return len(asyncio.all_tasks()) <= idle

        await until(freed)


async def test_a_cut_answer_announces_all_of_it(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: cut_answer, phase: submit, fraction: 0.5") as line:
        head, body = await line.submit()

    assert length_in(head) == 2 * len(body) or length_in(head) == 2 * len(body) + 1
    assert body.startswith(b'{"request_id"')


async def test_a_trickle_comes_in_pieces(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: trickle, phase: submit, piece_bytes: 20, every_s: 0.1") as line:
        began = time.monotonic()
        async with line.asked("POST", GENERATE, b'{"prompt": "x"}') as reader:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first_after_s = time.monotonic() - began
            body = await reader.read()

    assert "request_id" in json.loads(body)
    assert length_in(head) == len(body)
    assert first_after_s + 0.1 < time.monotonic() - began


@pytest.mark.parametrize("phase", ["submit", "download"])
async def test_an_endless_body_costs_no_memory(phase: str, tmp_path: Path) -> None:
    async with line_to(tmp_path, f"fault: endless, phase: {phase}") as line:
        body = b'{"prompt": "x"}' if phase == "submit" else b""
        path = GENERATE if phase == "submit" else await line.link()
        tracemalloc.start()
        async with line.asked("POST" if body else "GET", path, body) as reader:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            for _ in range(64):
                await reader.readexactly(MIB)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert "Transfer-Encoding: chunked" in head
    assert peak < 12 * MIB


async def test_an_endless_body_may_have_an_end(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: endless, phase: download, mib: 3, chunked: false") as line:
        head, body = await line.whole("GET", await line.link())

    assert length_in(head) is None
    assert len(body) == 3 * MIB
    assert body[4:8] == b"ftyp"


async def test_a_bomb_unpacks_to_zeros(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: bomb, phase: submit, mib: 8") as line:
        head, body = await line.submit()

    assert "Content-Encoding: gzip" in head
    assert len(body) < 8 * MIB // 500
    assert gzip.decompress(body) == bytes(8 * MIB)
    assert zeros_as_gzip(8) is zeros_as_gzip(8)


async def test_longer_than_announced(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: longer, fraction: 0.5") as line:
        head, body = await line.whole("GET", await line.link())

    announced = length_in(head)
    assert announced is not None
    assert announced < len(body)


@pytest.mark.parametrize("chunked", ["true", "false"])
async def test_without_a_length_the_end_is_told_or_not(chunked: str, tmp_path: Path) -> None:
    async with line_to(tmp_path, f"fault: no_length, chunked: {chunked}, attempts: 1") as line:
        link = await line.link()
        head, body = await line.whole("GET", link)
        _, plain = await line.whole("GET", link)

    assert length_in(head) is None
    assert (plain in body) == (chunked == "false" or len(plain) < 256 * 1024)
    assert body.endswith(b"0\r\n\r\n") == (chunked == "true")


@pytest.mark.parametrize("blind", [False, True])
async def test_a_file_that_changes_between_two_ranges(blind: bool, tmp_path: Path) -> None:
    """Said by its ETag, and with the whole of it; or not."""
    fault = f"fault: changed, attempts: 2-, blind: {str(blind).lower()}"
    async with line_to(tmp_path, fault, "clips: small\nclip_bytes: 100000") as line:
        link = await line.link()
        first, begin = await line.whole("GET", link, Range="bytes=0-999")
        etag = next(row for row in first.splitlines() if row.startswith("ETag")).partition(": ")[2]
        second, rest = await line.whole("GET", link, Range="bytes=1000-", If_Range=etag)

    assert etag not in second
    assert second.split()[1] == ("206" if blind else "200")
    assert len(begin) + len(rest) == (100_000 if blind else 101_000)


async def test_a_range_that_is_ignored(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: range_ignored") as line:
        head, body = await line.whole("GET", await line.link(), Range="bytes=10-")

    assert head.startswith("HTTP/1.1 200")
    assert "Accept-Ranges: none" in head
    assert body[4:8] == b"ftyp"


async def test_a_redirect_leads_to_the_same_file_under_another_name(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: redirect, phase: download") as line:
        head, _ = await line.whole("GET", await line.link())
        place = next(row for row in head.splitlines() if row.startswith("Location")).partition(": ")[2]
        there, body = await line.whole("GET", place.removeprefix(f"http://localhost:{line.port}"))

    assert place.startswith(f"http://localhost:{line.port}/files/")
    assert there.startswith("HTTP/1.1 200")
    assert body[4:8] == b"ftyp"


async def test_a_head_request_gets_no_body_from_a_spoilt_file(tmp_path: Path) -> None:
    async with line_to(tmp_path, "fault: truncate, fraction: 0.9") as line:
        head, body = await line.whole("HEAD", await line.link())

    assert head.startswith("HTTP/1.1 200")
    assert body == b""
