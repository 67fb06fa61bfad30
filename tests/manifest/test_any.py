"""Rules without end: any bytes are read without an exception, any text survives, every place is exact."""

from __future__ import annotations

import io
import json
from pathlib import Path

from fuzz.manifests import manifest_holds
from hypothesis import example, given, settings
from hypothesis import strategies as st
from manifest.reading import JOBS, entries, entry, lines, read
from support.builders_core import steady

from pipeline.manifest import read_manifest
from pipeline.manifest.fields import DefaultFields, JobFields, LimitFields, names

CORPUS = "".join(
    file.read_text(encoding="utf-8") for file in sorted(Path(__file__).parent.glob("broken/*.txt"))
)
PIECES = [
    *("version: 1\n", "jobs:\n", "  - ", "- ", "id: a\n", "prompt: x\n", "    ", "\t", "edit: a", "tags: ["),
    *(
        "{",
        "}",
        "]",
        ": ",
        ", ",
        "\n",
        "&a ",
        "*a",
        "!!str ",
        "!x ",
        "? ",
        "| \n",
        "'",
        '"',
        "\\",
        "#",
        "---\n",
    ),
    *(
        "...\n",
        "<<: *a\n",
        "defaults: ",
        "limits: ",
        "~",
        "007",
        "\r\n",
        "\u2028",
        "\x85",
        "\ufeff",
        "\0",
        "é",
    ),
    *("🦊", "%"),
]
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)
NESTED = st.sampled_from(["image", "timestamp_s", "prompt", "url"])


@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    manifest_holds(data)


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_pieces_of_yaml(pieces: list[str]) -> None:
    manifest_holds("".join(pieces).encode())


@given(st.integers(0, len(CORPUS)), st.integers(1, 400), st.binary(max_size=3))
def test_any_cut_of_the_corpus_with_something_thrown_in(start: int, size: int, extra: bytes) -> None:
    cut = CORPUS[start : start + size].replace("--> ", "# ").encode()
    manifest_holds(cut[: len(cut) // 2] + extra + cut[len(cut) // 2 :])


VALUES = st.recursive(
    st.sampled_from([None, True, -1, 0, 1, 6, 8, 64, 3600, 10**30, 0.5, float("inf"), float("nan"), ""])
    | st.sampled_from(["a", "b", "a/b", "..", "A", "16:9", "720p", "30m", "x.png", "~root/x.png", "x" * 5000])
    | st.sampled_from(
        ["https://e.com/a?b", "https://[", "http://127.0.0.1:99999/", "data:image/png;base64,AAAA"]
    )
    | st.sampled_from(
        ["grok-imagine-video", "grok-imagine-video-1.5", "grok_video3", "xai", "\ud800", "狐\u202e"]
    )
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NESTED, inner, max_size=3),
    max_leaves=6,
)
JOB_LISTS = st.lists(
    st.fixed_dictionaries(
        {"prompt": st.just("x")}, optional={name: VALUES for name in names(JobFields) if name != "prompt"}
    )
    | st.dictionaries(st.sampled_from([*names(JobFields), "promt", "<<"]), VALUES, max_size=6),
    max_size=4,
)


@settings(steady, max_examples=150)
@given(
    jobs=JOB_LISTS,
    defaults=st.dictionaries(st.sampled_from(names(DefaultFields)), VALUES, max_size=3),
    limits=st.dictionaries(st.sampled_from(names(LimitFields)), VALUES, max_size=3),
    ascii_only=st.booleans(),
)
@example(jobs=[{"prompt": "\ud800", "id": "a"}], defaults={}, limits={}, ascii_only=True)
def test_any_values_in_any_field(
    jobs: list[object], defaults: dict[str, object], limits: dict[str, object], ascii_only: bool
) -> None:
    """JSON is YAML: every field with every kind of value, and all that passes goes through every provider."""
    document = {"version": 1, "defaults": defaults, "limits": limits, "jobs": jobs}
    manifest_holds(json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))


def double_quoted(text: str) -> str:
    return '"' + "".join(char if char.isalnum() else f"\\U{ord(char):08x}" for char in text) + '"'


def single_quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@given(TEXT, st.lists(TEXT.filter(lambda tag: len(tag) <= 100), max_size=5))
def test_any_text_comes_out_as_it_went_in(prompt: str, tags: list[str]) -> None:
    written = ", ".join(double_quoted(tag) for tag in tags)
    job = entry(JOBS + f"  - {{id: a, prompt: {double_quoted(prompt)}, tags: [{written}]}}\n").job

    assert job.prompt == prompt
    assert job.tags == tuple(tags)


@given(TEXT.filter(lambda text: text.isprintable()))
def test_printable_text_needs_single_quotes_only(prompt: str) -> None:
    assert entry(JOBS + f"  - id: a\n    prompt: {single_quoted(prompt)}\n").job.prompt == prompt


@given(
    st.lists(st.sampled_from(["id", "user", "model", "resolution"]), unique=True, min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "# ünïcode 🦊\n", "\n\n"]),
    st.booleans(),
)
def test_every_place_is_where_the_value_stands(fields: list[str], newline: str, top: str, flow: bool) -> None:
    values = {"prompt": "'🦊 ü'", **{field: f"v-{field}" for field in fields}}
    pairs = [f"{field}: {value}" for field, value in values.items()]
    body = "{" + ", ".join(pairs) + "}" if flow else "\n    ".join(pairs)
    text = (top + JOBS + "  - " + body + "\n").replace("\n", newline)

    found = entry("\ufeff" + text)

    rows = text.split(newline)
    assert rows[found.line - 1][found.column - 1 :].startswith("{" if flow else "prompt")
    assert found.own == set(values)
    for field, (line, column) in found.places.items():
        assert rows[line - 1][column - 1 :].startswith(values[field])


@given(st.integers(0, 30), st.integers(1, 200))
def test_a_problem_deep_in_a_file_has_its_place(comments: int, spaces: int) -> None:
    job = "  - {id: b, prompt: x," + " " * spaces
    text = JOBS + "# 🦊\n" * comments + job + "promt: y}\n"

    assert lines(text) == [
        f'{3 + comments}:{len(job) + 1}: job "b": unknown field "promt"; did you mean "prompt"?'
    ]


class Slow(io.BytesIO):
    """Gives three bytes at a time, and so cuts characters in half."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(3)


def test_short_reads_make_no_difference() -> None:
    data = (JOBS + "  - {id: a, prompt: ünï 🦊, promt: y}\n").encode()
    manifest = read_manifest(lambda: Slow(data), "clips.yaml")
    assert manifest.problems == read(data).problems


def test_many_jobs_in_order() -> None:
    text = JOBS + "".join(f"  - {{id: k{number}, prompt: x}}\n" for number in range(5000))
    assert [found.job.key for found in entries(text)] == [f"k{number}" for number in range(5000)]
