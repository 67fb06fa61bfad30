"""Range and If-Range by RFC 9110, against a table and against slicing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sim.ranges import Slice, choose_slice

ETAG, DATE = '"abc-64"', "Mon, 23 Nov 2026 15:00:00 GMT"


def chosen(size: int = 100, **headers: str) -> Slice:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return choose_slice(named, size=size, etag=ETAG, last_modified=DATE)


@pytest.mark.parametrize(
    ("value", "status", "start", "length"),
    [
        ("", 200, 0, 100),
        ("bytes=0-", 206, 0, 100),
        ("bytes=10-19", 206, 10, 10),
        ("bytes=10-10", 206, 10, 1),
        ("bytes=90-500", 206, 90, 10),
        ("bytes=-7", 206, 93, 7),
        ("bytes=-700", 206, 0, 100),
        (" bytes = 99- ", 206, 99, 1),
        ("bytes=100-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=20-10", 200, 0, 100),
        ("bytes=-", 200, 0, 100),
        ("bytes=0-1,5-6", 200, 0, 100),
        ("lines=1-2", 200, 0, 100),
        ("bytes=a-b", 200, 0, 100),
    ],
)
def test_ranges(value: str, status: int, start: int, length: int) -> None:
    part = chosen(range=value)

    assert (part.status, part.start, part.length) == (status, start, length)


def test_the_head_says_which_part_it_is() -> None:
    assert chosen(range="bytes=10-19").headers == {"Content-Range": "bytes 10-19/100"}
    assert chosen(range="bytes=100-").headers == {"Content-Range": "bytes */100"}
    assert chosen().headers == {}


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (ETAG, 206),
        (DATE, 206),
        ('"other"', 200),
        (f"W/{ETAG}", 200),
        ("abc-64", 200),
        ("Mon, 23 Nov 2026 15:00:01 GMT", 200),
    ],
)
def test_if_range_wants_the_same_file(condition: str, status: int) -> None:
    assert chosen(range="bytes=10-", if_range=condition).status == status


@given(size=st.integers(1, 60), start=st.none() | st.integers(0, 80), last=st.none() | st.integers(0, 80))
def test_a_range_is_a_slice(size: int, start: int | None, last: int | None) -> None:
    data = bytes(range(size))
    value = f"bytes={'' if start is None else start}-{'' if last is None else last}"

    part = chosen(size, range=value)

    got = data[part.start : part.start + part.length]
    if part.status == 206:
        expected = (
            data[-last:] if start is None and last else data[start : None if last is None else last + 1]
        )
        assert got == expected != b""
    elif part.status == 200:
        assert got == data
    else:
        assert (start is None and last == 0) or (start is not None and start >= size)
