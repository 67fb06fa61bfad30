"""Broken manifests, each with the exact lines that a person sees (`FILE:` left out).

Most stand in `broken/*.txt`: a name behind `===`, the manifest, and its lines behind `-->`. Here are those
that a text file cannot show.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from manifest.reading import JOBS, lines, read

CORPUS = Path(__file__).parent / "broken"
SAVE = "save the file as UTF-8"
TAB = "not valid YAML: a tab is used for indentation; YAML wants spaces"


def corpus() -> Iterator[object]:
    for file in sorted(CORPUS.glob("*.txt")):
        for case in file.read_text(encoding="utf-8").split("=== ")[1:]:
            name, _, rest = case.partition("\n")
            text, *expected = rest.rstrip("\n").split("\n--> ")
            yield pytest.param(text + "\n", expected, id=f"{file.stem}: {name}")


@pytest.mark.parametrize(("text", "expected"), list(corpus()))
def test_every_problem_is_told_at_its_place(text: str, expected: list[str]) -> None:
    assert expected
    assert lines(text) == expected


UNSHOWABLE: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": (
        "",
        ['1:1: the file is empty; expected "version: 1" and a list of "jobs"'],
    ),
    "comments only": (
        "# nothing yet\n",
        ['1:1: the file is empty; expected "version: 1" and a list of "jobs"'],
    ),
    "null": (
        "~\n",
        ['1:1: expected fields such as "version" and "jobs" at the top, got nothing'],
    ),
    "a list": (
        "- prompt: A fox.\n",
        ['1:1: expected fields such as "version" and "jobs" at the top, got a list of 1 item'],
    ),
    "text": (
        "hello\n",
        ['1:1: expected fields such as "version" and "jobs" at the top, got text "hello"'],
    ),
    "an alias at the top": (
        "*x",
        [
            '1:1: expected fields such as "version" and "jobs" at the top, got a broken value',
            '1:1: the alias "*x" has no anchor "&x" before it; put text that starts with "*" in quotes',
        ],
    ),
    "NUL": (
        "version: 1\nbatch: a\x00b\n",
        ["2:9: a NUL byte: this is not a text file, or not one in UTF-8; save the file as UTF-8"],
    ),
    "a picture": (
        b"\x89PNG\r\n\x1a\n",
        ["1:1: not text in UTF-8 (the byte 0x89 here); save the file as UTF-8"],
    ),
    "Latin-1": (
        b"version: 1\nbatch: caf\xe9\n",
        ["2:11: not text in UTF-8 (the byte 0xe9 here); save the file as UTF-8"],
    ),
    "cut UTF-8": (
        b"version: 1\nbatch: \xc3",
        ["2:8: not text in UTF-8 (the byte 0xc3 here); save the file as UTF-8"],
    ),
    "UTF-16": (
        b"\xff\xfev\x00e\x00r\x00s\x00i\x00o\x00n\x00:\x00 \x001\x00\n\x00",
        ["1:1: the file is saved as UTF-16; save the file as UTF-8"],
    ),
    "UTF-16 big": (
        b"\xfe\xff\x00v\x00e\x00r\x00s\x00i\x00o\x00n\x00:\x00 \x001\x00\n",
        ["1:1: the file is saved as UTF-16; save the file as UTF-8"],
    ),
    "UTF-16 without mark": (
        b"v\x00e\x00r\x00s\x00i\x00o\x00n\x00:\x00 \x001\x00\n\x00",
        ["1:2: a NUL byte: this is not a text file, or not one in UTF-8; save the file as UTF-8"],
    ),
    "control character": (
        "version: 1\nbatch: a\x07b\n",
        ["2:9: the control character U+0007 is not allowed in YAML; remove it"],
    ),
    "two files joined": (
        "\ufeffversion: 1\n\ufeffjobs: []\n",
        ["2:1: a byte order mark in the middle of the file; remove it (were two files joined?)"],
    ),
    "two documents": (
        JOBS + "  - {id: a, prompt: x}\n---\nversion: 1\n",
        ["4:1: a second document starts here; a manifest is one document"],
    ),
    "tab": (
        JOBS + "\t- prompt: x\n",
        ["3:1: not valid YAML: a tab is used for indentation; YAML wants spaces"],
    ),
    "tab before a field": (
        JOBS + "  - id: a\n\tprompt: x\n",
        ["4:1: not valid YAML: a tab is used for indentation; YAML wants spaces"],
    ),
    "tab in a block": (
        JOBS + "  - prompt: |\n      a\n\tb\n",
        ["5:1: not valid YAML: a tab is used for indentation; YAML wants spaces"],
    ),
    "line separator": (
        JOBS + "  - prompt: A fox\u2028runs.\n    id: a\n",
        [
            (
                '4:1: not valid YAML: "runs." is not "field: value"; is a colon missing, or the indentation'
                " off? (remove the invisible line separator, such as U+2028, in the text before it)"
            )
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), UNSHOWABLE.values(), ids=UNSHOWABLE.keys())
def test_what_is_not_text_or_not_a_manifest(text: str | bytes, expected: list[str]) -> None:
    assert lines(text) == expected


def test_sound_jobs_beside_broken_ones_are_handed_on() -> None:
    """So that their images and settings can be checked in the same go."""
    jobs = ["{id: a, prompt: x}", "{id: b}", "{id: c, prompt: x, edit: nobody}", "{id: d, prompt: x}"]
    text = JOBS + "".join(f"  - {job}\n" for job in jobs)

    manifest = read(text)

    assert [entry.job.key for entry in manifest.entries()] == ["a", "d"]
    assert manifest.total_problems == 2


FLAWED = {
    "a doubled field": JOBS + "  - {id: a, prompt: x, prompt: y}\n",
    "an alias of nothing": JOBS + "  - {id: a, prompt: x, user: *nobody}\n",
    "a list with a strange tag, twice": JOBS
    + "  - {id: a, prompt: x, tags: &t [!foo a]}\n  - {id: b, prompt: y, tags: *t}\n",
    "a doubled field behind an alias": "version: 1\nx: &j [{prompt: x, prompt: y}]\njobs: *j\n",
}


@pytest.mark.parametrize("text", FLAWED.values(), ids=FLAWED.keys())
def test_a_job_with_a_flaw_is_not_handed_on(text: str) -> None:
    """Nobody may pay for half of what was meant."""
    manifest = read(text)

    assert list(manifest.entries()) == []
    assert manifest.problems != ()


def test_a_job_that_is_cut_off_by_a_syntax_error_is_not_handed_on() -> None:
    manifest = read(JOBS + "  - {id: a, prompt: x}\n  - id: b\n    prompt: x: y\n")

    assert [entry.job.key for entry in manifest.entries()] == ["a"]
    assert manifest.total_problems == 1


def test_after_a_syntax_error_nothing_is_called_missing() -> None:
    """The version and the parent may stand in the part that was not read."""
    expected = '3:1: not valid YAML: text cannot start with "@"; put it in quotes'
    assert lines("jobs:\n  - {id: a, prompt: x, edit: b}\n@\n") == [expected]


def test_a_hundred_problems_are_kept_and_all_are_counted() -> None:
    text = JOBS + "".join(f"  - {{id: k{number}}}\n" for number in range(1000)) + "zoo: 1\n"

    manifest = read(text)

    assert manifest.total_problems == 1001
    assert [problem.line for problem in manifest.problems] == list(range(3, 103))
