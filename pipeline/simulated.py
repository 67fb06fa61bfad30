"""Runs that buy nothing: on a simulator of their own, which serves as long as they last.

Owns how such a run finds its gateway. The world lies in the batch folder, so that a rerun finds its jobs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pipeline import sim
from pipeline.config import Settings, resolve
from pipeline.errors import UsageError
from pipeline.manifest.shapes import Limits
from pipeline.model import SIM_ORIGIN
from pipeline.providers.base import Provider

WORLD = ".sim"


def journal_of(folder: Path) -> Path:
    """Where the simulator of a batch keeps what it accepted, one JSON line each."""
    return folder / WORLD / "journal.jsonl"


def scenario_named(name: str) -> sim.Scenario:
    """A shipped scenario, or that of a file. Raises UsageError with what is wrong."""
    try:
        return sim.load_scenario(name)
    except sim.ScenarioError as exc:
        raise UsageError(f"scenario {exc}") from exc


@contextmanager
def simulated(provider: Provider, limits: Limits, folder: Path) -> Iterator[Settings]:
    """Settings of a run that has the embedded simulator for a gateway. Raises UsageError."""
    facts = provider.capabilities
    with _simulator(folder / WORLD) as served:
        env = {facts.key_env: served.key, facts.base_url_env: served.base_url}
        yield replace(resolve(provider.name, facts, limits, env), origin=SIM_ORIGIN)


@contextmanager
def _simulator(world: Path) -> Iterator[sim.EmbeddedSimulator]:
    simulator = sim.EmbeddedSimulator(world)
    try:
        simulator.start()
    except (sim.WorldFolderError, OSError) as exc:
        raise UsageError(f"the simulator cannot start: {exc}") from exc
    try:
        yield simulator
    finally:
        simulator.close()
