"""Whose certificates are trusted: `SSL_CERT_FILE` and `SSL_CERT_DIR`, with the meaning OpenSSL gives them."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import GatewayUnusableError

FILE = "SSL_CERT_FILE"
FOLDER = "SSL_CERT_DIR"


def trust_from(env: Mapping[str, str]) -> ssl.SSLContext | None:
    """One context for all connections, or None where `env` asks for nothing: the system's own trust.

    `SSL_CERT_FILE` (PEM) takes the place of OpenSSL's default file, `SSL_CERT_DIR` (folders of certificates
    under their hash names, as `openssl rehash` makes them) that of its default folder; the other one stays.
    An empty value counts as not set. Raises GatewayUnusableError, where OpenSSL would just trust nobody.
    """
    if FILE not in env and FOLDER not in env:
        return None
    file, folder = env.get(FILE) or None, env.get(FOLDER) or None
    if folder and not any(Path(part).is_dir() for part in folder.split(os.pathsep)):
        raise GatewayUnusableError(f"{FOLDER}: no folder {folder}: correct it, or unset {FOLDER}")
    defaults = ssl.get_default_verify_paths()
    folder = folder or defaults.openssl_capath
    if file is None and Path(defaults.openssl_cafile).is_file():
        file = defaults.openssl_cafile
    try:
        context = ssl.create_default_context(cafile=file, capath=folder)
    except OSError as exc:  # ssl.SSLError is one
        what = "holds no certificate in PEM form" if isinstance(exc, ssl.SSLError) else exc.strerror
        raise GatewayUnusableError(f"{FILE}: {file}: {what}: correct it, or unset {FILE}") from exc
    context.set_alpn_protocols(["http/1.1"])  # as aiohttp does in its own
    return context
