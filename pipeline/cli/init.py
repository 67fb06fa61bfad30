"""`nightreel init`: a first manifest that runs as it is, with the schema that helps to write the next one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import put
from pipeline.cli.starters import starter
from pipeline.errors import UsageError
from pipeline.manifest.rules import check_batch
from pipeline.manifest.schema import schema_text
from pipeline.providers import provider_named

SCHEMA_NAME = "nightreel.schema.json"


def command(
    file: Annotated[Path, typer.Argument(help="The manifest to write.")] = Path("clips.yaml"),
    provider: Annotated[
        str, typer.Option(help="The gateway to write it for; sim is the built-in simulator: no key, no cost.")
    ] = "sim",
) -> None:
    """Write a commented manifest to start from, and the schema for editors beside it.

    Changes no file that is there already.

    \b
    Examples:
      nightreel init
      nightreel init teasers.yaml --provider cometapi
    """
    text, key = starter(provider), provider_named(provider).capabilities.key_env
    schema = file.parent / SCHEMA_NAME
    _check_name(file)
    if file.exists() or file.is_symlink():
        raise _there(file)
    has_schema = _has_schema(schema)
    _write(file, text)
    put(f"wrote {file}")
    if not has_schema:
        _write(schema, schema_text())
        put(f"wrote {schema} (editors read it to complete and check the manifest)")
    for line in ("", "next:", *_next_steps(shlex.quote(str(file)), None if provider == "sim" else key)):
        put(line)


def _check_name(file: Path) -> None:
    """The file's name becomes the batch's, so it must be one."""
    if file.is_dir():
        raise UsageError(f"{file} is a folder: name a file, for example {file / 'clips.yaml'}")
    if file.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{file} would not be known as YAML: name it {file.name}.yaml, for example")
    try:
        check_batch(file.stem)
    except ValueError as exc:
        raise UsageError(f"{file}: the batch gets the file's name, and {exc}") from None


def _has_schema(schema: Path) -> bool:
    """Whether this very schema is there already. Raises UsageError for another one."""
    if not (schema.exists() or schema.is_symlink()):
        return False
    if not schema.is_file() or schema.read_bytes() != schema_text().encode():
        bring = f"nightreel schema > {shlex.quote(str(schema))}"
        raise UsageError(f"{schema} is there already, of another version: run {bring} first")
    return True


def _write(path: Path, text: str) -> None:
    """Writes a new file, in a new folder if need be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as exc:
        raise UsageError(f"{path} cannot be written: {exc.strerror}") from exc


def _there(path: Path) -> UsageError:
    return UsageError(f"{path} is there already: name another file, or remove this one first")


def _next_steps(file: str, key: str | None) -> list[str]:
    """Commands to copy; `key` is where the gateway's key belongs, None where it needs none."""
    steps = [
        ("nightreel validate " + file, "find mistakes; sends nothing"),
        ("nightreel plan " + file, "see what it would do and cost; sends nothing"),
        ("nightreel run " + file, "make the clips" + ("; this costs money" if key else ", without cost")),
    ]
    if key:
        steps.insert(2, (f"export {key}=...", "your key"))
    width = max(len(line) for line, _ in steps)
    return [f"  {line:<{width}}   # {why}" for line, why in steps]
