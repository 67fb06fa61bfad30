"""Rules that `allow` widens: off until asked for, by name, for one thing alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from providers.jobs import MODELS, a_file, a_job, broken, every_allowance, links

from pipeline.model import Job, Operation
from pipeline.providers import PROVIDERS, provider_named
from pipeline.providers.base import FieldProblem, Provider
from pipeline.providers.checks import source_problem
from pipeline.providers.rules import Shape

EVERY = [
    (provider, model, name)
    for provider, model in MODELS
    for name in provider.capabilities.models[model].allowances
]
each_allowance = pytest.mark.parametrize(
    ("provider", "model", "name"), EVERY, ids=lambda value: str(value)[:60]
)


def problems_of(provider: Provider, job: Job, source_s: float | None = None) -> tuple[FieldProblem, ...]:
    """What is wrong with a job; with a source of this length, about that."""
    if source_s is None:
        return provider.validate(job)
    source = Shape(duration_s=source_s, resolution="480p")
    found = source_problem(job, provider.capabilities, source)
    return () if found is None else (found,)


def needing(provider: Provider, model: str, name: str) -> Iterator[tuple[Job, float | None]]:
    """Jobs that only this rule lets through, and the length of what they start from."""
    rules = provider.capabilities.models[model]
    for field, wider in rules.allowances[name].changes.items():
        narrow: Any = getattr(rules, field)
        match field:
            case "durations_s":
                yield from ((a_job(model=model, duration_s=each), None) for each in set(wider) - set(narrow))
            case "aspect_ratios":
                yield from (
                    (a_job(model=model, aspect_ratio=each), None) for each in set(wider) - set(narrow)
                )
            case "resolutions":
                yield from ((a_job(model=model, resolution=each), None) for each in set(wider) - set(narrow))
            case "references":
                for count in range(narrow + 1, wider + 1):
                    yield a_job(model=model, reference_images=links(count)), None
            case "inline_images":
                yield a_job(model=model, image=a_file()), None
                yield a_job(model=model, reference_images=(a_file(),)), None
            case "added_s":
                for each in set(wider) - set(narrow):
                    yield a_job(model=model, extend="candle", duration_s=each), None
            case "extend_source_s":
                yield a_job(model=model, extend="candle"), wider[1]
            case _:
                raise AssertionError(f"{name} widens {field}: say here what it lets through")


@each_allowance
def test_without_it_the_message_names_it_and_with_it_the_job_is_taken(
    provider: Provider, model: str, name: str
) -> None:
    jobs = list(needing(provider, model, name))
    assert jobs
    for job, source_s in jobs:
        (problem,) = problems_of(provider, job, source_s)
        assert problem.message.endswith(
            f'; the vendor\'s pages disagree here: "allow: [{name}]" sends it all the same'
        )
        allowed = replace(job, allow=(name,))
        assert problems_of(provider, allowed, source_s) == ()
        if job.operation is Operation.GENERATE:
            assert provider.build_submit(allowed) == provider.build_submit(job)  # a word for us, not sent


@each_allowance
def test_it_widens_nothing_else(provider: Provider, model: str, name: str) -> None:
    """Whatever else is wrong with a job stays wrong, in the same words."""
    changes = provider.capabilities.models[model].allowances[name].changes

    for case in broken(provider, model):
        if case.rule not in changes and case.rule != "allow":
            allowed = replace(case.job, allow=(name,))
            assert provider.validate(allowed) == provider.validate(case.job), case


@each_allowance
def test_it_counts_for_no_model_that_does_not_have_it(provider: Provider, model: str, name: str) -> None:
    """A default `allow` stands beside all models of a manifest, and is no error there."""
    for other, rules in provider.capabilities.models.items():
        if name not in rules.allowances:
            for case in broken(provider, other):
                if case.rule != "allow":
                    allowed = replace(case.job, allow=(name,))
                    assert provider.validate(allowed) == provider.validate(case.job), case


@each_allowance
def test_it_only_ever_widens(provider: Provider, model: str, name: str) -> None:
    rules = provider.capabilities.models[model]
    rule = rules.allowances[name]

    assert rule.says
    assert not rule.says.endswith(".")
    for field, wider in rule.changes.items():
        narrow = getattr(rules, field)
        if field == "extend_source_s":
            assert wider[0] <= narrow[0] <= narrow[1] <= wider[1]
        elif isinstance(narrow, int):
            assert wider > narrow
        else:
            assert set(wider) > set(narrow)


def test_no_message_offers_a_rule_that_would_not_help() -> None:
    for provider, model in MODELS:
        rules = provider.capabilities.models[model]
        widened = {field for rule in rules.allowances.values() for field in rule.changes}
        for case in broken(provider, model):
            if case.rule not in widened:
                messages = [problem.message for problem in provider.validate(case.job)]
                assert not any("allow: [" in message for message in messages), case


def test_each_of_two_faults_at_one_field_names_its_own_rule() -> None:
    """Files where links are wanted, and too many of them: one rule alone would not send it."""
    provider = provider_named("globalaiopc")
    job = a_job(model="grok_video3_pro", reference_images=(a_file(),) * 3)

    inline, count = provider.validate(job)
    assert '"allow: [base64-images]"' in inline.message
    assert '"allow: [pro-references]"' in count.message
    assert provider.validate(replace(job, allow=("base64-images", "pro-references"))) == ()


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_all_rules_together_are_no_error_for_any_model(provider: Provider) -> None:
    for model in provider.capabilities.models:
        assert provider.validate(a_job(model=model, allow=every_allowance(provider))) == ()


@pytest.mark.parametrize(
    ("provider", "word", "message"),
    [
        ("cometapi", "wide-ratios", 'there is no rule "wide-ratios"; this provider has none to widen.'),
        (
            "xai",
            "wide",
            'there is no rule "wide"; known: extension-1s, extension-of-30s or wide-ratios.',
        ),
    ],
)
def test_an_unknown_rule_is_refused_with_the_known_ones(provider: str, word: str, message: str) -> None:
    (problem,) = provider_named(provider).validate(a_job(allow=(word,)))

    assert (problem.field, problem.message) == ("allow", message)
