"""Another key for a job, without paying: `nightreel mv`.

Order, so that a death anywhere loses nothing: first the ledger, in one transaction that gives all takes the
new key and remembers that files must follow. From then on a run with the new key sends nothing, and what is
in flight comes home under it. Then the files, each by a rename that may be done again; then log and copy, of
which a lost ledger is made again; and only then is it on record as done. Files first would leave a ledger
that looks for clips under a name they no longer bear, and asks the gateway for them. Whoever comes next, `mv`
or a run, goes on where it stopped.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from pipeline.errors import DiskFullError, LedgerError
from pipeline.events import JobRenamed, LedgerSaved, Listener, Trouble
from pipeline.ledger.base import Ledger, Pair
from pipeline.offload import Offload
from pipeline.storage.base import Storage


def renamed_note(pair: Pair, folder: Path) -> str:
    """What a run says before it pays for a job that only has another key."""
    mv = f"nightreel mv {shlex.quote(str(folder))} {pair.old} {pair.new}"
    return (
        f"{pair.old!r} is no longer in the manifest, and {pair.new!r} asks for the same: `{mv}` keeps its"
        " clip; `nightreel plan` shows all such jobs"
    )


async def rename(ledger: Ledger, storage: Storage, disk: Offload, tell: Listener, old: str, new: str) -> int:
    """Give a job another key, in the ledger and in its folder; how many takes it has is returned."""
    count = await ledger.rename(old, new)
    await finish_renames(ledger, storage, disk, tell)
    return count


async def finish_renames(ledger: Ledger, storage: Storage, disk: Offload, tell: Listener) -> None:
    """Bring to an end what was begun, in this process or in one that died. Under the batch's lock."""
    for begun in await ledger.renames():
        await disk(storage.rename, begun.old, await ledger.takes_of(begun.new))
        tell(JobRenamed(old=begun.old, new=begun.new))
        try:
            tell(LedgerSaved(run=await ledger.save_copy()))  # the older copy knows the old key alone
        except (DiskFullError, LedgerError) as exc:
            tell(Trouble(event="ledger.not_saved", message=f"no copy of the ledger was made: {exc}"))
        await ledger.end_rename(begun)
