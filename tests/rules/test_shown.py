"""What people and files get to see of a text from outside: one line, no orders to a terminal, no key."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.secret import Secret, guard
from pipeline.shown import shown, shown_json

KEY = "sk-shown-0123456789"
OBEYED = {
    "\x1b[2J": r"\x1b[2J",
    "\x9b31m": r"\x9b31m",
    "\a\b\x7f": r"\x07\x08\x7f",
    "\r\n\v\f": r"\r\n\x0b\x0c",
    "\x85\u2028\u2029": r"\x85\u2028\u2029",
    "\u202egpj.exe\u2069": r"\u202egpj.exe\u2069",
    "\u061c\u200e\u200f": r"\u061c\u200e\u200f",
    "\U000e0041": r"\U000e0041",
    "\udc9b": r"\udc9b",
}


@pytest.mark.parametrize(("text", "expected"), OBEYED.items(), ids=map(ascii, OBEYED))
def test_what_a_terminal_obeys_is_spelled_out(text: str, expected: str) -> None:
    """As a programmer would write it, so that nothing is lost for who looks for the fault."""
    assert shown(f"a{text}b") == f"a{expected}b"


@pytest.mark.parametrize("text", ["plain", "ä 狐 🦊 👩\u200d🚀 a\u00a0b", "[red]x[/red] :fox:", r"a\nb"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    """Every language, and what only looks like markup."""
    assert shown(text) == text


@steady
@given(text=st.text())
def test_no_text_is_more_than_a_line(text: str) -> None:
    """Nor does a control character or a surrogate get through."""
    line = shown(text)

    assert len(line.splitlines()) <= 1
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in line)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@steady
@given(value=VALUES)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_stays_json(value: object, indent: int | None) -> None:
    """The same value for a program, and nothing in it that a terminal obeys."""
    text = shown_json(value, indent=indent)

    assert json.loads(text) == value
    assert shown(text.replace("\n", " ")) == text.replace("\n", " ")


def test_a_key_in_use_is_not_shown() -> None:
    guard(Secret(KEY))

    assert shown(f"Bearer {KEY}\n") == r"Bearer ***\n"
    assert json.loads(shown_json({"reason": [KEY]})) == {"reason": ["***"]}
