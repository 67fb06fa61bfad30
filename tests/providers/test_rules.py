"""What a job may ask of each model: every rule of the tables broken once, and kept to the last inch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest
from providers.jobs import CLIP, MODEL_IDS, MODELS, Broken, a_file, a_job, a_link, broken, keyframes, links

from pipeline.model import Job, Operation
from pipeline.providers.base import ModelRules, Provider
from pipeline.providers.checks import source_problem
from pipeline.providers.rules import Shape

each_model = pytest.mark.parametrize(("provider", "model"), MODELS, ids=MODEL_IDS)
BREAKS = [(provider, case) for provider, model in MODELS for case in broken(provider, model)]


def _name(value: object) -> str:
    if isinstance(value, Broken):
        return f"{value.job.model}-{value.rule}-{value.field}"
    return value.name if hasattr(value, "name") else str(value)


@pytest.mark.parametrize(("provider", "case"), BREAKS, ids=_name)
def test_a_broken_rule_is_said_at_its_field_and_nowhere_else(provider: Provider, case: Broken) -> None:
    problems = provider.validate(case.job)

    assert {problem.field for problem in problems} == {case.field}
    assert len({problem.message for problem in problems}) == len(problems)  # nothing is said twice
    for problem in problems:
        assert problem.message.isprintable()
        assert "None" not in problem.message
        assert len(problem.message) < 500


def test_every_rule_of_the_tables_is_broken_by_some_case() -> None:
    """A new field of ModelRules needs a case that breaks it, or a word here why there is none."""
    says_only = {"alias_of", "price", "sources", "allowances"}
    defaults = {
        "default_duration_s",
        "default_resolution",
        "default_added_s",
    }  # test_its_defaults_are_offered
    lengths = {"edit_source_max_s", "extend_source_s"}  # test_the_length_of_a_source
    always = {"image"}  # no model refuses a picture
    counted = {"image_is_reference"}  # in `references`

    covered = {case.rule for _, case in BREAKS}

    assert {field.name for field in fields(ModelRules)} - covered == (
        says_only | defaults | lengths | always | counted
    )


@each_model
def test_its_defaults_are_offered(provider: Provider, model: str) -> None:
    rules = provider.capabilities.models[model]

    assert not rules.durations_s or rules.default_duration_s in rules.durations_s
    assert not rules.resolutions or rules.default_resolution in rules.resolutions
    assert (Operation.EXTEND in rules.operations) == bool(rules.added_s)
    assert not rules.added_s or rules.default_added_s in rules.added_s
    assert (Operation.EDIT in rules.operations) == (rules.edit_source_max_s > 0)
    assert rules.price is None or set(rules.price.second) == set(rules.resolutions)
    assert rules.alias_of is None or rules.alias_of in provider.capabilities.models


@each_model
def test_its_table_says_where_each_fact_stands(provider: Provider, model: str) -> None:
    """A page, and the day it was read."""
    for source in (*provider.capabilities.models[model].sources, *provider.capabilities.sources):
        assert source.startswith("https://")
        assert source.rpartition(", read ")[2].endswith("November 2026")


def taken(provider: Provider, model: str) -> Iterator[Job]:
    """Jobs at the edge of what the model takes."""
    facts, rules = provider.capabilities, provider.capabilities.models[model]
    yield a_job(model=model)
    yield from (a_job(model=model, duration_s=seconds) for seconds in rules.durations_s)
    yield from (a_job(model=model, aspect_ratio=ratio) for ratio in rules.aspect_ratios)
    yield from (a_job(model=model, resolution=resolution) for resolution in rules.resolutions)
    if facts.max_prompt_chars:
        yield a_job(model=model, prompt="雪" * facts.max_prompt_chars)
    if facts.takes_user:
        yield a_job(model=model, user="u-1")
    if rules.generate_audio:
        yield from (a_job(model=model, generate_audio=wanted) for wanted in (True, False))
    yield a_job(model=model, image=a_link())
    if rules.inline_images:
        yield a_job(model=model, image=a_file(), resize=640)
    if most := rules.references:
        yield a_job(model=model, reference_images=links(most), duration_s=rules.references_max_s)
        for resolution in rules.references_resolutions or rules.resolutions:
            yield a_job(model=model, reference_images=links(1), resolution=resolution)
        beside = most - rules.image_is_reference
        if rules.references_beside_image and beside:
            yield a_job(model=model, image=a_link(99), reference_images=links(beside))
    if rules.last_frame:
        yield a_job(model=model, image=a_link(), last_frame=a_link(1))
    if rules.keyframes:
        end_s = rules.durations_s[-1]
        times_s = (0, 1 / 3, 3.667, float(end_s))
        yield a_job(model=model, duration_s=end_s, keyframes=keyframes(*times_s[: rules.keyframes]))
    if Operation.EDIT in rules.operations:
        yield from (a_job(model=model, edit=source) for source in ("candle", CLIP))
    if Operation.EXTEND in rules.operations:
        yield from (a_job(model=model, extend=source) for source in ("candle", CLIP))
        yield from (a_job(model=model, extend=CLIP, duration_s=seconds) for seconds in rules.added_s)


@each_model
def test_what_the_table_offers_is_taken(provider: Provider, model: str) -> None:
    for job in taken(provider, model):
        assert provider.validate(job) == (), job


@each_model
@pytest.mark.parametrize("operation", [Operation.EDIT, Operation.EXTEND])
def test_the_length_of_a_source(provider: Provider, model: str, operation: Operation) -> None:
    """Known before anything is made: the clip that an edit or extension starts from must fit the model."""
    rules = provider.capabilities.models[model]
    job = a_job(model=model, **{operation.value: "candle"})
    edits = operation is Operation.EDIT
    least_s, most_s = (0.0, rules.edit_source_max_s) if edits else rules.extend_source_s

    def said(seconds: float) -> str | None:
        problem = source_problem(job, provider.capabilities, Shape(duration_s=seconds, resolution="480p"))
        assert problem is None or problem.field == operation.value
        return None if problem is None else problem.message

    if operation not in rules.operations:
        assert said(1) is None  # said by `validate`, at the model
        return
    assert (said(least_s), said(most_s)) == (None, None)
    assert f"'candle' will be {most_s + 0.5:g} s long" in (said(most_s + 0.5) or "")
    assert edits or "will be 1 s long" in (said(1) or "")


def test_all_that_is_wrong_is_said_at_once() -> None:
    for provider, model in MODELS:
        job = a_job(
            model=model, prompt="", duration_s=99, aspect_ratio="x", resolution="x", allow=("x",), resize=9
        )

        fields = [problem.field for problem in provider.validate(job)]
        assert fields == ["prompt", "allow", "duration", "aspect_ratio", "resolution", "resize"]
