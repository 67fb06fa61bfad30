"""The simulator as a program of its own, for `nightreel sim`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.sim.scenario import ClipMode, Scenario
from pipeline.sim.server import SimServer


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """How to serve. Without `world` the jobs are forgotten at the end; None leaves it to the scenario."""

    host: str = "127.0.0.1"
    port: int = 8787  # 0: any free one, see `ready`
    key: str = "sim-key"
    seed: int = 0
    scenario: Scenario = field(default_factory=Scenario)
    world: Path | None = None
    clips: ClipMode | None = None
    render_s: float | None = None
    link_life_s: float | None = None
    ready: Callable[[str], None] | None = None  # told the base URL once it answers

    def effective_scenario(self) -> Scenario:
        """The scenario with the options on top."""
        rules = self.scenario.rules
        if self.render_s is not None:
            rules = replace(rules, render_s=self.render_s)
        if self.link_life_s is not None:
            rules = replace(rules, link_life_s=self.link_life_s)
        return replace(self.scenario, rules=rules, clips=self.clips or self.scenario.clips)


async def serve(config: ServerConfig) -> None:
    """Serve until cancelled.

    Raises `OSError` if the address cannot be had, `WorldFolderError` for a bad world.
    """
    with contextlib.ExitStack() as stack:
        folder = config.world or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sim-world-")))
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        address = (config.host, config.port)
        listener = stack.enter_context(socket.create_server(address, family=family, backlog=1024))
        server = SimServer(folder, scenario=config.effective_scenario(), seed=config.seed, key=config.key)
        try:
            await server.start(listener)
            if config.ready is not None:
                config.ready(_base_url(listener))
            await asyncio.Event().wait()
        finally:
            await server.close()


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
