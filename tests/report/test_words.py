"""What the report says: totals, decisions, commands for a shell, and data that cannot become markup."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.batches import BEGAN, a_night
from support.builders_core import a_job, a_take

from pipeline.ledger.base import Run
from pipeline.model import TICKS_PER_USD, Image, Probe, TakeState
from pipeline.report.commands import Commands
from pipeline.report.decisions import decisions, steps
from pipeline.report.page import in_script
from pipeline.report.rows import Rows
from pipeline.report.tiles import duration_text
from pipeline.report.totals import Totals, budget_ticks, busy_s

S = TakeState
HERE = Commands(folder=Path("output/teasers"), manifest=Path("teasers.yaml"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def totals_of(*takes: Any) -> Totals:
    totals = Totals()
    for take in takes:
        totals.add(take)
    return totals


# --- commands


@pytest.mark.parametrize(
    ("folder", "manifest", "line"),
    [
        ("output/teasers", "teasers.yaml", "nightreel run teasers.yaml --retry failed"),
        ("clips/teasers", "teasers.yaml", "nightreel run teasers.yaml --output clips --retry failed"),
        ("output/_rehearsal/teasers", "a.yaml", "nightreel run a.yaml --rehearse --retry failed"),
        ("/x/_rehearsal/t", "a.yaml", "nightreel run a.yaml --output /x --rehearse --retry failed"),
        ("output/teasers", "my night.yaml", "nightreel run 'my night.yaml' --retry failed"),
        ("output/teasers", None, "nightreel run MANIFEST --retry failed"),
    ],
)
def test_a_run_goes_on_where_the_batch_lies(folder: str, manifest: str | None, line: str) -> None:
    """The same output folder, the same manifest, and never a purchase out of a rehearsal."""
    commands = Commands(folder=Path(folder), manifest=None if manifest is None else Path(manifest))

    assert commands.run("--retry", "failed") == line


@given(key=st.text(min_size=1), folder=st.text(st.characters(exclude_characters="\0/"), min_size=1))
def test_no_key_and_no_path_leaves_its_word(key: str, folder: str) -> None:
    """Whatever is in them, a shell reads one word each, and no option."""
    commands = Commands(folder=Path(folder), manifest=None)

    words = shlex.split(commands.redo([key]))

    assert words[:2] == ["nightreel", "redo"]
    assert words[-2:] == [str(Path(folder)), key]
    assert ("--" in words[2:-2]) is (key.startswith("-") or folder.startswith("-"))


# --- totals


def test_totals_of_a_night() -> None:
    """What is wanted is counted by state; what was sent for is counted whatever became of it."""
    probe = Probe(width=4, height=4, duration_s=6.0, codec="h264", fps=24.0, change=0.0)
    price = {"estimate_ticks": TICKS_PER_USD, "cost_ticks": 2 * TICKS_PER_USD}
    done = a_take("fox", b"clip", state=S.DONE, accepted_at=1.0, ready_at=41.0, probe=probe, **price)
    older = replace(done, wanted=False)
    lost = a_take("owl", state=S.UNKNOWN, reserved_ticks=TICKS_PER_USD)

    totals = totals_of(done, older, lost, a_take("bear", state=S.PLANNED))

    assert (totals.done, totals.jobs, totals.older) == (1, 3, 1)
    assert totals.settled_ticks == 4 * TICKS_PER_USD
    assert totals.reserved_ticks == TICKS_PER_USD
    assert (totals.planned_ticks, totals.unpriced) == (TICKS_PER_USD, 2)
    assert (totals.render_s, totals.video_s, totals.size_bytes) == (40.0, 6.0, 4)
    assert [*totals.noticed] == ["frozen: nothing moves in it"]


def test_time_of_runs() -> None:
    """A run that died counts until something was seen of it last; one whose clock was set back, nothing."""

    def run(began: float, ended: float | None, **caps: int) -> Run:
        none = dict.fromkeys(("reason", "clips", "budget_ticks", "run_budget_ticks"))
        known: dict[str, Any] = {**none, "spent_ticks": 0, **caps}
        return Run(1, "m", "1", began, ended, None if ended is None else 0, **known)

    assert busy_s([run(10, 40), run(100, None)], 160.0) == 90.0
    assert busy_s([run(10, 40), run(100, None)], None) == 30.0
    assert busy_s([run(100, 40)], None) == 0.0
    assert budget_ticks([run(1, 2, budget_ticks=5), run(3, 4, run_budget_ticks=7)]) == 7
    assert budget_ticks([]) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (41, "41 s"),
        (200, "3 min 20 s"),
        (3600, "1 h 0 min"),
        (25_500, "7 h 5 min"),
    ],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


# --- decisions


def test_what_needs_a_decision() -> None:
    """Worst first: lost answers with what settles each, then what can be tried again, then what is open."""
    black = Probe(width=4, height=4, duration_s=None, codec="h264", fps=None, brightness=0.0)
    found = decisions(
        totals_of(
            a_take("planned", state=S.PLANNED),
            a_take("fail", state=S.FAILED, reason="gave up"),
            *(a_take(f"lost-{number}", state=S.UNKNOWN) for number in range(7)),
            a_take("dark", b"clip", state=S.DONE, probe=black),
        ),
        HERE,
    )
    unknown, failed, noticed, planned = found

    assert [one.kind for one in found] == ["unknown", "failed", "to look at", "planned"]
    assert (unknown.count, len(unknown.jobs)) == (7, 5)
    assert unknown.commands[0][1] == "nightreel resolve output/teasers lost-0 --remote-id ID"
    assert unknown.commands[1][1] == "nightreel resolve output/teasers lost-0 --not-charged"
    assert unknown.commands[-1][1] == "nightreel run teasers.yaml --resubmit-unknown"
    assert failed.commands[0][1] == "nightreel run teasers.yaml --retry failed"
    assert failed.reasons == ("gave up",)
    assert noticed.commands[0][1] == "nightreel redo output/teasers dark"
    assert not planned.urgent
    assert decisions(totals_of(a_take("fox", state=S.DONE)), HERE) == []


def test_every_state_has_a_next_step() -> None:
    """But for the one in which there is nothing to do."""
    assert {*steps(HERE)} == {state.value for state in S} - {"done"}


# --- data


@given(JSON)
def test_data_stays_data(value: object) -> None:
    """Nothing in it can end the element that it stands in, and what is read is what was written."""
    text = in_script(value)

    assert json.loads(text) == value
    assert not {"<", ">", "&", "\u2028", "\u2029"} & {*text}


def test_a_row_names_files_by_addresses() -> None:
    """Pictures relative to the page, spelled for an address; nothing that would be fetched from a network."""
    rows = Rows(Path("/batches/teasers"), BEGAN)
    files = Image(path="/pictures/my desk #1%.png"), Image(url="https://example.com/a.png?sig=1")
    job = a_job("fox", image=files[0], reference_images=files[1:])

    row = rows.row(a_take("fox", job=job), None)

    assert row[13] == [
        None,
        None,
        [
            [rows.words.number("image"), "../../pictures/my%20desk%20%231%25.png", "my desk #1%.png"],
            [rows.words.number("reference_images"), None, "https://example.com/a.png"],
        ],
    ]


def test_rows_of_a_long_night_are_short() -> None:
    """What repeats is kept once: 10,000 jobs stay well below 5 MB."""
    rows, takes = Rows(Path("/b"), BEGAN), a_night(300)

    size = sum(len(in_script(rows.row(take, Path(f"clips/{take.job.key}.mp4")))) for take in takes)

    assert size / len(takes) < 330
    assert len(rows.words.all()) < 40
