"""Reads manifests from text, for the tests of this folder."""

from __future__ import annotations

import io

from pipeline.manifest import Entry, Manifest, read_manifest

FILE = "clips.yaml"
JOBS = "version: 1\njobs:\n"  # the first job stands on line 3


def read(text: str | bytes) -> Manifest:
    data = text.encode() if isinstance(text, str) else text
    return read_manifest(lambda: io.BytesIO(data), FILE)


def lines(text: str | bytes) -> list[str]:
    """The problems as a person sees them, but for the file's name."""
    return [str(problem).removeprefix(f"{FILE}:") for problem in read(text).problems]


def entries(text: str | bytes) -> list[Entry]:
    """The jobs of a manifest without problems."""
    manifest = read(text)
    assert manifest.problems == ()
    return list(manifest.entries())


def entry(text: str | bytes) -> Entry:
    (only,) = entries(text)
    return only
