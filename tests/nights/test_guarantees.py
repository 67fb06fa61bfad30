"""docs/guarantees.md is true: every row of its first table is played, and every test it names is there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from nights.world import SimWorld
from support.night import Night
from support.pages import DOCS, missing, named_in

from pipeline.model import TakeState
from pipeline.sim import read_scenario
from pipeline.sim.faults import FAULTS

PAGE = DOCS / "guarantees.md"
DIALECTS = ("cometapi", "xai", "globalaiopc")
BROKEN_OFF = ", broken off once"
ON_ITS_WAY = {TakeState.PLANNED, TakeState.ACCEPTED, TakeState.READY, TakeState.DONE}
BREAK = {"fault": "truncate", "phase": "download", "job": "*fox*", "attempts": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault in one phase, and what the page says of it. An end per dialect; several where they differ."""

    name: str
    fields: str
    phase: str
    broken_off: bool
    lasting: frozenset[str]
    afterwards: frozenset[str]
    paid: int

    @property
    def faults(self) -> list[dict[str, object]]:
        own = {"fault": self.name, "phase": self.phase, "job": "*fox*", **yaml.safe_load(self.fields)}
        return [own, BREAK] if self.broken_off else [own]


def table(title: str) -> list[list[str]]:
    """The cells of a section's rows, without its head."""
    section = PAGE.read_text("utf-8").partition(f"## {title}")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def rows() -> list[Row]:
    found = []
    for faults, phases, _, lasting, afterwards, paid in table("Faults of gateway, network and file host"):
        for name, fields in re.findall(r"`(\w+) (\{[^`]*\})`", faults):
            for phase in phases.removesuffix(BROKEN_OFF).split(", "):
                row = Row(
                    name=name,
                    fields=fields,
                    phase=phase,
                    broken_off=phases.endswith(BROKEN_OFF),
                    lasting=frozenset(lasting.split(" or ")),
                    afterwards=frozenset(afterwards.split(" or ")),
                    paid=int(paid),
                )
                found.append(row)
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.name} {row.fields} {row.phase}")
def test_every_row_is_true(row: Row, tmp_path: Path) -> None:
    """Under the fault, and after it, in each dialect: the state, what was paid, and a neighbour unharmed.

    The file host has no dialect.
    """
    lasting, afterwards = set(), set()
    for dialect in DIALECTS[:1] if row.phase == "download" else DIALECTS:
        night, world = a_night(row, dialect, tmp_path / dialect)

        night.run()
        lasting.add(night.states()["fox"])
        told_why(night)
        assert world.gateway.bill()["faults"], "the fault did nothing"
        night.sleep(600)
        world.heal()
        night.run()

        afterwards.add(night.states()["fox"])
        told_why(night)
        assert night.states()["owl"] == "done"
        paid = {job.prompt: 0 for job in world.jobs} | {"A fox.": 0}
        for job in world.jobs:
            paid[job.prompt] += 1
        assert paid == {"A owl.": 1, "A fox.": row.paid}
        night.sound()

    assert lasting == row.lasting
    assert afterwards == row.afterwards


def a_night(row: Row, dialect: str, folder: Path) -> tuple[Night, SimWorld]:
    folder.mkdir()
    scenario = read_scenario(yaml.safe_dump({"render_s": 20, "faults": row.faults}), "row")
    world = SimWorld(scenario, provider=dialect)
    limits = {"job_deadline": "10m"}
    night = Night(folder, ["owl", "fox"], world, limits, provider=dialect, base_url=world.base_url)
    return night, world


def told_why(night: Night) -> None:
    """What ended without a clip has a reason; what has none is on its way."""
    for take in night.takes():
        assert take.reason or take.state in ON_ITS_WAY, take


def test_every_fault_of_the_laboratory_has_its_row() -> None:
    played = {(row.name, row.phase) for row in rows()}

    assert {(name, phase) for name, kind in FAULTS.items() for phase in kind.phases} == played


def test_every_test_that_the_page_names_exists() -> None:
    cells = [
        row[-1] for title in ("Faults that hit everybody", "Faults of this machine") for row in table(title)
    ]

    for cell in cells:
        assert named_in(cell), f"a row without a test: {cell!r}"
        assert missing(named_in(cell)) == []
