"""A simulator of paid video gateways: real HTTP, real clips, a bill, and faults on demand.

It stands alone: written from the vendors' pages, it imports nothing of the pipeline, so that it cannot
share a mistake with what it tests. The inside is pure (`world`, `gateway`, `dialects`); `server` puts it
on a socket; `EmbeddedSimulator` and `serve` are the two ways to use it.

What there is at an address: the gateways' own paths (CometAPI /grok/v1/videos/..., xAI /v1/videos/...,
GlobalAiOpc /kyyReactApiServer/v1/...), result files at /files/<id>.mp4 with a signed query, and, without
a key, /sim/bill and /sim/health. Prompts that steer a job are listed in `world`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.sim.embedded import EmbeddedSimulator
    from pipeline.sim.folder import WorldFolderError
    from pipeline.sim.scenario import Scenario, ScenarioError, load_scenario, read_scenario, shipped_scenarios
    from pipeline.sim.standalone import ServerConfig, serve
    from pipeline.sim.world import WorldRules

__all__ = [
    "EmbeddedSimulator",
    "Scenario",
    "ScenarioError",
    "ServerConfig",
    "WorldFolderError",
    "WorldRules",
    "load_scenario",
    "read_scenario",
    "serve",
    "shipped_scenarios",
]
_HOMES = {
    "EmbeddedSimulator": "embedded",
    "WorldFolderError": "folder",
    "ServerConfig": "standalone",
    "serve": "standalone",
    "WorldRules": "world",
}


def __getattr__(name: str) -> object:
    """Loaded on first use: a run at a real gateway needs no HTTP server."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'scenario')}"), name)
