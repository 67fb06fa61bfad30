"""Scenarios: YAML files that set up a world, the form of its answers, and its faults.

    name: busy                  # shown at /sim/health
    render_s: 4                 # median, for a 6 s clip
    spread: 0.3                 # sigma of the logarithm of the render time
    link_life_s: 3600
    keep_s: 0                   # how long a finished job is known; 0: for ever
    poll_form: mixed            # flat | envelope | mixed
    clips: small                # real | small
    clip_bytes: 0               # pad every clip to this size
    faults:                     # see docs/simulator.md
      - fault: 429              # a name from faults.FAULTS
        phase: submit           # submit | poll | download, or a list; default: all it can act in
        rate: 0.2               # 0 to 1, per attempt
        seed: 1
        job: "*harbour*"        # shell pattern on prompt or id
        attempts: 1-3           # 2, 1-3 or 2-
        after: 50               # once the gateway has accepted so many jobs
        from_s: 10              # so many seconds after its first request, and
        to_s: 60                # no longer than so many
        retry_after: 2          # the rest are the fault's own fields

Everything may be left out. An unknown name is an error that says where it stands.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml

from pipeline.sim.faults import FAULTS, PHASES, Fault, Target
from pipeline.sim.faults.base import Count, Seconds
from pipeline.sim.values import checked, types_of
from pipeline.sim.world import WorldRules

# PyYAML lets through what its constructors trip over: `2024-99-99`, `!!bool x`, `!!timestamp`, deep nesting.
_NOT_YAML = (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)
PollForm = Literal["flat", "envelope", "mixed"]
ClipMode = Literal["real", "small"]


class ScenarioError(ValueError):
    """A scenario that cannot be used; the text says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One setting of the whole simulator. The defaults are the scenario `calm`."""

    name: str = "calm"
    rules: WorldRules = field(default_factory=WorldRules)
    poll_form: PollForm = "flat"
    clips: ClipMode = "real"
    clip_bytes: int = 0
    faults: tuple[Fault, ...] = ()


def shipped_scenarios() -> tuple[str, ...]:
    """Names of the scenarios that come with the package."""
    folder = resources.files("pipeline.sim") / "scenarios"
    return tuple(sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".yaml")))


def load_scenario(name_or_path: str | Path) -> Scenario:
    """A shipped scenario by its name, or one from a file."""
    if isinstance(name_or_path, str) and name_or_path in shipped_scenarios():
        file = resources.files("pipeline.sim") / "scenarios" / f"{name_or_path}.yaml"
        return read_scenario(file.read_text(encoding="utf-8"), f"{name_or_path}.yaml")
    path = Path(name_or_path)
    try:
        return read_scenario(path.read_text(encoding="utf-8"), str(path), name=path.stem)
    except (OSError, UnicodeDecodeError) as exc:
        known = ", ".join(shipped_scenarios())
        raise ScenarioError(f"{path}: no readable scenario file, and not one of {known}") from exc


def read_scenario(text: str, where: str, *, name: str = "calm") -> Scenario:
    """A scenario from YAML text; `where` begins every error message."""
    try:
        value = yaml.safe_load(text)
    except _NOT_YAML as exc:
        raise ScenarioError(f"{where}: not YAML: {exc}") from exc
    fields = _mapping({} if value is None else value, where)
    rule_names = {item.name for item in dataclasses.fields(WorldRules)}
    _only(fields, rule_names | {"name", "poll_form", "clips", "clip_bytes", "faults"}, where)
    rules = {key: _one(fields[key], Seconds, f"{where}: {key}") for key in rule_names if key in fields}
    return Scenario(
        name=_text(fields.get("name", name), f"{where}: name"),
        rules=WorldRules(**rules),
        poll_form=_one(fields.get("poll_form", "flat"), PollForm, f"{where}: poll_form"),
        clips=_one(fields.get("clips", "real"), ClipMode, f"{where}: clips"),
        clip_bytes=_one(fields.get("clip_bytes", 0), Count, f"{where}: clip_bytes"),
        faults=_faults(fields.get("faults") or [], f"{where}: faults"),
    )


def _faults(value: Any, where: str) -> tuple[Fault, ...]:
    if not isinstance(value, list):
        raise ScenarioError(f"{where}: must be a list")
    return tuple(_fault(_mapping(item, f"{where}[{i}]"), f"{where}[{i}]") for i, item in enumerate(value))


def _fault(value: dict[str, Any], where: str) -> Fault:
    name = str(value.pop("fault", ""))
    if name not in FAULTS:
        raise ScenarioError(f"{where}: unknown fault {name!r}, expected one of {', '.join(FAULTS)}")
    kind = FAULTS[name]
    target = _target(value, kind, where)
    kinds = {key: one for key, one in types_of(kind).items() if key != "target"}
    _only(value, set(kinds), f"{where} ({name})")
    own = {key: _one(item, kinds[key], f"{where} ({name}): {key}") for key, item in value.items()}
    return kind(target=target, **own)


def _target(value: dict[str, Any], kind: type[Fault], where: str) -> Target:
    """Takes the fields of the target out of `value`."""
    named = value.pop("phase", list(kind.phases))
    phases = named if isinstance(named, list) else [named]
    for phase in phases:
        if phase not in kind.phases:
            raise ScenarioError(f"{where}: phase {phase!r}, expected one of {', '.join(kind.phases)}")
    first, last = _attempts(value.pop("attempts", "1-"), f"{where}: attempts")
    return Target(
        phases=frozenset(phase for phase in PHASES if phase in phases),
        job=_text(value.pop("job", "*"), f"{where}: job"),
        first=first,
        last=last,
        after=_one(value.pop("after", 0), Count, f"{where}: after"),
        from_s=_one(value.pop("from_s", 0), Seconds, f"{where}: from_s"),
        to_s=_one(value.pop("to_s", None), Seconds | None, f"{where}: to_s"),
    )


def _attempts(value: Any, where: str) -> tuple[int, int | None]:
    match = re.fullmatch(r"([1-9]\d*)(-([1-9]\d*)?)?", str(value))
    if match is None or isinstance(value, bool):
        raise ScenarioError(f"{where}: {value!r}, expected 2, 1-3 or 2-")
    first = int(match[1])
    if match[2] is None:
        return first, first
    return first, int(match[3]) if match[3] else None


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ScenarioError(f"{where}: must be a mapping of names to values")
    return dict(value)


def _only(value: dict[str, Any], allowed: set[str], where: str) -> None:
    for key in value:
        if key not in allowed:
            raise ScenarioError(
                f"{where}: unknown field {key!r}, expected one of {', '.join(sorted(allowed))}"
            )


def _one(value: Any, kind: Any, where: str) -> Any:
    """A value of this type (see `values`)."""
    try:
        return checked(value, kind)
    except ValueError as exc:
        raise ScenarioError(f"{where}: {exc}") from None


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ScenarioError(f"{where}: {value!r}, expected text")
    return value
