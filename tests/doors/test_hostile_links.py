"""Links are a stranger's word: with a public gateway they lead to the public internet, or nowhere.

Each hostile link is refused, and then shown to get through where the check is off: the same link, over real
connections, with the loop's own doors as the only fakes (`net.py`).
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from aiohttp import web
from doors.net import PUBLIC, Net, a_net
from doors.servers import Certificates, a_server, a_transport, sending_to
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadLinkError
from pipeline.hosts import address_in, is_public
from pipeline.transport.guard import StrangerError, checked_socket
from pipeline.transport.http import HttpTransport

GATEWAY = "https://gateway.test"
LITERALS = {
    "http://169.254.169.254/latest/meta-data/": "169.254.169.254",
    "http://2852039166/": "169.254.169.254",
    "http://0xa9fea9fe/": "169.254.169.254",
    "http://0xA9.0xfe.0xa9.0xfe/": "169.254.169.254",
    "http://0251.0376.0251.0376/": "169.254.169.254",
    "http://169.16689662/": "169.254.169.254",
    "http://169.254.43518/": "169.254.169.254",
    "http://169.254.169.254./": "169.254.169.254",
    "http://name@169.254.169.254/": "169.254.169.254",
    "http://\u2460\u2465\u2468.254\u3002169.254/": "169.254.169.254",  # circled digits, a Chinese full stop
    "http://[::ffff:169.254.169.254]/": "::ffff:a9fe:a9fe",
    "http://127.0.0.1/": "127.0.0.1",
    "http://2130706433/": "127.0.0.1",
    "http://017700000001/": "127.0.0.1",
    "http://0x7f.1/": "127.0.0.1",
    "http://127.1/": "127.0.0.1",
    "http://0.0.0.0/": "0.0.0.0",  # noqa: S104
    "http://0/": "0.0.0.0",  # noqa: S104
    "http://10.0.0.7/": "10.0.0.7",
    "http://172.16.0.7/": "172.16.0.7",
    "http://192.168.0.7/": "192.168.0.7",
    "http://100.64.0.1/": "100.64.0.1",
    "http://192.0.2.1/": "192.0.2.1",
    "http://198.18.0.1/": "198.18.0.1",
    "http://224.0.0.1/": "224.0.0.1",
    "http://240.0.0.1/": "240.0.0.1",
    "http://255.255.255.255/": "255.255.255.255",
    "http://[::1]/": "::1",
    "http://[0:0:0:0:0:0:0:1]/": "::1",
    "http://[::]/": "::",
    "http://[fd00::1]/": "fd00::1",
    "http://[fe80::1]/": "fe80::1",
    "http://[fe80::1%25eth0]/": "fe80::1%eth0",
    "http://[fec0::1]/": "fec0::1",
    "http://[ff02::1]/": "ff02::1",
    "http://[2001:db8::1]/": "2001:db8::1",
    "http://[::127.0.0.1]/": "::7f00:1",
    "http://[64:ff9b::7f00:1]/": "64:ff9b::7f00:1",  # NAT64
    "http://[64:ff9b:1::a00:7]/": "64:ff9b:1::a00:7",
    "http://[2002:7f00:1::]/": "2002:7f00:1::",  # 6to4
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/": "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo
}
NAMES = {
    "http://localhost/": "127.0.0.1",
    "http://localhost./": "127.0.0.1",
    "http://LOCALHOST/": "127.0.0.1",
    "http://a.localhost/": "127.0.0.1",
    "http://metadata.test/": "169.254.169.254",
    "http://inner.test/": "10.0.0.7",
    "http://mixed.test/": "10.0.0.7",
    "http://mixed6.test/": "::1",
    "http://nat64-inner.test/": "64:ff9b::a00:7",
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("own"))


async def clip(_request: web.Request) -> web.Response:
    return web.Response(body=b"clip")


async def load(transport: HttpTransport, url: str) -> bytes:
    async with transport.fetch(url, {}) as fetched:
        return b"".join([piece async for piece in fetched.pieces()])


async def refused(net: Net, url: str, gateway: str = GATEWAY, env: dict[str, str] | None = None) -> str:
    """Why a link is not followed."""
    async with a_transport(gateway, env, allow_insecure=True) as transport:
        with pytest.raises(BadLinkError) as caught:
            await load(transport, url)
    return str(caught.value)


async def reached(url: str, gateway: str = GATEWAY, **allowed: bool) -> bool:
    """Whether a link brings the clip."""
    async with a_transport(gateway, allow_insecure=True, **allowed) as transport:
        return await load(transport, url) == b"clip"


# --- where a link leads


@pytest.mark.parametrize(("url", "address"), [*LITERALS.items(), *NAMES.items()])
async def test_a_link_to_no_public_address_is_not_asked(url: str, address: str) -> None:
    """Refused before any connection, with where it leads and what to do; without the check it gets there."""
    address = str(ip_address(address))  # mapped ones are written in another way by later Pythons
    async with a_server(clip) as server:
        with a_net(http=server.url) as net:
            why = await refused(net, url)
            assert (net.connected, server.heard) == ([], [])
            assert "the gateway is a public one" in why
            assert "--allow-private-hosts" in why
            assert address in why or "localhost" in why

            assert await reached(url, allow_private_hosts=True)
            assert net.connected == [address]


@pytest.mark.parametrize("url", ["http://files.test/", "http://nat64.test/", "http://93.184.216.34/"])
async def test_a_link_to_the_public_internet_is_followed(url: str) -> None:
    """The check costs honest links nothing, also where the way leads through NAT64."""
    async with a_server(clip) as server:
        with a_net(http=server.url):
            assert await reached(url)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/v.mp4",
        "http://2130706433/v.mp4",
        "//0x7f.1/v.mp4",
        "http://localhost/v.mp4",
        "http://inner.test/v.mp4",
        "http://[::ffff:10.0.0.7]/v.mp4",
        "http://files.test@169.254.169.254/v.mp4",
    ],
)
async def test_a_redirect_is_checked_like_the_link(location: str) -> None:
    """An honest first hop vouches for nobody; the reason names who sent us on."""
    async with a_server(sending_to(location)) as server:
        with a_net(http=server.url) as net:
            why = await refused(net, "http://files.test/first")
            assert net.connected == [PUBLIC]
            assert why.startswith("files.test redirects to ")
            assert "--allow-private-hosts" in why

            assert await reached("http://files.test/first", allow_private_hosts=True)


async def test_a_name_is_connected_to_where_it_was_checked() -> None:
    """Looked up once: an answer that changes before the connect changes nothing. The next is checked, too."""
    async with a_server(clip) as server:
        with a_net(http=server.url) as net:
            net.later["files.test"] = ["127.0.0.1"]

            assert await reached("http://files.test/")
            assert (net.looked_up, net.connected) == (["files.test"], [PUBLIC])

            assert "files.test at 127.0.0.1, this machine itself" in await refused(net, "http://files.test/")
            assert net.connected == [PUBLIC]


@pytest.mark.parametrize("address", ["10.0.0.7", "::1", "fe80::1%eth0", "not-an-address"])
def test_the_last_gate_is_the_socket(address: str) -> None:
    """Whatever the checks before it overlooked: no socket is made for an address that is not public."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    with pytest.raises(StrangerError, match=address):
        checked_socket((family, socket.SOCK_STREAM, 0, "", (address, 443)))
    checked_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (PUBLIC, 443))).close()


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_stays_what_it_is_in_every_form(address: IPv4Address) -> None:
    """No spelling makes a private address public, or the other way round; 6to4 is never public."""
    number, public = int(address), is_public(address)
    spelled = [str(number), hex(number), oct(number).replace("o", ""), f"{address}."]
    assert [address_in(host) for host in spelled] == [address] * len(spelled)
    assert is_public(IPv6Address((0xFFFF << 32) + number)) is public
    assert is_public(IPv6Address((0x64FF9B << 96) + number)) is public
    assert not is_public(IPv6Address((0x2002 << 112) + (number << 80)))


# --- which gateway, and how


@pytest.mark.parametrize(
    "gateway", ["http://127.0.0.1:1", "http://localhost", "https://10.0.0.7", "https://[fd00::7]:8443"]
)
async def test_a_gateway_of_ones_own_network_allows_its_neighbours(gateway: str) -> None:
    """Its links lead where the gateway itself is, so nothing need be said."""
    async with a_server(clip) as server:
        with a_net(http=server.url) as net:
            assert await reached("http://192.168.0.7/", gateway)
            assert net.looked_up == []


async def test_a_gateways_name_is_looked_up_when_something_would_be_refused() -> None:
    """Not before: a run whose links are honest has no use for it."""
    async with a_server(clip) as server:
        with a_net(http=server.url) as net:
            assert await reached("http://files.test/", "https://inner.test")
            assert net.looked_up == ["files.test"]

            assert await reached("http://192.168.0.7/", "https://inner.test")
            assert net.looked_up == ["files.test", "inner.test"]


async def test_a_gateway_is_looked_up_once_for_many_links() -> None:
    """Once it is known; one that was not found is looked up again."""
    with a_net() as net:
        async with a_transport(GATEWAY, allow_insecure=True) as transport:
            answers = net.answers.pop("gateway.test")
            for _ in range(4):
                with pytest.raises(BadLinkError):
                    await load(transport, "http://192.168.0.7/")
                net.answers["gateway.test"] = answers

        assert net.looked_up == ["gateway.test"] * 2


@pytest.mark.parametrize("gateway", ["https://mixed.test", "https://nowhere.test", "https://gateway.test"])
async def test_a_gateway_that_may_be_public_counts_as_public(gateway: str) -> None:
    """One public address in the answer is enough, and so is no answer."""
    with a_net() as net:
        await refused(net, "http://192.168.0.7/", gateway)

        assert net.connected == []


async def test_files_of_the_gateways_own_origin_are_always_fetched() -> None:
    """The user named it, wherever it is. Another port of the same host is another origin."""
    async with a_server(clip) as server:
        with a_net(http=server.url) as net:
            for url in ("http://mixed.test/v.mp4", "http://MIXED.test:80/v.mp4"):
                assert await reached(url, "http://mixed.test")

            await refused(net, "http://mixed.test:8080/v.mp4", "http://mixed.test")


async def test_through_a_proxy_only_literals_are_checked() -> None:
    """It looks names up by itself, in its own network. Its own address is the user's word."""
    async with a_server(clip) as proxy:
        env = {"ALL_PROXY": proxy.url}
        with a_net() as net:
            for url in (
                "http://10.0.0.7/",
                "http://[::ffff:10.0.0.7]/",
                "http://0x7f.1/",
                "http://localhost./",
            ):
                await refused(net, url, "https://inner.test", env)
            assert net.connected == []

            async with a_transport(GATEWAY, env, allow_insecure=True) as transport:
                assert await load(transport, "http://inner.test/v.mp4") == b"clip"
            assert net.looked_up == []


# --- schemes


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://files.test/v.mp4",
        "gopher://files.test/",
        "data:video/mp4;base64,AAAA",
        "javascript:alert(1)",
        "unix:///run/docker.sock",
        "//files.test/v.mp4",
        "/v.mp4",
        "https:///v.mp4",
        "http://files.test\\@127.0.0.1/",
        "http://08.1.1.1/",
        f"http://{'long.' * 1000}test/",
        "http://4294967296/",
        "http://\x00/",
    ],
)
async def test_what_is_no_address_on_the_web_is_never_asked(url: str) -> None:
    """Whatever is allowed: nothing is read from this machine, and nobody is asked."""
    with a_net() as net:
        async with a_transport(GATEWAY, allow_insecure=True, allow_private_hosts=True) as transport:
            with pytest.raises(BadLinkError, match="the link leads to"):
                await load(transport, url)

        assert (net.looked_up, net.connected) == ([], [])


async def test_plain_http_needs_a_word_where_the_gateway_is_asked_by_https(
    certificates: Certificates,
) -> None:
    """As a link and as a redirect from https; https stays https, and --allow-insecure takes both."""
    async with (
        a_server(clip) as plain,
        a_server(sending_to("http://files.test/v.mp4"), certificates.tls) as secure,
    ):
        with a_net(http=plain.url, https=secure.url):
            async with a_transport(GATEWAY, certificates.env) as transport:
                for url in ("http://files.test/v.mp4", "https://files.test/first"):
                    with pytest.raises(BadLinkError, match=r"files\.test by plain http.*--allow-insecure"):
                        await load(transport, url)
                assert plain.heard == []
                assert await load(transport, "https://files.test/v.mp4") == b"clip"

            async with a_transport(GATEWAY, certificates.env, allow_insecure=True) as transport:
                assert await load(transport, "https://files.test/first") == b"clip"
