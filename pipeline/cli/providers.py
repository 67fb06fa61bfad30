"""`nightreel providers`: what each gateway and model takes, by the tables that jobs are checked against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.table import out
from pipeline.errors import UsageError
from pipeline.money import usd_text
from pipeline.providers import PROVIDERS, provider_named
from pipeline.providers.base import Capabilities, ModelRules
from pipeline.providers.sheet import NO_PRICE, makes, model_sheet, pictures, provider_sheet
from pipeline.providers.words import did_you_mean, one_of, spelled

TABLE_WIDTH = 180  # columns from which each model is one line; a narrower window gets a few lines for each
COLUMNS = ("provider", "model", "makes", "seconds", "ratios", "resolutions", "pictures", "price per second")

Models = dict[str, dict[str, ModelRules]]
"""Rules by provider and model."""


def command(
    model: Annotated[
        str | None, typer.Option(help="All that is known of this model, at each provider.", metavar="NAME")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="Only this provider, with its key and pace.", metavar="NAME")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Show what each provider and model takes: lengths, ratios, resolutions, pictures, list prices. Sends
    nothing. Where each fact stands, and in what the vendors' pages disagree: docs/providers.md.

    \b
    Examples:
      nightreel providers
      nightreel providers --model grok-imagine-video
      nightreel providers --provider globalaiopc --json
    """
    found = _chosen(model, provider)
    if as_json:
        facts = [_provider_facts(name, rules) for name, rules in found.items()]
        print(json.dumps({"providers": facts}, ensure_ascii=False, indent=2))
        return
    console = out()
    if model is not None:
        _print_details(console, found)
        return
    _print_overview(console, found)
    if provider is not None:
        _print_provider(console, provider)
    else:
        console.print("\nsim: takes what cometapi takes, on this machine and for nothing", markup=False)
        console.print("all about one: --model NAME; keys and pace: --provider NAME", markup=False)


def _chosen(model: str | None, provider: str | None) -> Models:
    """What is asked for; UsageError where there is no such thing. The simulator only by its name."""
    names = [name for name, each in PROVIDERS.items() if each.capabilities.base_url]
    if provider is not None:
        names = [provider_named(provider).name]
    offered = {name: dict(PROVIDERS[name].capabilities.models) for name in names}
    if model is None:
        return offered
    found = {name: {model: models[model]} for name, models in offered.items() if model in models}
    if found:
        return found
    known = list(dict.fromkeys(name for models in offered.values() for name in models))
    where = "" if provider is None else f' at "{provider}"'
    hint = did_you_mean(model, known)
    raise UsageError(f'unknown model "{model[:100]}"{where}; known: {one_of(known)}.{hint}')


def _print_overview(console: Console, found: Models) -> None:
    rows = [
        _row(name, model, rules)
        for name, models in found.items()
        for model, rules in models.items()
        if rules.alias_of is None
    ]
    if console.width >= TABLE_WIDTH:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for column in COLUMNS:
            table.add_column(column, no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    else:
        for name, model, made, seconds, ratios, resolutions, beside, cost in rows:
            console.print(f"{name}: {model}", style="bold", markup=False)
            sizes = f"{resolutions}; {ratios}"
            lines = {"makes": f"{made}; seconds: {seconds}", "sizes": sizes, "pictures": beside}
            console.print(_sheet({**lines, "per second": cost}))
    for models in found.values():
        for model, rules in models.items():
            if rules.alias_of is not None:
                console.print(f"{model} is another name of {rules.alias_of}", markup=False)


def _row(name: str, model: str, rules: ModelRules) -> tuple[str, ...]:
    """A line of the table; prices stand in the order of the resolutions."""
    seconds = spelled(rules.durations_s) if rules.durations_s else f"{rules.default_duration_s} fixed"
    resolutions = " ".join(rules.resolutions) or f"{rules.default_resolution} fixed"
    seconds = seconds.replace(" or ", ", ").replace(" to ", "-")
    prices = [] if rules.price is None else [usd_text(ticks) for ticks in rules.price.second.values()]
    ratios, cost = " ".join(rules.aspect_ratios), " ".join(prices) or NO_PRICE
    return name, model, makes(rules), seconds, ratios, resolutions, pictures(rules), cost


def _print_details(console: Console, found: Models) -> None:
    for number, (name, models) in enumerate(found.items()):
        for model, rules in models.items():
            alias = f", another name of {rules.alias_of}" if rules.alias_of else ""
            console.print(("\n" if number else "") + f"{model} at {name}{alias}", style="bold", markup=False)
            console.print(_sheet(model_sheet(rules)))
            if rules.allowances:
                console.print("rules to widen, because the vendor's pages disagree:", markup=False)
                console.print(_sheet({rule: each.says for rule, each in rules.allowances.items()}))
            _print_sources(console, rules.sources)


def _print_provider(console: Console, provider: str) -> None:
    facts = PROVIDERS[provider].capabilities
    console.print(f"\n{facts.title}", style="bold", markup=False)
    console.print(_sheet(provider_sheet(facts)))
    _print_sources(console, facts.sources)


def _sheet(lines: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines.items():
        table.add_row(Text(f"  {name}"), Text(text))
    return table


def _print_sources(console: Console, sources: tuple[str, ...]) -> None:
    console.print("sources:", markup=False)
    for source in sources:
        console.print(f"  {source}", markup=False, soft_wrap=True)


def _provider_facts(name: str, models: Mapping[str, ModelRules]) -> dict[str, Any]:
    """A provider for programs, under the names of the tables."""
    facts: Capabilities = PROVIDERS[name].capabilities
    plain = ("title", "key_env", "base_url_env", "base_url", "default_model", "max_prompt_chars")
    more = ("picture_sets_ratio", "takes_user", "inline_video_bytes", "submit_per_s", "submit_known")
    limits = ("poll_per_s", "max_in_flight", "longest_s", "url_life_s")
    poll = {part: getattr(facts.poll, part) for part in ("first_s", "min_s", "max_s", "growth")}
    return {
        "name": name,
        **{field: getattr(facts, field) for field in (*plain, *more, *limits)},
        "poll": poll,
        "sources": list(facts.sources),
        "models": [_model_facts(model, rules) for model, rules in models.items()],
    }


def _model_facts(name: str, rules: ModelRules) -> dict[str, Any]:
    facts = {field: getattr(rules, field) for field in ModelRules.__dataclass_fields__}
    allowances = {
        rule: {"says": each.says, "changes": each.changes} for rule, each in rules.allowances.items()
    }
    prices = (
        None
        if rules.price is None
        else {
            "second_ticks": rules.price.second,
            "picture_ticks": rules.price.picture,
            "source_second_ticks": rules.price.source_second,
        }
    )
    plain = _plain({**facts, "price": prices, "allowances": allowances})
    return {"name": name, **plain}


def _plain(value: Any) -> Any:
    """Lists for ranges, tuples and sets, so that it can be JSON."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(inner) for inner in value] if isinstance(value, (range, tuple)) else value
