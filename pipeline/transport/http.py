"""All HTTP of a run, on aiohttp: sessions apart for what must not mix.

Submits take a fresh connection each, polls reuse theirs, downloads never carry the key, and those from hosts
that nobody vouches for go through a guard (`guard.py`). Each request goes by the way of its own address,
directly or through a proxy. Library errors become ours at this border
(`failures.py`): NotSentError while the headers had not left, LostAnswerError after.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiofiles.threadpool
import aiohttp
import anyio
from yarl import URL

from pipeline.config import DEFAULT_DOWNLOADS
from pipeline.errors import BadLinkError, LostAnswerError
from pipeline.providers.base import Answer, Call, FilePart
from pipeline.secret import Secret, guard
from pipeline.transport.base import Sent
from pipeline.transport.failures import mapped
from pipeline.transport.guard import CheckedResolver, Guard, StrangerError, checked_socket
from pipeline.transport.links import address_of
from pipeline.transport.proxies import Proxies, Proxy
from pipeline.transport.trust import trust_from
from pipeline.version import __version__

MAX_ANSWER_BYTES = 1 << 20
PIECE_BYTES = 1 << 19  # of a file: one thread job each, further down
LEAST_BYTES = 1 << 16
ALL_BYTES = 4 << 20  # of pieces, however many files come at one time
PIECE_S = 1.0
FILE_PIECE_BYTES = 3 << 15  # a multiple of 3: base64 pieces join without padding; 64 at once take 30 MiB
MAX_REDIRECTS = 5
REDIRECTS = {301, 302, 303, 307, 308}


class HttpTransport:
    """`transport.base.Transport` for one gateway and one key.

    `env` names proxies and trusted certificates (`proxies.py`, `trust.py`). Raises GatewayUnusableError
    where it names some that cannot be used. `allow_insecure` takes files by plain http, and
    `allow_private_hosts` takes them from any address; both are implied by such a base URL. `downloads`: how
    many files come at one time, for whose pieces there is so much memory together.
    """

    def __init__(
        self,
        base_url: str,
        key: Secret,
        *,
        connect_timeout_s: float,
        env: Mapping[str, str] | None = None,
        allow_insecure: bool = False,
        allow_private_hosts: bool = False,
        downloads: int = DEFAULT_DOWNLOADS,
    ) -> None:
        self._piece_bytes = max(LEAST_BYTES, min(PIECE_BYTES, ALL_BYTES // downloads))
        self._proxies = Proxies(env or {})
        self._proxies.check(URL(base_url))
        self._guard = Guard(
            URL(base_url),
            self._proxies,
            allow_insecure=allow_insecure,
            allow_private_hosts=allow_private_hosts,
        )
        trust = trust_from(env or {})
        guard(key)
        self._key = key
        self._base_url = base_url
        self._auth = {"Authorization": f"Bearer {key.reveal()}", "Accept": "application/json"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s)
        common: dict[str, Any] = {
            "timeout": timeout,
            "cookie_jar": aiohttp.DummyCookieJar(),
            "headers": {"User-Agent": f"nightreel/{__version__}", "Accept-Encoding": "identity"},
            "trace_configs": [_headers_trace()],
        }
        self._submits = aiohttp.ClientSession(connector=_connector(trust, force_close=True), **common)
        self._polls = aiohttp.ClientSession(connector=_connector(trust), **common)
        common |= {"auto_decompress": False, "read_bufsize": self._piece_bytes // 2}
        self._files = aiohttp.ClientSession(connector=_connector(trust), **common)
        guarded = _connector(trust, resolver=CheckedResolver(), socket_factory=checked_socket)
        self._guarded_files = aiohttp.ClientSession(connector=guarded, **common)

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            for session in (self._submits, self._polls, self._files, self._guarded_files):
                await session.close()

    async def send(self, call: Call, sent: Sent, *, fresh: bool = False) -> Answer:
        session = self._submits if fresh else self._polls
        url = URL(self._base_url + call.path, encoded=True)
        headers = {**self._auth, **call.headers}
        if call.body:
            headers["Content-Length"] = str(call.content_length)
        proxy = self._proxies.proxy_for(url)
        with mapped(sent, url.host or "", proxy):
            async with (
                _body(call) as body,
                session.request(
                    call.method, url, data=body, **_asking(url, headers, proxy, sent)
                ) as response,
            ):
                return Answer(
                    status=response.status,
                    headers=_heard(response.headers, self._key),
                    body=await _read_capped(response, MAX_ANSWER_BYTES),
                )

    @asynccontextmanager
    async def fetch(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[_Fetched]:
        async with await self._follow(url, headers) as response:
            yield _Fetched(response, response.url.host or "", self._key, self._piece_bytes)

    async def _follow(self, url: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """The file's answer, through redirects. aiohttp would take the first one's proxy for them all."""
        what, place = "the link leads to", url
        address: URL | None = None
        for _ in range(MAX_REDIRECTS):
            try:
                self._refuse_key(place)
                address = address_of(place, address)
                response = await self._ask(address, headers)
            except BadLinkError as exc:
                raise BadLinkError(f"{what} {exc}") from exc
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or location is None:
                return response
            response.release()
            what, place = f"{address.host} redirects to", location
        raise BadLinkError(f"{what} another place without end")

    async def _ask(self, address: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """One hop, guarded. Raises BadLinkError with where it leads, for a host that must not be asked."""
        try:
            self._guard.check_link(address)
            return await self._get(address, headers, guarded=not self._guard.trusts(address))
        except StrangerError:
            if not await self._guard.opens():
                raise
        return await self._get(address, headers, guarded=False)

    async def _get(
        self, address: URL, headers: Mapping[str, str], *, guarded: bool
    ) -> aiohttp.ClientResponse:
        proxy, sent = self._proxies.proxy_for(address), Sent()
        # What goes through a proxy connects to the proxy alone, and that one the user named.
        session = self._guarded_files if guarded and proxy is None else self._files
        with mapped(sent, address.host or "", proxy):
            return await session.get(address, **_asking(address, headers, proxy, sent))

    def _refuse_key(self, place: str) -> None:
        """A file host must not get the key. Raises BadLinkError."""
        if self._key.is_in(place):
            raise BadLinkError("a place that holds your key, and a file host must not get it")


class _Fetched:
    """`transport.base.Fetched` on an aiohttp answer."""

    def __init__(self, response: aiohttp.ClientResponse, host: str, key: Secret, piece_bytes: int) -> None:
        self._response = response
        self._piece_bytes = piece_bytes
        self._host = host
        self.status = response.status
        self.headers = _heard(response.headers, key)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Gathers what the socket brings into large pieces: one thread job each, further down.

        What has come is handed on after `PIECE_S` at the latest, and before the error where it breaks off:
        a slow or unsteady host must be seen to get on.
        """
        ended = False
        lost: LostAnswerError | None = None
        while not ended and lost is None:
            gathered: list[bytes] = []
            size = 0
            try:
                with mapped(Sent(headers_left=True), self._host), anyio.move_on_after(PIECE_S):
                    while size < self._piece_bytes and not ended:
                        data = await self._response.content.readany()
                        gathered.append(data)
                        size += len(data)
                        ended = not data
            except LostAnswerError as exc:
                lost = exc
            if size:
                yield b"".join(gathered)
        if lost is not None:
            raise lost


def _asking(url: URL, headers: Mapping[str, str], proxy: Proxy | None, sent: Sent) -> dict[str, Any]:
    """What every request is asked with. A proxy's login goes with CONNECT, or along where there is none."""
    asking: dict[str, Any] = {"headers": headers, "allow_redirects": False, "trace_request_ctx": sent}
    if proxy is None:
        return asking
    if url.scheme == "http":
        return asking | {"proxy": proxy.address, "headers": {**headers, **proxy.headers()}}
    # aiohttp would ask for a tunnel of a fresh connection with "Connection: close".
    return asking | {"proxy": proxy.address, "proxy_headers": {"Connection": "keep-alive", **proxy.headers()}}


def _headers_trace() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()

    async def left(
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        context.trace_request_ctx.headers_left = True

    trace.on_request_headers_sent.append(left)
    return trace


def _connector(trust: ssl.SSLContext | None, **more: Any) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(limit=0, ssl=trust or True, **more)


def _heard(headers: Mapping[str, str], key: Secret) -> dict[str, str]:
    """Headers in lower case. They get into messages, and an ETag back to a file host: without the key."""
    heard = {name.lower(): value for name, value in headers.items()}
    if key.hidden_in(together := "\n".join(heard.values())) == together:  # one look for nearly all answers
        return heard
    return {name: key.hidden_in(value) or "" for name, value in heard.items()}


async def _read_capped(response: aiohttp.ClientResponse, cap: int) -> bytes:
    """The body, cut at `cap`: an endless answer must not fill the memory."""
    body = bytearray()
    async for data in response.content.iter_any():
        body += data
        if len(body) >= cap:
            response.close()
            break
    return bytes(body[:cap])


@asynccontextmanager
async def _body(call: Call) -> AsyncIterator[bytes | AsyncGenerator[bytes, None] | None]:
    """What to hand to the session: whole bytes, or a stream that is closed also when nobody reads it up."""
    whole = [part for part in call.body if isinstance(part, bytes)]
    if len(whole) == len(call.body):
        yield b"".join(whole) or None
        return
    async with aclosing(_stream(call)) as stream:
        yield stream


async def _stream(call: Call) -> AsyncGenerator[bytes, None]:
    """The body piece by piece, so that a large picture is never in memory as a whole."""
    for part in call.body:
        if isinstance(part, bytes):
            yield part
            continue
        async with aclosing(_base64_pieces(part)) as pieces:
            async for piece in pieces:
                yield piece


async def _base64_pieces(part: FilePart) -> AsyncGenerator[bytes, None]:
    """Exactly as many bytes as were announced, also of a file that grows meanwhile."""
    left = part.size_bytes
    # Opened on the spot: aiohttp's own task reads this and cancels it plainly, and an open that is
    # cancelled while a thread makes it would leak the file.
    with open(part.path, "rb") as file:  # noqa: ASYNC230
        reader = aiofiles.threadpool.wrap(file)
        while left and (data := await reader.read(min(left, FILE_PIECE_BYTES))):
            left -= len(data)
            yield base64.b64encode(data)
    if left:
        raise OSError(f"{part.path} became shorter while it was sent")
