"""`nightreel schema`: what an editor needs to help with a manifest."""

from __future__ import annotations

from pipeline.manifest.schema import schema_text


def command() -> None:
    """Print the JSON Schema (draft 2020-12) of a manifest, for editors that complete and check YAML.

    A manifest names the schema in its first line; `nightreel init` writes both.

    \b
    Example:
      nightreel schema > nightreel.schema.json
      # yaml-language-server: $schema=nightreel.schema.json
    """
    print(schema_text(), end="")
