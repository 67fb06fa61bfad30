"""Calls to the gateway over real loopback: with the key, once, never redirected, and lost or not sent."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import socket
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import anyio
import pytest
from aiohttp import web
from aioresponses import aioresponses
from doors.servers import KEY, a_rude_server, a_server, a_transport, answering, read_head, resetting
from support.builders_core import a_job

from pipeline.errors import LostAnswerError, NotSentError
from pipeline.providers.base import Call, FilePart, SubmitVerdict
from pipeline.providers.cometapi import PROVIDER
from pipeline.transport.base import Sent
from pipeline.transport.http import FILE_PIECE_BYTES, MAX_ANSWER_BYTES

POST = Call(
    method="POST", path="/v1/videos", body=(b'{"a":1}',), headers={"content-type": "application/json"}
)
GET = Call(method="GET", path="/v1/videos/r%2F1?x=%20y")


async def ok(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True}, headers={"X-Trace": "T"})


async def test_a_call_carries_key_and_body_to_the_gateway() -> None:
    """Path behind the prefix, exactly as the provider wrote it; the answer comes with lower-case names."""
    sent = Sent()
    async with a_server(ok) as gateway, a_transport(gateway.url + "/prefix") as transport:
        answer = await transport.send(POST, sent, fresh=True)
        await transport.send(GET, Sent())

    post, get = gateway.heard
    assert (post.method, post.path, post.body) == ("POST", "/prefix/v1/videos", b'{"a":1}')
    assert post.headers["authorization"] == f"Bearer {KEY}"
    assert post.headers["content-type"] == "application/json"
    assert post.headers["content-length"] == "7"
    assert post.headers["user-agent"].startswith("nightreel/")
    assert (get.method, get.path, get.body) == ("GET", "/prefix/v1/videos/r%2F1?x=%20y", b"")
    assert (answer.status, json.loads(answer.body), answer.headers["x-trace"]) == (200, {"ok": True}, "T")
    assert sent.headers_left


async def test_a_redirect_of_a_call_is_not_followed() -> None:
    """Neither the job nor the key goes to wherever an answer points."""

    async def elsewhere(_request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": other.url + "/v1/videos"})

    async with a_server(ok) as other, a_server(elsewhere) as gateway, a_transport(gateway.url) as transport:
        answers = [await transport.send(call, Sent(), fresh=call is POST) for call in (POST, GET)]

    assert [answer.status for answer in answers] == [307, 307]
    assert other.heard == []


async def test_each_submit_has_a_connection_of_its_own() -> None:
    """A reused one that the server has just closed would look like a lost answer; polls do share."""
    async with a_server(ok) as gateway, a_transport(gateway.url) as transport:
        for _ in range(3):
            await transport.send(POST, Sent(), fresh=True)
        for _ in range(3):
            await transport.send(GET, Sent())

    ports = [heard.port for heard in gateway.heard]
    assert len(set(ports[:3])) == 3
    assert len(set(ports[3:])) == 1
    assert not set(ports[:3]) & set(ports[3:])


async def test_no_cookie_is_kept() -> None:
    """One answer leaves no trace in the next call."""

    async def biscuit(_request: web.Request) -> web.Response:
        return web.Response(headers={"Set-Cookie": "session=1; Path=/"})

    async with a_server(biscuit) as gateway, a_transport(gateway.url) as transport:
        await transport.send(GET, Sent())
        await transport.send(GET, Sent())

    assert "cookie" not in gateway.heard[1].headers


async def test_any_status_is_an_answer() -> None:
    """What it means is the provider's to say."""

    async def by_path(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path.strip("/")), body=b"{}")

    async with a_server(by_path) as gateway, a_transport(gateway.url) as transport:
        found = [
            (await transport.send(Call(method="GET", path=f"/{status}"), Sent())).status
            for status in (200, 400, 404, 429, 500, 503)
        ]

    assert found == [200, 400, 404, 429, 500, 503]


# --- not sent, or lost


async def test_a_refused_connection_sent_nothing() -> None:
    """Nothing can have been accepted: it may be sent again."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port, sent = closed.getsockname()[1], Sent()
    async with a_transport(f"http://127.0.0.1:{port}") as transport:
        with pytest.raises(NotSentError, match=r"cannot connect to 127\.0\.0\.1"):
            await transport.send(POST, sent, fresh=True)

    assert not sent.headers_left


async def test_a_host_without_a_name_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is down, or the address is wrong."""

    async def nowhere(*_args: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    sent = Sent()
    async with a_transport("http://gateway.invalid") as transport:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nowhere)
        with pytest.raises(NotSentError, match=r"host gateway\.invalid not found"):
            await transport.send(POST, sent, fresh=True)

    assert not sent.headers_left


LOST = {
    "closed": answering(b""),
    "reset": resetting(),
    "half a status line": answering(b"HTTP/1.1 20"),
    "half a head": answering(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": answering(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"request_id":'),
    "reset in the body": resetting(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"request_id":'),
    "half a chunk": answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"),
    "bad chunk": answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "no HTTP": answering(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "two lengths": answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "endless header": answering(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
    "bad gzip": answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip"),
}


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("fresh", [True, False], ids=["submit", "poll"])
async def test_without_a_whole_answer_it_is_lost(name: str, fresh: bool) -> None:
    """After the headers left nobody knows: perhaps accepted, perhaps billed, so never sent again."""
    sent, count = Sent(), []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count.append(1)
        await LOST[name](reader, writer)

    async with a_rude_server(talk) as url, a_transport(url) as transport:
        with pytest.raises(LostAnswerError) as caught:
            await transport.send(POST, sent, fresh=fresh)

    assert sent.headers_left
    assert len(count) == 1
    assert KEY not in str(caught.value)


async def test_a_cancelled_wait_knows_that_the_headers_left() -> None:
    """The server took the call and says nothing: whoever gives up must call it unknown."""
    sent, arrived = Sent(), anyio.Event()

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        arrived.set()
        await asyncio.Event().wait()

    async with (
        a_rude_server(silent) as url,
        a_transport(url) as transport,
        anyio.create_task_group() as group,
    ):
        group.start_soon(lambda: transport.send(POST, sent, fresh=True))
        await arrived.wait()
        group.cancel_scope.cancel()

    assert sent.headers_left


# --- bodies


async def test_a_large_picture_is_streamed_into_the_body(tmp_path: Path) -> None:
    """Its base64 stands where the provider put it, with the length told before: not in chunks."""
    content = bytes(range(256)) * 13_001  # more than four pieces, and no multiple of three
    (tmp_path / "desk.png").write_bytes(content)
    part = FilePart(path=str(tmp_path / "desk.png"), size_bytes=len(content), sha256="")
    call = Call(method="POST", path="/v1", body=(b'{"image":"data:image/png;base64,', part, b'","a":1}'))
    async with a_server(ok) as gateway, a_transport(gateway.url) as transport:
        await transport.send(call, Sent(), fresh=True)

    heard = gateway.heard[0]
    assert heard.headers["content-length"] == str(call.content_length) == str(len(heard.body))
    assert "transfer-encoding" not in heard.headers
    image = json.loads(heard.body)["image"].partition(",")[2]
    assert base64.b64decode(image, validate=True) == content


@pytest.mark.parametrize(
    "size", [0, 1, 2, 3, 4, FILE_PIECE_BYTES - 1, FILE_PIECE_BYTES, FILE_PIECE_BYTES + 1]
)
async def test_pieces_join_at_any_length(tmp_path: Path, size: int) -> None:
    """Padding stands at the end alone."""
    content = (b"\xff\x00\x7f" * (size // 3 + 1))[:size]
    (tmp_path / "a").write_bytes(content)
    part = FilePart(path=str(tmp_path / "a"), size_bytes=size, sha256="")
    async with a_server(ok) as gateway, a_transport(gateway.url) as transport:
        await transport.send(Call(method="POST", path="/", body=(b"<", part, b">")), Sent(), fresh=True)

    assert gateway.heard[0].body == b"<" + base64.b64encode(content) + b">"


async def test_a_picture_is_closed_although_the_gateway_answers_early(tmp_path: Path) -> None:
    """A refusal that comes while the body still streams leaves no open file behind."""
    size = 4 << 20
    (tmp_path / "a").write_bytes(b"x" * size)
    part = FilePart(path=str(tmp_path / "a"), size_bytes=size, sha256="")
    call = Call(method="POST", path="/", body=(b"<", part))
    early = answering(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")
    async with a_rude_server(early) as url, a_transport(url) as transport:
        for _ in range(60):  # where the answer meets the stream is chance
            with suppress(LostAnswerError):
                await transport.send(call, Sent(), fresh=True)

    gc.collect()  # a file left open warns here, and warnings are errors


# --- large answers


@pytest.mark.parametrize("length", [True, False], ids=["length", "chunked"])
async def test_a_large_answer_is_cut_at_the_cap(length: bool) -> None:
    """An endless answer does not fill the memory; what came first is kept."""

    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if length:
            response.content_length = 64 << 20
        await response.prepare(request)
        try:
            for _ in range(1024):
                await response.write(b"x" * 65_536)
        except ConnectionError:
            pass  # the caller has had enough
        return response

    async with a_server(flood) as gateway, a_transport(gateway.url) as transport:
        answer = await transport.send(GET, Sent())

    assert answer.body == b"x" * MAX_ANSWER_BYTES


async def test_an_answer_up_to_the_cap_is_whole() -> None:
    """The cap itself cuts nothing."""

    async def full(_request: web.Request) -> web.Response:
        return web.Response(body=b"y" * MAX_ANSWER_BYTES)

    async with a_server(full) as gateway, a_transport(gateway.url) as transport:
        answer = await transport.send(GET, Sent())

    assert len(answer.body) == MAX_ANSWER_BYTES


# --- one call of one adapter


class MockedAnswer(aiohttp.ClientResponse):
    """What aioresponses 0.7.9 needs to make answers for aiohttp 3.14: it does not know `stream_writer`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"stream_writer": SimpleNamespace(output_size=0)} | options)


async def test_a_submit_of_cometapi_from_job_to_remote_id() -> None:
    """Adapter and transport agree on one call: the POST that costs money, and what its answer means."""
    provider = PROVIDER
    call = provider.build_submit(a_job(duration_s=6))
    with aioresponses() as gateway:
        gateway.post(
            "https://api.cometapi.com/grok/v1/videos/generations",
            payload={"request_id": "4b2cd27e-0b0d-3dec-c31c-7572daf74bb3"},
            response_class=MockedAnswer,
        )
        async with a_transport("https://api.cometapi.com") as transport:
            submitted = provider.parse_submit(await transport.send(call, Sent(), fresh=True))

    assert submitted.verdict is SubmitVerdict.ACCEPTED
    assert submitted.remote_id == "4b2cd27e-0b0d-3dec-c31c-7572daf74bb3"
    ((_, requests),) = gateway.requests.items()
    assert len(requests) == 1
    assert requests[0].kwargs["allow_redirects"] is False
    assert requests[0].kwargs["headers"]["Authorization"] == f"Bearer {KEY}"
    assert json.loads(requests[0].kwargs["data"])["prompt"] == "A fox runs."
