"""Keys: made from prompts, stable, unique; edits that form no circle."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest.reading import JOBS, entries, entry, read

from pipeline.manifest.rules import check_key

MADE = [
    ("prompt: A candle flickers on a wooden table.", "a-candle-flickers-on-a-wooden-table-e9579a48"),
    ("prompt: x", "x-64319f2a"),
    ("{prompt: x, duration: 6}", "x-6f5312ae"),
    ("prompt: Ünïcode FÖX, naïve!", "unicode-fox-naive-ee99c9ef"),
    ("prompt: 夜の狐", "clip-670d3ce2"),
    ("prompt: 🦊🌙", "clip-4ea0ca63"),
    (f"prompt: {'w' * 100}", "w" * 40 + "-cb817d75"),
    (
        "prompt: one two three four five six seven eight nine ten",
        "one-two-three-four-five-six-seven-eight-8387eb24",
    ),
    ("prompt: '../../etc/passwd'", "etc-passwd-12135da2"),
]


@pytest.mark.parametrize(("job", "key"), MADE)
def test_a_job_without_id_gets_a_key_from_its_prompt(job: str, key: str) -> None:
    """Golden: a key that changed would make every such job be bought again."""
    assert entry(JOBS + f"  - {job}\n").job.key == key


@given(st.text(min_size=1).filter(str.strip))
def test_a_made_key_is_a_good_key(prompt: str) -> None:
    text = JOBS + "  - prompt: " + quoted_yaml(prompt)
    manifest = read(text)
    for found in manifest.entries():
        assert check_key(found.job.key) == found.job.key
        assert len(found.job.key) <= 49  # 40 of the prompt, a dash, 8 of the hash


def quoted_yaml(text: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"'


def test_a_made_key_depends_on_own_settings_and_not_on_the_place() -> None:
    jobs = ["{prompt: x}", "{prompt: x, duration: 6}", "{prompt: x, image: a.png}", "{prompt: x, model: m}"]

    forward = {found.job.key for found in entries(JOBS + "".join(f"  - {job}\n" for job in jobs))}
    backward = {found.job.key for found in entries(JOBS + "".join(f"  - {job}\n" for job in reversed(jobs)))}

    assert forward == backward
    assert len(forward) == 4


@pytest.mark.parametrize("extra", ["tags: [a]", "user: u"])
def test_what_does_not_change_the_clip_does_not_change_a_made_key(extra: str) -> None:
    assert entry(JOBS + f"  - {{prompt: x, {extra}}}").job.key == "x-64319f2a"


def test_a_new_default_does_not_rename_jobs() -> None:
    text = "version: 1\ndefaults: {duration: 6, model: m}\njobs: [{prompt: x}]\n"
    assert entry(text).job.key == "x-64319f2a"


@given(st.data())
def test_edits_are_refused_exactly_when_they_form_a_circle(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 8))
    parents = data.draw(st.lists(st.integers(-1, size - 1), min_size=size, max_size=size))
    jobs = [
        f"  - {{id: k{child}, prompt: x{'' if parent < 0 else f', edit: k{parent}'}}}\n"
        for child, parent in enumerate(parents)
    ]

    manifest = read(JOBS + "".join(jobs))

    in_circle = {child for child in range(size) if comes_back(child, parents)}
    kept = {int(found.job.key[1:]) for found in manifest.entries()}
    assert kept == set(range(size)) - in_circle
    assert bool(manifest.problems) == bool(in_circle)


def comes_back(start: int, parents: list[int]) -> bool:
    at = parents[start]
    for _ in parents:
        if at in (start, -1):
            break
        at = parents[at]
    return at == start


def test_a_chain_of_any_length_is_fine() -> None:
    numbers = list(range(20_000))
    random.Random(1).shuffle(numbers)
    text = JOBS + "".join(f"- {{id: k{number}, prompt: x, edit: k{number + 1}}}\n" for number in numbers)

    assert read(text + "- {id: k20000, prompt: x}\n").problems == ()
