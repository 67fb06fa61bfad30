"""The page about the simulator names what there is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pipeline.sim import shipped_scenarios
from pipeline.sim.faults import FAULTS
from pipeline.sim.faults.base import Fault, Target

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
COMMON = {item.name for item in dataclasses.fields(Fault)}
DEFAULT = {True: "yes", False: "no"}


def row_of(name: str) -> list[str]:
    """The cells of the one row about a fault."""
    faults = PAGE.read_text(encoding="utf-8").partition("## Faults")[2]
    rows = [line.split("|")[1:-1] for line in faults.splitlines() if line.startswith("|")]
    (row,) = [[cell.strip() for cell in row] for row in rows if f"`{name}`" in row[0]]
    return row


@pytest.mark.parametrize("name", FAULTS)
def test_the_table_has_every_fault_with_its_phases_and_fields(name: str) -> None:
    kind = FAULTS[name]
    fault = kind(target=Target(phases=frozenset(kind.phases)))

    _, phases, fields, accepted, _ = row_of(name)

    named = set(kind.phases) if phases.startswith("all") else {one for one in kind.phases if one in phases}
    own = {item.name for item in dataclasses.fields(kind)} - COMMON
    assert named == set(kind.phases)
    assert ("per job" in phases) == kind.per_job
    assert all(f"`{field}`" in fields for field in own) or "the same two" in fields
    if "accepted" in own:
        assert accepted == f"as set ({DEFAULT[fault.accepts]})"
    elif "submit" in kind.phases and name != "moderated":
        assert accepted == DEFAULT[fault.accepts]
    elif name != "moderated":
        assert accepted == "yes"


def test_every_shipped_scenario_is_named() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [name for name in shipped_scenarios() if f"| `{name}` |" not in page] == []
