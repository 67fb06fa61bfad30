"""What is known of chains before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import Problem
from pipeline.fitting import Fitting
from pipeline.manifest import Entry, Manifest
from pipeline.providers.base import Provider
from pipeline.providers.checks import source_problem
from pipeline.providers.rules import Shape, shape_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """The jobs that others start from, and what is known of their clips. Problems are sorted by place."""

    parents: frozenset[str] = frozenset()
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def follow_chains(manifest: Manifest, provider: Provider) -> Chains:
    """Look at every chain, and find clips that the gateway would not take. Only jobs of chains are kept."""
    fitting = Fitting(provider)
    links = {entry.job.key: entry for entry in manifest.entries() if entry.job.parent_key is not None}
    parents = frozenset(entry.job.parent_key or "" for entry in links.values())
    shapes: dict[str, Shape] = {}
    problems: dict[tuple[str, int, int, str], Problem] = {}
    if not links:
        return Chains()
    for entry in manifest.entries():
        if entry.job.key in parents and entry.job.key not in links:
            _add_shape(shapes, entry, fitting, None)
    done: set[str] = set()
    for start in links:
        path = [start]
        while (parent := links[path[-1]].job.parent_key) in links and parent not in done:
            path.append(parent)
        for key in reversed(path):
            entry = links[key]
            source = shapes.get(entry.job.parent_key or "")
            if key not in done and source is not None:
                wrong = source_problem(entry.job, provider.capabilities, source)
                if wrong is not None:
                    problem = entry.problem(wrong.field, f"{wrong.field}: {wrong.message}")
                    # Told once for the many clips that are made from one text.
                    at = (problem.file, problem.line, problem.column, wrong.message)
                    problems.setdefault(at, problem)
                _add_shape(shapes, entry, fitting, source)
            done.add(key)
    return Chains(parents=parents, shapes=shapes, problems=tuple(sorted(problems.values())))


def _add_shape(shapes: dict[str, Shape], entry: Entry, fitting: Fitting, source: Shape | None) -> None:
    shape = shape_of(fitting.job(entry), fitting.provider.capabilities, source)
    if shape is not None:
        shapes[entry.job.key] = shape
