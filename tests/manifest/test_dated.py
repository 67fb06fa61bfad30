"""`batch: nightly-${date}`: its name on a day, which other names are errors, and which folders were days."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.manifest.dated import batch_of, day_of, is_dated
from pipeline.manifest.rules import check_batch

DAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ("teasers", "teasers"),
        ("nightly-${date}", "nightly-2026-11-24"),
        ("${date}", "2026-11-24"),
        ("${date}.${date}", "2026-11-24.2026-11-24"),
        ("a$$b", "a$b"),
        ("a$${date}", "a${date}"),
    ],
)
def test_the_name_on_a_day(batch: str, expected: str) -> None:
    assert batch_of(batch, DAY) == expected
    assert is_dated(batch) == (DAY.isoformat() in expected)


@pytest.mark.parametrize("batch", ["n-${day}", "n-${}", "n-${date", "n-${ date }", "n-${date:-x}", "${DATE}"])
def test_no_other_name_is_known(batch: str) -> None:
    with pytest.raises(ValueError, match=r'is not defined here; known is "\${date}" alone'):
        check_batch(batch)


@pytest.mark.parametrize("batch", ["a$b", "a$$b", "n-$date", "x" * 91 + "${date}", "/${date}", "..${date}"])
def test_it_must_be_the_name_of_a_folder_in_the_end(batch: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a folder"):
        check_batch(batch)


@pytest.mark.parametrize(
    ("folder", "batch", "expected"),
    [
        ("n-2026-11-23", "n-${date}", date(2026, 11, 23)),
        ("2026-11-23", "${date}", date(2026, 11, 23)),
        ("2026-11-23.2026-11-23", "${date}.${date}", date(2026, 11, 23)),
        ("2026-11-23.2026-11-22", "${date}.${date}", None),
        ("n-2026-02-30", "n-${date}", None),
        ("n-2026-11-23b", "n-${date}", None),
        ("n-2026-1-23", "n-${date}", None),
        ("nx2026-11-23", "n.${date}", None),
        ("n-٢٠٢٦-11-23", "n-${date}", None),
        ("teasers", "teasers", None),
    ],
)
def test_which_folders_were_other_days(folder: str, batch: str, expected: date | None) -> None:
    assert day_of(folder, batch) == expected


@given(st.dates(), st.sampled_from(["n-${date}", "${date}-n", "a.${date}_${date}"]))
def test_every_day_knows_its_own_folder(day: date, batch: str) -> None:
    assert day_of(batch_of(check_batch(batch), day), batch) == day
