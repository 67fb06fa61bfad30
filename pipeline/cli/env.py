"""`--env-file`: keys and addresses from a file, instead of from the shell's environment.

The file is in dotenv form: `NAME=value` lines, comments, quotes, `export` in front. `$` stays `$`. What it
says goes before the environment, as a flag does; a name that it sets to nothing is empty, also where the
environment has a value. It reaches what a run looks up by name: keys, base URLs, proxies and certificates.
Values are never shown.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from pipeline.cli.app import say
from pipeline.errors import UsageError
from pipeline.providers import PROVIDERS

MAX_BYTES = 1 << 20
NOTIFY_ENV = "NIGHTREEL_NOTIFY"  # URLs that hold tokens
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE_END = re.compile(r"\r\n|\n|\r")


def environment(file: Path | None) -> Mapping[str, str]:
    """The process's environment with the file's values on top; None: the environment alone.

    Raises UsageError that names file and line. Warns on stderr where others can read a key in it.
    """
    if file is None:
        return os.environ
    text, mode = _read(file)
    values = parsed(text, file)
    keys = [provider.capabilities.key_env for provider in PROVIDERS.values()] + [NOTIFY_ENV]
    if stat.S_ISREG(mode) and mode & 0o077 and any(values.get(key) for key in keys):
        say(f"warning: {file} holds a key, and others on this machine can read it: chmod 600 {file}")
    return {**os.environ, **values}


def _read(file: Path) -> tuple[str, int]:
    """Text and mode. Also of a pipe, so that a password manager can write it: `--env-file <(...)`."""
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as exc:
        raise UsageError(f"env file {file} not found") from exc
    except IsADirectoryError as exc:
        raise UsageError(f"env file {file} is a folder: name a file in it") from exc
    except OSError as exc:
        raise UsageError(f"env file {file} cannot be read: {exc.strerror}") from exc
    if len(data) > MAX_BYTES:
        raise UsageError(f"env file {file} is larger than {MAX_BYTES >> 20} MiB: that is no list of settings")
    if b"\0" in data:
        raise UsageError(f"{file}:{_line(data, data.index(0))}: a NUL byte: this is not a text file in UTF-8")
    try:
        return data.decode("utf-8-sig"), mode
    except UnicodeDecodeError as exc:
        raise UsageError(f"{file}:{_line(data, exc.start)}: not text in UTF-8") from None


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def parsed(text: str, file: Path) -> dict[str, str]:
    """The values by name, the last one where a name comes twice. `file` is for errors alone."""
    from dotenv.parser import (
        parse_stream,
    )  # not dotenv_values: it goes on over a bad line, and knows no lines

    values: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        name, value, written = binding.key, binding.value, binding.original.string
        if name is None and not binding.error:
            continue  # a comment, or nothing
        if name is None or value is None or not _NAME.fullmatch(name):
            blank = written[: len(written) - len(written.lstrip())]
            line = binding.original.line + len(_LINE_END.findall(blank))
            raise UsageError(f"{file}:{line}: expected NAME=value, # and a comment, or an empty line")
        values[name] = value
    return values
