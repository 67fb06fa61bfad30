"""Proxies and certificates of the environment: the way of each request, and what failing there means."""

from __future__ import annotations

import asyncio
import base64
import socket
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from aiohttp import web
from doors.servers import (
    KEY,
    Certificates,
    Talk,
    Tunnels,
    a_rude_server,
    a_server,
    a_transport,
    answering,
    read_head,
    resetting,
    sending_to,
)
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from pipeline import RunOptions, run_manifest
from pipeline.errors import BadLinkError, GatewayUnusableError, LostAnswerError, NotSentError, PipelineError
from pipeline.providers.base import Call
from pipeline.secret import Secret
from pipeline.transport.base import Sent
from pipeline.transport.http import HttpTransport
from pipeline.transport.proxies import Proxies

GATEWAY = "https://gateway.test"  # a name that only the proxies here know
ANYWHERE = {"allow_insecure": True, "allow_private_hosts": True}  # here the file hosts are on this machine
POST = Call(method="POST", path="/v1/videos", body=(b'{"a":1}',))
GET = Call(method="GET", path="/v1/videos/1")
PASSWORD = "s3cr3t@/#"
SIGNED = "v.mp4?sig=s3cr3t"
LOGIN = "us%20er:s3cr3t%40%2F%23"
BASIC = base64.b64encode(b"us er:" + PASSWORD.encode()).decode()


async def ok(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("own"))


def with_login(proxy_url: str) -> str:
    return proxy_url.replace("//", f"//{LOGIN}@")


def everything_said(error: BaseException) -> str:
    """Every text an error could show, with all that stands behind it."""
    said = "".join(traceback.format_exception(error))
    seen: BaseException | None = error
    while seen is not None:
        said += repr(seen) + str(seen) + repr(seen.args)
        seen = seen.__cause__ or seen.__context__
    return said


def assert_no_secret(said: str) -> None:
    for secret in ("s3cr3t", BASIC, KEY):
        assert secret not in said


# --- which way, without any network


@pytest.mark.parametrize(
    ("env", "url", "expected"),
    [
        ({}, "https://a.test", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://a.test", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://a.test", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://a.test", "http://p:1"),
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:1"}, "https://a.test", "http://low:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://up:1"}, "https://a.test", None),
        ({"ALL_PROXY": "http://all:1"}, "https://a.test", "http://all:1"),
        ({"all_proxy": "http://all:1"}, "http://a.test", "http://all:1"),
        ({"ALL_PROXY": "socks5://all:1", "HTTPS_PROXY": "http://p:1"}, "https://a.test", "http://p:1"),
        ({"ALL_PROXY": "http://all:1", "HTTPS_PROXY": ""}, "https://a.test", None),
        ({"HTTPS_PROXY": "p.corp:3128"}, "https://a.test", "http://p.corp:3128"),
        ({"HTTPS_PROXY": "p.corp"}, "https://a.test", "http://p.corp"),
        ({"HTTPS_PROXY": "https://p:1/"}, "https://a.test", "https://p:1"),
        ({"HTTPS_PROXY": " http://[2001:db8::1]:1 "}, "https://a.test", "http://[2001:db8::1]:1"),
        ({"HTTPS_PROXY": f"HTTP://{LOGIN}@P:1"}, "https://a.test", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "https://localhost:8", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://sim.localhost", None),
        ({"ALL_PROXY": "http://p:1"}, "http://127.8.9.1:8", None),
        ({"ALL_PROXY": "http://p:1"}, "http://[::1]:8", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "*", "HTTPS_PROXY": "://"}, "https://a.test", None),
    ],
)
def test_the_way_is_that_of_the_environment(env: Mapping[str, str], url: str, expected: str | None) -> None:
    """The variable of the address's scheme, then the one for all; never to this machine."""
    proxy = Proxies(env).proxy_for(URL(url))

    assert (proxy and proxy.address) == (expected and URL(expected))


@pytest.mark.parametrize(
    ("listed", "url", "direct"),
    [
        ("a.test", "https://a.test", True),
        ("a.test", "https://sub.a.test", True),
        ("a.test", "https://ba.test", False),
        (".a.test", "https://a.test", True),
        ("*.a.test", "https://x.a.test", True),
        ("A.Test", "https://a.tesT", True),
        ("x, a.test ,y", "https://a.test", True),
        ("x a.test", "https://a.test", True),
        ("x,*", "https://a.test", True),
        ("a.test:443", "https://a.test", True),
        ("a.test:8443", "https://a.test", False),
        ("a.test:8443", "https://x.a.test:8443", True),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.0.0.0/8", "https://a.test", False),
        ("2001:db8::/32", "https://[2001:db8::7]", True),
        ("[2001:db8::7]:443", "https://[2001:db8::7]", True),
        ("", "https://a.test", False),
        (",. ,", "https://a.test", False),
    ],
)
def test_what_no_proxy_lists_is_reached_directly(listed: str, url: str, direct: bool) -> None:
    """Hosts, domains with what is below them, ports, networks, and a star for everything."""
    proxies = Proxies({"HTTPS_PROXY": "http://p:1", "NO_PROXY": listed})

    assert (proxies.proxy_for(URL(url)) is None) is direct


@pytest.mark.parametrize(
    "value",
    [
        "http://us:s3cr3t@",
        "http://us:s3/cr3t@p:1",
        "http://us:s3cr3t#@p:1",
        "http://us:12/s3cr3t@p",
        "http://us:12?s3cr3t@p",
        "http://p:s3cr3t",
        "http://p:99999",
        "http://p:1/s3cr3t",
        "http:///s3cr3t",
        "http:/us:s3cr3t@p:1",
        "ftp://us:s3cr3t@p:1",
        "s3cr3t://p",
        "http://[::s3cr3t",
        "http://us:s3cr3t@p:1\nX: y",
        "http://us:s3 cr3t@p:1",
        "://s3cr3t",
    ],
)
def test_a_proxy_that_is_no_address_stops_the_run(value: str) -> None:
    """Before anything is sent, with the variable's name and not a word of its value: exit code 3."""
    with pytest.raises(GatewayUnusableError, match=r"HTTPS_PROXY.*http://user:password@host:port") as caught:
        HttpTransport(GATEWAY, Secret(KEY), connect_timeout_s=5, env={"HTTPS_PROXY": value})

    assert caught.value.exit_code == 3
    assert_no_secret(everything_said(caught.value))
    assert "cr3t" not in everything_said(caught.value)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS"])
def test_a_socks_proxy_is_named_as_what_it_is(scheme: str) -> None:
    """It says that it is not supported and what to use."""
    env = {"ALL_PROXY": f"{scheme}://us:s3cr3t@p:1080"}
    with pytest.raises(
        GatewayUnusableError, match=r"ALL_PROXY .*not supported: .*http://host:port"
    ) as caught:
        HttpTransport(GATEWAY, Secret(KEY), connect_timeout_s=5, env=env)

    assert_no_secret(everything_said(caught.value))


async def test_a_run_takes_them_from_its_own_environment(tmp_path: Path) -> None:
    """What `RunOptions.env` says, down to the door: nothing was sent, and it says so."""
    manifest = tmp_path / "fox.yaml"
    manifest.write_text("version: 1\nprovider: cometapi\njobs: [{id: fox, prompt: A fox.}]\n")
    env = {"COMETAPI_KEY": KEY, "https_proxy": "socks5://p:1080"}

    with pytest.raises(GatewayUnusableError, match="https_proxy names a SOCKS proxy"):
        await run_manifest(manifest, RunOptions(output=tmp_path / "output", env=env))


async def test_a_proxy_that_nobody_needs_may_be_anything() -> None:
    """The simulator runs on this machine: whatever the shell is set to, it works."""
    async with a_server(ok) as gateway, a_transport(gateway.url, {"ALL_PROXY": "socks5://p:1"}) as transport:
        assert (await transport.send(GET, Sent())).status == 200
        with pytest.raises(GatewayUnusableError, match="SOCKS"):
            async with transport.fetch("https://files.test/v.mp4", {}):
                raise AssertionError("not reached")


@given(value=st.text(max_size=60))
def test_any_text_is_a_proxy_or_a_clear_error(value: str) -> None:
    """Nothing else comes out, and what was given is not repeated."""
    proxies = Proxies({"HTTPS_PROXY": f"http://user:{PASSWORD}{value}"})

    try:
        said = str(proxies.proxy_for(URL(GATEWAY)))
    except GatewayUnusableError as exc:
        said = everything_said(exc)
    assert "user" not in said.replace("http://user:password@host", "").replace("user and password", "")


def test_a_proxy_shows_no_login() -> None:
    """Neither printed nor in a traceback's locals."""
    proxy = Proxies({"HTTPS_PROXY": f"http://{LOGIN}@proxy.corp:3128"}).proxy_for(URL(GATEWAY))

    assert proxy is not None
    assert str(proxy) == "proxy proxy.corp:3128 (HTTPS_PROXY)"
    assert_no_secret(repr(proxy))
    assert proxy.headers() == {"Proxy-Authorization": f"Basic {BASIC}"}


# --- through a proxy


async def test_calls_and_files_go_through_the_tunnel(own: Certificates) -> None:
    """A tunnel per submit, one for all polls; the proxy hears its login and never the key."""
    tunnels = Tunnels()
    async with (
        a_server(ok, own.tls) as gateway,
        a_rude_server(tunnels.to(gateway.url)) as proxy,
        a_transport(GATEWAY, own.env | {"HTTPS_PROXY": with_login(proxy)}) as transport,
    ):
        for _ in range(2):
            sent = Sent()
            assert (await transport.send(POST, sent, fresh=True)).status == 200
            assert sent.headers_left
        for _ in range(3):
            await transport.send(GET, Sent())
        async with transport.fetch("https://files.test/v.mp4", {}) as fetched:
            assert fetched.status == 200
            assert b"".join([piece async for piece in fetched.pieces()]) == b'{"ok": true}'

    asked = [head.partition("\r\n")[0] for head in tunnels.heads]
    assert asked == ["CONNECT gateway.test:443 HTTP/1.1"] * 3 + ["CONNECT files.test:443 HTTP/1.1"]
    for head in tunnels.heads:
        assert f"Proxy-Authorization: Basic {BASIC}\r\n" in head
        assert "Connection: close" not in head
        assert KEY not in head
    assert len(gateway.heard) == 6
    assert all("proxy-authorization" not in heard.headers for heard in gateway.heard)
    assert [heard.headers.get("authorization") for heard in gateway.heard] == [f"Bearer {KEY}"] * 5 + [None]


async def test_a_proxy_may_itself_speak_tls(own: Certificates) -> None:
    """https://proxy: the login is not readable on the way to it."""
    tunnels = Tunnels()
    async with (
        a_server(ok, own.tls) as gateway,
        a_rude_server(tunnels.to(gateway.url), own.tls) as proxy,
        a_transport(GATEWAY, own.env | {"HTTPS_PROXY": proxy}) as transport,
    ):
        assert (await transport.send(POST, Sent(), fresh=True)).status == 200

    assert len(tunnels.heads) == 1


REFUSALS = {
    "login wanted": (answering(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"), r"user:password@host:port"),
    "forbidden": (
        answering(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
        r"not let us reach gateway\.test",
    ),
    "no way": (
        answering(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n"),
        r"cannot reach gateway\.test .*502",
    ),
    "redirect": (answering(b"HTTP/1.1 302 No\r\nLocation: http://x/\r\n\r\n"), r"HTTP 302"),
    "page": (answering(b"HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\n<html>"), r"HTTP 503"),
    "closed": (answering(b""), r"check the proxy"),
    "reset": (resetting(), r"check the proxy"),
    "half a head": (answering(b"HTTP/1.1 200 OK\r\nX"), r"check the proxy"),
    "no HTTP": (answering(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), r"check the proxy"),
    "tunnel closed": (answering(b"HTTP/1.1 200 OK\r\n\r\n"), r"no .*connection to gateway\.test"),
    "tunnel reset": (resetting(b"HTTP/1.1 200 OK\r\n\r\n"), r"no .*connection to gateway\.test"),
    "no TLS": (
        answering(b"HTTP/1.1 200 OK\r\n\r\nhello, who is there?"),
        r"no .*connection to gateway\.test",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("fresh", [True, False], ids=["submit", "poll"])
async def test_without_a_tunnel_nothing_was_sent(name: str, fresh: bool) -> None:
    """Asking the proxy for a tunnel is not asking the gateway: it is free, and may be tried again."""
    talk, expected = REFUSALS[name]
    sent = Sent()
    async with a_rude_server(talk) as proxy, a_transport(GATEWAY, {"HTTPS_PROXY": proxy}) as transport:
        with pytest.raises(NotSentError, match=expected) as caught:
            await transport.send(POST if fresh else GET, sent, fresh=fresh)

    assert not sent.headers_left
    assert f"proxy {proxy.removeprefix('http://')} (HTTPS_PROXY)" in str(caught.value)


@pytest.mark.parametrize("status", [407, 403])
async def test_a_refused_login_is_not_shown(status: int) -> None:
    """The message says where to correct it; neither it nor what stands behind it repeats it."""
    talk = answering(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
    async with (
        a_rude_server(talk) as proxy,
        a_transport(GATEWAY, {"https_proxy": with_login(proxy)}) as transport,
    ):
        with pytest.raises(NotSentError, match="https_proxy") as caught:
            await transport.send(POST, Sent(), fresh=True)
        with pytest.raises(NotSentError) as caught_too:
            async with transport.fetch(f"https://files.test/{SIGNED}", {}):
                raise AssertionError("not reached")

    assert_no_secret(everything_said(caught.value))
    assert_no_secret(everything_said(caught_too.value))


async def test_a_proxy_that_is_not_there_sent_nothing() -> None:
    """The message names the proxy, not the gateway that is not to blame."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port, sent = closed.getsockname()[1], Sent()
    async with a_transport(GATEWAY, {"ALL_PROXY": f"127.0.0.1:{port}"}) as transport:
        with pytest.raises(NotSentError, match=rf"cannot connect to proxy 127\.0\.0\.1:{port} \(ALL_PROXY\)"):
            await transport.send(POST, sent, fresh=True)

    assert not sent.headers_left


async def test_a_proxy_without_a_name_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy's name is looked up, never the gateway's."""

    async def nowhere(host: str, *_args: object, **_options: object) -> None:
        assert host == "proxy.invalid"
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with a_transport(GATEWAY, {"HTTPS_PROXY": "http://proxy.invalid:1"}) as transport:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nowhere)
        with pytest.raises(NotSentError, match=r"cannot connect to proxy proxy\.invalid:1"):
            await transport.send(POST, Sent(), fresh=True)


@pytest.mark.parametrize("silent", [True, False], ids=["nothing", "half"])
async def test_a_tunnel_that_stands_still_sent_nothing(own: Certificates, silent: bool) -> None:
    """Whoever gives up while the proxy thinks, or in the middle of the handshake, may ask again."""
    sent, arrived = Sent(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        if not silent:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await reader.read(1)
        arrived.set()
        await asyncio.Event().wait()

    async with a_rude_server(talk) as proxy, a_transport(GATEWAY, {"HTTPS_PROXY": proxy}) as transport:
        submit = asyncio.ensure_future(transport.send(POST, sent, fresh=True))
        await arrived.wait()
        submit.cancel()
        await asyncio.gather(submit, return_exceptions=True)

    assert submit.cancelled()
    assert not sent.headers_left


async def test_a_tunnel_cut_in_the_handshake_sent_nothing(own: Certificates) -> None:
    """The gateway was reached, but no request left."""
    tunnels, sent = Tunnels(cut_after_bytes=200), Sent()
    async with (
        a_server(ok, own.tls) as gateway,
        a_rude_server(tunnels.to(gateway.url)) as proxy,
        a_transport(GATEWAY, own.env | {"HTTPS_PROXY": proxy}) as transport,
    ):
        with pytest.raises(NotSentError, match=r"gateway\.test"):
            await transport.send(POST, sent, fresh=True)

    assert not sent.headers_left
    assert gateway.heard == []


async def test_a_tunnel_cut_after_the_request_is_a_lost_answer(own: Certificates) -> None:
    """The gateway may have accepted and billed it."""
    tunnels, sent = Tunnels(), Sent()

    async def cutting(_request: web.Request) -> web.Response:
        tunnels.cut.set()
        await asyncio.Event().wait()
        raise AssertionError("not reached")

    async with (
        a_server(cutting, own.tls) as gateway,
        a_rude_server(tunnels.to(gateway.url)) as proxy,
        a_transport(GATEWAY, own.env | {"HTTPS_PROXY": with_login(proxy)}) as transport,
    ):
        with pytest.raises(LostAnswerError) as caught:
            await transport.send(POST, sent, fresh=True)

    assert sent.headers_left
    assert len(gateway.heard) == 1
    assert_no_secret(everything_said(caught.value))


async def test_a_gateway_on_no_proxy_is_asked_directly(own: Certificates) -> None:
    """Its name would have to be known here: it is not, and no proxy is asked instead."""
    env = {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "gateway.invalid"}
    async with a_transport("https://gateway.invalid", env) as transport:
        with pytest.raises(NotSentError) as caught:
            await transport.send(POST, Sent(), fresh=True)

    assert "proxy" not in str(caught.value)


# --- plain http


async def test_plain_http_goes_to_the_proxy_as_it_is() -> None:
    """With --allow-insecure: the whole address and the login; what the proxy answers is the answer."""

    async def broken(_request: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>", content_type="text/html")

    async with (
        a_server(broken) as proxy,
        a_transport("http://gateway.test", {"HTTP_PROXY": with_login(proxy.url)}) as transport,
    ):
        answer = await transport.send(POST, sent := Sent(), fresh=True)

    assert (answer.status, answer.body) == (502, b"<html>")
    assert sent.headers_left
    assert proxy.heard[0].headers["host"] == "gateway.test"
    assert proxy.heard[0].headers["proxy-authorization"] == f"Basic {BASIC}"


async def test_each_hop_of_a_download_goes_its_own_way() -> None:
    """A redirect to a host that needs no proxy goes there directly, and the login stays behind."""
    async with (
        a_server(sending_to("")) as host,
        a_server(sending_to(host.url + "/v.mp4")) as proxy,
        a_transport(GATEWAY, {"HTTP_PROXY": with_login(proxy.url)}, **ANYWHERE) as transport,
        transport.fetch("http://files.test/first", {"Range": "bytes=0-"}) as fetched,
    ):
        body = b"".join([piece async for piece in fetched.pieces()])

    assert body == b"clip"
    assert [heard.path for heard in proxy.heard] == ["/first"]
    assert [heard.path for heard in host.heard] == ["/v.mp4"]
    assert "proxy-authorization" not in host.heard[0].headers
    assert host.heard[0].headers["range"] == "bytes=0-"


HOSTILE = ["http://\u2024:x/", "http://-v@ -1\u2024[]%0@", "http://[]@", "http://a:999999/"]


@pytest.mark.parametrize("link", HOSTILE)
async def test_a_hostile_address_is_an_error_of_ours(link: str) -> None:
    """As a link or as a redirect; the way is looked up before anything else."""
    async with (
        a_server(sending_to(link)) as host,
        a_transport(GATEWAY, {"ALL_PROXY": "http://127.0.0.1:1"}) as transport,
    ):
        for url in (link, host.url + "/first"):
            with pytest.raises((NotSentError, LostAnswerError, BadLinkError)):
                async with transport.fetch(url, {}):
                    raise AssertionError("not reached")


async def test_a_redirect_may_lead_into_the_proxy(own: Certificates) -> None:
    """From plain http on this machine to https behind a tunnel; relative places are of their host."""
    tunnels = Tunnels()
    async with (
        a_server(sending_to("../v.mp4"), own.tls) as far,
        a_server(sending_to("https://files.test/first")) as near,
        a_rude_server(tunnels.to(far.url)) as proxy,
        a_transport(GATEWAY, own.env | {"HTTPS_PROXY": proxy}, **ANYWHERE) as transport,
        transport.fetch(near.url + "/first", {}) as fetched,
    ):
        assert b"".join([piece async for piece in fetched.pieces()]) == b"clip"

    assert [heard.path for heard in far.heard] == ["/first", "/v.mp4"]
    assert all(head.startswith("CONNECT files.test:443") for head in tunnels.heads)


# --- certificates


async def test_a_server_with_a_certificate_of_ones_own(own: Certificates) -> None:
    """Trusted with SSL_CERT_FILE for calls and files; without it nothing is sent, and it says how."""
    async with a_server(ok, own.tls) as gateway:
        async with a_transport(gateway.url, own.env) as transport:
            assert (await transport.send(POST, Sent(), fresh=True)).status == 200
            assert (await transport.send(GET, Sent())).status == 200
            async with transport.fetch(gateway.url + "/v", {}) as fetched:
                assert fetched.status == 200
        async with a_transport(gateway.url) as transport:
            sent = Sent()
            with pytest.raises(NotSentError, match=r"no trusted TLS .*127\.0\.0\.1.*SSL_CERT_FILE"):
                await transport.send(POST, sent, fresh=True)

    assert not sent.headers_left
    assert len(gateway.heard) == 3


async def test_a_folder_of_certificates(own: Certificates, tmp_path: Path) -> None:
    """Under their hash names, as OpenSSL wants them; of several folders some may be missing."""
    (tmp_path / own.hash_name()).write_bytes(own.file.read_bytes())
    env = {"SSL_CERT_DIR": f"{tmp_path / 'none'}:{tmp_path}"}
    async with a_server(ok, own.tls) as gateway, a_transport(gateway.url, env) as transport:
        assert (await transport.send(POST, Sent(), fresh=True)).status == 200


async def test_one_file_takes_the_place_of_another(own: Certificates, tmp_path: Path) -> None:
    """Another CA's file does not trust this server."""
    other = Certificates(tmp_path)
    async with a_server(ok, own.tls) as gateway, a_transport(gateway.url, other.env) as transport:
        with pytest.raises(NotSentError, match="no trusted TLS"):
            await transport.send(POST, Sent(), fresh=True)


async def test_a_proxy_that_reads_along_needs_its_certificate(own: Certificates) -> None:
    """Company proxies open TLS: the message names the proxy and how to trust it."""
    tunnels = Tunnels()
    async with (
        a_server(ok, own.tls) as gateway,
        a_rude_server(tunnels.to(gateway.url)) as proxy,
        a_transport(GATEWAY, {"HTTPS_PROXY": proxy}) as transport,
    ):
        with pytest.raises(NotSentError, match=r"to gateway\.test, through proxy .*SSL_CERT_FILE"):
            await transport.send(POST, Sent(), fresh=True)


def _no_key(folder: Path) -> dict[str, str]:
    (folder / "notes.txt").write_text("no certificate\n")
    return {"SSL_CERT_FILE": str(folder / "notes.txt")}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda folder: {"SSL_CERT_FILE": str(folder / "none.pem")},
            r"SSL_CERT_FILE: .*none\.pem: No such file",
        ),
        (lambda folder: {"SSL_CERT_FILE": str(folder)}, r"SSL_CERT_FILE: "),
        (_no_key, r"SSL_CERT_FILE: .*notes\.txt: holds no certificate"),
        (lambda folder: {"SSL_CERT_DIR": str(folder / "none")}, r"SSL_CERT_DIR: no folder .*none"),
    ],
    ids=["missing", "folder", "text", "no folder"],
)
def test_certificates_that_are_none_stop_the_run(
    tmp_path: Path, make: Callable[[Path], dict[str, str]], expected: str
) -> None:
    """OpenSSL would trust nobody and say so at each connection; this says it once: exit code 3."""
    with pytest.raises(GatewayUnusableError, match=expected) as caught:
        HttpTransport(GATEWAY, Secret(KEY), connect_timeout_s=5, env=make(tmp_path))

    assert caught.value.exit_code == 3


async def test_empty_variables_ask_for_nothing() -> None:
    """`export HTTPS_PROXY=` is how one switches it off."""
    names = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
    async with a_server(ok) as gateway, a_transport(gateway.url, dict.fromkeys(names, "")) as transport:
        assert (await transport.send(GET, Sent())).status == 200


# --- secrets of the direct way


async def test_a_broken_answer_shows_neither_key_nor_link() -> None:
    """Also not behind the message: aiohttp's own errors carry the request's headers and address."""
    garbage: Talk = answering(b"HTTP/1.1 2x0 OK\r\n\r\n")
    async with a_rude_server(garbage) as url, a_transport(url) as transport:
        errors: list[PipelineError] = []
        with pytest.raises(LostAnswerError) as caught:
            await transport.send(POST, Sent(), fresh=True)
        errors.append(caught.value)
        with pytest.raises(LostAnswerError) as caught:
            async with transport.fetch(f"{url}/{SIGNED}", {}):
                raise AssertionError("not reached")
        errors.append(caught.value)

    for error in errors:
        assert_no_secret(everything_said(error))
