"""Rows that are looked at by the page are what they are when looked at one by one."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifest.beside import Beside, read_with

from pipeline.errors import ManifestError
from pipeline.manifest import many, pages
from pipeline.plan import Checked, check
from pipeline.providers import provider_named

KEYS = st.sampled_from(["a", "b", "c", "M-1", "M-2", "x.y", "x..y", "Café", "16:9", "", " ", "a/b", "A"])
TEXTS = st.sampled_from(["A fox", "An owl", "", " ", "é", "\x07 bell", "${sku}", "x" * 4097, "=1"])
SETTINGS = st.sampled_from(["5", "6", "", "six", "99", "06", " 5 "])
ROWS = st.lists(st.tuples(KEYS, TEXTS, SETTINGS), min_size=1, max_size=24)
ID = st.sampled_from(["${sku}", "mugs/${sku}", "${sku}-${seconds:-5}", "${sku:-none}", "${sku}.mp4/x", None])
PROMPT = st.sampled_from(["${title}", "${title}, slow", "${title:-A cat}", "Always the same", None])
DURATION = st.sampled_from(["${seconds}", "${seconds:-}", 5, None])
COLUMNS = st.sampled_from([("sku", "title", "seconds"), ("id", "prompt", "duration")])


def checked(document: dict[str, Any], table: str, *, one_by_one: bool) -> object:
    """All that a command finds; the messages, if something is wrong."""
    look = (lambda _self, _rows: None) if one_by_one else pages.Pages.page
    path = Path(tempfile.gettempdir()) / f"nightreel-pages-{os.getpid()}.yaml"
    path.write_text(json.dumps(document), "utf-8")
    with mock.patch.object(many, "ROWS", 2), mock.patch.object(pages.Pages, "page", look):
        try:
            found = check(
                path, provider_named, lambda image, _: image, OSError, files=Beside({"t.csv": table}),
                day=date(2026, 11, 24),
            )  # fmt: skip
            return found.manifest.jobs, found.notes, facts_of(found)
        except ManifestError as exc:
            return [f"{exc.total} problems", *map(str, exc.problems)]
        finally:
            path.unlink()


def facts_of(found: Checked) -> list[object]:
    entries = list(found.manifest.entries())
    return [
        (entry.job, dict(entry.values), entry.row, dict(entry.inputs), entry.places, entry.line, job)
        for entry, job in zip(entries, map(found.fitting.job, entries), strict=True)
    ]


def table_of(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([names, *rows])
    return text.getvalue()


@settings(max_examples=400, deadline=None)
@given(COLUMNS, ROWS, ID, PROMPT, DURATION, st.booleans())
def test_a_page_is_its_rows(
    names: tuple[str, ...],
    rows: list[tuple[str, str, str]],
    key: str | None,
    prompt: str | None,
    duration: object,
    tame: bool,
) -> None:
    """The same problems, jobs and places for any table; half of them are such that most pages are sound."""
    if tame:
        rows = [(f"row{number}", text, "5") for number, (_, text, _) in enumerate(rows)]
    given_fields = {"id": key, "prompt": prompt, "duration": duration}
    job = {"from": "t.csv", **{name: value for name, value in given_fields.items() if value is not None}}
    document = {"version": 1, "provider": "xai", "jobs": [job]}
    table = table_of(names, [tuple(row) for row in rows])

    assert checked(document, table, one_by_one=False) == checked(document, table, one_by_one=True)


def test_most_of_a_plain_table_goes_by_the_page() -> None:
    """Else the test above would compare the long way with itself."""
    rows = "".join(f"M-{number},Mug {number},{5 + number % 3}\n" for number in range(40))
    job = '{from: t.csv, id: "${sku}", prompt: "${title}", duration: "${seconds}"}'
    text = f"version: 1\nprovider: xai\njobs: [{job}]\n"
    seen: list[int] = []
    real = pages.Pages.page

    def counted(self: pages.Pages, some: list[Any]) -> pages.Page | None:
        page = real(self, some)
        seen.append(0 if page is None else len(some))
        return page

    with mock.patch.object(many, "ROWS", 4), mock.patch.object(pages.Pages, "page", counted):
        manifest = read_with(text, Beside({"t.csv": "sku,title,seconds\n" + rows}))

    assert manifest.jobs == 40
    assert sum(seen) == 36, "all but the first four, among which every length was met"


@pytest.mark.parametrize("change", ["M-17,Mug,5\n", "m-17,Mug,5\n"])
def test_a_key_twice_is_told_at_its_row(change: str) -> None:
    """Also where both came by the page, far from each other."""
    rows = "".join(f"M-{number},Mug {number},5\n" for number in range(1000))
    job = '{from: t.csv, id: "${sku}", prompt: "${title}", duration: "${seconds}"}'
    text = f"version: 1\nprovider: xai\njobs: [{job}]\n"

    manifest = read_with(text, Beside({"t.csv": "sku,title,seconds\n" + rows + change}))

    (problem,) = manifest.problems
    assert (problem.file, problem.line) == ("t.csv", 1002)
    assert "line 19" in problem.message
