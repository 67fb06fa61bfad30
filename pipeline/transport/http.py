"""All HTTP of a run, on aiohttp: three sessions, because three things must not mix.

Submits take a fresh connection each, polls reuse theirs, downloads never carry the key. Library errors
become ours at this border: NotSentError while the headers had not left, LostAnswerError after.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiofiles.threadpool
import aiohttp
import anyio
from yarl import URL

from pipeline.config import Secret
from pipeline.errors import LostAnswerError, NotSentError, PipelineError
from pipeline.providers.base import Answer, Call, FilePart
from pipeline.transport.base import Sent
from pipeline.version import __version__

MAX_ANSWER_BYTES = 1 << 20
PIECE_BYTES = 1 << 19
PIECE_S = 1.0
FILE_PIECE_BYTES = 3 << 18  # a multiple of 3, so that base64 pieces join without padding
MAX_REDIRECTS = 5


class HttpTransport:
    """`transport.base.Transport` for one gateway and one key."""

    def __init__(self, base_url: str, key: Secret, *, connect_timeout_s: float) -> None:
        self._base_url = base_url
        self._auth = {"Authorization": f"Bearer {key.reveal()}", "Accept": "application/json"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s)
        common: dict[str, Any] = {
            "timeout": timeout,
            "cookie_jar": aiohttp.DummyCookieJar(),
            "headers": {"User-Agent": f"nightreel/{__version__}", "Accept-Encoding": "identity"},
            "trace_configs": [_headers_trace()],
        }
        self._submits = aiohttp.ClientSession(connector=_connector(force_close=True), **common)
        self._polls = aiohttp.ClientSession(connector=_connector(), **common)
        self._files = aiohttp.ClientSession(
            connector=_connector(), auto_decompress=False, read_bufsize=PIECE_BYTES, **common
        )

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            for session in (self._submits, self._polls, self._files):
                await session.close()

    async def send(self, call: Call, sent: Sent, *, fresh: bool = False) -> Answer:
        session = self._submits if fresh else self._polls
        url = URL(self._base_url + call.path, encoded=True)
        headers = {**self._auth, **call.headers}
        if call.body:
            headers["Content-Length"] = str(call.content_length)
        with _mapped(sent, url.host or ""):
            async with (
                _body(call) as body,
                session.request(
                    call.method,
                    url,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    trace_request_ctx=sent,
                ) as response,
            ):
                return Answer(
                    status=response.status,
                    headers=_lower(response.headers),
                    body=await _read_capped(response, MAX_ANSWER_BYTES),
                )

    @asynccontextmanager
    async def fetch(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[_Fetched]:
        sent = Sent()
        try:
            address = URL(url, encoded=True)
        except ValueError as exc:
            raise NotSentError(f"result link is not an address: {exc}") from exc
        host = address.host or ""
        with _mapped(sent, host):
            response = await self._files.get(
                address, headers=headers, max_redirects=MAX_REDIRECTS, trace_request_ctx=sent
            )
        async with response:
            yield _Fetched(response, host)


class _Fetched:
    """`transport.base.Fetched` on an aiohttp answer."""

    def __init__(self, response: aiohttp.ClientResponse, host: str) -> None:
        self._response = response
        self._host = host
        self.status = response.status
        self.headers = _lower(response.headers)

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
                with _mapped(Sent(headers_left=True), self._host), anyio.move_on_after(PIECE_S):
                    while size < PIECE_BYTES and not ended:
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


class _mapped:  # noqa: N801 - reads as a statement
    """Turns aiohttp's errors into ours, by how far the call got."""

    def __init__(self, sent: Sent, host: str) -> None:
        self._sent = sent
        self._host = host

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # aiohttp lets some of what a hostile address or answer does out as ValueError or RuntimeError.
        if isinstance(error, Exception) and not isinstance(error, PipelineError):
            lost = self._sent.headers_left
            wrap = LostAnswerError if lost else NotSentError
            raise wrap(_why(error, self._host, lost)) from error


def _why(error: BaseException, host: str, lost: bool) -> str:
    """One line for a person: what failed, at which host."""
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    detail = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return f"no trusted TLS connection to {host}: {detail}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"host {host} not found: {detail}"
    if isinstance(error, aiohttp.ClientPayloadError):
        return f"the answer of {host} broke off before its end"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {host}: {detail}"
    return f"connection to {host} lost: {detail}" if lost else f"could not ask {host}: {detail}"


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


def _connector(*, force_close: bool = False) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(limit=0, force_close=force_close)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


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
