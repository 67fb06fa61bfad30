"""The panel as text: nothing wraps, nothing jumps, nothing is obeyed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pipeline.cli.panel import Counts, View, about, duration, panel, what_now
from pipeline.events import Glance
from pipeline.model import TICKS_PER_USD

COUNTS = Counts(to_send=8_600, in_flight=48, ready=11, loading=8, done=1_204, without_a_clip=7)
VIEW = View(
    title="nightly · cometapi",
    elapsed_s=754.0,
    counts=COUNTS,
    places=50,
    submits_per_s=0.97,
    clips_per_s=0.92,
    bytes_per_s=3_200_000.0,
    left_s=9_600.0,
    settled_ticks=12 * TICKS_PER_USD,
    reserved_ticks=7 * TICKS_PER_USD // 10,
    budget_ticks=25 * TICKS_PER_USD,
    now="rate limit: next submit in 3 s",
    problems=(("14:02:11", "fox-3: failed (Video generation failed.)"),),
)
AT_80 = """\
nightly · cometapi · 12 min 34 s
━━━━───────────────────────────── 1,204 of 9,870 · 12 % · about 2 h 40 min left
    to send         in flight      ready    loading       done    no clip
      8,600          48 of 50          3          8      1,204          7
speed 58.2 submits/min · 55.2 clips/min · 3.2 MB/s
cost  $12.00 settled, $0.70 reserved, of $25.00
now   rate limit: next submit in 3 s
last problems
  14:02:11 fox-3: failed (Video generation failed.)
"""


def text_of(view: View, columns: int) -> str:
    return "".join(f"{line.plain}\n" for line in panel(view, columns))


def test_at_80_columns() -> None:
    assert text_of(VIEW, 80) == AT_80


def test_at_120_columns_there_is_only_more_room() -> None:
    """The columns of the stages stand where they stood."""
    assert text_of(VIEW, 120).splitlines()[2:4] == text_of(VIEW, 80).splitlines()[2:4]
    assert "about 2 h 40 min left" in text_of(VIEW, 120)


def test_in_a_narrow_window_every_stage_is_still_there() -> None:
    head, row = text_of(VIEW, 52).splitlines()[2:4]

    assert head.split() == ["to", "send", "in", "flight", "ready", "loading", "done", "no", "clip"]
    assert row.split() == ["8,600", "48", "of", "50", "3", "8", "1,204", "7"]


def test_stages_stay_in_place_as_numbers_grow() -> None:
    small = replace(VIEW, counts=Counts(to_send=0, in_flight=0, ready=0, loading=0, done=0, without_a_clip=0))

    assert text_of(small, 80).splitlines()[2] == text_of(VIEW, 80).splitlines()[2]
    assert len(text_of(small, 80).splitlines()[3]) == len(text_of(VIEW, 80).splitlines()[3])


@given(
    columns=st.integers(20, 200),
    text=st.text(max_size=120),
    numbers=st.lists(st.integers(0, 10**7), min_size=5, max_size=5),
)
def test_no_line_is_wider_than_the_window(columns: int, text: str, numbers: list[int]) -> None:
    """Whatever is in it: wide characters, direction marks, orders to the terminal."""
    to_send, in_flight, ready, done, lost = numbers
    counts = Counts(
        to_send=to_send, in_flight=in_flight, ready=ready, loading=ready // 2, done=done, without_a_clip=lost
    )
    view = replace(VIEW, title=text, counts=counts, now=text, problems=(("01:02:03", text),) * 3)

    for line in panel(view, columns):
        assert cell_len(line.plain) < columns
        assert not {"\n", "\r", "\x1b", "\u202e", "\x9b"} & set(line.plain)


def test_a_bar_is_full_when_all_is_settled() -> None:
    done = Counts(to_send=0, in_flight=0, ready=0, loading=0, done=9, without_a_clip=1)
    bar = panel(replace(VIEW, counts=done, left_s=None), 80)[1]

    assert bar.plain == "━" * 40 + " 9 of 10 · 90 %"
    assert [(span.end - span.start, span.style) for span in bar.spans[:2]] == [(36, "green"), (4, "red")]


def a_count(**counts: int) -> Counts:
    none = {"to_send": 0, "in_flight": 0, "ready": 0, "loading": 0, "done": 0, "without_a_clip": 0}
    return Counts(**{**none, **counts})


FREE = Glance(in_flight=1, max_in_flight=9)


@pytest.mark.parametrize(
    ("counts", "glance", "sending", "text"),
    [
        ({"to_send": 3}, replace(FREE, held_s=2.4), True, "rate limit: next submit in 3 s"),
        ({"in_flight": 3}, replace(FREE, held_s=2.4), False, "rate limit: next call in 3 s"),
        ({"to_send": 3}, replace(FREE, behind=17), True, "downloads come first: 17 clips wait to be loaded"),
        (
            {"to_send": 3, "in_flight": 9},
            Glance(in_flight=9, max_in_flight=9, next_poll_s=6.2),
            True,
            "all 9 places at the gateway are taken; next poll in 7 s",
        ),
        ({"to_send": 3}, FREE, True, "sending, at the pace that the limits allow"),
        (
            {"to_send": 3, "in_flight": 1},
            replace(FREE, next_poll_s=20.0),
            False,
            "what is left to send waits for clips that are on their way; next poll in 20 s",
        ),
        ({"in_flight": 1}, replace(FREE, next_poll_s=0.4), False, "all is sent; waiting for the gateway"),
        ({"ready": 1}, FREE, False, "loading the last clips"),
        ({"done": 1}, FREE, False, "finishing"),
        ({"to_send": 1}, None, False, "getting ready"),
        ({"done": 1}, None, False, "all is settled"),
    ],
)
def test_why_it_waits(counts: dict[str, int], glance: Glance | None, sending: bool, text: str) -> None:
    assert what_now(a_count(**counts), glance, sending=sending, stopping=None, paused=None) == text


def test_what_ends_a_run_goes_before_what_it_waits_for() -> None:
    counts = a_count(to_send=3, in_flight=2)

    assert what_now(counts, FREE, sending=True, stopping="stopping", paused="budget") == "stopping"
    assert (
        what_now(a_count(in_flight=2), FREE, sending=True, stopping=None, paused="budget: " + "x" * 90)
        == f"nothing new is sent (budget: {'x' * 51}…); all is sent; waiting for the gateway"
    )


@pytest.mark.parametrize(
    ("seconds", "text", "left"),
    [
        (0.0, "0 s", "under 1 min left"),
        (59.9, "59 s", "under 1 min left"),
        (61.0, "1 min 1 s", "about 1 min left"),
        (3599.0, "59 min 59 s", "about 1 h 0 min left"),
        (90_061.0, "25 h 1 min", "about 25 h 1 min left"),
    ],
)
def test_durations(seconds: float, text: str, left: str) -> None:
    assert (duration(seconds), about(seconds)) == (text, left)
