"""Clips of one batch in a folder of a local file system.

    clips/<job key>.mp4 .json      the clip the manifest asks for, and its side file
    clips/<label>.part .rejected   on its way; paid for but no clip
    superseded/<label>.mp4 .json   clips of earlier fingerprints or takes, kept for ever
    posters/<label>.webp           a picture of each; of its take, so that no other clip is ever shown with it

Order of a placing: part durable → an older clip of the name gets a second name in superseded/ → side file
→ rename → folder durable. A crash anywhere leaves every clip whole under at least one name.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import re
import shutil
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.durable import sync
from pipeline.errors import DiskFullError
from pipeline.model import Take
from pipeline.shown import shown_json
from pipeline.sniff import HEAD_BYTES
from pipeline.storage.planted import check_folders, is_plain, opened_anew, opened_further

HASH_PIECE_BYTES = 1 << 20
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class LocalStorage:
    """`storage.base.Storage` below a batch folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clips = folder / "clips"
        self._superseded = folder / "superseded"
        self._making = threading.Lock()
        self._clips_text = str(self._clips)
        self._made: set[str] = set()  # folders, by their paths

    def prepare(self) -> None:
        self._make(self._clips)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._folder).free

    def clip_path(self, take: Take) -> Path:
        home = self._clips / take.job.key if take.wanted else self._superseded / take.label
        return _with(home, ".mp4")

    def part_path(self, take: Take) -> Path:
        return _with(self._clips / take.label, ".part")

    def open_part(self, take: Take) -> LocalPart:
        path = self.part_path(take)
        with _room_errors(path):
            self._make(path.parent)
            return LocalPart(path)

    def reject(self, take: Take) -> Path:
        names = (f".{number}.rejected" if number > 1 else ".rejected" for number in itertools.count(1))
        places = (_with(self._clips / take.label, name) for name in names)
        kept = next(place for place in places if not os.path.lexists(place))
        os.replace(self.part_path(take), kept)
        return kept

    def adoptable(self, take: Take) -> tuple[str, int] | None:
        clip = self.clip_path(take)
        side = _read_side(clip)
        if side.get("label") != take.label or not self._is_file(clip):
            return None
        sha256 = file_sha256(clip)
        if sha256 != side.get("sha256"):
            return None
        sync(clip.parent)  # whoever gave it this name may have died before that was durable
        return sha256, clip.stat().st_size

    def standing(self, take: Take) -> tuple[bool, bool]:
        return self.part_path(take).exists(), os.path.lexists(self.clip_path(take))

    def place(self, take: Take, side: Mapping[str, Any], labels: Mapping[str, str]) -> Path:
        clip = self.clip_path(take)
        with _room_errors(clip):
            self._make(clip.parent)
            if take.wanted:
                self._keep_older(clip, labels)
            _write_side(clip, side)
            os.replace(self.part_path(take), clip)
            sync(clip.parent)
        return clip

    def has_clip(self, key: str, size_bytes: int | None) -> bool:
        return self._has_size(
            f"{self._clips_text}/{key}.mp4", size_bytes
        )  # a Path takes longer than the look

    def where(self, take: Take) -> Path | None:
        """Where a take's clip lies, by size: a look, for people, not a proof.

        A take that is not wanted may have lost its name to one just as large, so there the side file counts.
        """
        clip = _with(self._clips / take.job.key, ".mp4")
        if take.wanted and self._has_size(clip, take.size_bytes):
            return clip
        kept = _with(self._superseded / take.label, ".mp4")
        if self._is_file(kept):
            return kept
        is_own = not take.wanted and self._has_size(clip, take.size_bytes) and self._is_of(clip, take)
        return clip if is_own else None

    def _is_of(self, clip: Path, take: Take) -> bool:
        side = _read_side(clip)
        same = side.get("sha256") == take.sha256  # another take's, the same to the bit
        return same or side.get("label", take.label) == take.label

    def bring_back(self, take: Take, labels: Mapping[str, str]) -> bool:
        clip = self.clip_path(take)
        if self._holds(clip, take):
            sync(clip.parent)
            return True
        kept = _with(self._superseded / take.label, ".mp4")
        if not self._holds(kept, take):
            return False
        with _room_errors(clip):
            self._make(clip.parent)
            self._keep_older(clip, labels)
            if _side_path(kept).exists():
                os.replace(_side_path(kept), _side_path(clip))
            os.replace(kept, clip)
            sync(clip.parent)
        return True

    def keep_poster(self, take: Take, webp: bytes) -> None:
        """A picture of the take's clip. Whole or absent, but not made to last: it is worth no wait."""
        poster = self._poster(take.label)
        self._make(poster.parent)
        temporary = _with(poster, ".tmp")
        with open(opened_anew(temporary), "wb") as file:
            file.write(webp)
        os.replace(temporary, poster)

    def _poster(self, label: str) -> Path:
        return _with(self._folder / "posters" / label, ".webp")

    # --- clips of other batches

    def borrow(self, take: Take, folder: Path, theirs: Take) -> bool:
        part = self.part_path(take)
        try:
            source = LocalStorage(folder).where(theirs)
            if source is None:
                return False
            with _room_errors(part):
                self._make(part.parent)
                part.unlink(missing_ok=True)
                _link_or_copy(source, part)
                sync(part)
                sync(part.parent)
            if part.stat().st_size == theirs.size_bytes and file_sha256(part) == theirs.sha256:
                return True
        except DiskFullError:
            part.unlink(missing_ok=True)
            raise
        except OSError:  # it went away meanwhile, or cannot be read: then it is not used
            pass
        part.unlink(missing_ok=True)
        return False

    def borrowed(self, take: Take) -> bool:
        return self._holds(self.part_path(take), take)

    # --- another key

    def rename(self, old: str, takes: Sequence[Take]) -> None:
        if not takes:
            return
        new = takes[0].job.key
        for take in takes:
            was = f"{old}.{take.version}"
            self._move(_with(self._clips / was, ".part"), _with(self._clips / take.label, ".part"))
            self._move_rejected(self._clips / was, self._clips / take.label)
            self._move_clip(self._superseded / was, self._superseded / take.label, old, new)
            self._move(self._poster(was), self._poster(take.label))
        for end in self._unlabelled(old):
            self._move_clip(self._superseded / f"{old}.{end}", self._superseded / f"{new}.{end}", old, new)
        self._move_clip(self._clips / old, self._clips / new, old, new)

    def _move(self, source: Path, target: Path) -> None:
        """Another name for a file. Whatever bears it already is kept under a further one."""
        if not self._is_file(source):
            return
        with _room_errors(target):
            self._make(target.parent)
            if is_plain(target) and not os.path.samefile(source, target):
                self._put_by(target)
            os.replace(source, target)
            if os.path.lexists(source) and not _same_but_case(source, target):
                source.unlink()  # both were names of one file: replacing one by the other does nothing
            sync(target.parent)
            sync(source.parent)

    def _put_by(self, path: Path) -> None:
        if path.suffix == ".mp4" and self._clips in path.parents:
            self._keep_older(path, {})
        else:
            free = (_with(path, f".{number}") for number in itertools.count(2))
            os.replace(path, next(name for name in free if not os.path.lexists(name)))

    def _move_rejected(self, was: Path, label: Path) -> None:
        for number in itertools.count(1):
            end = f".{number}.rejected" if number > 1 else ".rejected"
            source, target = _with(was, end), _with(label, end)
            if not os.path.lexists(source) and not os.path.lexists(target):
                return
            self._move(source, target)

    def _move_clip(self, source: Path, target: Path, old: str, new: str) -> None:
        """A clip and its side file, which names the job.

        The new side file comes first, as in a placing, and the old one goes last: dead in between, the clip
        has one under either name.
        """
        clip, there = _with(source, ".mp4"), _with(target, ".mp4")
        side_file, has_clip = _side_path(clip), self._is_file(clip)
        if has_clip and is_plain(there) and not os.path.samefile(clip, there):
            self._put_by(there)
        if side := _read_side(clip) if has_clip or not is_plain(there) else {}:
            with _room_errors(there):
                self._make(there.parent)
                _write_side(there, _renamed(side, old, new))
        self._move(clip, there)
        if not is_plain(_side_path(there)):  # no side file of ours, whatever it is
            self._move(side_file, _side_path(there))
        elif self._is_file(side_file) and not _same_but_case(side_file, _side_path(there)):
            side_file.unlink()
            sync(side_file.parent)

    def _unlabelled(self, old: str) -> list[str]:
        """What stands behind the key in the names of older clips that belong to no take."""
        home = (self._superseded / old).parent
        found = re.compile(re.escape(Path(old).name) + r"\.([0-9a-f]{8})\.mp4")
        names = os.listdir(home) if home.is_dir() else []
        return sorted(match[1] for match in map(found.fullmatch, names) if match)

    def _keep_older(self, clip: Path, labels: Mapping[str, str]) -> None:
        """Give the clip that bears this name now, if any, a second name in superseded/.

        Known by content, so that a crash half-way through an earlier placing cannot mislabel it.
        """
        if not is_plain(clip):
            return
        sha256 = file_sha256(clip)
        label = labels.get(sha256) or f"{clip.relative_to(self._clips).with_suffix('')}.{sha256[:8]}"
        kept = _with(self._superseded / label, ".mp4")
        self._make(kept.parent)
        side = _read_side(clip)
        if side.get("sha256") == sha256 and side.get("label", label) == label:
            _second_name(_side_path(clip), _side_path(kept))
        _second_name(clip, kept)
        sync(kept.parent)

    def _is_file(self, path: Path) -> bool:
        return self._size(path) is not None

    def _has_size(self, path: Path | str, size_bytes: int | None) -> bool:
        return size_bytes is not None and self._size(path) == size_bytes

    def _size(self, path: Path | str) -> int | None:
        """In bytes, of a file that lies there itself; None where there is none, or a link leads to it."""
        try:
            found = os.lstat(path)
            if not stat.S_ISREG(found.st_mode):
                return None
            folder = os.path.dirname(path)
            if folder not in self._made:
                check_folders(Path(folder), self._folder)
        except OSError:
            return None
        return found.st_size

    def _holds(self, clip: Path, take: Take) -> bool:
        """Whether this file is the take's clip, by size first and content then."""
        return self._has_size(clip, take.size_bytes) and file_sha256(clip) == take.sha256

    def _make(self, folder: Path) -> None:
        """Make a folder whose name is durable before anything in it counts."""
        with self._making:
            if str(folder) not in self._made:
                check_folders(folder, self._folder)
                make_folder(folder, self._folder)
                self._made.add(str(folder))


class LocalPart:
    """`storage.base.Part`: appends, and hashes as it goes, so that nothing is read twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = opened_further(path, 0o644)
        self._forget()
        with open(self._fd, "rb", closefd=False) as file:
            while piece := file.read(HASH_PIECE_BYTES):
                self._note(piece)

    def _forget(self) -> None:
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        self.head = b""

    def _note(self, piece: bytes) -> None:
        self._hash.update(piece)
        self.size_bytes += len(piece)
        if len(self.head) < HEAD_BYTES:
            self.head = (self.head + piece[:HEAD_BYTES])[:HEAD_BYTES]

    def write(self, piece: bytes) -> None:
        assert self._fd is not None, "written after it was closed"
        with _room_errors(self.path):
            rest = memoryview(piece)
            while rest:
                rest = rest[os.pwrite(self._fd, rest, self.size_bytes + len(piece) - len(rest)) :]
        self._note(piece)

    def restart(self) -> None:
        assert self._fd is not None, "restarted after it was closed"
        os.ftruncate(self._fd, 0)
        self._forget()

    def seal(self) -> str:
        assert self._fd is not None, "sealed twice"
        with _room_errors(self.path):
            os.ftruncate(self._fd, self.size_bytes)
            os.fsync(self._fd)
            sync(self.path.parent)  # its hash goes on record next, so its name must last, too
        self.close()
        return self._hash.hexdigest()

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def make_folder(folder: Path, top: Path) -> None:
    """Make a folder, and its name durable in those above it, up to `top`."""
    folder.mkdir(parents=True, exist_ok=True)
    while folder != top:
        folder = folder.parent
        sync(folder)


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _with(home: Path, suffix: str) -> Path:
    """`home` with `suffix` behind its name; `Path.with_suffix` would eat a dot of the key."""
    return home.parent / (home.name + suffix)


def _side_path(clip: Path) -> Path:
    return clip.with_suffix(".json")


def _read_side(clip: Path) -> dict[str, Any]:
    path = _side_path(clip)
    try:
        side = json.loads(path.read_text("utf-8")) if is_plain(path) else None
    except (OSError, ValueError):
        return {}
    return side if isinstance(side, dict) else {}


def _write_side(clip: Path, side: Mapping[str, Any]) -> None:
    path = _side_path(clip)
    temporary = _with(path, ".tmp")
    with open(opened_anew(temporary), "w", encoding="utf-8") as file:
        file.write(shown_json(side) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _renamed(side: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """A side file's content under another job key."""
    label = side.get("label")
    begins = isinstance(label, str) and label.startswith(f"{old}.")
    return {**side, "job": new} | ({"label": f"{new}{str(label)[len(old) :]}"} if begins else {})


def _same_but_case(one: Path, other: Path) -> bool:
    """Whether these may be one name to the file system."""
    return str(one).lower() == str(other).lower() and os.path.lexists(one) and os.path.samefile(one, other)


def _link_or_copy(source: Path, target: Path) -> None:
    """A further name for a clip that nobody writes to; its bytes once more where there can be none."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as exc:
        if exc.errno in _NO_ROOM or isinstance(exc, FileNotFoundError):
            raise
        with source.open("rb") as old, open(opened_anew(target), "wb") as new:
            shutil.copyfileobj(old, new, HASH_PIECE_BYTES)


def _second_name(source: Path, name: Path) -> None:
    """A hard link; where the file system has none, the move itself."""
    try:
        os.link(source, name)
    except FileExistsError:
        if not os.path.samestat(name.lstat(), source.lstat()):
            os.replace(source, name)
    except OSError:
        os.replace(source, name)


@contextmanager
def _room_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno in _NO_ROOM:
            raise DiskFullError(f"no room left to write {path.name}: free some space and run again") from exc
        raise
