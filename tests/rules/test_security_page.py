"""docs/security.md is shown by tests, and they are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "security.md"


def test_every_test_that_the_page_names_exists() -> None:
    """A point whose test was renamed or dropped is no longer shown."""
    source = "\n".join(path.read_text("utf-8") for path in TESTS.rglob("test_*.py"))
    there = set(re.findall(r"def (test_\w+)\(", source))

    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text("utf-8")))

    assert named
    assert named <= there
