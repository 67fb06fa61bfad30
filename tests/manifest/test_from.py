"""`from`: one clip for each row of a data file, or for each picture that a pattern matches."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest.beside import Beside, keys, made, prompts, read_with
from manifest.reading import FILE, JOBS

from pipeline.errors import ManifestError
from pipeline.manifest import read_manifest
from pipeline.model import Image
from pipeline.sources.files import LocalFiles

HEAD = "version: 1\ndefaults: {aspect_ratio: 4:3, duration: 9, tags: [all]}\njobs:\n"


def test_a_clip_for_each_row() -> None:
    text = "  - {from: products.csv, id: 'mugs/${sku}', prompt: '${title}, studio light.'}\n"

    entries = made(text, {"products.csv": "sku,title\na1,A red mug\na 2,Ein Becher für Tee\n"})

    assert [entry.job.key for entry in entries] == ["mugs/a1", "mugs/a-2"]
    assert [entry.job.prompt for entry in entries] == [
        "A red mug, studio light.",
        "Ein Becher für Tee, studio light.",
    ]
    assert [entry.row and (entry.row.file, entry.row.number, entry.row.line) for entry in entries] == [
        ("products.csv", 1, 2),
        ("products.csv", 2, 3),
    ]


TABLES: dict[str, tuple[str, str, str | bytes]] = {
    "CSV": ("rows.csv", "", "id,prompt\na,A mug\nb,B mug\n"),
    "upper case": ("ROWS.CSV", "", "id,prompt\na,A mug\nb,B mug\n"),
    "TSV": ("rows.tsv", "", "id\tprompt\na\tA mug\nb\tB mug\n"),
    "JSON Lines": ("rows.jsonl", "", '{"id": "a", "prompt": "A mug"}\n{"prompt": "B mug", "id": "b"}'),
    "NDJSON": ("rows.ndjson", "", '{"id": "a", "prompt": "A mug"}\n\n{"prompt": "B mug", "id": "b"}\n'),
    "semicolons": ("rows.csv", ", delimiter: ;", "id;prompt\na;A mug\nb;B mug\n"),
    "what Excel says": ("rows.csv", "", "sep=;\r\nid;prompt\r\na;A mug\r\nb;B mug\r\n"),
    "a tab in quotes": ("rows.csv", ', delimiter: "\\t"', "id\tprompt\na\tA mug\nb\tB mug\n"),
    "a byte order mark": ("rows.csv", "", "\ufeffid,prompt\na,A mug\nb,B mug\n"),
    "cp1252": ("rows.csv", ", encoding: cp1252", b"id,prompt,x\na,A mug,\x80\nb,B mug,\xe9\n"),
    "UTF-16": ("rows.csv", ", encoding: utf-16", "id,prompt\na,A mug\nb,B mug\n".encode("utf-16")),
    "blanks after commas": ("rows.csv", "", "id, prompt\na, A mug\nb, B mug\n"),
    "quotes": ("rows.csv", "", '"id","prompt"\n"a","A mug"\n"b","B mug"\n'),
    "blank rows": ("rows.csv", "", "id,prompt\n\na,A mug\n,\nb,B mug\n\n"),
    "empty columns behind": ("rows.csv", "", "id,prompt,,\na,A mug,,\nb,B mug,,\n"),
}


@pytest.mark.parametrize(("name", "how", "content"), TABLES.values(), ids=TABLES.keys())
def test_the_same_rows_from_any_kind_of_file(name: str, how: str, content: str | bytes) -> None:
    """Columns that are called like fields set them."""
    entries = made(f"  - {{from: {name}{how}}}\n", {name: content})

    assert [(entry.job.key, entry.job.prompt) for entry in entries] == [("a", "A mug"), ("b", "B mug")]


COLUMNS = """\
id,prompt,model,duration,aspect_ratio,resolution,generate_audio,image,tags,user,priority,resize,revision,note
a,A mug,m,6,16:9,720p,false,a.png,"hero, new",ann,5,640,2,whatever
b,B mug, , , , , , , , , , , ,
c, C mug ,m2, 7 , 1:1 ,480p,true,https://example.com/c.png,hero,bob,-5,64,no,
"""


def test_columns_set_fields_and_empty_cells_leave_them_to_the_defaults() -> None:
    first, second, third = (entry.job for entry in made("  - from: t.csv\n", {"t.csv": COLUMNS}, HEAD))

    assert (first.model, first.duration_s, first.aspect_ratio, first.resolution) == ("m", 6, "16:9", "720p")
    assert (first.generate_audio, first.image, first.tags) == (False, Image(path="a.png"), ("hero", "new"))
    assert (first.user, first.priority, first.resize, first.revision) == ("ann", 5, 640, "2")
    assert (second.model, second.duration_s, second.aspect_ratio, second.image) == (None, 9, "4:3", None)
    assert (second.tags, second.user, second.priority, second.generate_audio) == (("all",), None, None, None)
    assert (third.prompt, third.duration_s, third.aspect_ratio) == ("C mug", 7, "1:1")
    assert third.image == Image(url="https://example.com/c.png")


def test_an_empty_cell_is_as_if_the_job_did_not_set_the_field() -> None:
    """So its problem is told where the default stands, and a default that means nothing is dropped."""
    full, empty = made("  - from: t.csv\n", {"t.csv": "id,prompt,duration\na,A,5\nb,B,\n"}, HEAD)

    assert "duration" in full.own
    assert "duration" not in empty.own
    assert str(full.problem("duration", "x")) == 't.csv:2:1: row 1: job "a": x'
    assert empty.problem("duration", "x").line == 2
    assert empty.problem("duration", "x").file == FILE


def test_a_field_that_is_filled_with_nothing_is_left_out() -> None:
    """If the job says that it may be: `${name:-}`."""
    text = "  - {from: t.csv, id: '${n}', prompt: x, duration: '${s:-}', image: '${p:-}', edit: '${e:-}'}\n"

    entries = made(text, {"t.csv": "n,s,p,e\na,,,\nb,5,b.png,\nc,,,a\n"}, HEAD)

    jobs = [entry.job for entry in entries]
    assert [(job.duration_s, job.image, job.edit) for job in jobs] == [
        (9, None, None),
        (5, Image(path="b.png"), None),
        (9, None, "a"),
    ]
    assert ["duration" in entry.own for entry in entries] == [False, True, False]
    assert entries[0].problem("duration", "x").line == 2


def test_what_the_job_sets_itself_goes_before_a_column() -> None:
    text = "  - {from: t.csv, prompt: '${prompt}!', duration: 3}\n"

    (only,) = made(text, {"t.csv": "id,prompt,duration\na,A mug,6\n"})

    assert (only.job.prompt, only.job.duration_s) == ("A mug!", 3)


def test_json_lines_keep_their_types() -> None:
    rows = """\
{"id": 7, "prompt": "A", "duration": 6, "generate_audio": false, "tags": ["hero", 7], "aspect_ratio": "16:9"}
{"id": "b", "prompt": 2024, "duration": "6", "generate_audio": "true", "tags": "hero, new", "revision": true}
{"id": "c", "prompt": "C", "duration": null, "tags": null, "user": ""}
"""
    first, second, third = (entry.job for entry in made("  - from: r.jsonl\n", {"r.jsonl": rows}, HEAD))

    assert (first.key, first.duration_s, first.generate_audio, first.tags) == ("7", 6, False, ("hero", "7"))
    assert (second.prompt, second.duration_s, second.generate_audio) == ("2024", 6, True)
    assert (second.tags, second.revision) == (("hero", "new"), "true")
    assert (third.duration_s, third.tags, third.user) == (9, ("all",), None)


def test_rows_of_json_lines_may_have_different_names() -> None:
    rows = (
        '{"id": "a", "prompt": "A", "model": "m"}\n{"id": "b", "prompt": "B"}\n{"prompt": "C", "id": "c"}\n'
    )

    entries = made("  - from: r.jsonl\n", {"r.jsonl": rows})

    assert [entry.job.model for entry in entries] == ["m", None, None]


@pytest.mark.parametrize(("limit", "expected"), [(1, ["a"]), (2, ["a", "b"]), (9, ["a", "b", "c"])])
def test_limit_takes_the_first_rows(limit: int, expected: list[str]) -> None:
    text = f"  - {{from: t.csv, limit: {limit}}}\n"

    assert keys(text, {"t.csv": "id,prompt\na,A\nb,B\nc,C\n"}) == expected


def test_rows_behind_the_limit_are_not_looked_at() -> None:
    """To try the first ten of a file whose rest is not done yet."""
    assert keys("  - {from: t.csv, limit: 1}\n", {"t.csv": "id,prompt\na,A\nb,\nc"}) == ["a"]


def test_order_is_rows_then_matrix_then_repeat() -> None:
    text = "  - {from: t.csv, id: '${sku}-${style}', prompt: x, matrix: {style: [x, y]}, repeat: 2}\n"

    assert keys(text, {"t.csv": "sku\na\nb\n"}) == [
        *("a-x-1", "a-x-2", "a-y-1", "a-y-2"),
        *("b-x-1", "b-x-2", "b-y-1", "b-y-2"),
    ]


def test_jobs_come_in_the_order_of_the_file() -> None:
    text = """
  - {id: first, prompt: x}
  - {from: t.csv, prompt: x}
  - {id: last, prompt: x}
"""
    assert keys(text, {"t.csv": "id\nb\na\n"}) == ["first", "b", "a", "last"]


def test_a_clip_for_each_picture() -> None:
    """Sorted by name; `${stem}`, `${path}` and the picture itself come from the file."""
    files = dict.fromkeys(("photos/b 2.png", "photos/a.png", "photos/c.jpg", "d.png"), b"")

    text = "  - {from: 'photos/*.png', id: '${stem}', prompt: 'Like ${path}.'}\n"
    entries = made(text, files)

    assert [entry.job.key for entry in entries] == ["a", "b-2"]
    assert [entry.job.image for entry in entries] == [
        Image(path="photos/a.png"),
        Image(path="photos/b 2.png"),
    ]
    assert [entry.job.prompt for entry in entries] == ["Like photos/a.png.", "Like photos/b 2.png."]


def test_a_picture_of_a_pattern_may_be_the_last_frame(tmp_path: Path) -> None:
    text = "  - {from: '*.png', id: '${stem}', prompt: x, image: start.jpg, last_frame: '${path}'}\n"

    (only,) = made(text, {"a.png": b""})

    assert (only.job.image, only.job.last_frame) == (Image(path="start.jpg"), Image(path="a.png"))


def test_patterns_on_a_disk(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg", ".hidden.png", "sub/c.png", "sub/deep/d.png", "sub/e.PNG"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    matching = LocalFiles(tmp_path).matching

    assert matching("*.png") == ["a.png"]
    assert matching("**/*.png") == ["a.png", "sub/c.png", "sub/deep/d.png"]
    assert matching("*.[pj][np]g") == ["a.png", "b.jpg"]
    assert matching(f"{tmp_path}/sub/*.png") == [f"{tmp_path}/sub/c.png"]


def test_several_readings_give_the_same() -> None:
    text = (
        JOBS
        + "  - {from: t.csv, prompt: '${p}', matrix: {priority: [1, 2]}, repeat: 2, id: '${i}${priority}'}\n"
    )
    manifest = read_with(text, Beside({"t.csv": "i,p\na,A\nb,B\n"}))

    readings = [[entry.job for entry in manifest.entries()] for _ in range(3)]

    assert len(readings[0]) == manifest.jobs == 8
    assert readings[0] == readings[1] == readings[2]


CHANGES: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "a cell": ("{from: t.csv}", {"t.csv": "id,prompt\na,A\n"}, {"t.csv": "id,prompt\na,B\n"}),
    "a row more": ("{from: t.csv}", {"t.csv": "id,prompt\na,A\n"}, {"t.csv": "id,prompt\na,A\nb,B\n"}),
    "a row less": ("{from: t.csv}", {"t.csv": "id,prompt\na,A\nb,B\n"}, {"t.csv": "id,prompt\na,A\n"}),
    "broken": ("{from: t.csv}", {"t.csv": "id,prompt\na,A\n"}, {"t.csv": "id,prompt\na\n"}),
    "a column gone": ("{from: t.csv}", {"t.csv": "id,prompt\na,A\n"}, {"t.csv": "id,p\na,A\n"}),
    "JSON Lines": ("{from: t.jsonl, id: a}", {"t.jsonl": '{"prompt": "A"}'}, {"t.jsonl": '{"prompt": "B"}'}),
    "a picture more": ("{from: '*.png', prompt: x}", {"a.png": ""}, {"a.png": "", "b.png": ""}),
    "a picture less": ("{from: '*.png', prompt: x}", {"a.png": "", "b.png": ""}, {"a.png": ""}),
    "another picture": ("{from: '*.png', prompt: x}", {"a.png": ""}, {"b.png": ""}),
}


@pytest.mark.parametrize(("job", "before", "after"), CHANGES.values(), ids=CHANGES.keys())
def test_files_that_change_between_readings_are_refused(
    job: str, before: dict[str, str], after: dict[str, str]
) -> None:
    """What is paid for is what was checked."""
    beside = Beside(before)
    manifest = read_with(f"{JOBS}  - {job}\n", beside)
    assert manifest.problems == ()
    beside.files = dict(after)

    with pytest.raises(ManifestError, match="changed while it was read"):
        list(manifest.entries())


def test_a_data_file_that_is_gone_is_refused() -> None:
    beside = Beside({"t.csv": "id,prompt\na,A\n"})
    manifest = read_with(f"{JOBS}  - {{from: t.csv}}\n", beside)
    beside.open = Beside({}).open  # type: ignore[method-assign]

    with pytest.raises(ManifestError, match="changed while it was read"):
        list(manifest.entries())


def test_a_data_file_that_cannot_be_read_on_is_named() -> None:
    class Broken(Beside):
        def open(self, path: str) -> BinaryIO:
            return _Stream(iter(()), OSError(5, "Input/output error"))  # type: ignore[return-value]

    (problem,) = read_with(f"{JOBS}  - {{from: t.csv}}\n", Broken({})).problems

    assert str(problem) == f'{FILE}:3:12: job 1: from: "t.csv" cannot be read: Input/output error'


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff"))


@given(st.lists(CELL.filter(str.strip), min_size=1, max_size=8))
def test_any_cell_comes_through_in_a_text(cells: list[str]) -> None:
    table = "n,p\n" + "".join(f'{n},"{cell.replace(chr(34), chr(34) * 2)}"\n' for n, cell in enumerate(cells))

    assert prompts("  - {from: t.csv, id: '${n}', prompt: '${p}'}\n", {"t.csv": table}) == cells


class Generated:
    """A table of any length that stands nowhere."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def open(self, _: str) -> BinaryIO:
        return _Stream(self._lines())  # type: ignore[return-value]

    def _lines(self) -> Iterator[bytes]:
        yield b"sku,title,duration\n"
        for number in range(0, self._rows, 100):
            yield b"".join(b"a%d,A mug with the number %d,6\n" % (n, n) for n in range(number, number + 100))

    def matching(self, _: str, /) -> list[str]:
        return []

    def shown(self, path: str) -> str:
        return path


class _Stream(BytesIO):
    def __init__(self, lines: Iterator[bytes], error: OSError | None = None) -> None:
        super().__init__()
        self._more = lines
        self._error = error

    def read(self, _: int | None = -1, /) -> bytes:
        if self._error is not None:
            raise self._error
        return next(self._more, b"")


def peak_bytes(rows: int) -> int:
    text = JOBS + "  - {from: t.csv, id: '${sku}', prompt: '${title}, ${style}.', matrix: {style: [noir]}}\n"
    tracemalloc.start()
    try:
        manifest = read_manifest(lambda: BytesIO(text.encode()), FILE, Generated(rows))
        count = sum(1 for _ in manifest.entries())
        assert (count, manifest.problems) == (rows, ())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows() -> None:
    """A key that must not come twice takes a few bytes; a row that is kept would take some hundred."""
    few, many = peak_bytes(1000), peak_bytes(16_000)

    assert many - few < 15_000 * 64
