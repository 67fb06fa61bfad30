"""`groups`: defaults of their own, behind what a job sets and before those of the manifest."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest.beside import keys, made
from manifest.reading import FILE, entries

from pipeline.model import Job

SETTINGS: dict[str, list[Any]] = {
    "model": ["a", "b"],
    "duration": [5, 6],
    "aspect_ratio": ["16:9", "9:16"],
    "resolution": ["480p", "720p"],
    "generate_audio": [True, False],
    "resize": [640, 1280],
    "allow": [["x"], ["y"]],
    "tags": [["x"], ["y", "z"]],
    "user": ["ann", "bob"],
    "priority": [0, 5, -5],
}
SOME = st.fixed_dictionaries({}, optional={name: st.sampled_from(all_) for name, all_ in SETTINGS.items()})


def set_on(job: Job) -> dict[str, Any]:
    found = {name: getattr(job, "duration_s" if name == "duration" else name) for name in SETTINGS}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


NOTHING = {name: [] if name in ("allow", "tags") else None for name in SETTINGS}


@given(SOME, SOME, SOME, st.permutations(["version", "defaults", "groups", "jobs"]), st.booleans())
def test_own_fields_go_before_the_group_and_the_group_before_the_manifest(
    whole: dict[str, Any], group: dict[str, Any], own: dict[str, Any], order: list[str], late: bool
) -> None:
    """Wherever in the file they stand: defaults may come behind the jobs they are for."""
    first, second = {"id": "in", "prompt": "x", **own}, {"id": "out", "prompt": "x", **own}
    members: list[tuple[str, Any]] = [("defaults", group), ("jobs", [first])]
    parts = {
        "version": 1,
        "defaults": whole,
        "groups": [dict(reversed(members) if late else members)],
        "jobs": [second],
    }

    found = {entry.job.key: entry.job for entry in entries(json.dumps({name: parts[name] for name in order}))}

    assert set_on(found["in"]) == {**NOTHING, **whole, **group, **own}
    assert set_on(found["out"]) == {**NOTHING, **whole, **own}


def test_defaults_of_one_group_mean_nothing_in_another() -> None:
    text = """
version: 1
groups:
  - defaults: {duration: 5}
    jobs: [{id: a, prompt: x}]
  - jobs: [{id: b, prompt: x}]
  - jobs: [{id: c, prompt: x}]
    defaults: {duration: 7}
  - jobs: [{id: d, prompt: x}]
jobs: [{id: e, prompt: x}]
"""
    assert {entry.job.key: entry.job.duration_s for entry in entries(text)} == {
        "a": 5,
        "b": None,
        "c": 7,
        "d": None,
        "e": None,
    }


@pytest.mark.parametrize("order", list(itertools.permutations(["jobs", "groups"])))
def test_order_is_that_of_the_file(order: tuple[str, str]) -> None:
    parts = {
        "jobs": "jobs: [{id: j, prompt: x}]\n",
        "groups": "groups: [{jobs: [{id: g, prompt: x}]}, {jobs: [{id: h, prompt: x}]}]\n",
    }

    found = [entry.job.key for entry in entries("version: 1\n" + "".join(parts[name] for name in order))]

    assert found == [key for name in order for key in {"jobs": ["j"], "groups": ["g", "h"]}[name]]


def test_a_problem_with_a_default_of_a_group_has_its_place() -> None:
    text = """version: 1
defaults: {duration: 5, user: ann}
groups:
  - defaults: {duration: 6}
    jobs:
      - {id: a, prompt: x}
"""
    (only,) = entries(text)

    assert str(only.problem("duration", "x")) == f'{FILE}:4:26: job "a": x'
    assert str(only.problem("user", "x")) == f'{FILE}:2:31: job "a": x'


def test_an_edit_may_cross_groups() -> None:
    text = """version: 1
groups:
  - jobs: [{id: snow, prompt: x, edit: fox}]
  - jobs: [{id: fox, prompt: x}]
"""
    assert [entry.job.parent_key for entry in entries(text)] == ["fox", None]


def test_rows_and_matrices_stand_in_groups_too() -> None:
    groups = """
  - defaults: {aspect_ratio: 9:16}
    jobs:
      - {from: t.csv, matrix: {style: [x, y]}, id: "${n}-${style}", prompt: x}
"""
    found = made(groups, {"t.csv": "n,aspect_ratio\na,\nb,1:1\n"}, "version: 1\ngroups:\n")

    assert [(entry.job.key, entry.job.aspect_ratio) for entry in found] == [
        ("a-x", "9:16"),
        ("a-y", "9:16"),
        ("b-x", "1:1"),
        ("b-y", "1:1"),
    ]


def test_empty_defaults_of_a_group_are_fine() -> None:
    groups = "  - {defaults: , jobs: [{id: a, prompt: x}]}\n  - {defaults: {}, jobs: [{id: b, prompt: x}]}\n"

    assert keys(groups, head="version: 1\ngroups:\n") == ["a", "b"]
