"""Pages of docs/ that name tests: every test they name is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_TESTS = Path(__file__).parents[1]


def named_in(text: str) -> list[str]:
    return re.findall(r"`(test_\w+)`", text)


def missing(names: list[str]) -> list[str]:
    """Those that no test has."""
    return sorted(set(names) - _there())


@cache
def _there() -> set[str]:
    source = "\n".join(path.read_text("utf-8") for path in _TESTS.rglob("test_*.py"))
    return set(re.findall(r"def (test_\w+)\(", source))
