"""What holds for any text that a gateway or a file host gives as an address."""

from __future__ import annotations

from yarl import URL

from pipeline.errors import BadLinkError
from pipeline.providers.wire import link
from pipeline.transport.links import address_of
from pipeline.transport.proxies import Proxies

BASE = URL("https://files.test/a/b.mp4")
PROXIES = Proxies({"https_proxy": "http://proxy.test:3128", "no_proxy": "10.0.0.0/8,.test,fe80::1"})


def links_hold(data: bytes) -> None:
    """An address that can be asked, or BadLinkError; and a proxy for each."""
    text = data.decode("utf-8", "surrogateescape")
    assert link(text) in (None, text)
    for base in (None, BASE):
        try:
            address = address_of(text, base)
        except BadLinkError:
            continue
        assert address.scheme in ("http", "https")
        assert address.host
        PROXIES.proxy_for(address)
