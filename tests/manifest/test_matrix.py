"""`matrix`: the combinations of some lists, against a model of what GitHub Actions does with the same."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest.beside import keys, made, prompts

from pipeline.manifest.matrix import Matrix
from pipeline.manifest.nodes import Scalar, Start

Plain = dict[str, str]


def scalar(text: str) -> Scalar:
    return Scalar(text, plain=True, mark=Start())


def combinations(axes: dict[str, list[str]], include: list[Plain], exclude: list[Plain]) -> list[Plain]:
    matrix = Matrix(
        {name: [scalar(value) for value in values] for name, values in axes.items()},
        [{name: scalar(value) for name, value in one.items()} for one in include],
        [{name: scalar(value) for name, value in one.items()} for one in exclude],
    )
    return [{name: value.text for name, value in one.items()} for one in matrix.combinations()]


def as_github_does(axes: dict[str, list[str]], include: list[Plain], exclude: list[Plain]) -> list[Plain]:
    """Step by step, as docs.github.com says it.

    Exclude first. Then each include, in order: its pairs are added to each original combination where they
    overwrite no original value; added values may be overwritten. Added to none, it is a new combination.
    """
    names = list(axes)
    originals = [dict(zip(names, values, strict=True)) for values in itertools.product(*axes.values())]
    originals = [one for one in originals if axes and not any(out.items() <= one.items() for out in exclude)]
    results = [dict(one) for one in originals]
    new: list[Plain] = []
    for one in include:
        was_added = False
        for original, result in zip(originals, results, strict=True):
            if all(original.get(name, value) == value for name, value in one.items()):
                result.update(one)
                was_added = True
        if not was_added:
            new.append(dict(one))
    return results + new


NAMES, VALUES = st.sampled_from("abcd"), st.sampled_from("123")
AXES = st.dictionaries(st.sampled_from("abc"), st.lists(VALUES, min_size=1, max_size=3, unique=True))
SOME = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), max_size=4)


@given(AXES, SOME, SOME)
def test_any_matrix_comes_out_as_at_github(
    axes: dict[str, list[str]], include: list[Plain], exclude: list[Plain]
) -> None:
    exclude = [one for one in exclude if one.keys() <= axes.keys()]  # the others are refused

    assert combinations(axes, include, exclude) == as_github_does(axes, include, exclude)


def test_the_example_of_the_page() -> None:
    """docs.github.com, "Expanding or adding matrix configurations"."""
    axes = {"fruit": ["apple", "pear"], "animal": ["cat", "dog"]}
    include = [
        {"color": "green"},
        {"color": "pink", "animal": "cat"},
        {"fruit": "apple", "shape": "circle"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]

    assert combinations(axes, include, []) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def job(matrix: object, **fields: object) -> str:
    return f"  - {json.dumps({'matrix': matrix, **fields})}\n"


def test_the_last_list_varies_first() -> None:
    text = job({"a": ["x", "y"], "b": [1, 2]}, id="${a}${b}", prompt="${b} ${a}")

    assert keys(text) == ["x1", "x2", "y1", "y2"]
    assert prompts(text) == ["1 x", "2 x", "1 y", "2 y"]


def test_a_name_that_is_a_field_sets_it() -> None:
    text = job(
        {"aspect_ratio": ["16:9", "9:16"], "duration": [6], "generate_audio": [False], "tags": ["a, b"]},
        id="fox-${aspect_ratio}",
        prompt="A fox.",
    )

    first, second = (entry.job for entry in made(text))

    assert (first.key, second.key) == ("fox-16x9", "fox-9x16")
    assert (first.aspect_ratio, second.aspect_ratio) == ("16:9", "9:16")
    assert (first.duration_s, first.generate_audio, first.tags) == (6, False, ("a", "b"))


def test_a_name_that_is_a_field_may_stand_in_a_text_instead() -> None:
    """Then the job sets the field, and the matrix what it is made of."""
    text = job({"model": ["a", "b"]}, id="fox-${model}", prompt="A fox.", model="maker/${model}")

    assert [entry.job.model for entry in made(text)] == ["maker/a", "maker/b"]


def test_an_empty_value_leaves_the_field_to_the_defaults() -> None:
    text = job({"n": [1], "aspect_ratio": ["", "1:1"]}, id="fox-${n}${aspect_ratio:-x}", prompt="A fox.")

    entries = made(text, head="version: 1\ndefaults: {aspect_ratio: 4:3}\njobs:\n")

    assert [(entry.job.key, entry.job.aspect_ratio) for entry in entries] == [
        ("fox-1x", "4:3"),
        ("fox-11x1", "1:1"),
    ]
    assert [entry.problem("aspect_ratio", "x").line for entry in entries] == [2, 4]


def test_a_matrix_of_includes_alone() -> None:
    text = job({"include": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}, id="fox-${a}-${b}", prompt="A fox.")

    assert keys(text) == ["fox-1-2", "fox-3-4"]


def test_without_an_id_each_combination_has_its_own_key() -> None:
    text = job({"style": ["noir", "comic"], "duration": [5, 6]}, prompt="A fox, ${style}.")

    found = keys(text)

    assert len(set(found)) == 4
    assert [key.rpartition("-")[0] for key in found] == ["a-fox-noir"] * 2 + ["a-fox-comic"] * 2


@pytest.mark.parametrize("style", ["$$", "$", "100 %", "a: b", "- x", "no"])
def test_values_are_put_in_as_they_are(style: str) -> None:
    assert prompts(job({"style": [style]}, id="fox", prompt="A fox, ${style}.")) == [f"A fox, {style}."]


def test_a_hundred_thousand_combinations_are_taken() -> None:
    ten = list(range(10))
    matrix = dict.fromkeys("abcde", ten) | {"exclude": [{"a": number} for number in range(1, 10)]}

    found = keys(job(matrix, id="${a}${b}${c}${d}${e}", prompt="A fox."))

    assert len(found) == 10_000
    assert found[0] == "00000"
    assert found[-1] == "09999"
