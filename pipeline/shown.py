"""What may be shown of a text from outside: one line, nothing that a terminal obeys, and no key.

Prompts, job keys, file names, a gateway's ids and messages all pass here right before they are printed,
logged or written as JSON. Escaped are control characters (with ESC, line breaks and U+0080 to U+009F), marks
that turn the direction of what follows, line and paragraph separators, tags, and halves of surrogate pairs.
"""

from __future__ import annotations

import json
import re

from pipeline.secret import without_secrets

_OBEYED = (
    "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f"
)
_IN_TEXT = re.compile(f"[{_OBEYED}]")
_IN_JSON = re.compile(f"(?!\n)[{_OBEYED}]")  # line breaks there are json's own: those of texts are escaped


def shown(text: object) -> str:
    """One line for a person: `\\x1b[2J` for an order to the terminal, `\\n` for a line break."""
    return _IN_TEXT.sub(lambda found: repr(found[0])[1:-1], without_secrets(str(text)))


def shown_json(value: object, *, indent: int | None = 2) -> str:
    """A value as JSON that any terminal can show; read again, it is the same value."""
    text = without_secrets(json.dumps(value, ensure_ascii=False, indent=indent))
    return _IN_JSON.sub(lambda found: json.dumps(found[0])[1:-1], text)
