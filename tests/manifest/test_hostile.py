"""Files made to cost time or memory, files that change, and the memory a long manifest takes."""

from __future__ import annotations

import io
import time
import tracemalloc
from collections.abc import Iterator
from typing import BinaryIO

import pytest
from manifest.reading import FILE, JOBS, entry, lines, read

from pipeline.errors import ManifestError
from pipeline.manifest import read_manifest

TOO_MANY = "more than 10,000 values in one place, with what aliases repeat counted in full"
TOO_LONG = "what starts here goes on for more than 8 MiB"


class Generated(io.RawIOBase):
    """A file that is made while it is read, so that a test of memory does not hold it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and (piece := next(self._pieces, b"")):
            self._rest += piece
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def test_an_alias_bomb_is_refused() -> None:
    levels = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 12))
    found = lines("x0: &x0 [a, a, a, a, a, a, a, a, a]\n" + levels)
    assert f"5:15: {TOO_MANY}" in found


def test_aliases_up_to_the_limit_are_fine() -> None:
    tags = ", ".join(["t"] * 90)
    jobs = "".join(f"  - {{id: k{number}, prompt: x, tags: *t}}\n" for number in range(300))
    assert read(JOBS + f"  - {{id: a, prompt: x, tags: &t [{tags}]}}\n" + jobs).problems == ()


def test_depth() -> None:
    assert lines("[" * 1_000_000) == ["1:33: nested more than 32 levels deep"]
    assert lines("- " * 100_000) == ["1:65: nested more than 32 levels deep"]


def test_depth_by_aliases() -> None:
    levels = "".join(f"x{n}: &x{n} [*x{n - 1}]\n" for n in range(1, 40))
    assert "32:12: nested more than 32 levels deep by an alias" in lines("x0: &x0 [a]\n" + levels)


def test_a_text_of_one_mebibyte_is_the_longest() -> None:
    assert len(entry(JOBS + f"  - {{id: a, prompt: '{'x' * (1 << 20)}'}}").job.prompt) == 1 << 20
    expected = "3:21: a text of more than 1 MiB; keep large images in files"
    assert lines(JOBS + f"  - {{id: a, prompt: '{'x' * ((1 << 20) + 1)}'}}") == [expected]
    assert lines(JOBS + f"  - {{id: a, prompt: '{'ü' * ((1 << 19) + 1)}'}}") == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (JOBS + "- prompt: '" + "x" * 40_000_000, f"3:3: {TOO_LONG}"),
        (JOBS + "- prompt: |\n" + "    x\n" * 8_000_000, f"3:3: {TOO_LONG}"),
        ("#" * 40_000_000, f"1:1: {TOO_LONG}"),
        (JOBS + "- tags:\n" + "  - a\n" * 4_000_000, f"10001:5: {TOO_MANY}"),
    ],
    ids=["a quote without end", "a block without end", "a comment without end", "a list without end"],
)
def test_what_goes_on_for_ever_is_not_read_to_its_end(text: str, expected: str) -> None:
    data = text.encode()
    stream = io.BytesIO(data)

    manifest = read_manifest(lambda: Kept(stream), FILE)

    assert [str(problem) for problem in manifest.problems] == [f"{FILE}:{expected}"]
    assert stream.tell() < len(data) / 2


class Kept(io.BufferedReader):
    """Leaves what it reads from open, so that a test can ask how far it got."""

    def __init__(self, stream: io.BytesIO) -> None:
        stream.seek(0)
        super().__init__(stream)  # type: ignore[arg-type]

    def close(self) -> None:
        self.detach()


HOSTILE = {
    "tag lists by alias": JOBS
    + f"- {{prompt: b, tags: &t [{'a,' * 9000}]}}\n"
    + "".join(f"- {{prompt: c{number}, tags: *t}}\n" for number in range(5000)),
    "near misses": JOBS + "".join(f"- {{prompt: a{number}, promt{number}: x}}\n" for number in range(5000)),
    "parents that are not there": JOBS
    + "".join(f"- {{prompt: a, id: k{number:05d}, edit: kk{number:05d}}}\n" for number in range(5000)),
    "circles": JOBS + "".join(f"- {{prompt: a, id: k{n}, edit: k{n ^ 1}}}\n" for n in range(10_000)),
    "fields at the top": "".join(f"a{number}: 1\n" for number in range(50_000)),
    "a long name": JOBS + "- {prompt: a, ? " + "k" * 900_000 + " : 1}",
    "doubled jobs": JOBS + "- {id: a, prompt: x}\n" * 20_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_take_little_time(text: str) -> None:
    start = time.perf_counter()
    manifest = read(text)
    assert manifest.total_problems > 0
    assert time.perf_counter() - start < 5  # some 0.5 s; without its guard, each takes minutes or grows


def a_long_manifest(jobs: int) -> Iterator[bytes]:
    yield JOBS.encode()
    for number in range(jobs):
        yield f"  - id: job-{number}\n    prompt: {'A candle flickers. ' * 50}\n    tags: [a, b]\n".encode()


def peak_memory(jobs: int) -> int:
    tracemalloc.start()
    try:
        manifest = read_manifest(lambda: Generated(a_long_manifest(jobs)), FILE)  # type: ignore[arg-type,return-value]
        assert sum(1 for _ in manifest.entries()) == jobs
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_holds_keys_and_not_jobs() -> None:
    """A job of this file is 1,000 bytes of text; what stays of it is its key."""
    peak_memory(10)  # what is built once
    few, many = peak_memory(500), peak_memory(4500)

    assert (many - few) / 4000 < 400


@pytest.mark.parametrize(
    "other", ["  - {id: b, prompt: y}\n", "  - {id: b}\n", "  - {id: a, prompt: x: y}\n", ""]
)
def test_a_file_that_changed_between_the_passes_is_refused(other: str) -> None:
    versions: Iterator[str] = iter([JOBS + "  - {id: a, prompt: x}\n", JOBS + other])

    def open_source() -> BinaryIO:
        return io.BytesIO(next(versions).encode())

    manifest = read_manifest(open_source, FILE)
    with pytest.raises(ManifestError, match=r"clips\.yaml:1:1: the file changed while it was read"):
        list(manifest.entries())


def test_what_goes_wrong_on_reading_is_not_the_manifests_fault() -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("input/output error")

    with pytest.raises(OSError, match="input/output error"):
        read_manifest(Torn, FILE)


def test_streams_are_closed() -> None:
    opened: list[io.BytesIO] = []

    def open_source() -> BinaryIO:
        opened.append(io.BytesIO((JOBS + "  - {id: a, prompt: x}\n  - {id: b, prompt: x}\n").encode()))
        return opened[-1]

    manifest = read_manifest(open_source, FILE)
    next(manifest.entries())  # and no further

    assert len(opened) == 2
    assert all(stream.closed for stream in opened)
