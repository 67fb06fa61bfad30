"""Checking a job against a capability table, before it costs anything.

The same for every provider: some gateways ignore what they do not know, without an error, and bill all the
same (docs/provider-apis.md, "Requests"), so the table is the only guard. Each message says what was given
and what is allowed; where a vendor's pages contradict each other, also how to send it all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from pipeline.model import Job, Operation
from pipeline.providers.base import Capabilities, FieldProblem, ModelRules
from pipeline.providers.pictures import picture_problems
from pipeline.providers.rules import SETTINGS, Shape, model_of, rules_of
from pipeline.providers.words import did_you_mean, one_of, spelled

_VERBS = {Operation.GENERATE: "generate", Operation.EDIT: "edit", Operation.EXTEND: "extend"}


def job_problems(job: Job, facts: Capabilities) -> tuple[FieldProblem, ...]:
    """All that would be refused, or ignored in silence. Defaults that do not apply are dropped before."""
    problems = [*_text_problems(job, facts), *_allow_problems(job, facts)]
    if wrong_model := _model_problem(job, facts):
        return (*problems, wrong_model)
    found = dict.fromkeys(_rule_problems(job, facts))  # seven pictures may have one and the same fault
    return (*problems, *(_with_way_out(problem, job, facts, _rule_problems) for problem in found))


def _rule_problems(job: Job, facts: Capabilities) -> Iterator[FieldProblem]:
    rules = rules_of(job, facts)
    assert rules is not None, "an unknown model is a problem"
    if job.operation is Operation.GENERATE:
        yield from _setting_problems(job, rules, facts)
        yield from picture_problems(job, rules)
    else:
        yield from _source_problems(job, rules)
    if job.user is not None and not facts.takes_user:
        yield FieldProblem(field="user", message="this provider takes none; leave it out")


def _with_way_out(
    problem: FieldProblem,
    job: Job,
    facts: Capabilities,
    look: Callable[[Job, Capabilities], Iterable[FieldProblem]],
) -> FieldProblem:
    """The problem, and the rule that would have to be widened for it to be none."""
    for name in facts.models[model_of(job, facts)].allowances:
        allowed = replace(job, allow=(*job.allow, name))
        if _given(problem) not in map(_given, look(allowed, facts)):
            way_out = f'; the vendor\'s pages disagree here: "allow: [{name}]" sends it all the same'
            return replace(problem, message=problem.message + way_out)
    return problem


def _given(problem: FieldProblem) -> tuple[str, str]:
    """What is wrong, without what is allowed, which is another list where a rule is widened."""
    return problem.field, problem.message.partition("; ")[0]


def _text_problems(job: Job, facts: Capabilities) -> Iterator[FieldProblem]:
    """The prompt is there and not too long, and every text can be written as UTF-8."""
    length, longest = len(job.prompt), facts.max_prompt_chars
    if not job.prompt.strip():
        yield FieldProblem(field="prompt", message="is empty; the gateway needs one")
    elif longest is not None and length > longest:
        yield FieldProblem(field="prompt", message=f"has {length} characters; allowed: at most {longest}")
    for field, text in (("prompt", job.prompt), ("user", job.user or "")):
        if any("\ud800" <= char <= "\udfff" for char in text):
            yield FieldProblem(field=field, message="holds half a character (a lone surrogate)")


def _allow_problems(job: Job, facts: Capabilities) -> Iterator[FieldProblem]:
    """A name that this provider has for another model is fine: defaults are for all of them."""
    known = sorted({name for rules in facts.models.values() for name in rules.allowances})
    for name in job.allow:
        if name not in known:
            rules = f"known: {one_of(known)}" if known else "this provider has none to widen"
            hint = did_you_mean(name, known)
            yield FieldProblem(field="allow", message=f'there is no rule "{name[:100]}"; {rules}.{hint}')


def _model_problem(job: Job, facts: Capabilities) -> FieldProblem | None:
    """Whether the model exists here and can do what the job asks for."""
    model, verb = model_of(job, facts), _VERBS[job.operation]
    rules = facts.models.get(model)
    if rules is None:
        hint = did_you_mean(model, facts.models)
        return FieldProblem(
            field="model", message=f'unknown model "{model}"; allowed: {one_of(facts.models)}.{hint}'
        )
    if job.operation in rules.operations:
        return None
    able = _able(facts, lambda other: job.operation in other.operations)
    if not able:
        return FieldProblem(field=verb, message=f"this provider cannot {verb} videos")
    return FieldProblem(field="model", message=f'"{model}" cannot {verb} videos; allowed: {one_of(able)}')


def _setting_problems(job: Job, rules: ModelRules, facts: Capabilities) -> Iterator[FieldProblem]:
    """Duration, ratio, resolution and sound lie in the model's table."""
    if job.duration_s is not None and job.duration_s not in rules.durations_s:
        fixed = f"is fixed at {rules.default_duration_s} s by this model; leave it out"
        message = f"{job.duration_s} s is not offered; allowed: {spelled(rules.durations_s)} s"
        yield FieldProblem(field="duration", message=message if rules.durations_s else fixed)
    if job.aspect_ratio is not None and job.aspect_ratio not in rules.aspect_ratios:
        yield FieldProblem(
            field="aspect_ratio",
            message=f'"{job.aspect_ratio}" is not offered; allowed: {one_of(rules.aspect_ratios)}',
        )
    if job.resolution is not None and job.resolution not in rules.resolutions:
        yield FieldProblem(field="resolution", message=_wrong_resolution(job.resolution, rules, facts))
    if job.generate_audio is not None and not rules.generate_audio:
        able = _able(facts, lambda other: other.generate_audio)
        way_out = f"leave it out, or use {one_of(able)}" if able else "leave it out"
        yield FieldProblem(field="generate_audio", message=f"cannot be chosen with this model; {way_out}")


def _wrong_resolution(resolution: str, rules: ModelRules, facts: Capabilities) -> str:
    if not rules.resolutions:
        return "is fixed by this model; leave it out"
    able = _able(facts, lambda other: resolution in other.resolutions)
    hint = f" ({one_of(able)} offers it)" if able else ""
    return f'"{resolution}" is not offered by this model; allowed: {one_of(rules.resolutions)}{hint}'


def _able(facts: Capabilities, can: Callable[[ModelRules], bool]) -> list[str]:
    """Models that can, each under its own name only."""
    return [name for name, other in facts.models.items() if can(other) and other.alias_of is None]


def _source_problems(job: Job, rules: ModelRules) -> Iterator[FieldProblem]:
    """What an edit or an extension may say beside its source."""
    verb = _VERBS[job.operation]
    source = job.source or ""
    extends = job.operation is Operation.EXTEND
    noun = "extension" if extends else "edit"
    for name, attribute in {**SETTINGS, "generate_audio": "generate_audio"}.items():
        if getattr(job, attribute) is not None and not (extends and name == "duration"):
            message = f"an {noun} keeps that of its source; leave it out"
            yield FieldProblem(field=name, message=message)
    if extends and job.duration_s is not None and job.duration_s not in rules.added_s:
        allowed = spelled(rules.added_s)
        message = f"{job.duration_s} s cannot be added to a video; allowed: {allowed} s"
        yield FieldProblem(field="duration", message=message)
    for name in dict.fromkeys(name for name, _ in job.pictures):
        yield FieldProblem(field=name, message=f"an {noun} starts from a video; leave it out")
    if job.resize is not None:
        yield FieldProblem(field="resize", message="there is no picture to make smaller; leave it out")
    if job.parent_key is None and not source.startswith("https://"):
        message = f'is "{source[:100]}"; allowed: the id of another job, or a URL that starts with https://'
        yield FieldProblem(field=verb, message=message)


def source_problem(job: Job, facts: Capabilities, source: Shape) -> FieldProblem | None:
    """Whether the clip that an edit or extension starts from has a length that the gateway takes."""

    def look(job: Job, facts: Capabilities) -> Iterator[FieldProblem]:
        rules = rules_of(job, facts)
        if rules is None or job.operation not in rules.operations:
            return
        edits = job.operation is Operation.EDIT
        least_s, most_s = (0.0, rules.edit_source_max_s) if edits else rules.extend_source_s
        if not least_s <= source.duration_s <= most_s:
            verb, allowed = _VERBS[job.operation], f"{least_s:g} to {most_s:g} s"
            given = f"the clip of {job.source!r} will be {source.duration_s:g} s long"
            message = f"{given}; a video to {verb} has {allowed if least_s else f'at most {most_s:g} s'}"
            yield FieldProblem(field=verb, message=message)

    return next((_with_way_out(problem, job, facts, look) for problem in look(job, facts)), None)
