"""Lines that are drawn anew in place, as a terminal shows them in the end."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text
from support.vt import Window

from pipeline.cli.screen import Screen, can_redraw

COLOURED = {"TERM": "xterm-256color"}
WORDS = st.lists(st.text("abc ", max_size=18), max_size=5)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def texts(*lines: str) -> list[Text]:
    return [Text(line) for line in lines]


@given(drawings=st.lists(st.tuples(WORDS, WORDS), max_size=6))
def test_what_stays_is_above_and_the_last_frame_below(drawings: list[tuple[list[str], list[str]]]) -> None:
    """Frames grow and shrink; nothing of an older one is left, and no line that stays is lost."""
    screen, window, kept = Screen(Terminal(), COLOURED), Window(20, 40), []

    for stays, frame in drawings:
        window.write(screen.drawing(texts(*stays), texts(*frame), (20, 40)))
        kept += stays
        expected = [line.rstrip() for line in [*kept, *frame]]
        while expected and not expected[-1]:
            expected.pop()
        assert window.text() == expected


@pytest.mark.parametrize("reflows", [True, False])
def test_a_window_that_shrinks_shows_one_frame(reflows: bool) -> None:
    """Whether the terminal broke the old lines or cut them."""
    screen, window = Screen(Terminal(), COLOURED), Window(40, 10, reflows=reflows)
    window.write(screen.drawing(texts("began"), texts("a" * 39, "b" * 39, "c"), (40, 10)))

    window.resize(20, 10)
    window.write(screen.drawing([], texts("a" * 19, "b" * 19, "c"), (20, 10)))
    shrunk = window.text()
    window.resize(40, 10)
    window.write(screen.drawing([], texts("a" * 39, "b" * 39, "c"), (40, 10)))

    assert shrunk[-3:] == ["a" * 19, "b" * 19, "c"]
    assert [line for line in window.text() if "a" in line] == ["a" * 39]
    assert window.text()[-3:] == ["a" * 39, "b" * 39, "c"]


def test_a_window_lower_than_the_frame_shows_its_beginning() -> None:
    screen, window = Screen(Terminal(), COLOURED), Window(20, 4)

    for number in range(3):
        window.write(screen.drawing([], texts(f"a{number}", "b", "c", "d", "e"), (20, 4)))

    assert window.text() == ["a2", "b", "c"]


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)]
)
def test_no_colour_means_no_style_at_all(env: dict[str, str], coloured: bool) -> None:
    screen = Screen(Terminal(), COLOURED | env)

    text = screen.drawing([], [Text("x", style="bold red")], (80, 24))

    assert bool(re.search(r"\x1b\[[\d;]*m", text)) is coloured


@pytest.mark.parametrize(
    ("file", "term", "can"),
    [
        (Terminal(), "xterm", True),
        (Terminal(), "linux", True),
        (Terminal(), "dumb", False),
        (Terminal(), "", False),
        (Terminal(), None, False),
        (io.StringIO(), "xterm", False),
    ],
)
def test_who_can_be_drawn_on(file: io.StringIO, term: str | None, can: bool) -> None:
    assert can_redraw(file, {} if term is None else {"TERM": term}) is can
