"""The wire formats the simulator speaks, one file each; all of them on one port, told apart by path.

A new one is a file with a class like `CometApi` and one entry in `DIALECTS`.
"""

from __future__ import annotations

from pipeline.sim.dialects.base import Dialect
from pipeline.sim.dialects.cometapi import CometApi
from pipeline.sim.dialects.globalaiopc import GlobalAiOpc
from pipeline.sim.dialects.xai import Xai

DIALECTS: tuple[Dialect, ...] = (CometApi(), Xai(), GlobalAiOpc())

__all__ = ["DIALECTS", "Dialect"]
