"""Shows what storage does to the disk, step by step, and lets a crash come before any one of the steps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

EFFECTS = ("replace", "link", "fsync")


class CrashError(BaseException):
    """The process is gone: nothing in the product may catch it."""


@dataclass
class Effects:
    """The effects so far: ("replace", source, target), ("link", source, target), ("fsync", path)."""

    crash_before: int | None = None
    hard_links: bool = True
    seen: list[tuple[str, ...]] = field(default_factory=list)

    def note(self, *effect: str) -> None:
        if self.crash_before == len(self.seen):
            raise CrashError
        self.seen.append(effect)

    def index(self, *effect: str) -> int:
        return self.seen.index(effect)


@contextmanager
def watched(root: Path, **options: Any) -> Iterator[Effects]:
    """Record `os.replace`, `os.link` and `os.fsync` below `root`, with paths relative to it."""
    effects = Effects(**options)
    replace, link, fsync = os.replace, os.link, os.fsync

    def short(path: Any) -> str:
        return str(Path(path).relative_to(root))

    def noted_replace(source: Any, target: Any) -> None:
        effects.note("replace", short(source), short(target))
        replace(source, target)

    def noted_link(source: Any, target: Any) -> None:
        if not effects.hard_links:
            raise PermissionError(1, "Operation not permitted")
        effects.note("link", short(source), short(target))
        link(source, target)

    def noted_fsync(fd: int) -> None:
        effects.note("fsync", name_of(fd, root))
        fsync(fd)

    with pytest.MonkeyPatch.context() as patch:
        for name, noted in zip(EFFECTS, (noted_replace, noted_link, noted_fsync), strict=True):
            patch.setattr(os, name, noted)
        yield effects


def name_of(fd: int, root: Path) -> str:
    """The path of an open file or folder, by its identity: works wherever there are inodes."""
    stat = os.fstat(fd)
    for path in (root, *root.rglob("*")):
        there = path.lstat()
        if (there.st_dev, there.st_ino) == (stat.st_dev, stat.st_ino):
            return str(path.relative_to(root))
    return "elsewhere"
