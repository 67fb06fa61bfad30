"""A ledger on a network file system is refused: its locks and syncs cannot be trusted."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import psutil
import pytest

from pipeline.errors import UsageError
from pipeline.opening import batch_folder
from pipeline.storage.network import kind_at, network_kind

MOUNTS = [("/", "ext4"), ("/home", "NFS4"), ("/home/me/local", "btrfs"), ("/mnt/a b", "cifs")]


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/var/clips", "ext4"),
        ("/home/me/clips", "nfs4"),
        ("/homestead", "ext4"),
        ("/home/me/local/clips", "btrfs"),
        ("/mnt/a b/clips", "cifs"),
    ],
)
def test_the_innermost_mount_counts(place: str, kind: str) -> None:
    assert kind_at(PurePosixPath(place), MOUNTS) == kind


def test_of_two_mounts_at_one_point_the_later_counts() -> None:
    assert kind_at(PurePosixPath("/data/x"), [("/data", "nfs"), ("/data", "ext4")]) == "ext4"


def test_this_machine_can_be_asked(tmp_path: Path) -> None:
    """Temporary files are local wherever tests are run; a folder that is yet to be made is as its parent."""
    assert network_kind(tmp_path / "not" / "there") is None


def test_no_batch_is_begun_on_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anything is made, with what to do."""
    mount = SimpleNamespace(mountpoint=str(tmp_path.resolve()), fstype="nfs4")
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: [mount])

    with pytest.raises(UsageError, match=r"network file system \(nfs4\).*--output"):
        batch_folder(tmp_path / "output", "clips")

    assert list(tmp_path.iterdir()) == []
