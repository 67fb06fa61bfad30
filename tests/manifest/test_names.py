"""`${name}`: what is filled, with what, and what is never looked through."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest.beside import keys, made, prompts

from pipeline.manifest.names import Text, UnfilledError, has_names, key_part
from pipeline.manifest.rules import check_key

FILLED = {
    "a name": ("A ${x}.", {"x": "fox"}, "A fox."),
    "blanks around it": ("A ${ x }.", {"x": "fox"}, "A fox."),
    "twice": ("${x} and ${x}", {"x": "fox"}, "fox and fox"),
    "side by side": ("${x}${y}", {"x": "a", "y": "b"}, "ab"),
    "a number": ("${n} of ${m}", {"n": 7, "m": 0.5}, "7 of 0.5"),
    "true": ("${b}", {"b": True}, "true"),
    "a name with blanks and accents": ("${Größe in cm}", {"Größe in cm": "7"}, "7"),
    "a default for nothing": ("${x:-red}", {"x": None}, "red"),
    "a default for empty text": ("${x:-red}", {"x": ""}, "red"),
    "a default for blanks": ("${x:-red}", {"x": " \t"}, "red"),
    "a default for a name that is not there": ("${x:-red}", {}, "red"),
    "a default that is not needed": ("${x:-red}", {"x": "blue"}, "blue"),
    "an empty default": ("A${x:-}.", {"x": ""}, "A."),
    "a default with signs": ("${x:-a:-$b {}", {"x": ""}, "a:-$b {"),
    "dollars": ("$$5 and $$$$", {}, "$5 and $$"),
    "a dollar alone": ("$5, $x and $", {}, "$5, $x and $"),
    "braces alone": ("{x} }{ {{}}", {"x": "fox"}, "{x} }{ {{}}"),
    "a name behind a doubled dollar": ("$${x}", {"x": "fox"}, "${x}"),
    "a name behind a dollar and a half": ("$$${x}", {"x": "fox"}, "$fox"),
    "percent": ("100 % ${x} %s %(x)s", {"x": "%d"}, "100 % %d %s %(x)s"),
    "names in a value": ("${x}", {"x": "${y} $$ ${"}, "${y} $$ ${"),
    "a value like a formula": ("${x}", {"x": '=HYPERLINK("a")'}, '=HYPERLINK("a")'),
    "right to left": ("${x}!", {"x": "\u05e9\u05d5\u05e2\u05dc"}, "\u05e9\u05d5\u05e2\u05dc!"),
    "emoji": ("${x}", {"x": "\U0001f98a\u200d\U0001f525"}, "\U0001f98a\u200d\U0001f525"),
}


@pytest.mark.parametrize(("text", "cells", "expected"), FILLED.values(), ids=FILLED.keys())
def test_a_text_is_filled(text: str, cells: dict[str, str], expected: str) -> None:
    assert Text(text).fill(cells) == expected


@given(st.text(), st.text(min_size=1).filter(lambda text: not text.isspace()), st.text())
def test_a_value_comes_through_as_it_is(before: str, value: str, after: str) -> None:
    """Whatever it holds: names, dollars, percent signs, YAML."""
    around = [text.replace("$", "$$") for text in (before, after)]

    assert Text("${x}".join(around)).fill({"x": value}) == before + value + after


@given(st.text(alphabet="${}:-x %"))
def test_any_text_is_filled_or_refused(text: str) -> None:
    try:
        filled = Text(text).fill({"x": "fox"})
    except UnfilledError:
        return

    assert has_names(text) or filled == text


@given(st.text())
def test_a_part_of_a_key_is_legal_and_stays_what_it_is(text: str) -> None:
    try:
        part = key_part(text)
    except UnfilledError:
        return

    assert key_part(part) == part
    assert check_key(part[:90].rstrip(".")) == part[:90].rstrip(".")
    assert "/" not in part


PARTS = {
    "fox": "fox",
    "16:9": "16x9",
    "12:30:45": "12x30x45",
    "a:b": "a-b",
    "Café Noir": "Cafe-Noir",
    "Straße": "Strasse",
    "Smørrebrød": "Smorrebrod",
    "Łódź": "Lodz",
    "  fox  ": "fox",
    "a/b\\c": "a-b-c",
    "../../etc/passwd": "etc-passwd",
    "a...b": "a.b",
    "-fox-": "fox",
    "_x": "x",
    "½ cup": "12-cup",
    "①": "1",
    "FULLWIDTH\uff21": "FULLWIDTHA",
    "\U0001f98a fox": "fox",
    "CON.mp4": "CON.mp4",
}


@pytest.mark.parametrize(("text", "expected"), PARTS.items())
def test_values_are_made_safe_for_a_key(text: str, expected: str) -> None:
    assert key_part(text) == expected


@pytest.mark.parametrize("text", ["", " ", "---", "...", "/", "狐", "\U0001f98a", "\u202e"])
def test_what_leaves_nothing_cannot_stand_in_a_key(text: str) -> None:
    with pytest.raises(UnfilledError, match="no letter A-Z"):
        key_part(text)


def test_names_are_filled_in_every_field_of_a_job() -> None:
    """In texts, in numbers, in lists and in what they hold."""
    job = """
  - id: ${n}/fox
    prompt: Fox ${n}.
    model: m-${n}
    duration: ${n}
    generate_audio: ${audio}
    tags: [hero, "no-${n}"]
    reference_images: ["${n}.png"]
    keyframes: [{image: "k-${n}.png", timestamp_s: "${n}"}]
    revision: ${n}
    matrix: {n: [2, 3], audio: [false]}
"""
    first, second = (entry.job for entry in made(job))

    assert (first.key, second.key) == ("2/fox", "3/fox")
    assert (first.prompt, first.model, first.duration_s, first.generate_audio) == ("Fox 2.", "m-2", 2, False)
    assert first.tags == ("hero", "no-2")
    assert [image.path for image in second.reference_images] == ["3.png"]
    assert [(frame.image.path, frame.timestamp_s) for frame in second.keyframes] == [("k-3.png", 3.0)]
    assert second.revision == "3"


def test_nothing_may_stand_in_a_part_of_a_key() -> None:
    text = '  - {id: "fox${n:-}", prompt: "A fox.", matrix: {n: ["", -2]}}\n'

    assert keys(text) == ["fox", "fox2"]


def test_an_edit_is_filled_as_an_id_is() -> None:
    """So that jobs over the same matrix, or the same file, find one another."""
    jobs = """
  - {id: "fox-${ratio}", prompt: A fox., matrix: {ratio: [16:9, 9:16]}}
  - {id: "snow-${ratio}", prompt: Snow., edit: "fox-${ratio}", matrix: {ratio: [16:9, 9:16]}}
  - {from: places.csv, id: "${place}", prompt: "${place}"}
  - {from: places.csv, id: "${place}-snow", prompt: Snow., edit: "${place}"}
"""
    parents = {one.job.key: one.job.parent_key for one in made(jobs, {"places.csv": "place\nCafé Noir\n"})}

    assert parents["snow-16x9"] == "fox-16x9"
    assert parents["snow-9x16"] == "fox-9x16"
    assert parents["Cafe-Noir-snow"] == "Cafe-Noir"


def test_an_edit_of_a_url_stays_what_it_is() -> None:
    jobs = """
  - {from: clips.csv, id: "a-${n}", prompt: Snow., edit: "${url}"}
  - {from: clips.csv, id: "b-${n}", prompt: Snow., extend: "https://example.com/${n}/x:y.mp4"}
"""
    url = "https://example.com/a%20b.mp4?x=1:2"
    made_edits = made(jobs, {"clips.csv": f"n,url\n1,{url}\n"})

    assert [entry.job.edit or entry.job.extend for entry in made_edits] == [
        url,
        "https://example.com/1/x:y.mp4",
    ]


def test_a_dollar_in_a_plain_job_is_a_dollar() -> None:
    assert prompts('  - {id: a, prompt: "$5 for $${x}, $$"}\n') == ["$5 for ${x}, $"]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text.strip()))
def test_a_prompt_from_data_is_never_filled_again(prompt: str) -> None:
    """Not where it goes into a text, and not where a column sets the field."""
    rows = json.dumps({"id": "a", "prompt": prompt, "x": "boo"}) + "\n"

    assert prompts("  - {from: rows.jsonl}\n", {"rows.jsonl": rows}) == [prompt.strip()]
    assert prompts('  - {from: rows.jsonl, prompt: "${prompt}"}\n', {"rows.jsonl": rows}) == [prompt]


def test_prompts_that_look_like_yaml_stay_text() -> None:
    odd = [
        "{a: b}",
        "- x",
        "*fox",
        "&fox",
        "!!int 7",
        "null",
        "true",
        "007",
        "16:9",
        "2024-01-02",
        "# x",
        "~",
    ]
    rows = "".join(json.dumps({"id": f"k{n}", "prompt": text}) + "\n" for n, text in enumerate(odd))

    assert prompts("  - from: rows.jsonl\n", {"rows.jsonl": rows}) == odd


def test_unquoted_texts_of_yaml_and_cells_mean_the_same() -> None:
    """`no`, `007`, `16:9` and dates are text in both."""
    values = ["no", "007", "16:9", "2024-01-02", "1e3", "0x1F"]
    matrix = (
        f'  - {{id: "k-${{v}}", prompt: "${{v}}", user: "${{v}}", matrix: {{v: [{", ".join(values)}]}}}}\n'
    )
    table = "v\n" + "".join(f"{value}\n" for value in values)
    rows = '  - {from: rows.csv, id: "k-${v}", prompt: "${v}", user: "${v}"}\n'

    assert keys(matrix) == keys(rows, {"rows.csv": table})
    assert prompts(matrix) == prompts(rows, {"rows.csv": table}) == values
    assert [entry.job.user for entry in made(matrix)] == values
