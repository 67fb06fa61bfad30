"""Whether a folder lies on a network file system, where SQLite's locks and syncs cannot be trusted.

Two machines could both hold such a ledger, and a commit that returned may not be on any disk
(https://www.sqlite.org/useovernet.html; WAL does not work there: https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath

NETWORK = frozenset(
    {
        *("nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs"),
        *("ncpfs", "afs", "ceph", "glusterfs", "lustre", "beegfs", "gpfs", "orangefs"),
        *("fuse.sshfs", "fuse.ceph", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.davfs", "macfuse"),
    }
)


def network_kind(folder: Path) -> str | None:
    """The kind of network file system that the folder (or the first above it that is there) lies on."""
    import psutil

    place = folder.absolute()
    while not place.exists():
        place = place.parent
    mounts = ((mount.mountpoint, mount.fstype) for mount in psutil.disk_partitions(all=True))
    kind = kind_at(place.resolve(), mounts)
    return kind if kind in NETWORK else None


def kind_at(place: PurePath, mounts: Iterable[tuple[str, str]]) -> str | None:
    """The file system of the innermost mount above a place; of two at one point the later hides the other."""
    kind, depth = None, -1
    for point, found in mounts:
        parts = PurePath(point).parts
        if place.parts[: len(parts)] == parts and len(parts) >= depth:
            kind, depth = found.lower(), len(parts)
    return kind
