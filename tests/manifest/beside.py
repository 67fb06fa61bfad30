"""Manifests with files beside them that stand in memory."""

from __future__ import annotations

import io
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import BinaryIO

from manifest.reading import FILE, JOBS

from pipeline.manifest import Entry, Manifest, read_manifest

Content = str | bytes


class Beside:
    """What lies beside the manifest. A test may change it between two readings."""

    def __init__(self, files: Mapping[str, Content]) -> None:
        self.files = dict(files)

    def open(self, path: str) -> BinaryIO:
        if path not in self.files:
            raise FileNotFoundError(f"{path!r} not found")
        content = self.files[path]
        return io.BytesIO(content.encode() if isinstance(content, str) else content)

    def matching(self, pattern: str, /) -> list[str]:
        return sorted(name for name in self.files if fnmatchcase(name, pattern))

    def shown(self, path: str) -> str:
        return path


def read_with(text: str, beside: Beside) -> Manifest:
    return read_manifest(lambda: io.BytesIO(text.encode()), FILE, beside)


def made(jobs: str, files: Mapping[str, Content] | None = None, head: str = JOBS) -> list[Entry]:
    """What comes of some jobs, written below `jobs:`."""
    manifest = read_with(head + jobs, Beside(files or {}))
    assert manifest.problems == ()
    found = list(manifest.entries())
    assert len(found) == manifest.jobs
    return found


def keys(jobs: str, files: Mapping[str, Content] | None = None, head: str = JOBS) -> list[str]:
    return [entry.job.key for entry in made(jobs, files, head)]


def prompts(jobs: str, files: Mapping[str, Content] | None = None, head: str = JOBS) -> list[str]:
    return [entry.job.prompt for entry in made(jobs, files, head)]
