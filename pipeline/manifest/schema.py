"""The JSON Schema of a manifest, for editors: made from the models of fields.py and the providers' tables.

It accepts every manifest that the program accepts, and rejects as much of the rest as a schema can. What
depends on other jobs, on files, or on what a model offers, only `nightreel validate` can say. Names of models
and of what they offer are completed, not enforced: the tables know which model has which.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.manifest import patterns
from pipeline.manifest.fields import ClipFields, ManifestFields, names
from pipeline.manifest.jobs import PICTURES, SOURCES
from pipeline.providers import PROVIDERS
from pipeline.providers.base import ModelRules

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ABOUT = "Which clips to make, and how. `nightreel validate` finds what no schema can."


def schema_text() -> str:
    """The schema as a file, with a line end."""
    return json.dumps(manifest_schema(), ensure_ascii=False, indent=2) + "\n"


def manifest_schema() -> Schema:
    """The schema of a whole manifest, draft 2020-12."""
    # Editors show the names of parts: JobFields is "Job" to everybody else.
    made = json.dumps(ManifestFields.model_json_schema())
    schema = _plain(json.loads(re.sub(r"\b([A-Z][a-z]+)Fields\b", r"\1", made)))
    head, parts = schema["properties"], schema["$defs"]
    head["provider"] = _documented(head["provider"]) | {
        "enum": list(PROVIDERS),
        "enumDescriptions": [provider.capabilities.title for provider in PROVIDERS.values()],
    }
    for name in ("defaults", "limits"):  # every line of one may be a comment
        reference = head[name].pop("$ref")
        about = parts[reference.rpartition("/")[2]]["description"]
        head[name] = {"description": about, **head[name], "anyOf": [{"$ref": reference}, {"type": "null"}]}
    group = parts["Group"]["properties"]
    for part in (parts["Default"], parts["Job"]):
        _complete(part["properties"])
    group["defaults"] = {**_documented(group["defaults"]), "anyOf": head["defaults"]["anyOf"]}
    for name in names(ClipFields):
        parts["Job"]["properties"][name] = _with_names(parts["Job"]["properties"][name])
    for name in parts["Keyframe"]["properties"]:
        parts["Keyframe"]["properties"][name] = _with_names(parts["Keyframe"]["properties"][name])
    parts["Job"].pop("required")
    parts["Job"]["allOf"] = [*_one_source(), _link_with_id(), _whole_unless_filled()]
    schema["anyOf"] = [{"required": ["jobs"]}, {"required": ["groups"]}]
    return {"$schema": DIALECT, **schema, "title": "Nightreel manifest", "description": ABOUT}


def _with_names(field: Schema) -> Schema:
    """Also a text with `${name}` in it, whatever the field wants. One that offers names takes any text."""
    if "anyOf" in field:
        return field
    if field.get("type") == "array":
        return {**field, "items": _with_names(field["items"])}
    about: Schema = {word: field[word] for word in ("description", "examples") if word in field}
    wanted = {word: rule for word, rule in field.items() if word not in about}
    return {**about, "if": {"type": "string", "pattern": r"\$"}, "else": wanted}


def _whole_unless_filled() -> Schema:
    """What a job needs, where no row and no matrix may give it."""
    filled = {"anyOf": [{"required": ["from"]}, {"required": ["matrix"]}]}
    needs = {"required": ["prompt"], "dependentRequired": {"image_id": ["image"]}}
    return {"if": {"not": filled}, "then": needs}


def _plain(schema: Schema) -> Schema:
    """Without what pydantic adds for programs: titles made from names, null as the default, and the type of
    a text, which may also be written as a number."""
    needless = ("title", "default", "type") if "then" in schema else ("title", "default")
    schema = {word: value for word, value in schema.items() if word not in needless}
    for group in ("properties", "$defs"):
        if group in schema:
            schema[group] = {name: _plain(inner) for name, inner in schema[group].items()}
    if "items" in schema:
        schema["items"] = _plain(schema["items"])
    return schema


def _documented(field: Schema) -> Schema:
    return {word: field[word] for word in ("description", "examples")}


def _complete(properties: dict[str, Schema]) -> None:
    """Puts the known names in front of any text, so that editors offer them."""
    known = {"model": known_models(), "aspect_ratio": known_ratios(), "resolution": known_resolutions()}
    for name, offered in known.items():
        field = properties[name]
        documented = _documented(field)
        text = {word: value for word, value in field.items() if word not in documented}
        properties[name] = {**documented, "anyOf": [_offer(offered), text]}
    allow = properties["allow"]
    allow["items"] = {"anyOf": [_offer(known_allowances()), allow["items"]]}


def _offer(names: Mapping[str, str]) -> Schema:
    described = {"enumDescriptions": list(names.values())} if any(names.values()) else {}
    return {"enum": list(names), **described}


def _one_source() -> Iterator[Schema]:
    """A job that starts from a video starts from nothing else."""
    for source in SOURCES:
        others = [name for name in (*SOURCES, *PICTURES) if name != source]
        refused = {"properties": dict.fromkeys(others, False)}
        yield {"if": {"required": [source]}, "then": refused}


def _link_with_id() -> Schema:
    """An `image_id` stands for an image that is a URL."""
    return {"if": {"required": ["image_id"]}, "then": {"properties": {"image": patterns.LINK}}}


def _models() -> Iterator[tuple[str, str, ModelRules]]:
    """Provider, model, rules: those of each table, in its order."""
    for name, provider in PROVIDERS.items():
        for model, rules in provider.capabilities.models.items():
            yield name, model, rules


def known_models() -> Mapping[str, str]:
    """Every model, and which providers have it."""
    homes: dict[str, list[str]] = {}
    for provider, model, _ in _models():
        homes.setdefault(model, []).append(provider)
    return {model: ", ".join(providers) for model, providers in homes.items()}


def known_ratios() -> Mapping[str, str]:
    return _every("aspect_ratios")


def known_resolutions() -> Mapping[str, str]:
    return _every("resolutions")


def _every(field: str) -> Mapping[str, str]:
    """All that any model offers, or may with an `allow`."""
    found: list[str] = []
    for _, _, rules in _models():
        found += getattr(rules, field)
        for allowance in rules.allowances.values():
            found += allowance.changes.get(field, ())
    return dict.fromkeys(found, "")


def known_allowances() -> Mapping[str, str]:
    """Every name for `allow`, and what it widens."""
    says: dict[str, str] = {}
    for _, model, rules in _models():
        for name, allowance in rules.allowances.items():
            says.setdefault(name, f"{model}: {allowance.says}")
    return says
