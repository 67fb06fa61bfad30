"""Runs that buy nothing: on a simulator of their own, which serves as long as they last.

With the provider `sim`, and to rehearse a manifest of any other. Owns how such a run finds its gateway, and
how fast it goes. The world lies in the batch folder, so that a rerun finds its jobs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pipeline import sim
from pipeline.config import Settings, resolve
from pipeline.errors import UsageError
from pipeline.manifest.shapes import Limits
from pipeline.model import SIM_ORIGIN
from pipeline.providers import SIM
from pipeline.providers.base import Capabilities, Provider

WORLD = ".sim"


def journal_of(folder: Path) -> Path:
    """Where the simulator of a batch keeps what it accepted, one JSON line each."""
    return folder / WORLD / "journal.jsonl"


def scenario_named(name: str | Path) -> sim.Scenario:
    """A shipped scenario, or that of a file. Raises UsageError with what is wrong."""
    try:
        return sim.load_scenario(name)
    except sim.ScenarioError as exc:
        raise UsageError(f"scenario {exc}") from exc


@contextmanager
def simulated(
    provider: Provider, limits: Limits, folder: Path, rehearse: str | Path | None = None
) -> Iterator[Settings]:
    """Settings of a run that has the embedded simulator for a gateway. Raises UsageError.

    `rehearse`: the scenario of a rehearsal.
    """
    facts, scenario = provider.capabilities, None
    if rehearse is not None:
        scenario = scenario_named(rehearse)
        facts, limits = _quick(facts, limits)
    with _simulator(folder / WORLD, scenario) as served:
        address = served.base_url + urlsplit(facts.base_url).path  # GlobalAiOpc's has a prefix, also here
        env = {facts.key_env: served.key, facts.base_url_env: address}
        yield replace(resolve(provider.name, facts, limits, env), origin=SIM_ORIGIN)


def _quick(facts: Capabilities, limits: Limits) -> tuple[Capabilities, Limits]:
    """The same, at the simulator's pace: what spares a vendor's account would only make a rehearsal long."""
    names = ("submit_per_s", "submit_known", "poll_per_s", "poll", "longest_s")
    rates = {name: getattr(SIM, name) for name in names}
    limits = replace(limits, submit_per_s=None, poll_per_s=None, poll_min_s=None, share=None)
    return replace(facts, **rates), limits


@contextmanager
def _simulator(world: Path, scenario: sim.Scenario | None) -> Iterator[sim.EmbeddedSimulator]:
    simulator = sim.EmbeddedSimulator(world, scenario=scenario)
    try:
        simulator.start()
    except (sim.WorldFolderError, OSError) as exc:
        raise UsageError(f"the simulator cannot start: {exc}") from exc
    try:
        yield simulator
    finally:
        simulator.close()
