"""`nightreel init` and `nightreel schema`: a first manifest that runs as it is, and nothing overwritten."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.command import QUICK, Desk, Sim, clips_of, snapshot

from pipeline.cli.starters import starter
from pipeline.manifest.schema import manifest_schema
from pipeline.providers import PROVIDERS

MANIFESTS = Path(__file__).parents[2] / "manifests"
PICTURE = (MANIFESTS / "images" / "hills.png").read_bytes()
PAID = sorted(set(PROVIDERS) - {"sim"})


def at(desk: Desk, sim: Sim) -> Desk:
    """The desk with address and key for every provider."""
    url, key = sim.base_url, sim.key
    there = f"{url}/kyyReactApiServer"
    return desk.at(sim).with_env(
        XAI_BASE_URL=url, XAI_API_KEY=key, GLOBALAIOPC_BASE_URL=there, GLOBALAIOPC_KEY=key
    )


@pytest.mark.slow
def test_the_first_manifest_runs_at_once_without_a_key(desk: Desk) -> None:
    """init, validate, plan and run, as it says itself; the schema beside it is the one that we print."""
    said = desk.run("init").exits(0)

    steps = re.findall(r"^  nightreel (\w+) (\S+) +# ", said.out, re.M)
    for command, file in steps:
        desk.run(command, file).exits(0)

    assert [command for command, _ in steps] == ["validate", "plan", "run"]
    assert clips_of(desk.batch("clips")) == {"candle", "lighthouse", "candle-snow"}
    schema = (desk.folder / "nightreel.schema.json").read_text("utf-8")
    assert schema == (MANIFESTS / "nightreel.schema.json").read_text("utf-8")
    assert schema == desk.run("schema").exits(0).out
    assert (
        (desk.folder / "clips.yaml")
        .read_text("utf-8")
        .startswith("# yaml-language-server: $schema=nightreel.schema.json\n")
    )


@pytest.mark.slow
@pytest.mark.parametrize("provider", PAID)
def test_one_for_a_gateway_names_its_key_and_runs(provider: str, desk: Desk, gateway: Sim) -> None:
    """In a folder that it makes; only its limits are made quick here."""
    desk = at(desk, gateway)
    said = desk.run("init", "night/first.yaml", "--provider", provider).exits(0)
    desk.run("validate", "night/first.yaml").exits(0)
    text = (desk.folder / "night" / "first.yaml").read_text("utf-8")
    desk.write("night/first.yaml", re.sub(r"(?m)^limits:\n(?:  .*\n)+", "", text) + f"limits: {QUICK}\n")

    desk.run("run", "night/first.yaml").exits(0)

    key = PROVIDERS[provider].capabilities.key_env
    assert f"export {key}=..." in said.out
    assert "costs money" in said.out
    assert key in text
    assert clips_of(desk.batch("first")) == {"candle"}
    assert (desk.folder / "night" / "nightreel.schema.json").is_file()


@pytest.mark.parametrize("provider", PAID)
def test_it_begins_with_the_cheapest_that_there_is(provider: str) -> None:
    """One clip, the shortest and smallest of a model that no other undercuts."""
    facts = PROVIDERS[provider].capabilities
    manifest = yaml.safe_load(starter(provider))
    defaults = manifest["defaults"]
    rules = facts.models[defaults["model"]]
    prices = [other.price.second["480p"] for other in facts.models.values() if other.price]

    assert len(manifest["jobs"]) == 1
    assert defaults["duration"] == min(rules.durations_s)
    assert defaults["resolution"] == "480p"
    assert rules.price is None or rules.price.second["480p"] == min(prices)


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_the_schema_accepts_it(provider: str) -> None:
    document = yaml.safe_load(starter(provider).replace("16:9", "'16:9'").replace("9:16", "'9:16'"))

    assert list(Draft202012Validator(manifest_schema()).iter_errors(document)) == []


@pytest.mark.slow
@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_what_it_shows_in_comments_is_right(provider: str, desk: Desk) -> None:
    """Without the comment signs, the further jobs are jobs."""
    text = starter(provider)
    shown = re.sub(r"(?m)^#( - |   )", r" \1", text)
    desk.write("images/desk.png", PICTURE)
    desk.write("all.yaml", shown)

    said = desk.run("validate", "all.yaml", "--json").exits(0).json

    jobs = text.count("- id:")
    assert said["manifests"] == [{"manifest": "all.yaml", "valid": True, "jobs": jobs}]
    assert jobs > len(yaml.safe_load(text)["jobs"])


@pytest.mark.slow
def test_what_is_there_stays_as_it_is(desk: Desk) -> None:
    """A file, another schema, a folder: exit 2, with what to do; nothing is written, not even half of it."""
    desk.write("clips.yaml", "mine")
    desk.write("old/nightreel.schema.json", "{}")
    (desk.folder / "link.yaml").symlink_to("nowhere")
    (desk.folder / "folder.yaml").mkdir()
    wrong = {
        "clips.yaml": "name another file",
        "old/new.yaml": "nightreel schema > old/nightreel.schema.json",
        "link.yaml": "name another file",
        "folder.yaml": "is a folder",
        "clips.yaml/new.yaml": "cannot be written",
        "two words.yaml": "cannot be the name of a folder",
        "clips": "name it clips.yaml",
    }
    before = snapshot(desk.folder)

    for name, hint in wrong.items():
        ended = desk.run("init", name).exits(2)
        assert ended.out == ""
        assert hint in ended.err, name

    assert snapshot(desk.folder) == before


@pytest.mark.slow
def test_a_second_manifest_shares_the_schema(desk: Desk) -> None:
    """The schema that is there is the same, so it is left alone."""
    desk.run("init").exits(0)
    before = snapshot(desk.folder, "*.json")

    said = desk.run("init", "more.yaml").exits(0)

    assert "schema" not in said.out
    assert snapshot(desk.folder, "*.json") == before
    assert json.loads((desk.folder / "nightreel.schema.json").read_text("utf-8")) == manifest_schema()


@pytest.mark.slow
def test_an_unknown_provider_is_told(desk: Desk) -> None:
    ended = desk.run("init", "--provider", "comet").exits(2)

    assert "cometapi" in ended.err
    assert not (desk.folder / "clips.yaml").exists()
