"""Scenario files: the shipped ones load, and a mistake is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.sim import Scenario, ScenarioError, WorldRules, load_scenario, read_scenario, shipped_scenarios
from pipeline.sim.faults import FAULTS, Target
from pipeline.sim.faults.refusals import TooMany


def test_calm_is_the_default() -> None:
    assert load_scenario("calm") == Scenario() == read_scenario("", "empty")


@pytest.mark.parametrize("name", shipped_scenarios())
def test_a_shipped_scenario_carries_its_name(name: str) -> None:
    assert load_scenario(name).name == name


def test_what_ships() -> None:
    assert shipped_scenarios() == ("broke", "busy", "calm", "flaky", "hostile")


def test_everything_can_be_set(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "render_s: 4\nspread: 0\nlink_life_s: 60\nkeep_s: 5\n"
        "poll_form: mixed\nclips: small\nclip_bytes: 1000\n"
        "faults:\n  - {fault: 429, phase: [poll, submit], rate: 0.5, seed: 3, job: '*fox*', attempts: 2-4,"
        " after: 7, from_s: 1, to_s: 2.5, retry_after: 9, as_date: true}\n"
    )

    scenario = load_scenario(file)

    target = Target(
        phases=frozenset({"submit", "poll"}), job="*fox*", first=2, last=4, after=7, from_s=1, to_s=2.5
    )
    assert scenario == Scenario(
        name="mine",
        rules=WorldRules(render_s=4, spread=0, link_life_s=60, keep_s=5),
        poll_form="mixed",
        clips="small",
        clip_bytes=1000,
        faults=(TooMany(target=target, rate=0.5, seed=3, retry_after=9, as_date=True),),
    )


def test_hostile_is_everything_at_once() -> None:
    assert {fault.name for fault in load_scenario("hostile").faults} == set(FAULTS)


def test_what_a_shipped_scenario_may_lose() -> None:
    """Of submissions: nothing by `busy`; an answer in fifty by `flaky`, one in ten by `hostile`."""

    def lost(name: str) -> float:
        kinds = load_scenario(name).faults
        unclear = (
            "reset_before",
            "reset_after",
            "5xx",
            "hung",
            "page",
            "empty",
            "bomb",
            "malformed",
            "no_id",
        )
        unclear += ("cut_answer", "endless")
        return sum(one.rate for one in kinds if one.name in unclear and "submit" in one.target.phases)

    assert [lost(name) for name in ("calm", "busy", "broke")] == [0, 0, 0]
    assert 0.01 <= lost("flaky") <= 0.03
    assert 0.05 <= lost("hostile") <= 0.12


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_named_alone(name: str) -> None:
    (fault,) = read_scenario(f"faults: [{{fault: {name}}}]", "test").faults

    assert fault == FAULTS[name](target=Target(phases=frozenset(FAULTS[name].phases)))


def test_a_number_and_its_text_are_the_same_choice() -> None:
    """YAML reads `403` as a number."""
    number, text = (
        read_scenario(f"faults: [{{fault: credits, status: {status}}}]", "test")
        for status in ("403", '"403"')
    )

    assert number == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a", "must be a mapping"),
        ("a: [", "not YAML"),
        ("render_s: 2024-99-99", "not YAML"),
        ("!!timestamp", "not YAML"),
        ("render_s: !!bool x", "not YAML"),
        ("render_s: !!int", "not YAML"),
        ("faults: " + "[" * 500, "not YAML"),
        ("1: 2", "must be a mapping"),
        ("rendering: 4", "unknown field 'rendering'"),
        ("name: 7", "name: 7, expected text"),
        ("render_s: fast", "render_s: 'fast', expected a number"),
        ("render_s: -1", "expected a number from 0"),
        ("spread: .nan", "expected a number from 0"),
        ("render_s: true", "expected a number from 0"),
        ("clip_bytes: 1.5", "expected a whole number"),
        ("poll_form: round", "poll_form: 'round', expected one of flat, envelope, mixed"),
        ("clips: [small]", "expected one of real, small"),
        ("faults: {fault: 429}", "faults: must be a list"),
        ("faults: [429]", "faults[0]: must be a mapping"),
        ("faults: [{fault: 418}]", "faults[0]: unknown fault '418', expected one of 429, 503"),
        ("faults: [{rate: 1}]", "unknown fault ''"),
        ("faults: [{fault: slow, retry_after: 1}]", "faults[0] (slow): unknown field 'retry_after'"),
        ("faults: [{fault: 503, phase: upload}]", "phase 'upload', expected one of submit, poll, download"),
        ("faults: [{fault: truncate, phase: poll}]", "phase 'poll', expected one of download"),
        ("faults: [{fault: 503, phase: [[poll]]}]", "phase ['poll'], expected one of"),
        ("faults: [{fault: 503, attempts: 0}]", "attempts: 0, expected 2, 1-3 or 2-"),
        ("faults: [{fault: 503, rate: 1.5}]", "rate: 1.5, expected a number from 0 to 1"),
        ("faults: [{fault: 503, job: 5}]", "job: 5, expected text"),
        ("faults: [{fault: 429, as_date: 1}]", "as_date: 1, expected true or false"),
        ("faults: [{fault: 429, retry_after: 1.5}]", "1.5, expected a whole number or text or null"),
        ("faults: [{fault: 503, after: -1}]", "after: -1, expected a whole number from 0"),
        ("faults: [{fault: 503, to_s: soon}]", "to_s: 'soon', expected a number from 0 or null"),
        ("faults: [{fault: 5xx, status: 99}]", "status: 99, expected a whole number from 200 to 599"),
        ("faults: [{fault: 5xx, body: xml}]", "body: 'xml', expected one of json, html, empty"),
        ("faults: [{fault: no_id, phase: poll}]", "phase 'poll', expected one of submit"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(text, "night.yaml")

    assert str(caught.value).startswith("night.yaml")
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_an_unreadable_file_names_the_shipped_ones(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "none.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ScenarioError, match="broke, busy, calm, flaky, hostile"):
        load_scenario(str(path))
