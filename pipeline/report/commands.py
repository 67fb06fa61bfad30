"""Commands to paste from the report. Keys and paths come from outside, so each word is quoted for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.advice import is_rehearsal
from pipeline.model import Take


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Of one batch. `folder` and `manifest` as they are reached from where the commands will be typed."""

    folder: Path
    manifest: Path | None

    def run(self, *options: str) -> str:
        """Go on with the batch."""
        rehearse = ("--rehearse",) if is_rehearsal(self.folder) else ()
        output = self.folder.parent.parent if rehearse else self.folder.parent
        where = () if output == Path("output") else ("--output", str(output))
        manifest = "MANIFEST" if self.manifest is None else str(self.manifest)
        return _line("run", [manifest], *where, *rehearse, *options)

    def redo(self, keys: Sequence[str]) -> str:
        return _line("redo", [str(self.folder), *keys])

    def resolve(self, take: Take | None, *options: str) -> str:
        """None: of a take that is not known yet, so the line ends before its job key."""
        if take is None:
            return _line("resolve", [str(self.folder)])
        which = ("--take", take.version) if take.replaced else ()
        return _line("resolve", [str(self.folder), take.job.key], *which, *options)


def _line(command: str, words: Sequence[str], *options: str) -> str:
    """Options first where a word would be taken for one."""
    if any(word.startswith("-") for word in words):
        return shlex.join(["nightreel", command, *options, "--", *words])
    return shlex.join(["nightreel", command, *words, *options])
