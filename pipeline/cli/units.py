"""Units for systemd and lines for cron that run a manifest every night. Pure: paths and times in, text out.

Words are quoted for whoever reads them: systemd expands `%` and `$`, cron ends a command at `%` and hands
the rest to a shell.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import PurePath

from pipeline.errors import EXIT_MEANS, UsageError

MADE_BY = "made by `nightreel schedule`"
NO_FAULT = (1, 4, 143)  # exit codes that say nothing bad of machine, account or set-up
MOST_CRON_CHARS = 990  # cron cuts a longer command
_PLAIN = re.compile(r"[\w./:=@+,-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_OWN_TMP = ("/tmp", "/var/tmp")  # noqa: S108 - where a unit would see its own
_READ_ONLY = ("/usr", "/boot", "/efi", "/etc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nightly:
    """What is run each night. All paths are absolute."""

    name: str  # of the units
    user: str
    program: Sequence[str]  # the words in front of `run`
    run: Sequence[str]
    collect: Sequence[str]
    at: time
    collect_at: time | None
    output: PurePath
    paths: Sequence[PurePath]  # what is read, and the output


# --- systemd


def systemd_units(nightly: Nightly) -> Mapping[str, str]:
    """Unit files by name: a service and a timer for the run, and for the collecting after it."""
    name = nightly.name
    units = {
        f"{name}.service": _service(nightly, "make what is missing", nightly.run),
        f"{name}.timer": _timer(name, nightly.at),
    }
    if nightly.collect_at is not None:
        units[f"{name}-collect.service"] = _service(nightly, "bring home what rendered on", nightly.collect)
        units[f"{name}-collect.timer"] = _timer(f"{name}-collect", nightly.collect_at)
    return {file: f"# {file}, {MADE_BY}\n{text}" for file, text in units.items()}


def _service(nightly: Nightly, what: str, words: Sequence[str]) -> str:
    harmless = ", ".join(f"{code} {EXIT_MEANS[code]}" for code in NO_FAULT)
    return f"""\
[Unit]
Description=Nightreel: {what} ({nightly.name})
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={nightly.user}
ExecStart={systemd_command([*nightly.program, *words])}
# No fault of this machine: {harmless}.
# Any other code leaves the unit failed: `systemctl --failed` shows it, OnFailure= can act on it.
SuccessExitStatus={" ".join(map(str, NO_FAULT))}
# What was not made, the next night makes; by then credits or network may be back.
Restart=no
# A stop is safe: what is under way is recorded within ten seconds.
TimeoutStopSec=30
{_hardening(nightly)}"""


def _hardening(nightly: Nightly) -> str:
    """Nothing that could keep a run from its own files, wherever they lie."""
    lines = ["NoNewPrivileges=yes"]
    if not _any_below(nightly.paths, _OWN_TMP):
        lines.append("PrivateTmp=yes")
    if not _any_below([nightly.output], _READ_ONLY):
        lines.append("ProtectSystem=full")
    more = ("ProtectControlGroups", "ProtectKernelModules", "ProtectKernelTunables", "RestrictSUIDSGID")
    lines += [f"{name}=yes" for name in (*more, "LockPersonality")]
    return "\n".join(lines) + "\n"


def _any_below(paths: Sequence[PurePath], folders: Sequence[str]) -> bool:
    return any(path.is_relative_to(folder) for path in paths for folder in folders)


def _timer(name: str, at: time) -> str:
    return f"""\
[Unit]
Description=Nightreel: {name}, every night

[Timer]
OnCalendar=*-*-* {at:%H:%M}:00
AccuracySec=1min
# Was the machine off then, it is made up for at the next start.
Persistent=true

[Install]
WantedBy=timers.target
"""


def systemd_command(words: Sequence[str]) -> str:
    """A value for `ExecStart=`. In the program's own path, systemd knows no variables.

    Source: systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers".
    """
    program, *rest = words
    return " ".join([_systemd_word(program, "$"), *(_systemd_word(word, "$$") for word in rest)])


def _systemd_word(word: str, dollar: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    escaped = _one_line(word).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + escaped.replace("$", dollar) + '"'


# --- cron


def crontab(nightly: Nightly) -> str:
    """Lines for `crontab -e`. Raises UsageError where cron would cut one."""
    lines = [
        f"# {nightly.name}, {MADE_BY}: add these lines with `crontab -e`",
        "# cron mails what a command says: nothing after a night without a hitch, else what went wrong, and",
        "# one line that sums it up with exit code and next step. To whom:",
        "# MAILTO=you@example.org",
        _cron_line(nightly.at, [*nightly.program, *nightly.run]),
    ]
    if nightly.collect_at is not None:
        lines.append(_cron_line(nightly.collect_at, [*nightly.program, *nightly.collect]))
    return "\n".join(lines) + "\n"


def _cron_line(at: time, words: Sequence[str]) -> str:
    command = cron_command(words)
    if len(command) > MOST_CRON_CHARS:
        raise UsageError(
            f"cron cuts commands of more than {MOST_CRON_CHARS} characters, and this one has {len(command)}:"
            " shorten paths, name a folder of manifests, or use --format systemd"
        )
    return f"{at.minute} {at.hour} * * * {command}"


def cron_command(words: Sequence[str]) -> str:
    """The words for cron's shell. cron takes the backslash away in front of `%`, also within quotes."""
    return shlex.join([_one_line(word) for word in words]).replace("%", "\\%")


def _one_line(word: str) -> str:
    if _CONTROL.search(word):
        raise UsageError(f"neither systemd nor cron takes a line break or control character: {word!r}")
    return word
