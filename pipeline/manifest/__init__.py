"""Manifest: reads the YAML file that says which clips to make, and finds everything wrong with it at once.

In: a way to open the file.  Out: a head, a stream of jobs, and problems with line and column.
Opens nothing itself: images, provider names and what a model can do are checked by others, who say what
they find through `Entry.problem` and `Head.problem`. Contract: docs/manifest.md.
"""

from pipeline.manifest.reader import Manifest, read_manifest
from pipeline.manifest.shapes import Defaults, Entry, Head, Limits

__all__ = ["Defaults", "Entry", "Head", "Limits", "Manifest", "read_manifest"]
