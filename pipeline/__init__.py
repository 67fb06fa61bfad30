"""Nightreel: a manifest of prompts and images in, finished and checked MP4 files out.

    from pipeline import RunOptions, run_manifest

    result = await run_manifest("teasers.yaml", RunOptions(max_in_flight=10), on_event=print)

The names are loaded on first use: the command line must be able to print its help without an HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pipeline.version import __version__

if TYPE_CHECKING:
    from pipeline.choices import RunOptions
    from pipeline.runner import RunResult
    from pipeline.selection import Selection
    from pipeline.together import BatchFailure, RunsResult
    from pipeline.wiring import run_manifest, run_manifests

__all__ = [
    "BatchFailure",
    "RunOptions",
    "RunResult",
    "RunsResult",
    "Selection",
    "__version__",
    "run_manifest",
    "run_manifests",
]
_HOMES = {
    "BatchFailure": "pipeline.together",
    "RunsResult": "pipeline.together",
    "run_manifests": "pipeline.wiring",
    "RunOptions": "pipeline.choices",
    "RunResult": "pipeline.runner",
    "Selection": "pipeline.selection",
    "run_manifest": "pipeline.wiring",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
