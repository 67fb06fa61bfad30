"""`repeat`: so many clips of the same, each with its own key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from manifest.beside import Beside, keys, made, read_with
from manifest.reading import JOBS


@pytest.mark.parametrize("count", [1, 2, 10, 1000])
def test_keys_count_from_one(count: int) -> None:
    assert keys(f"  - {{id: fox, prompt: A fox., repeat: {count}}}\n") == [
        f"fox-{number}" for number in range(1, count + 1)
    ]


def test_all_but_the_key_is_the_same() -> None:
    text = "  - {id: a/fox, prompt: A fox., duration: 6, image: a.png, tags: [x], repeat: 3}\n"

    first, *others = (entry.job for entry in made(text))

    assert first.key == "a/fox-1"
    assert [replace(other, key=first.key) for other in others] == [first, first]


def test_a_made_key_is_counted_through_too() -> None:
    """The first clip keeps its name when more are asked for."""
    once, thrice = (keys(f"  - {{prompt: A fox., repeat: {count}}}\n") for count in (1, 3))

    assert once == thrice[:1]
    assert [key.rpartition("-")[2] for key in thrice] == ["1", "2", "3"]


def test_a_repeated_clip_may_be_edited_by_its_key() -> None:
    text = "  - {id: fox, prompt: A fox., repeat: 2}\n  - {id: snow, prompt: Snow., edit: fox-2}\n"

    assert [entry.job.parent_key for entry in made(text)] == [None, None, "fox-2"]


def test_repeated_edits_start_from_one_clip() -> None:
    text = "  - {id: fox, prompt: A fox.}\n  - {id: snow, prompt: Snow., edit: fox, repeat: 2}\n"

    assert [(entry.job.key, entry.job.parent_key) for entry in made(text)] == [
        ("fox", None),
        ("snow-1", "fox"),
        ("snow-2", "fox"),
    ]


@pytest.mark.parametrize(("length", "fits"), [(96, 999), (97, 99), (98, 9), (99, 0)])
def test_the_longest_key_that_fits(length: int, fits: int) -> None:
    """100 characters with dash and number."""
    text = f"  - {{id: {'k' * length}, prompt: A fox., repeat: 1000}}\n"

    manifest = read_with(JOBS + text, Beside({}))

    assert manifest.total_problems == 1
    assert len(list(manifest.entries())) == fits
