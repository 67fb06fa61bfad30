"""Folders in memory, where the machine has such a place: for tests that prove nothing about a disk itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SHARED = Path("/dev/shm")  # noqa: S108


@contextmanager
def in_memory() -> Iterator[Path]:
    """An empty folder, gone at the end."""
    with tempfile.TemporaryDirectory(dir=SHARED if SHARED.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In the place of pytest's own: for a folder's conftest.py."""
    with in_memory() as folder:
        yield folder
