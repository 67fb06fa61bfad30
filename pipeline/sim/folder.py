"""A world's folder: journal of acceptances, key and secret, small pictures, clip cache.

  journal.jsonl   one line per acceptance, written and flushed before the answer is sent
  world.json      key and secret, mode 0600
  pictures/       <digest>.jpg, what was sent inside a submission, made small
  clips/          encoded files; may be deleted at any time

A process killed in the middle of a line leaves a torn last line. Its answer was never sent and its
bill never reported, so opening drops that line. The journal is locked while a simulator uses it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.sim.pictures import Picture
from pipeline.sim.values import checked, types_of
from pipeline.sim.world import Job

_FIELDS = types_of(Job)


class WorldFolderError(Exception):
    """The folder is in use, or holds something that is not a world of this simulator."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a world one world over restarts."""

    key: str
    secret: bytes


class WorldFolder:
    """An open world folder: `identity`, the jobs found in it, and where new ones are written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clips = path / "clips"
        self._pictures = path / "pictures"
        try:
            for folder in (path, self.clips, self._pictures):
                folder.mkdir(parents=True, exist_ok=True)
            self._journal = (path / "journal.jsonl").open("a+b", buffering=0)
        except OSError as exc:
            raise WorldFolderError(f"{path} cannot hold a world: {exc.strerror}") from exc
        try:
            _lock(self._journal.fileno(), path)
            self.identity = _identity(path / "world.json")
            self.jobs = tuple(self._load())
        except BaseException:
            self._journal.close()
            raise

    def keep(self, job: Job, picture: Picture | None) -> None:
        """Put an acceptance on record. Raises `OSError` when it could not be written."""
        if picture is not None:
            write_whole(self.picture_path(picture.digest), picture.jpeg)
        line = json.dumps(asdict(job), ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        self._append(line)

    def picture_path(self, digest: str) -> Path:
        return self._pictures / f"{digest}.jpg"

    def close(self) -> None:
        self._journal.close()

    def _append(self, line: bytes) -> None:
        """All of the line or none of it: half of one would spoil the next."""
        end = self._journal.seek(0, os.SEEK_END)
        try:
            written = self._journal.write(line)
        except OSError:
            written = 0
        if written != len(line):
            self._journal.truncate(end)
            raise OSError(f"{self.path}: the journal could not be written")

    def _load(self) -> Iterator[Job]:
        self._journal.seek(0)
        data = self._journal.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._journal.truncate(whole)
        for number, line in enumerate(data[:whole].splitlines(), 1):
            try:
                yield _acceptance(json.loads(line))
            except (ValueError, TypeError, RecursionError) as exc:
                raise WorldFolderError(
                    f"{self.path}/journal.jsonl:{number}: not an acceptance: {exc}"
                ) from exc


def _acceptance(fields: dict[str, Any]) -> Job:
    """The job of one line, each field of its type. Raises ValueError, TypeError."""
    job = Job(**fields)
    for name, kind in _FIELDS.items():
        checked(getattr(job, name), kind)
    return job


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees all of it or none; only the owner may read it."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(data)
    part.replace(path)


def _lock(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise WorldFolderError(f"{path}: another simulator uses this world") from exc


def _identity(path: Path) -> Identity:
    if not path.exists():
        new = {"key": f"sim-{secrets.token_hex(16)}", "secret": secrets.token_hex(32)}
        write_whole(path, json.dumps(new).encode())
    try:
        value = json.loads(path.read_bytes())
        return Identity(checked(value["key"], str), bytes.fromhex(value["secret"]))
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise WorldFolderError(f"{path}: not a world of this simulator: {exc}") from exc
