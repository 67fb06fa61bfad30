"""Files from hosts over real loopback: every byte, without the key, and cut-off streams are noticed."""

from __future__ import annotations

import asyncio
import base64
import gzip
from contextlib import aclosing

import anyio
import pytest
from aiohttp import web
from doors.servers import (
    KEY,
    Handler,
    Talk,
    a_rude_server,
    a_server,
    a_transport,
    answering,
    read_head,
    resetting,
)

from pipeline.errors import BadLinkError, LostAnswerError, NotSentError
from pipeline.transport.http import MAX_REDIRECTS, PIECE_BYTES, PIECE_S, HttpTransport

CLIP = bytes(range(251)) * 20_000  # about 5 MB, and no piece like another


GATEWAY = "http://127.0.0.1:1"  # of this machine, so that files may come from here too


def in_base64(text: str) -> str:
    return base64.urlsafe_b64encode(f"user:{text}".encode()).decode()


async def loaded(transport: HttpTransport, url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    async with (
        transport.fetch(url, {name.replace("_", "-"): value for name, value in headers.items()}) as fetched,
        aclosing(fetched.pieces()) as pieces,
    ):
        body = b"".join([piece async for piece in pieces])
        return fetched.status, dict(fetched.headers), body


async def load_into(came: list[bytes], transport: HttpTransport, url: str) -> None:
    """Every piece as it comes, so that those before an error are kept."""
    async with transport.fetch(url, {}) as fetched:
        async for piece in fetched.pieces():
            came.append(piece)  # noqa: PERF401 - what came before the error counts


def giving(body: bytes, status: int = 200, **headers: str) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers=named)

    return handler


async def test_a_file_comes_whole_in_large_pieces() -> None:
    """Every byte in order; pieces of about the agreed size, so that each is worth a thread's while."""
    async with (
        a_server(giving(CLIP)) as host,
        a_transport(GATEWAY) as transport,
        transport.fetch(host.url + "/v.mp4", {}) as fetched,
    ):
        pieces = [piece async for piece in fetched.pieces()]

    assert b"".join(pieces) == CLIP
    assert fetched.status == 200
    assert fetched.headers["content-length"] == str(len(CLIP))
    assert all(len(piece) >= PIECE_BYTES for piece in pieces[:-1])
    assert all(0 < len(piece) <= 3 * PIECE_BYTES for piece in pieces)


async def test_the_key_never_goes_to_a_file_host() -> None:
    """Neither to the first nor to where it redirects, not even to the gateway's own origin."""

    async def redirecting(request: web.Request) -> web.StreamResponse:
        if request.path == "/file":
            return web.Response(body=b"clip")
        return web.Response(status=302, headers={"Location": request.query["to"]})

    async with (
        a_server(giving(b"clip")) as other,
        a_server(redirecting) as gateway,
        a_transport(gateway.url) as transport,
    ):
        for target in (other.url + "/file", gateway.url + "/file"):
            _, _, body = await loaded(transport, f"{gateway.url}/first?to={target}")
            assert body == b"clip"

    heard = [*gateway.heard, *other.heard]
    assert len(heard) == 4
    for request in heard:
        assert "authorization" not in request.headers
        assert KEY not in str(request)


async def test_a_link_is_asked_for_as_it_was_signed() -> None:
    """Not a character of it is encoded again, or the signature would not fit."""
    path = "/a%2Fb/c+d%20e.mp4?X-Sig=a%2Fb%3D%3D&e=1+2&f=~(x)"
    async with a_server(giving(b"clip")) as host, a_transport(GATEWAY) as transport:
        await loaded(transport, host.url + path)

    assert host.heard[0].path == path


async def test_asked_headers_go_along() -> None:
    """A resumed download says what it wants, and takes no compression."""
    async with a_server(giving(b"rest", 206)) as host, a_transport(GATEWAY) as transport:
        status, _, body = await loaded(transport, host.url + "/v", Range="bytes=5-", If_Range='"e"')

    assert (status, body) == (206, b"rest")
    assert host.heard[0].headers["range"] == "bytes=5-"
    assert host.heard[0].headers["if-range"] == '"e"'
    assert host.heard[0].headers["accept-encoding"] == "identity"


async def test_an_encoded_file_is_not_decoded() -> None:
    """Its length and range are those of the bytes on the wire; the stage sees the header and refuses."""
    packed = gzip.compress(CLIP)
    handler = giving(packed, Content_Encoding="gzip")
    async with a_server(handler) as host, a_transport(GATEWAY) as transport:
        _, headers, body = await loaded(transport, host.url + "/v.mp4")

    assert body == packed
    assert headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("status", [403, 404, 410, 416, 500, 503])
async def test_any_status_is_an_answer(status: int) -> None:
    """What it means is the stage's to say."""
    async with a_server(giving(b"no", status)) as host, a_transport(GATEWAY) as transport:
        assert (await loaded(transport, host.url + "/v"))[0] == status


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "talk",
    [
        answering(HEAD + CLIP[:2_000_000]),
        resetting(HEAD + CLIP[:2_000_000]),
        answering(HEAD),
        answering(CHUNKED + b"ffff\r\n" + CLIP[:100]),
        answering(CHUNKED + b"5\r\nhello\r\n"),
        answering(CHUNKED + b"zz\r\nhello\r\n"),
    ],
    ids=["closed", "reset", "nothing", "in a chunk", "between chunks", "bad chunk"],
)
async def test_a_file_that_breaks_off_is_noticed(talk: Talk) -> None:
    """Half a clip never looks like a whole one, and what came first is what was sent first."""
    came: list[bytes] = []
    async with a_rude_server(talk) as url, a_transport(GATEWAY) as transport:
        with pytest.raises(LostAnswerError):
            await load_into(came, transport, url + "/v.mp4")

    assert CLIP.startswith(b"".join(came)) or came == [b"hello"]


async def test_what_came_before_a_break_is_handed_on() -> None:
    """Less than a piece counts too: a host that cuts each connection still gives a whole clip in the end."""
    came: list[bytes] = []
    async with (
        a_rude_server(answering(HEAD + CLIP[: PIECE_BYTES // 2])) as url,
        a_transport(GATEWAY) as transport,
    ):
        with pytest.raises(LostAnswerError):
            await load_into(came, transport, url + "/v.mp4")

    assert b"".join(came) == CLIP[: PIECE_BYTES // 2]


async def test_a_slow_host_is_heard() -> None:
    """Bytes that came are handed on although the host pauses: a slow link is not a stalled one."""

    async def pausing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(HEAD + CLIP[:1000])
        await writer.drain()
        await asyncio.Event().wait()

    async with (
        a_rude_server(pausing) as url,
        a_transport(GATEWAY) as transport,
        transport.fetch(url + "/v.mp4", {}) as fetched,
        aclosing(fetched.pieces()) as pieces,
    ):
        with anyio.fail_after(5 * PIECE_S):
            piece = await anext(pieces)

    assert piece == CLIP[:1000]


async def test_a_host_that_answers_nothing_is_a_lost_answer() -> None:
    """The request left; downloads are free to ask again."""
    async with a_rude_server(answering(b"")) as url, a_transport(GATEWAY) as transport:
        with pytest.raises(LostAnswerError):
            await loaded(transport, url + "/v.mp4")


@pytest.mark.parametrize(
    "link",
    ["ftp://127.0.0.1/v.mp4", "file:///etc/passwd", "http://[::1/v", "http://a:99999/v", "v.mp4", ""],
)
async def test_a_link_that_leads_nowhere_is_not_asked(link: str) -> None:
    """Other scheme, no address at all: no other try can help, and nothing is read from this machine."""
    async with a_transport(GATEWAY) as transport:
        with pytest.raises(BadLinkError):
            await loaded(transport, link)


async def test_a_closed_port_was_not_asked() -> None:
    """Another try may find it open."""
    async with a_transport(GATEWAY) as transport:
        with pytest.raises(NotSentError):
            await loaded(transport, "http://127.0.0.1:1/v.mp4")


@pytest.mark.parametrize("spelled", [KEY, "".join(f"%{ord(char):02x}" for char in KEY), in_base64(KEY)])
async def test_no_place_that_holds_the_key_is_asked(spelled: str) -> None:
    """Neither a link nor a redirect brings it to a file host, however it is spelled there."""
    asked: list[str] = []

    async def host(request: web.Request) -> web.StreamResponse:
        asked.append(request.raw_path)
        return web.Response(status=302, headers={"Location": f"/on?token={spelled}"})

    async with a_server(host) as server, a_transport(GATEWAY) as transport:
        with pytest.raises(BadLinkError, match="the link leads to a place that holds your key") as linked:
            await loaded(transport, f"{server.url}/v.mp4?token={spelled}")
        assert asked == []
        with pytest.raises(BadLinkError, match="redirects to a place that holds your key") as redirected:
            await loaded(transport, f"{server.url}/v.mp4")

    assert asked == ["/v.mp4"]
    assert spelled not in f"{linked.value}{redirected.value}"


async def test_a_host_that_repeats_the_key_is_not_repeated() -> None:
    """Neither its headers nor a library's words about a broken answer."""
    async with a_server(giving(b"x", ETag=f'"{KEY}"')) as host, a_transport(GATEWAY) as transport:
        _, headers, _ = await loaded(transport, host.url)
    async with (
        a_rude_server(answering(f"{KEY} {KEY}\r\n\r\n".encode())) as url,
        a_transport(GATEWAY) as transport,
    ):
        with pytest.raises(LostAnswerError) as broken:
            await loaded(transport, url)

    assert headers["etag"] == '"***"'
    assert "***" in str(broken.value)
    assert KEY not in str(broken.value)


async def test_redirects_end_somewhere() -> None:
    """A host that sends us round in circles is given up."""

    async def circle(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"/{int(request.path[1:]) + 1}"})

    async with a_server(circle) as host, a_transport(GATEWAY) as transport:
        with pytest.raises(BadLinkError, match="without end"):
            await loaded(transport, host.url + "/0")

    assert len(host.heard) <= MAX_REDIRECTS + 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/v", "http://[::1", "data:,x"])
async def test_a_redirect_to_something_else_is_an_error_of_ours(location: str) -> None:
    """Only http and https are followed."""
    handler = giving(b"", 302, Location=location)
    async with a_server(handler) as host, a_transport(GATEWAY) as transport:
        with pytest.raises(BadLinkError):
            await loaded(transport, host.url + "/v.mp4")

    assert len(host.heard) == 1


async def test_leaving_early_closes_the_connection() -> None:
    """A cut download does not go on behind our back."""
    gone = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
        except (ConnectionError, asyncio.CancelledError):
            gone.set()
            raise

    async with a_server(endless) as host, a_transport(GATEWAY) as transport:
        async with transport.fetch(host.url + "/v.mp4", {}) as fetched, aclosing(fetched.pieces()) as pieces:
            await anext(pieces)
        await gone.wait()
