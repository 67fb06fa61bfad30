"""What a process that holds a key sees to before it does anything else."""

from __future__ import annotations

import logging
import resource

from pipeline.shown import shown


def leave_no_core() -> None:
    """No core dump, which would hold the key and lie on disk for long.

    The soft limit alone. `PR_SET_DUMPABLE` would say more, but only to Linux, and it takes from the user what
    helps in need: debuggers, and most of `/proc/<pid>`. systemd's collector of dumps obeys the limit, too.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def show_what_libraries_say() -> None:
    """Asyncio logs errors that nobody awaits, with all that is in them."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(Shown())


class Shown(logging.Formatter):
    """Lines that may be shown."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(shown, super().format(record).splitlines()))
