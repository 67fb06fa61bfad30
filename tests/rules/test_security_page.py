"""docs/security.md is held by tests: each it names is there, and each row of its tables names one."""

from __future__ import annotations

import pytest
from support.pages import DOCS, missing, named_in

TEXT = (DOCS / "security.md").read_text("utf-8")
SECTIONS = TEXT.split("\n## ")[2:]  # behind the head, and the table of who is believed


def test_every_test_that_the_page_names_is_there() -> None:
    assert len(named_in(TEXT)) > 40
    assert missing(named_in(TEXT)) == []


def test_one_that_is_not_there_is_missed() -> None:
    assert missing(["test_of_nothing_at_all"]) == ["test_of_nothing_at_all"]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_every_row_names_a_test(section: str) -> None:
    lines = section.splitlines()
    rows = [line for line, after in zip(lines, [*lines[1:], ""], strict=True) if not after.startswith("|---")]

    assert [row for row in rows if row.startswith("| ") and not named_in(row)] == []
