"""Rules without end for data files: what was written comes back, any bytes are read, memory stays flat."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from itertools import chain, repeat

import pytest
from fuzz.changes import changed
from fuzz.tables import outcome, seeds, tables_hold
from fuzz.words import TABLE
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.manifest.data import Flaw, Kind, Row, read_rows

MIB = 1 << 20
SOUND = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff")
TEXT = st.text(SOUND | st.sampled_from('\t\r\n",;| \u2028'), max_size=12)
NAMES = st.lists(st.text(SOUND, min_size=1, max_size=8).map(str.strip), min_size=1, max_size=5, unique=True)
SCALAR = TEXT | st.integers(-(10**99), 10**99) | st.floats(allow_nan=False, allow_infinity=False)
VALUE = SCALAR | st.booleans() | st.none() | st.lists(SCALAR, max_size=3)
ENCODED = [None, "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "gb18030"]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    names = draw(NAMES.filter(lambda names: "" not in names))
    cells = st.lists(TEXT, min_size=len(names), max_size=len(names))
    return names, draw(st.lists(cells.filter(lambda row: "".join(row).strip()), max_size=6))


@steady
@given(
    tables(),
    st.sampled_from(",;\t|:"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(ENCODED),
)
def test_what_the_csv_module_writes_comes_back(
    table: tuple[list[str], list[list[str]]], delimiter: str, end: str, quoting: int, encoding: str | None
) -> None:
    names, rows = table
    written = io.StringIO(newline="")
    # The names are always in quotes: a single one that holds another delimiter would be doubted.
    csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerow(names)
    first = written.getvalue().count("\n") + written.getvalue().count("\r") - written.getvalue().count("\r\n")
    csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    content = io.BytesIO(written.getvalue().encode(encoding or "utf-8"))

    read = list(read_rows(content, "csv", encoding=encoding, delimiter=delimiter))

    assert [item.values for item in read if isinstance(item, Row)] == [
        dict(zip(names, row, strict=True)) for row in rows
    ]
    assert [item.number for item in read if isinstance(item, Row)] == list(range(1, len(rows) + 1))
    assert not rows or read[0].line == first + 1


@steady
@given(st.lists(st.dictionaries(st.text(SOUND, min_size=1, max_size=8), VALUE, max_size=5)), st.booleans())
def test_what_the_json_module_writes_comes_back(objects: list[dict[str, object]], ascii_only: bool) -> None:
    lines = "".join(json.dumps(each, ensure_ascii=ascii_only) + "\n" for each in objects)

    read = list(read_rows(io.BytesIO(lines.encode()), "jsonl"))

    assert read == [(number, number, each) for number, each in enumerate(objects, 1)]


@steady
@given(changed(list(seeds()), [word.encode() for word in TABLE.split()]) | st.binary(max_size=60))
def test_any_bytes_are_read_the_same_in_any_pieces(data: bytes) -> None:
    """Nothing but `DataError` is raised, by a stream that gives one byte at a time too."""
    tables_hold(data)


@steady
@given(st.text(st.sampled_from('a",\n\r\t é'), max_size=40))
def test_any_quotes_and_line_ends_are_read_the_same_in_any_pieces(text: str) -> None:
    tables_hold(b"\0\0" + text.encode())


@settings(steady, max_examples=400)
@given(st.lists(st.sampled_from(["a", '"', '""', ",", "\n", "\r", "\r\n", 'x"y', '"q"', ',"', '",', " "])))
def test_a_table_is_read_as_the_csv_module_reads_the_whole(pieces: list[str]) -> None:
    """The same cells on the same lines; a problem where the module has one, and nowhere else."""
    text = "one,two\n" + "".join(pieces)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    expected: list[tuple[int, list[str]]] | None = []
    try:
        while True:
            line = reader.line_num + 1
            expected.append((line, next(reader)))
    except StopIteration:
        pass
    except csv.Error:
        expected = None

    read = outcome(text.encode(), "csv")

    if expected is None:
        assert any(not isinstance(item, Row) for item in read)
        return
    full = [(line, row) for line, row in expected[1:] if "".join(row).strip()]
    for item, (line, row) in zip(read, full, strict=True):
        fits = len(row) >= 2 and not "".join(row[2:]).strip()
        assert not isinstance(item, str)
        assert isinstance(item, Row) == fits
        assert not isinstance(item, Row) or (item.line, [*item.values.values()]) == (line, row[:2])


def test_an_error_is_placed_50_000_lines_back() -> None:
    """Where the quote was opened is what a person has to look for; what was before it is read."""
    rows = b"".join(b"a%d,Lamp\n" % number for number in range(5000))
    content = b"sku,title\n" + rows + b'x,"open\n' + b"a,b\n" * 50_000 + b'y,"z"\n' + rows

    read = outcome(content, "csv")

    assert len(read) == 5001
    assert str(read[-1]).startswith(
        '5002:3: the quote that is opened here is closed on line 55003, with "z""'
    )


class Generated(io.RawIOBase):
    """A stream of pieces that are made when they are asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int = -1, /) -> bytes:
        return next(self._pieces, b"")


def rows_of(kind: Kind) -> Iterator[bytes]:
    """Some 60,000 rows, 5 MiB."""
    prompt = b"A candle flickers. " * 4
    if kind == "jsonl":
        return repeat(b'{"sku": "a1", "title": "%s"}\n' % prompt * 100, 600)
    delimiter = b"," if kind == "csv" else b"\t"
    sound = delimiter.join([b"a1", b'"' + prompt + b'\n"']) + b"\n"
    flawed = b"a2\n\n"
    return chain([b"sku" + delimiter + b"title\n"], repeat(sound * 100 + flawed, 600))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_memory_does_not_grow_with_the_file(kind: Kind) -> None:
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_rows(Generated(rows_of(kind)), kind))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count >= 60_000
    assert peak < 3 * MIB


ENDLESS = {
    "one cell": chain([b"a,b\n"], repeat(b"x" * 65536)),
    "one row": chain([b"a,b\n"], repeat(b"x,y," * 16384)),
    "an open quote": chain([b'a,b\n1,"'], repeat(b"a long line,\n" * 4096)),
    "one header": repeat(b"abc,def," * 8192),
    "blank lines": chain(repeat(b"\n" * 65536, 3), [b"\0"]),
    "one line of JSON": chain([b'{"a": "'], repeat(b"x" * 65536)),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_no_file_takes_much_memory(name: str) -> None:
    """What has no end is refused once it is too long."""
    kind: Kind = "jsonl" if "JSON" in name else "csv"
    tracemalloc.start()
    try:
        with pytest.raises(Exception, match=r"MiB|NUL") as caught:
            list(read_rows(Generated(ENDLESS[name]), kind))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert type(caught.value).__name__ == "DataError"
    assert peak < 64 * MIB


def test_a_cell_may_be_a_mebibyte() -> None:
    """A picture as a data URI; the csv module alone would stop at 128 KiB."""
    cell = "x" * MIB

    read = list(read_rows(io.BytesIO(f'a,b\n1,{cell}\n2,"{cell[:-1]}\n"\n'.encode()), "csv"))

    assert read == [(1, 2, {"a": "1", "b": cell}), (2, 3, {"a": "2", "b": cell[:-1] + "\n"})]


def test_an_unreadable_stream_is_not_our_error() -> None:
    class Torn(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise OSError("input/output error")

    with pytest.raises(OSError, match="input/output"):
        list(read_rows(Torn(), "csv"))


def test_a_row_and_a_flaw_are_never_taken_for_one_another() -> None:
    row, flaw = read_rows(io.BytesIO(b"a,b\n1,2\n3\n"), "csv")

    assert isinstance(row, Row)
    assert isinstance(flaw, Flaw)
    assert not isinstance(flaw, Row)
