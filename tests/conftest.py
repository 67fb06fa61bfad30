"""What all tests share: nothing of the person who runs them is read, or written to."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

STARTING = ("e2e", "crash")
"""Folders whose tests start commands: what they share is expensive, so each of them is for one worker."""
LONG = ("nights", "engine", "api")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Checked pictures are remembered in a cache of the session's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts commands comes first, and what takes longest next.

    The rest goes file by file to whoever is free, so that no worker is long alone in the end.
    """
    items.sort(key=lambda item: _rank(item.path.parent.name))
    for item in items:
        folder = item.path.parent.name
        shared = folder in STARTING or folder == "browser"
        group = folder if shared else f"{folder}/{item.path.stem}"
        item.add_marker(pytest.mark.xdist_group(group))


def _rank(folder: str) -> int:
    order = (*STARTING, *LONG)
    return order.index(folder) if folder in order else len(order)
