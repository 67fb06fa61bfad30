"""The command `nightreel`: faces over `pipeline.run_manifest` and the ledger, one file per command."""

from pipeline.cli.app import main

__all__ = ["main"]
