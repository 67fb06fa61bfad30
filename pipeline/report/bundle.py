"""What is bundled with the page: its template, scripts and styles, and the policy that allows these alone.

Jinja and MarkupSafe are imported on first use: a run needs them at its end only.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple


def safe(text: str) -> Any:
    """Text that needs no more escaping."""
    import markupsafe

    return markupsafe.Markup(text)  # noqa: S704 - escaped where it was written


class Assets(NamedTuple):
    """Scripts and styles, and the policy that allows these alone."""

    script: Any
    style: Any
    policy: str


@cache
def assets() -> Assets:
    home = files(__package__)
    names = sorted(part.name for part in (home / "assets").iterdir())
    own = [
        "(() => {\n",
        *((home / "assets" / name).read_text("utf-8") for name in names if name.endswith(".js")),
    ]
    script = (home / "vendor" / "uplot.min.js").read_text("utf-8") + "\n" + "".join(own) + "})();\n"
    style = "".join(
        (home / place).read_text("utf-8") for place in ("vendor/uplot.min.css", "assets/page.css")
    )
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src 'self' file:",
            "media-src 'self' file:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return Assets(safe(script), safe(style), policy)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def template() -> Any:
    import jinja2

    page = (files(__package__) / "assets" / "page.html").read_text("utf-8")
    return jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(page)
