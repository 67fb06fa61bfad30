"""Broken manifests that name files beside themselves, each with the exact lines that a person sees.

Checked as the commands check them, so by the provider's rules and with pictures. Most stand in
`broken_sets/*.txt`: a name behind `===`, the manifest, its files behind `@@` (`a.png = hills.png` copies one
of our pictures), and the lines behind `-->`. Here are those that a text file cannot show.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pipeline.errors import ManifestError
from pipeline.opening import check_manifest

CORPUS = Path(__file__).parent / "broken_sets"
PICTURES = Path(__file__).parents[2] / "manifests" / "images"
HEAD = "version: 1\nprovider: sim\njobs:\n"  # the first job stands on line 4

Files = Mapping[str, str | bytes]


def said(folder: Path, manifest: str, files: Files) -> tuple[list[str], int]:
    """The problems as a person sees them, but for the folder and the manifest's name; and how many in all."""
    for name, content in {"clips.yaml": manifest, **files}.items():
        name, _, picture = name.partition(" = ")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if picture:
            shutil.copy(PICTURES / picture, path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        check_manifest(folder / "clips.yaml", None, {})
    except ManifestError as exc:
        shown = [str(problem).replace(f"{folder}/)", "./)") for problem in exc.problems]
        return [line.replace(f"{folder}/", "").removeprefix("clips.yaml:") for line in shown], exc.total
    return [], 0


def corpus() -> Iterator[object]:
    for file in sorted(CORPUS.glob("*.txt")):
        for case in file.read_text(encoding="utf-8").split("=== ")[1:]:
            name, _, rest = case.partition("\n")
            text, *expected = rest.rstrip("\n").split("\n--> ")
            manifest, *files = re.split(r"^@@ ", text + "\n", flags=re.M)
            beside = dict(one.split("\n", 1) for one in files)
            yield pytest.param(manifest, beside, expected, id=f"{file.stem}: {name}")


@pytest.mark.parametrize(("manifest", "files", "expected"), list(corpus()))
def test_every_problem_is_told_at_its_place(
    manifest: str, files: Files, expected: list[str], tmp_path: Path
) -> None:
    assert expected
    assert said(tmp_path, manifest, files) == (expected, len(expected))


ROWS = HEAD + '  - {from: products.csv, id: "${sku}", prompt: "${title}"}\n'
LINES = HEAD + '  - {from: rows.jsonl, id: "${sku}", prompt: "${title}"}\n'
IMAGES = HEAD + '  - {from: "photos/*.png", id: "${stem}", prompt: It comes to life.}\n'

UNSHOWABLE: dict[str, tuple[str, Files, list[str]]] = {
    "a workbook that calls itself a table": (
        ROWS,
        {"products.csv": b"PK\x03\x04\x14\0\6\0"},
        [
            (
                "products.csv:1:1: this is an Excel workbook (.xlsx) or another zip file, not a CSV file;"
                ' open it and save it as "CSV UTF-8"'
            )
        ],
    ),
    "UTF-16": (
        ROWS,
        {"products.csv": "sku\ttitle\na1\tA mug\n".encode("utf-16")},
        [
            (
                "products.csv:1:1: this file is saved as UTF-16; save it as UTF-8, or say `encoding: utf-16`"
                " beside `from`"
            )
        ],
    ),
    "cp1252": (
        ROWS,
        {"products.csv": "sku,title\na1,A mug\na2,Caf\u00e9\n".encode("cp1252")},
        [
            (
                "products.csv:3:7: not text in UTF-8 (the byte 0xe9 here); save the file as UTF-8, or name"
                " its encoding beside `from`, such as `encoding: cp1252`"
            )
        ],
    ),
    "two encodings in one file": (
        ROWS,
        {"products.csv": "sku,title\na1,Caf\u00e9\n".encode() + "a2,Caf\u00e9\n".encode("cp1252")},
        [
            (
                "products.csv:3:7: not text in UTF-8 (the byte 0xe9 here), although the text before it is;"
                " save the file as UTF-8"
            )
        ],
    ),
    "a NUL byte": (
        ROWS,
        {"products.csv": b"sku,title\na1,A\0mug\n"},
        [
            (
                "products.csv:2:5: a NUL byte: this is not a text file, or not one in UTF-8;"
                " save the file as UTF-8"
            )
        ],
    ),
    "a control character in a cell": (
        ROWS,
        {"products.csv": "sku,title\na1,A \x1b[31mred mug\n"},
        ["products.csv:2:6: the control character U+001B is not allowed; remove it"],
    ),
    "half a character in JSON Lines": (
        LINES,
        {"rows.jsonl": '{"sku": "a1", "title": "A \\ud83e fox"}\n'},
        [
            (
                'rows.jsonl:1:24: row 1: half of a character ("\\ud83e" without its other half); write'
                " the character itself"
            )
        ],
    ),
    "a picture that is cut off": (
        IMAGES,
        {"photos/a.png": (PICTURES / "hills.png").read_bytes()[:1000]},
        [
            (
                "photos/a.png:1:1: job \"a\": image 'photos/a.png' is cut short, its end is missing:"
                " copy or download it again"
            )
        ],
    ),
    "names of files that are one key": (
        IMAGES,
        {"photos/my fox.png = hills.png": "", "photos/my-fox.png = hills.png": ""},
        [
            (
                'photos/my-fox.png:1:1: job "my-fox": id: used twice (first at photos/my fox.png:1);'
                ' in a key, "my fox" and "my-fox" are the same'
            )
        ],
    ),
    "right to left, emoji and Greek in a key": (
        ROWS,
        {"products.csv": "sku,title\n\u05e9\u05d5\u05e2\u05dc,A fox\n\U0001f98a,A fox\n\u0391\u03b21,Hi\n"},
        [
            f'products.csv:{line}:1: row {line - 1}: job 1: id: "{name}" has no letter A-Z and no digit that'
            " could stand in a key; make the id of something else"
            for line, name in ((2, "\u05e9\u05d5\u05e2\u05dc"), (3, "\U0001f98a"))
        ],
    ),
    "marks that turn the direction of text": (
        ROWS,
        {"products.csv": "sku,title\na\u202eb,A fox\nab,A fox\n"},
        [
            (
                'products.csv:3:1: row 2: job "ab": id: used twice (first at line 2); in a key,'
                ' "a\\u202eb" and "ab" are the same'
            )
        ],
    ),
    "a name with odd characters in it": (
        HEAD + '  - {id: fox, prompt: "A ${\\e[31mred} ${\u202ered} fox."}\n',
        {},
        [
            f'4:23: job 1: prompt: "${{{name}}}" is not defined: there is neither "from" nor "matrix" here;'
            ' write "$$" for a dollar sign'
            for name in ("\\u202ered", "\\x1b[31mred")
        ],
    ),
}


@pytest.mark.parametrize(("manifest", "files", "expected"), UNSHOWABLE.values(), ids=UNSHOWABLE.keys())
def test_what_a_text_file_cannot_show(
    manifest: str, files: Files, expected: list[str], tmp_path: Path
) -> None:
    assert said(tmp_path, manifest, files) == (expected, len(expected))


def test_a_name_that_is_missing_far_down_is_told_with_file_and_row(tmp_path: Path) -> None:
    rows = [f'{{"sku": "a{number}", "title": "A mug"}}\n' for number in range(1, 50_400)]
    rows[50_316] = '{"sku": "a50317", "name": "A mug"}\n'

    found = said(tmp_path, LINES, {"rows.jsonl": "".join(rows)})

    place = "rows.jsonl:50317:1: row 50317: job 1: prompt"
    what_to_do = "add it, or write ${title:-text} for what to put in its place"
    assert found == ([f'{place}: this row has no "title"; {what_to_do}'], 1)


def table(row: str, count: int = 1000) -> str:
    return "sku,title,seconds\n" + "".join(row.format(number) + "\n" for number in range(1, count + 1))


ONCE = {
    "a number that is none": (
        'id: "${sku}", prompt: "${title}", duration: six',
        "duration: expected",
    ),
    "a ratio nobody offers": ('id: "${sku}", prompt: "${title}", aspect_ratio: 7:1', "aspect_ratio:"),
    "a picture that is not there": (
        'id: "${sku}", prompt: "${title}", image: a.png',
        "image 'a.png'",
    ),
    "a name that is not defined": ('id: "${sku}", prompt: "${titel}"', "prompt:"),
    "one key for all": ('id: mug, prompt: "${title}"', "id: this job makes more than one clip"),
    "an edit of nobody": ('id: "${sku}", prompt: "${title}", edit: fox', "edit: there is no job"),
}


@pytest.mark.parametrize(("job", "message"), ONCE.values(), ids=ONCE.keys())
def test_a_fault_of_the_job_as_written_is_told_once(job: str, message: str, tmp_path: Path) -> None:
    lines, total = said(
        tmp_path, HEAD + f"  - {{from: products.csv, {job}}}\n", {"products.csv": table("a{0},Mug {0},6")}
    )

    assert total == 1
    assert re.match(r"4:\d+: job ", lines[0])
    assert message in lines[0]


EACH = {
    "an empty cell": ("a{0},,6", 'job 1: prompt: "title" is empty here'),
    "a number that is none": ("a{0},Mug,six", 'job "a{0}": duration: expected a whole number of seconds'),
    "a length nobody offers": ("a{0},Mug,999", 'job "a{0}": duration: 999 s is not offered'),
}


@pytest.mark.parametrize(("row", "message"), EACH.values(), ids=EACH.keys())
def test_a_fault_of_the_rows_is_told_at_each_and_the_first_hundred_are_shown(
    row: str, message: str, tmp_path: Path
) -> None:
    job = '  - {from: products.csv, id: "${sku}", prompt: "${title}", duration: "${seconds}"}\n'

    lines, total = said(tmp_path, HEAD + job, {"products.csv": table(row)})

    assert total == 1000
    assert len(lines) == 100
    for number, line in enumerate(lines, 1):
        assert line.startswith(f"products.csv:{number + 1}:1: row {number}: {message.format(number)}")


def test_faults_of_the_manifest_come_before_those_of_a_file_with_an_earlier_name(tmp_path: Path) -> None:
    """A thousand bad rows hide nothing of what is wrong with the manifest itself."""
    job = '  - {from: a.csv, id: "${sku}", prompt: "${title}"}\n'

    lines, total = said(
        tmp_path, f"{HEAD}{job}  - {{id: fox, promt: x}}\nzoo: 1\n", {"a.csv": table("a{0},,6")}
    )

    assert total == 1003
    assert [line[:4] for line in lines[:4]] == ["5:5:", "5:15", "6:1:", "a.cs"]


def test_a_default_that_does_not_fit_is_told_once_for_all_jobs(tmp_path: Path) -> None:
    jobs = "".join(f"  - {{id: fox-{number}, prompt: A fox.}}\n" for number in range(200))

    found = said(tmp_path, f"version: 1\nprovider: sim\ndefaults: {{duration: 999}}\njobs:\n{jobs}", {})

    assert found == (['3:22: job "fox-0": duration: 999 s is not offered; allowed: 1 to 15 s'], 1)
