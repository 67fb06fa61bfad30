"""The JSON Schema against the program: it accepts all that the program accepts, and refuses what it can.

Read and checked by libraries that the program does not use.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from manifest.broken_for_schema import BROKEN
from manifest.reading import JOBS, read
from manifest.test_any import double_quoted
from manifest.test_good import FULL
from ruamel.yaml import YAML

from pipeline.cli import schema as schema_command
from pipeline.errors import ManifestError
from pipeline.manifest import fields, patterns, rules
from pipeline.manifest.schema import known_models, manifest_schema
from pipeline.opening import check_manifest

MANIFESTS = Path(__file__).parents[2] / "manifests"
FILE = MANIFESTS / "nightreel.schema.json"
SHIPPED = sorted([*MANIFESTS.glob("*.yaml"), *MANIFESTS.glob("examples/*.yaml")])
VALIDATOR = Draft202012Validator(manifest_schema())


def plain(value: Any) -> Any:
    """As JSON has it: in JSON a date is text, as it is for the program."""
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def errors(text: str) -> list[tuple[str, str]]:
    """What the schema refuses: the rule, and where."""
    document = plain(YAML(typ="safe", pure=True).load(text))
    found = [best_match([error]) for error in VALIDATOR.iter_errors(document)]
    return [(str(error.validator), "/".join(map(str, error.absolute_path))) for error in found]


def test_the_file_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Editors read the file."""
    schema_command.command()

    printed = capsys.readouterr().out

    assert FILE.read_text("utf-8") == printed, f"run: nightreel schema > {FILE.relative_to(MANIFESTS.parent)}"


def test_it_is_a_schema_of_its_draft() -> None:
    schema = manifest_schema()

    Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(schema["properties"]) == set(fields.names(fields.ManifestFields))
    assert set(schema["$defs"]["Job"]["properties"]) == set(fields.names(fields.JobFields))


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every part of the schema that says which fields there are."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            yield schema
        for inner in schema.values():
            yield from objects(inner)


def test_every_field_is_described_and_its_examples_are_right() -> None:
    """No field without help, and no help that the schema itself refuses; nothing beside what is listed."""
    schema = manifest_schema()
    found = list(objects(schema))

    assert len(found) == 7
    for part in found:
        assert part["additionalProperties"] is False
        assert part["description"]
        for name, field in part["properties"].items():
            assert field["description"], name
            assert field["examples"], name
            for example in field["examples"]:
                one = Draft202012Validator({**field, "$defs": schema["$defs"]})
                assert [error.message for error in one.iter_errors(example)] == [], name


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_manifest_of_ours_is_accepted_and_names_the_schema(path: Path) -> None:
    first, text = path.read_text("utf-8").splitlines()[0], path.read_text("utf-8")

    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)

    assert match is not None
    assert (path.parent / match[1]).resolve() == FILE.resolve()
    assert check_manifest(path).head.version == 1
    assert errors(text) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_manifest_is_refused(name: str, tmp_path: Path) -> None:
    """By the rule that is broken, and only there; and by the program."""
    text, rule, place = BROKEN[name]
    file = tmp_path / "clips.yaml"
    file.write_text(text, "utf-8")

    found = errors(text)

    assert found == [(rule, place)]
    with pytest.raises(ManifestError):
        check_manifest(file)


ACCEPTED = [
    FULL,
    *(f"version: 1\n{section}:\njobs: [{{prompt: x}}]" for section in ("defaults", "limits")),
    *(f"{JOBS}  - {{id: {key}, prompt: x}}" for key in ("2024", "007", "1.5", "true", "0x1F", "2024-01-02")),
    *(f"{JOBS}  - {{prompt: {text}}}" for text in ("2024", "-7", "true", "No", '" x\\t\\n"', "1e3", "16:9")),
    *(f"{JOBS}  - {{prompt: x, aspect_ratio: {text}}}" for text in ("16:9", "1.5", "wide", "'5:2'")),
    *(f"{JOBS}  - {{prompt: x, revision: {text}}}" for text in ("2", "-2", "false", "warmer light", ".inf")),
    *(f"{JOBS}  - {{prompt: x, {name}: 12}}" for name in ("image", "last_frame", "user", "model")),
    *(f"{JOBS}  - {{prompt: x, {name}: []}}" for name in ("tags", "allow")),
    f"{JOBS}  - {{prompt: x, tags: [7, true, 2024-01-02, No]}}",
    f"{JOBS}  - {{prompt: x, reference_images: [a.png, 7, 'https://example.com/b.png']}}",
    f"{JOBS}  - {{prompt: x, keyframes: [{{image: a.png, timestamp_s: 3.333}}]}}",
    f"{JOBS}  - {{prompt: x, image: 'https://example.com/b.png', image_id: 7}}",
    f"{JOBS}  - {{prompt: x, image: httpd.png, image_id: 7}}",
    f"{JOBS}  - {{id: 7, prompt: x}}\n  - {{prompt: x, edit: 7}}",
    *(
        f"{JOBS}  - {{prompt: x, image: '{image}'}}"
        for image in (
            *(
                "C:/pics/desk.png",
                "../a b/ünïcode 12:30.png",
                " spaced.png",
                "HTTPS://Example.com:8443/a@b.png?x@y",
            ),
            *("http://127.0.0.1:8080/a.png", "http://user@LOCALHOST/a b.png", "http://[::1]/a.png"),
            "data:image/png;base64,iVBORw0KGgo=",
        )
    ),
    *(
        f"version: 1\nlimits: {{job_deadline: {value}}}\njobs: [{{prompt: x}}]"
        for value in ("30m", "1h30m", "90s", "1800", "1.5", "0x10", "00000090s")
    ),
    "version: 1\nlimits: {poll_min_s: 1e-3, submit_per_s: .5, max_in_flight: 0o17}\njobs: [{prompt: x}]",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_the_program_accepts_the_schema_accepts(text: str) -> None:
    """Also where an editor's YAML reads a number or a word that the program takes as it is written."""
    assert read(text).problems == ()
    assert errors(text) == []


PLAIN = [
    "x",
    "2024",
    "007",
    "-1",
    "1.5",
    "1e3",
    "true",
    "No",
    "16:9",
    "2024-01-02",
    "0x1F",
    "a/b",
    "~",
    "a..b",
]
SCALAR = st.sampled_from(PLAIN) | st.text(max_size=8).map(double_quoted)
NUMBER = st.sampled_from(["0", "1", "6", "64", "3600", "1e3", "0o17", ".5", "-1", "6.0", "x", "true", "30m"])
PICTURE = SCALAR | st.sampled_from(["a.png", "'https://a.b/c.png'", "'http://[::1]/'", "'ftp://a/b'"])
VALUES = {
    **dict.fromkeys(("id", "prompt", "model", "aspect_ratio", "resolution", "revision", "user"), SCALAR),
    **dict.fromkeys(("duration", "resize", "generate_audio"), NUMBER),
    **dict.fromkeys(("image", "image_id", "last_frame", "edit", "extend"), PICTURE),
    **dict.fromkeys(
        ("tags", "allow", "reference_images"),
        st.lists(PICTURE, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    ),
    "keyframes": st.builds("[{{image: {}, timestamp_s: {}}}]".format, PICTURE, NUMBER),
}
HEADS = {
    "batch": SCALAR,
    "limits": st.builds(
        "{{{}: {}}}".format, st.sampled_from(fields.names(fields.LimitFields)), NUMBER | st.just("1h")
    ),
    "defaults": st.sampled_from(["", "{duration: 6}", "{model: 7, tags: [a]}", "{id: x}"]),
}


def some_of(values: dict[str, st.SearchStrategy[str]], most: int) -> st.SearchStrategy[dict[str, str]]:
    names = st.lists(st.sampled_from(sorted(values)), unique=True, max_size=most)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: values[name] for name in chosen}))


@settings(max_examples=400)
@given(some_of(HEADS, 2), some_of(VALUES, 3))
def test_whatever_the_program_accepts_the_schema_accepts(head: dict[str, str], job: dict[str, str]) -> None:
    lines = [f"{name}: {value}" for name, value in head.items()]
    pairs = ", ".join(f"{name}: {value}" for name, value in {"prompt": "x", **job}.items())
    text = "\n".join(["version: 1", *lines, "jobs:", f"  - {{{pairs}}}", "  - {id: x, prompt: x}"])

    if not read(text).problems:
        assert errors(text) == []


RULES: list[tuple[Callable[[str], object], dict[str, Any]]] = [
    (rules.check_key, patterns.KEY),
    (rules.check_batch, patterns.BATCH),
    (rules.check_line, patterns.LINE),
    (rules.check_prompt, patterns.PROMPT),
    (rules.check_image, patterns.PICTURE),
    (rules.check_source, patterns.VIDEO),
]
BITS = [
    "https:",
    "HTTP:",
    "data:",
    "file:",
    "//",
    "localhost",
    "127.0.0.1",
    "[::1]",
    "@",
    ":8",
    "a",
    "/",
    "?",
]
BITS += [
    "${date}",
    " ",
    "\t",
    "\n",
    "é",
    ".mp4/",
    "..",
    ".",
    "-",
    "0",
    "image/png;base64,",
    "AA=",
    "#",
    "\x85",
    "\ufeff",
]
TEXT = st.lists(st.sampled_from(BITS), max_size=7).map("".join) | st.text(max_size=5)


@pytest.mark.parametrize(("rule", "pattern"), RULES, ids=[rule.__name__ for rule, _ in RULES])
@settings(max_examples=300)
@given(text=TEXT)
def test_a_pattern_passes_what_its_rule_passes(
    rule: Callable[[str], object], pattern: dict[str, Any], text: str
) -> None:
    try:
        rule(text)
    except ValueError:
        return
    assert Draft202012Validator(pattern).is_valid(text)


def test_names_are_offered_but_others_are_not_refused() -> None:
    """A model that came out today can be written without a red line."""
    job = manifest_schema()["$defs"]["Job"]["properties"]

    assert job["model"]["anyOf"][0]["enum"] == list(known_models())
    assert {"grok-imagine-video", "grok_video3"} <= set(known_models())
    assert {"16:9", "21:9"} <= set(job["aspect_ratio"]["anyOf"][0]["enum"])
    assert {"480p", "1080p"} <= set(job["resolution"]["anyOf"][0]["enum"])
    assert {"wide-ratios", "stable-480p"} <= set(job["allow"]["items"]["anyOf"][0]["enum"])
    assert errors(f"{JOBS}  - {{prompt: x, model: of-tomorrow, resolution: 4k, allow: [all]}}") == []
    assert json.dumps(manifest_schema()).isascii()
