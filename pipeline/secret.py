"""A key that cannot be printed by accident, and what takes it out of texts again, however it is spelled.

Whoever knows a key may repeat it: a gateway in an error, a host in a redirect, a library in an exception.
Found are the key as it is, character by character escaped (percent, JSON, HTML; mixed), in base64 and in hex,
with blanks in between, and cut where a text was cut ("…"): half a key is a leak too.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from urllib.parse import quote

HIDDEN = "***"
CUT = "…"  # what every text of ours ends with where it was cut
LEAST = 8  # what is shorter stands in texts by chance, so it is not looked for in other spellings
_HEAD = 4  # characters that show that a key may follow; also the least of one that was cut
_GAP = "[\\s\u00ad\u200b-\u200d\u2060\ufeff]{0,8}"
_BROKEN = re.compile(r"[%\\&#\w]{0,8}" + CUT)  # an escape that was cut


class Secret:
    """A key. Whatever prints it prints `***`."""

    __slots__ = ("_at_a_glance", "_forms", "_spellings", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        plain = sorted({text, quote(text), quote(text, safe="")}, key=len, reverse=True)
        self._forms = re.compile("|".join(map(re.escape, plain)), re.IGNORECASE)
        spelled = [[_escaped(char) for char in text], *(_encoded(each) for each in _encodings(text))]
        self._spellings = [_Spelling(patterns) for patterns in spelled] if len(text) >= LEAST else []
        self._at_a_glance = re.compile("|".join(each.head for each in self._spellings) or "")

    def reveal(self) -> str:
        return self._text

    def __len__(self) -> int:
        return len(self._text)

    def hidden_in(self, text: str | None) -> str | None:
        """`text` with `***` in the place of the key."""
        if not text or not self._at_a_glance.search(text):
            return text
        text = self._forms.sub(HIDDEN, text)
        for spelling in self._spellings:
            text = spelling.hidden_in(text)
        return text

    def is_in(self, text: str) -> bool:
        """Whether a text, such as a link, holds the key. One of a few letters is in anything: never."""
        return len(self._text) >= LEAST and self.hidden_in(text) != text

    def digest(self, salt: str) -> str:
        """Hex that tells whether another key is this one, and from which nobody gets it back."""
        return hashlib.blake2b(self._text.encode(), salt=bytes.fromhex(salt), digest_size=16).hexdigest()

    def __repr__(self) -> str:
        return HIDDEN


_IN_USE: dict[str, Secret] = {}


def guard(secret: Secret) -> None:
    """From now on no text of this process shows it: whoever sends a key says so first."""
    _IN_USE.setdefault(secret.reveal(), secret)


def without_secrets(text: str) -> str:
    """A text without any key in use: the last net, for texts that pass where nobody knows the key."""
    for secret in list(_IN_USE.values()):
        text = secret.hidden_in(text) or ""
    return text


def _encodings(text: str) -> list[str]:
    """What the key becomes in hex, and in base64 wherever it begins in there."""
    found = {text.encode().hex(): None, text.encode().hex().upper(): None}
    for before in range(3):
        data = b"\0" * before + text.encode()
        whole = slice((before * 8 + 5) // 6, len(data) * 8 // 6)  # what stands for the key alone
        for encoded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
            found[encoded.decode()[whole]] = None
    return list(found)


class _Spelling:
    """One way to write a key: a pattern for each of its characters."""

    __slots__ = ("_rest", "_search", "head")

    def __init__(self, patterns: Sequence[str]) -> None:
        self.head = _GAP.join(patterns[:_HEAD])
        self._search = re.compile(self.head).search
        self._rest = [_next(pattern) for pattern in patterns[_HEAD:]]

    def hidden_in(self, text: str) -> str:
        parts, done = [], 0
        for start, end in self._found(text):
            parts += [text[done:start], HIDDEN]
            done = end
        return "".join([*parts, text[done:]]) if parts else text

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        at = 0
        while (head := self._search(text, at)) is not None:
            end = self._end(text, head.end())
            if end is not None:
                yield head.start(), end
            at = end or head.start() + 1

    def _end(self, text: str, at: int) -> int | None:
        """Where a key that begins so ends: with its last character, or where the text was cut."""
        for char in self._rest:
            found = char.match(text, at)
            if found is None:
                return at if _BROKEN.match(text, at) else None
            at = found.end()
        return at


@cache
def _next(pattern: str) -> re.Pattern[str]:
    return re.compile(_GAP + pattern)


def _encoded(text: str) -> list[str]:
    return [char if char.isalnum() else _escaped(char) for char in text]


def _escaped(char: str) -> str:
    r"""A pattern for one character in any case: `k`, `%6B`, `%256b`, `\u006b`, `\x6b`, `\k`, `&#107;`."""
    both = sorted({char.lower(), char.upper()})  # spelled out: IGNORECASE would make the search slow
    hexes = f"(?:{'|'.join(_any_case(f'{ord(each):02x}') for each in both)})"
    numbers = f"(?:{'|'.join(str(ord(each)) for each in both)})"
    plain = "|".join(map(re.escape, both))
    escapes = rf"%(?:25){{0,4}}{hexes}|\\{{1,8}}(?:(?:u00|x){hexes}|{plain})"
    return rf"(?:{plain}|{escapes}|&#0{{0,6}}(?:{numbers}|[xX]0{{0,6}}{hexes});)"


def _any_case(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)
