"""Which jobs of a manifest a run may send: `--only`, `--tag` and `--limit`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pipeline.errors import UsageError
from pipeline.model import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Jobs with one of the tags and a key like one of the globs; of these the first `limit`.

    The same selection means the same jobs on a rerun.
    """

    only: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    limit: int | None = None

    def matches(self, job: Job) -> bool:
        named = not self.only or any(fnmatchcase(job.key, glob) for glob in self.only)
        return named and (not self.tags or not set(self.tags).isdisjoint(job.tags))

    def refuse_none(self, *manifests: Iterator[Job]) -> None:
        """Raises UsageError if it leaves no job at all, in any of the manifests."""
        if (self.only or self.tags) and not any(self.matches(job) for jobs in manifests for job in jobs):
            wanted = [*(f"--only {glob}" for glob in self.only), *(f"--tag {tag}" for tag in self.tags)]
            whose = "the manifest" if len(manifests) == 1 else f"the {len(manifests)} manifests"
            raise UsageError(f"no job of {whose} matches {' '.join(wanted)}")


ALL = Selection()
