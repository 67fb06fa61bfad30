"""Rules without end for jobs that stand for many: read without an exception, the same each time."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from manifest.beside import Beside, read_with

from pipeline.manifest import fields

TEXTS = st.sampled_from(
    [
        "${a}",
        "x-${a}-${b}",
        "${b:-y}",
        "${",
        "$${a}",
        "${}",
        "fox",
        "",
        " ",
        "16:9",
        "7",
        "null",
        "a/b",
        "../x",
    ]
)
PLAIN = TEXTS | st.sampled_from([None, True, 0, 1, 6, 101, -1, 0.5])
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image", "timestamp_s", "a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=6,
)
COMBINATIONS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "duration"]), PLAIN, max_size=2), max_size=2
)
MATRIX = st.fixed_dictionaries(
    {},
    optional={
        "a": st.lists(PLAIN, max_size=3),
        "b": st.lists(PLAIN, max_size=3),
        "duration": st.lists(st.sampled_from([5, 6, "six", ""]), max_size=2),
        "include": COMBINATIONS,
        "exclude": COMBINATIONS,
    },
)
JOB = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(fields.names(fields.ClipFields), VALUES),
        "id": TEXTS | VALUES,
        "prompt": TEXTS,
        "from": st.sampled_from(["t.csv", "t.tsv", "t.jsonl", "*.png", "*.csv", "nothing.csv", 7]),
        "matrix": MATRIX | VALUES,
        "repeat": st.sampled_from([1, 2, 0, "x"]),
        "limit": st.sampled_from([1, 2, 0]),
        "delimiter": st.sampled_from([";", "x", ""]),
        "encoding": st.sampled_from(["cp1252", "utf-16", "rot13"]),
    },
)
ROW = st.dictionaries(
    st.sampled_from(["a", "b", "id", "prompt", "duration", "tags", "edit", "image", "Duration", "repeat"]),
    PLAIN | st.lists(PLAIN, max_size=2),
    max_size=4,
)
CELLS = st.lists(
    st.lists(st.sampled_from(["a", "b", "id", "prompt", "${a}", "7", "", "é"]), max_size=4), max_size=4
)


@settings(max_examples=300, deadline=None)
@given(st.lists(JOB, max_size=3), CELLS, st.lists(ROW, max_size=4), st.booleans())
def test_any_jobs_over_any_files(
    jobs: list[dict[str, Any]], cells: list[list[str]], rows: list[dict[str, Any]], grouped: bool
) -> None:
    table = "".join(",".join(row) + "\n" for row in cells)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    beside = Beside({"t.csv": table, "t.tsv": table, "t.jsonl": lines, "a.png": "", "b ${a}.png": ""})
    text = json.dumps({"version": 1, **({"groups": [{"jobs": jobs}]} if grouped else {"jobs": jobs})})

    manifest = read_with(text, beside)

    sound = [entry.job for entry in manifest.entries()]
    assert sound == [entry.job for entry in manifest.entries()]
    assert len({job.key.lower() for job in sound}) == len(sound)
    assert manifest.problems or len(sound) == manifest.jobs
    for problem in manifest.problems:
        assert "\n" not in str(problem)
        assert str(problem).isprintable()
        assert problem.line >= 1
        assert problem.column >= 1
