"""What all tests share: nothing of the person who runs them is read, or written to."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Checked pictures are remembered in a cache of the session's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of two workers one takes what starts commands, and shares what is expensive, the other the rest."""
    for item in items:
        starts = item.path.parent.name in ("crash", "e2e")
        item.add_marker(pytest.mark.xdist_group("commands" if starts else "fast"))
