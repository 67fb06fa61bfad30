"""The wire formats the simulator speaks, one file each; all of them on one port, told apart by path.

A new one is a file with a class like `CometApi` and one entry in `DIALECTS`.
"""

from __future__ import annotations

from pipeline.sim.dialects.base import Dialect
from pipeline.sim.dialects.cometapi import CometApi

DIALECTS: tuple[Dialect, ...] = (CometApi(),)

__all__ = ["DIALECTS", "Dialect"]
