"""Every target holds for real bytes and for slightly wrong ones; `make fuzz` goes on from here for longer.

Answers, manifests, tables, times and pictures have tests of their own beside what they read.
"""

from __future__ import annotations

from functools import cache

import pytest
from fuzz.changes import changed
from fuzz.targets import TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = {"links": 150, "env": 150, "scenarios": 60, "worlds": 100, "clips": 60}


@pytest.mark.parametrize("name", TARGETS)
def test_it_holds_for_what_is_real(name: str) -> None:
    """The seeds of `make fuzz`: a property that fails here finds nothing there."""
    seeds = list(TARGETS[name].seeds())

    for seed in seeds:
        TARGETS[name].holds(seed)

    assert seeds


@cache
def hostile(name: str) -> st.SearchStrategy[bytes]:
    target = TARGETS[name]
    return changed(list(target.seeds()), [word.encode() for word in target.words.split()])


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_holds_for_what_is_nearly_right(name: str) -> None:
    """The same promises, for a few changes of each kind of file."""

    @settings(deadline=None, derandomize=True, database=None, max_examples=EXAMPLES[name])
    @given(hostile(name))
    def any_change(data: bytes) -> None:
        TARGETS[name].holds(data)

    any_change()
