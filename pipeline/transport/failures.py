"""What aiohttp raises, in our words: not sent while the headers had not left, lost after.

A CONNECT to a proxy is not the request: whatever goes wrong before the tunnel stands has sent nothing.
"""

from __future__ import annotations

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from pipeline.errors import LostAnswerError, NotSentError, PipelineError
from pipeline.secret import without_secrets
from pipeline.transport.base import Sent
from pipeline.transport.proxies import Proxy

MAX_SAID = 300
_TLS_ERRORS = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)


class mapped:  # noqa: N801 - reads as a statement
    """Turns aiohttp's errors into ours, by how far the call got."""

    def __init__(self, sent: Sent, host: str, proxy: Proxy | None = None) -> None:
        self._sent = sent
        self._host = host
        self._proxy = proxy

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # aiohttp lets some of what a hostile address or answer does out as ValueError or RuntimeError.
        if not isinstance(error, Exception) or isinstance(error, PipelineError):
            return
        _strip(error, self._host)
        if self._sent.headers_left:
            raise LostAnswerError(without_secrets(_why_lost(error, self._host))) from error
        why = _why_not_sent(error, self._host)
        if self._proxy is not None:
            why = _why_not_through(error, self._host, self._proxy)
        raise NotSentError(without_secrets(why)) from error


def _strip(error: Exception, host: str) -> None:
    """Take out what a traceback must not show: headers hold key and login, and links are signed."""
    if isinstance(error, aiohttp.ClientResponseError):
        bare = URL.build(scheme="https", host=host)
        error.request_info = aiohttp.RequestInfo(bare, "", CIMultiDictProxy(CIMultiDict()))
        error.args = (error.request_info, ())
    elif isinstance(error, aiohttp.ConnectionTimeoutError):
        error.args = (f"connection timeout to host {host}",)


def _why_lost(error: Exception, host: str) -> str:
    if isinstance(error, aiohttp.ClientPayloadError):
        return f"the answer of {host} broke off before its end"
    return f"connection to {host} lost: {_detail(error)}"


def _why_not_sent(error: Exception, host: str) -> str:
    """One line for a person: what failed, at which host."""
    if isinstance(error, _TLS_ERRORS):
        return f"no trusted TLS connection to {host}: {_detail(error)}{_hint(error)}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"host {host} not found: {_detail(error)}"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"cannot connect to {host}: no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {host}: {_detail(error)}"
    return f"could not ask {host}: {_detail(error)}"


def _why_not_through(error: Exception, host: str, proxy: Proxy) -> str:
    """The same where a proxy stands in between, and what to do about it."""
    directly = f"or put {host} into NO_PROXY to go without it"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _why_refused(error.status, host, proxy)
    if isinstance(error, _TLS_ERRORS):
        other = host if error.host == host else proxy
        return f"no trusted TLS connection to {other}, through {proxy}: {_detail(error)}{_hint(error)}"
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientConnectorDNSError):
        return f"cannot connect to {proxy}: {_detail(error)}; check its address, {directly}"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"no connection to {host} through {proxy} in time; check the proxy, {directly}"
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientResponseError):
        return f"no connection to {host} through {proxy}: {_detail(error)}; check the proxy, {directly}"
    return f"could not ask {host} through {proxy}: {_detail(error)}"


def _why_refused(status: int, host: str, proxy: Proxy) -> str:
    if status == 407 and proxy.login is None:
        return (
            f"{proxy} asks for a user and password (HTTP 407):"
            f" set {proxy.variable} to http://user:password@host:port"
        )
    if status == 407:
        return f"{proxy} does not take the user and password in {proxy.variable} (HTTP 407): correct them"
    says = "cannot reach" if status >= 500 else "does not let us reach"
    return f"{proxy} {says} {host} (HTTP {status}): ask who runs it, or put {host} into NO_PROXY"


def _hint(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "; where a CA of your own signs it, name its certificate file in SSL_CERT_FILE"
    return ""


def _detail(error: Exception) -> str:
    """What a library says, in one line: some of them repeat what the other side sent."""
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    said = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return " ".join(said.split())[:MAX_SAID]
