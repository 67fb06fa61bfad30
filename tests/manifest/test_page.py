"""What docs/manifest.md shows is what comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from manifest.beside import keys, made
from manifest.reading import entries

from pipeline.exporting import COLUMNS
from pipeline.manifest import fields
from pipeline.manifest.names import key_part

PAGE = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text("utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(title: str) -> list[str]:
    return re.findall(r"^```(?:yaml)?\n(.*?)^```$", section(title), re.M | re.S)


def table(title: str) -> list[list[str]]:
    """The first column in full, and every cell behind it; without the head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_clips_of_the_matrix() -> None:
    (job,) = blocks("One job, many clips")
    told = [cell for cell, why in table("One job, many clips") if "takes it out" not in why]

    entries_ = made(job)

    assert [f"`{entry.job.key}`" for entry in entries_] == [cell.partition(",")[0] for cell in told]
    assert [entry.job.duration_s == 10 for entry in entries_] == ["10 seconds" in cell for cell in told]


def test_the_clips_of_the_spreadsheet() -> None:
    job, rows = blocks("From a spreadsheet")

    first, second = (entry.job for entry in made(job, {"products.csv": rows}))

    assert (first.key, first.prompt) == ("mugs/M-100", "A red mug, studio light, slow orbit.")
    assert (second.key, second.aspect_ratio) == ("mugs/M-200", "9:16")


def test_the_clips_of_the_folder() -> None:
    (job,) = blocks("From a folder of pictures")

    assert keys(job, {"photos/a.png": "", "photos/b.png": ""}) == ["a", "b"]


def test_the_clips_of_the_groups() -> None:
    (rest,) = blocks("Groups")

    found = {entry.job.key: entry.job for entry in entries("version: 1\n" + rest)}

    assert list(found) == ["story/coffee", "site/coffee", "kettle"]
    assert [job.duration_s for job in found.values()] == [6, 10, 6]


@pytest.mark.parametrize(("value", "key"), [row[:2] for row in table("Keys") if "error" not in row[1]])
def test_values_in_keys(value: str, key: str) -> None:
    assert f"`{key_part(value.strip('`'))}`" == key


def test_every_field_of_a_job_and_of_the_defaults_is_there() -> None:
    named = set(re.findall(r"`([a-z_]+)`", " ".join(row[0] for row in table("Fields of a job"))))
    defaults = re.search(r"`defaults` takes `([a-z_ ]+)`", PAGE)

    assert named == set(fields.names(fields.JobFields))
    assert defaults is not None
    assert set(defaults[1].split()) == set(fields.names(fields.DefaultFields))


def test_the_manifest_on_top_is_sound() -> None:
    assert len(entries(re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)[0])) == 3


def test_the_columns_of_a_table_of_the_results() -> None:
    """In the order in which they come; a reader may rely on them."""
    told = [re.findall(r"`(\w+)`", names) for names, _ in table("A table of the results")]

    assert tuple(name for names in told for name in names) == COLUMNS
