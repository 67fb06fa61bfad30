"""Reads all imports of a package and says which go against the layers of docs/design.md, section 6."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ROOT = "pipeline"
LAYERS = (
    ("errors", "model", "clock", "durable", "events", "offload", "loop", "version"),
    (
        "config",
        "identity",
        "money",
        "backoff",
        "pace",
        "lane",
        "deadline",
        "schedule",
        "expiry",
        "polling",
        "doubts",
        "advice",
        "again",
        "asked",
        "findings",
        "chains",
        "fitting",
        "changes",
        "hosts",
        "selection",
        "secret",
        "shown",
        "sniff",
        "pricing",
        "manifest",
        "providers",
    ),
    ("transport", "ledger", "storage", "media", "sources", "logs", "notify"),
    ("stages",),
    ("plan", "forecast", "renames", "reuse", "feeder", "preflight", "runner", "together"),
    (
        "opening",
        "exporting",
        "decisions",
        "recovery",
        "simulated",
        "several",
        "remembered",
        "earlier",
        "choices",
        "assembly",
        "wiring",
    ),
    ("doctor", "report", "cli", "__main__", ""),  # the root itself offers to other programs what wiring opens
)
LAYER = {unit: number for number, units in enumerate(LAYERS) for unit in units}
DOORS, STAGES, ORDER = 2, 3, 4
SHARED_STAGES = {
    "stages.access",
    "stages.base",
    "stages.budget",
    "stages.deadline",
    "stages.gateway",
    "stages.slots",
    "stages.transfer",
    "stages.turns",
}
ISLAND = "sim"
SEES_ISLAND = {"simulated", "cli"}


@dataclass(frozen=True, slots=True, order=True)
class Arrow:
    """One import: who, whom (module names without the root), and where it stands."""

    source: str
    target: str
    line: int = 0
    inside: bool = False  # in a function, so that it happens late


def unit_of(module: str) -> str:
    """The exchangeable part that a module belongs to: `ledger.sqlite` is of `ledger`."""
    return module.split(".")[0]


def arrows(sources: Mapping[str, str]) -> list[Arrow]:
    """All imports among `sources`: code by module name without the root; a package is named as such."""
    found: list[Arrow] = []
    for module, code in sources.items():
        tree = ast.parse(code)
        late = {
            child
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.walk(node)
        }
        for node in ast.walk(tree):
            line = getattr(node, "lineno", 0)
            found += [Arrow(module, target, line, node in late) for target in _targets(node, module, sources)]
    return found


def _targets(node: ast.AST, module: str, sources: Mapping[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.split(".")[0] == ROOT:
                yield alias.name.partition(".")[2]
    elif isinstance(node, ast.ImportFrom):
        base = _base(node, module, sources)
        if base is None:
            return
        for alias in node.names:
            inner = f"{base}.{alias.name}" if base else alias.name
            yield inner if inner in sources else base


def _base(node: ast.ImportFrom, module: str, sources: Mapping[str, str]) -> str | None:
    """The module that `from ... import` names, without the root; None if it is not ours."""
    name = node.module or ""
    if not node.level:
        first, _, rest = name.partition(".")
        return rest if first == ROOT else None
    is_package = any(other.startswith(f"{module}.") for other in sources)
    parts = module.split(".")
    up = node.level - 1 if is_package else node.level
    return ".".join([*parts[: len(parts) - up], *filter(None, [name])])


def faults(sources: Mapping[str, str]) -> list[str]:
    """Everything that goes against the layers: one line each, in order."""
    found = arrows(sources)
    wrong = [f"{_at(arrow)}: {why}" for arrow in sorted(found) if (why := _fault(arrow))]
    wrong += [f"cycle: {' -> '.join(cycle)}" for cycle in cycles(found)]
    strangers = {unit_of(module) for module in sources} - set(LAYER) - {ISLAND}
    return wrong + [f"{stranger}: has no layer" for stranger in sorted(strangers)]


def _at(arrow: Arrow) -> str:
    return f"{arrow.source or ROOT}:{arrow.line} -> {arrow.target or ROOT}"


def _fault(arrow: Arrow) -> str | None:
    source, target = unit_of(arrow.source), unit_of(arrow.target)
    if arrow.inside:
        return "an import of our own inside a function"
    if ISLAND in (source, target):
        return _island_fault(source, target)
    if source not in LAYER or target not in LAYER:
        return "leads to or from a module without a layer"
    if LAYER[target] > LAYER[source]:
        return f"layer {LAYER[source]} may not see layer {LAYER[target]}"
    if source == target:
        lonely = source == "stages" and arrow.source != "stages" and arrow.target not in SHARED_STAGES
        return "a stage may not see another stage" if lonely else None
    return _neighbour_fault(arrow, LAYER[source], LAYER[target])


def _island_fault(source: str, target: str) -> str | None:
    if source == ISLAND:
        return None if target == ISLAND else "the simulator shares nothing with what it tests"
    return None if source in SEES_ISLAND else "only simulated and cli see the simulator"


def _neighbour_fault(arrow: Arrow, source: int, target: int) -> str | None:
    if arrow.source.startswith("report") and target > 1 and unit_of(arrow.target) != "report":
        return (
            None
            if arrow.target == "ledger.base"
            else "the report sees words, rules and the ledger's interface"
        )
    if source == target == DOORS:
        return "one door may not see another"
    if target == DOORS and source in (STAGES, ORDER) and not arrow.target.endswith(".base"):
        return "stages and order see the interfaces of doors only"
    return None


def cycles(found: list[Arrow]) -> list[list[str]]:
    """Modules that import one another in a circle, each circle once, by depth-first search."""
    graph: dict[str, list[str]] = {}
    for arrow in sorted(set(found)):
        if arrow.source != arrow.target:
            graph.setdefault(arrow.source, []).append(arrow.target)
    state: dict[str, str] = {}
    path: list[str] = []
    circles: list[list[str]] = []

    def visit(module: str) -> None:
        state[module] = "open"
        path.append(module)
        for target in graph.get(module, []):
            if state.get(target) == "open":
                circle = [*path[path.index(target) :], target]
                if circle not in circles:
                    circles.append(circle)
            elif target not in state:
                visit(target)
        path.pop()
        state[module] = "closed"

    for module in sorted(graph):
        if module not in state:
            visit(module)
    return circles
