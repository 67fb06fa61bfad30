"""Batch folders with clips in them, as runs leave them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.model import Take
from pipeline.storage.local import LocalStorage

OLD, NEW = b"the older clip " * 1000, b"the newer clip, longer " * 1000


def side_of(take: Take) -> dict[str, Any]:
    return {"label": take.label, "sha256": take.sha256, "job": take.job.key}


def a_storage(folder: Path) -> LocalStorage:
    storage = LocalStorage(folder)
    storage.prepare()
    return storage


def sealed(storage: LocalStorage, take: Take, content: bytes) -> None:
    """The take's part file, whole and durable."""
    part = storage.open_part(take)
    try:
        part.write(content)
        assert part.seal() == take.sha256
    finally:
        part.close()


def placed(storage: LocalStorage, take: Take, content: bytes, *others: Take) -> Path:
    """The take's clip in its place; `others` are the takes of the same job that the ledger knows."""
    sealed(storage, take, content)
    return storage.place(take, side_of(take), labels_of(take, *others))


def labels_of(*takes: Take) -> dict[str, str]:
    return {take.sha256: take.label for take in takes if take.sha256 is not None}


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def clips(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in files(folder).items() if name.endswith(".mp4")}


def side_labels(folder: Path) -> dict[str, str]:
    """Which take each side file speaks of."""
    return {
        name: json.loads(content)["label"]
        for name, content in files(folder).items()
        if name.endswith(".json")
    }


def look_of(take: Take) -> tuple[str, int | None]:
    """What a look at a take's clip needs to know."""
    return take.job.key, take.size_bytes
