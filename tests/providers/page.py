"""Reading docs/providers.md, and all in which it differs from the capability tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipeline.providers.base import ModelRules, Provider
from pipeline.providers.sheet import model_sheet, provider_sheet

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
FACTS, RULES, DISAGREE, SOURCES = (
    "Keys, addresses and pace",
    "Rules that `allow` widens",
    "Where the pages disagree, or are silent",
    "Sources",
)
_MARK = re.compile(r"\[([XCGP]\d+)\]")
_SOURCE = re.compile(r"(https://[^\s,]+).*, read (.+)")

Table = list[list[str]]


def tables(page: str) -> dict[str, list[Table]]:
    """Every table, with its head and without the line below it, by the section that it stands in."""
    found: dict[str, list[Table]] = {}
    section, before = "", ""
    for line in page.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not before.startswith("|"):
                found.setdefault(section, []).append([])
            if not set(line) <= set("|-"):
                found[section][-1].append(cells)
        before = line
    return found


def faults(page: str, providers: Mapping[str, Provider]) -> list[str]:
    """What is missing, too much or different on the page, against the tables in code."""
    found = tables(page)
    real = {name: each for name, each in providers.items() if each.capabilities.base_url}
    expected = {FACTS, RULES, DISAGREE, SOURCES, *(f"`{name}`" for name in real)}
    wrong = [f"section {section!r}" for section in expected ^ {name for name in found if found[name]}]
    if wrong:
        return wrong
    (facts,), (rules,), (disagree,), (sources,) = (found[one] for one in (FACTS, RULES, DISAGREE, SOURCES))
    sheets = {name: provider_sheet(each.capabilities) for name, each in providers.items()}
    wrong += _differences(FACTS, facts, sheets)
    for name, each in real.items():
        models = each.capabilities.models
        own = {model: model_sheet(one) for model, one in models.items() if one.alias_of is None}
        wrong += _differences(name, found[f"`{name}`"][0], own)
        wrong += _aliases(name, found[f"`{name}`"][1:], models)
    wrong += _rules(rules, real)
    wrong += _disagreements(disagree, real)
    wrong += _sources(page, sources, real)
    return wrong


def _differences(where: str, table: Table, sheets: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """A table with one column per sheet, one line per fact, and where it stands in the last column."""
    head, *rows = table
    written = {
        (_plain(column), _plain(row[0])): _plain(cell)
        for row in rows
        for column, cell in zip(head[1:-1], row[1:-1], strict=True)
    }
    in_code = {(name, label): text for name, sheet in sheets.items() for label, text in sheet.items()}
    for key in sorted(written.keys() | in_code.keys()):
        if written.get(key) != in_code.get(key):
            yield f"{where}: {key}: page {written.get(key)!r}, code {in_code.get(key)!r}"
    for row in rows:
        if not (_MARK.search(row[-1]) or row[-1] == "our choice"):
            yield f"{where}: {row[0]} without a source"


def _aliases(where: str, found: list[Table], models: Mapping[str, ModelRules]) -> Iterator[str]:
    written = {(_plain(row[0]), _plain(row[1])) for table in found for row in table[1:]}
    in_code = {(name, rules.alias_of) for name, rules in models.items() if rules.alias_of is not None}
    yield from (f"{where}: other names {pair}" for pair in written ^ in_code)


def _rules(table: Table, providers: Mapping[str, Provider]) -> Iterator[str]:
    written = {(_plain(row[0]), _plain(row[1]), _plain(row[2]), row[3]) for row in table[1:]}
    in_code = set()
    for name, each in providers.items():
        models = {model: one for model, one in each.capabilities.models.items() if one.alias_of is None}
        for rule, allowance in {
            rule: allowance for one in models.values() for rule, allowance in one.allowances.items()
        }.items():
            owners = ", ".join(model for model, one in models.items() if rule in one.allowances)
            in_code.add((rule, name, owners, allowance.says))
    yield from (f"rule {row}" for row in written ^ in_code)
    yield from (f"rule {row[0]} without a source" for row in table[1:] if not _MARK.search(row[4]))


def _disagreements(table: Table, providers: Mapping[str, Provider]) -> Iterator[str]:
    for row in table[1:]:
        if len(row) != 3 or not all(row):
            yield f"disagreement {row[0]!r} does not say what they say and what we do"
    named = {rule for row in table[1:] for rule in re.findall(r"`allow: \[([^\]]+)\]`", row[-1])}
    in_code = {
        rule
        for each in providers.values()
        for one in each.capabilities.models.values()
        for rule in one.allowances
    }
    yield from (f"disagreements: rule {rule!r}" for rule in named ^ in_code)


def _sources(page: str, table: Table, providers: Mapping[str, Provider]) -> Iterator[str]:
    body = page.partition(f"## {SOURCES}")[0]
    marks = {row[0] for row in table[1:]}
    if len(marks) != len(table) - 1:
        yield "sources: two have one mark"
    yield from (f"source {mark} is not listed, or not used" for mark in marks ^ set(_MARK.findall(body)))
    written = {row[1]: row[3] for row in table[1:]}
    for source in _in_code(providers.values()):
        match = _SOURCE.fullmatch(source)
        if match is None or written.get(match[1]) != match[2]:
            yield f"source of the code is not on the page: {source}"
    yield from (f"source without a day: {row}" for row in table[1:] if not row[3].endswith("November 2026"))


def _in_code(providers: Iterable[Provider]) -> set[str]:
    every = [each.capabilities for each in providers]
    of_models = (one.sources for facts in every for one in facts.models.values())
    return {source for row in (*of_models, *(facts.sources for facts in every)) for source in row}


def _plain(cell: str) -> str:
    return cell.replace("`", "")
