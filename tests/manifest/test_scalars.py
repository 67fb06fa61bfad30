"""Types are those of YAML 1.2's core schema, and text fields take what is written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest.reading import JOBS, entry

from pipeline.manifest.scalars import Null, quoted, resolve

TEXTS = [
    *("no", "yes", "on", "off", "y", "n", "No", "YES", "tRUE", "nUll", "None"),
    *(
        "16:9",
        "1:30:00",
        "007",
        "06",
        "-01",
        "00",
        "1_000",
        "0x",
        "0o8",
        "0b1",
        "1e",
        ".",
        "+",
        "-",
        "1.2.3",
        "0x1g",
    ),
    *("2024-01-02", "2024-01-02T03:04:05Z", "<<", "=", "inf", "nan", "١٢", "1 ", "9" * 5000),
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            ("0", 0),
            ("7", 7),
            ("-7", -7),
            ("+7", 7),
            ("-0", 0),
            ("0o17", 15),
            ("0xFf", 255),
            ("9" * 50, int("9" * 50)),
        ),
        *(("1.5", 1.5), ("-.5", -0.5), ("1.", 1.0), ("1e3", 1000.0), ("0.5E-1", 0.05), ("1e400", math.inf)),
        *((".inf", math.inf), ("-.INF", -math.inf), ("true", True), ("FALSE", False)),
        *(("", Null.NULL), ("~", Null.NULL), ("null", Null.NULL), ("NULL", Null.NULL)),
    ],
)
def test_numbers_and_words(text: str, value: object) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


def test_nan() -> None:
    assert math.isnan(resolve(".nan"))  # type: ignore[arg-type]


@given(st.integers())
def test_whole_numbers(number: int) -> None:
    assert resolve(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers(number: float) -> None:
    assert float(resolve(repr(number))) == number  # type: ignore[arg-type]


@given(st.text())
def test_any_text_resolves(text: str) -> None:
    assert isinstance(resolve(text), (str, int, float, Null))


@given(st.text())
def test_quoted_text_is_one_harmless_line(text: str) -> None:
    shown = quoted(text)
    assert shown.isprintable()
    assert len(shown) <= 62 * 10


@pytest.mark.parametrize(
    "written", ["007", "16:9", "no", "7", "1.50", "0x1F", "true", "2024-01-02", "1_000", ".inf"]
)
def test_a_text_field_keeps_what_is_written(written: str) -> None:
    found = entry(
        JOBS + f"  - {{prompt: {written}, user: {written}, tags: [{written}], aspect_ratio: {written}}}"
    ).job
    assert (found.prompt, found.user, found.tags, found.aspect_ratio) == (
        written,
        written,
        (written,),
        written,
    )


def test_an_id_may_look_like_a_number() -> None:
    assert entry(JOBS + "  - {id: 007, prompt: x}").job.key == "007"


@pytest.mark.parametrize(
    ("written", "prompt"),
    [
        ("!!str 7", "7"),
        ("! 7", "7"),
        ("!!int 7", "7"),
        ("!!str ~", "~"),
        ("'null'", "null"),
        ("!!bool true", "true"),
    ],
)
def test_core_tags(written: str, prompt: str) -> None:
    assert entry(JOBS + f"  - prompt: {written}\n").job.prompt == prompt
