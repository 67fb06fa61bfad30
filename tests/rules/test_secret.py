"""A key is taken out of every text, however it is spelled there, and nothing else is."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.providers.wire import plain
from pipeline.secret import CUT, HIDDEN, LEAST, Secret, guard, without_secrets

KEY = "sk-5Tr/a+NGE_k.e~y=0123456789"
SECRET = Secret(KEY)
A_KEY = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=LEAST, max_size=80)
SPELLINGS = {
    "as it is": KEY,
    "another case": KEY.upper(),
    "behind Bearer": f"Bearer {KEY}",
    "percent-encoded": quote(KEY, safe=""),
    "percent-encoded, all of it": "".join(f"%{ord(char):02x}" for char in KEY),
    "percent-encoded twice": quote(quote(KEY, safe=""), safe=""),
    "JSON": json.dumps(KEY).replace("/", "\\/"),
    "JSON, all of it": "".join(f"\\u{ord(char):04X}" for char in KEY),
    "JSON in JSON": json.dumps(json.dumps(KEY).replace("/", "\\/")),
    "Python or C": "".join(f"\\x{ord(char):02x}" for char in KEY),
    "HTML": "".join(f"&#{ord(char)};" for char in KEY),
    "HTML in hex": "".join(f"&#x{ord(char):X};" for char in KEY),
    "mixed": f"{KEY[:5]}%{ord(KEY[5]):02X}\\u00{ord(KEY[6]):02x}&#{ord(KEY[7])};{KEY[8:]}",
    "hex": KEY.encode().hex(),
    "split by a line break": f"{KEY[:9]}\n    {KEY[9:]}",
    "split by what nobody sees": "\u200b".join(KEY),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_spelling_of_a_key_is_hidden(text: str) -> None:
    """Nothing of it is left, and what stands around it stays."""
    hidden = SECRET.hidden_in(f"refused: <{text}>, sorry")

    assert hidden is not None
    assert hidden.startswith("refused: <")
    assert hidden.endswith(">, sorry")
    assert HIDDEN in hidden
    assert len(hidden) < len("refused: <Bearer '\\\"***\\\"'>, sorry")
    assert SECRET.is_in(text)


@pytest.mark.parametrize("before", ["", "a", "ab", "Bearer ", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_key_in_base64_is_hidden_wherever_it_begins(before: str, encode: object) -> None:
    """At most the characters are left that it shares with its neighbours: six bits at each end."""
    assert callable(encode)
    text = encode(f"{before}{KEY}.".encode()).decode()

    hidden = SECRET.hidden_in(text)

    assert hidden is not None
    assert len(hidden.replace(HIDDEN, "")) <= len(before) * 4 // 3 + 8


@pytest.mark.parametrize("length", range(5, len(KEY) - 1))
@pytest.mark.parametrize("times", [0, 200])
def test_a_key_that_was_cut_is_hidden(length: int, times: int) -> None:
    """Also by a limit that is reached only while there are other copies, which shrink the text."""
    others = f"{KEY} " * times
    text = plain(f"{others}{KEY}", len(others) + length + 1) or ""

    hidden = SECRET.hidden_in(text) or ""

    assert text.endswith(CUT)
    assert KEY[:5] not in hidden


def test_a_beginning_that_nobody_cut_is_no_key() -> None:
    """Many keys begin alike; a log must not lose what only looks like the start of one."""
    assert SECRET.hidden_in(f"the key {KEY[:10]} is short") == f"the key {KEY[:10]} is short"


@steady
@given(key=A_KEY, before=st.text(max_size=20), after=st.text(max_size=20))
def test_any_key_is_found(key: str, before: str, after: str) -> None:
    """Also one of characters that mean something to a pattern, or that look like escapes."""
    for spelled in (key, quote(key, safe=""), json.dumps(key)[1:-1]):
        assert spelled not in (Secret(key).hidden_in(before + spelled + after) or "").replace(HIDDEN, "\0")


def test_a_short_key_is_hidden_but_in_no_link() -> None:
    """A few letters stand in any link by chance: a clip must not be lost for that."""
    assert Secret("key").hidden_in("my key") == "my ***"
    assert not Secret("key").is_in("https://cdn.example/keys/1.mp4")


@pytest.mark.parametrize(
    "text", ["sk-5" * 250_000, KEY[:-1] * 30_000, "\\" * 300_000, "%25" * 300_000, "s" + " " * 300_000]
)
def test_a_hostile_text_takes_little_time(text: str) -> None:
    """No text makes the search slow: it grows with the length, not with its square."""
    start = time.perf_counter()

    SECRET.hidden_in(text)

    assert time.perf_counter() - start < 3


def test_a_key_in_use_is_hidden_where_nobody_knows_it() -> None:
    """An exception's text reaches a terminal through code that never saw the key."""
    text = "sk-test-of-the-last-net"
    assert without_secrets(f"<{text}>") == f"<{text}>"

    guard(Secret(text))

    assert without_secrets(f"<{text}>") == f"<{HIDDEN}>"
