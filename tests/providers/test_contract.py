"""What every provider must do, whatever its wire format: a new one only joins the table in `PROVIDERS`."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from providers.recorded import HTML, an_answer

from pipeline.errors import UsageError
from pipeline.model import Handle, Image, Job, Operation
from pipeline.providers import PROVIDERS, provider_named
from pipeline.providers.base import Call, FilePart, PollVerdict, Provider, SubmitVerdict

PICTURE = bytes(range(256)) * 3 + b"end"
pytestmark = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


def a_job(**more: Any) -> Job:
    return Job(**{"key": "fox", "prompt": "A fox in the snow.", **more})


def a_file(picture: bytes = PICTURE, media_type: str = "image/png") -> Image:
    digest = hashlib.sha256(picture).hexdigest()
    return Image(path="images/fox.png", sha256=digest, size_bytes=len(picture), media_type=media_type)


def written(call: Call, picture: bytes = PICTURE) -> bytes:
    """The body as the engine sends it: file parts as base64."""
    return b"".join(base64.b64encode(picture) if isinstance(part, FilePart) else part for part in call.body)


def test_it_is_found_by_its_name(provider: Provider) -> None:
    assert provider_named(provider.name) is provider


def test_its_table_fits_together(provider: Provider) -> None:
    facts = provider.capabilities

    default = facts.models[facts.default_model]
    assert facts.default_duration_s in default.durations_s
    assert Operation.GENERATE in default.operations
    for rules in facts.models.values():
        assert rules.operations
        assert len(rules.durations_s) > 0
        assert rules.aspect_ratios
    assert 0 < facts.poll.min_s <= facts.poll.first_s <= facts.poll.max_s
    assert facts.poll.growth > 0
    assert min(facts.submit_per_s, facts.poll_per_s, facts.max_in_flight, facts.url_life_s) > 0
    assert facts.key_env.isupper()
    assert facts.base_url_env.isupper()
    assert not facts.base_url.endswith("/")


def test_a_plain_job_is_valid_and_becomes_one_json_post(provider: Provider) -> None:
    job = a_job()

    assert provider.validate(job) == ()
    call = provider.build_submit(job)
    assert call.method == "POST"
    assert call.path.startswith("/")
    assert call.headers["content-type"] == "application/json"
    assert json.loads(written(call))["prompt"] == job.prompt


def test_no_call_carries_a_credential(provider: Provider) -> None:
    handle = Handle(provider=provider.name, origin="https://example.com", remote_id="a")

    for call in (provider.build_submit(a_job()), provider.build_poll(handle)):
        assert not {"authorization", "cookie", "x-api-key"} & {name.lower() for name in call.headers}
    assert provider.download_headers("https://vidgen.x.ai/a.mp4") == {}


def test_the_same_job_gives_the_same_bytes(provider: Provider) -> None:
    assert provider.build_submit(a_job(user="u")) == provider.build_submit(a_job(user="u"))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 1000])
def test_the_announced_length_is_the_length_on_the_wire(provider: Provider, size: int) -> None:
    call = provider.build_submit(a_job(prompt="Schnee, 雪 ❄", image=a_file(b"x" * size)))

    assert call.content_length == len(written(call, b"x" * size))


@given(prompt=st.text(st.characters(exclude_categories=["Cs"]), max_size=200), user=st.none() | st.just("{}"))
@settings(max_examples=100, deadline=None)
def test_any_prompt_survives_the_wire(provider: Provider, prompt: str, user: str | None) -> None:
    """No text can break out of its field, or be taken for the place where the picture goes."""
    for image in (None, a_file()):
        call = provider.build_submit(a_job(prompt=prompt, user=user, image=image))
        assert json.loads(written(call).decode())["prompt"] == prompt
        assert sum(isinstance(part, FilePart) for part in call.body) == (1 if image else 0)


@given(remote_id=st.text(min_size=1, max_size=100))
@settings(max_examples=200, deadline=None)
def test_no_id_can_change_the_address_of_a_poll(provider: Provider, remote_id: str) -> None:
    def address(text: str) -> list[str]:
        call = provider.build_poll(Handle(provider=provider.name, origin="https://e.com", remote_id=text))
        assert (call.method, call.body) == ("GET", ())
        return call.path.split("/")

    path, plain = address(remote_id), address("a")
    assert path[:-1] == plain[:-1]
    assert path[-1].isascii()
    assert not set(path[-1]) & set("/?#\\ :@\r\n")
    assert path[-1].strip(".")


@pytest.mark.parametrize(
    "job",
    [
        a_job(model="no-such-model"),
        a_job(prompt=" \n"),
        a_job(prompt="half \ud800 a character"),
        a_job(duration_s=0),
        a_job(duration_s=10_000),
        a_job(aspect_ratio="7:5"),
        a_job(resolution="8k"),
        a_job(image=Image()),
        a_job(image=a_file(media_type="image/tiff")),
        a_job(image=Image(url="ftp://example.com/fox.png")),
    ],
    ids=lambda job: next(str(value)[:30] for value in (job.model, job.prompt) if value),
)
def test_what_it_cannot_do_is_said_before_it_costs(provider: Provider, job: Job) -> None:
    problems = provider.validate(job)

    assert problems
    for problem in problems:
        assert problem.field in {"model", "prompt", "duration", "aspect_ratio", "resolution", "image"}
        assert problem.message


def test_every_problem_is_reported_at_once(provider: Provider) -> None:
    job = a_job(prompt="", duration_s=99, aspect_ratio="x", resolution="x", image=Image())

    fields = [problem.field for problem in provider.validate(job)]
    assert fields == ["prompt", "duration", "aspect_ratio", "resolution", "image"]


def test_an_edit_without_its_source_is_a_bug_of_the_caller(provider: Provider) -> None:
    with pytest.raises(ValueError, match="'fox'"):
        provider.build_submit(a_job(edit="candle"))


@pytest.mark.parametrize("body", [b"", HTML, b"\xff", b"[[", {"error": "no"}, {"odd": 1}])
@pytest.mark.parametrize("status", [200, 301, 400, 404, 408, 429, 500, 502, 503, 504])
def test_no_broken_answer_is_an_acceptance_or_an_end(provider: Provider, status: int, body: Any) -> None:
    answer = an_answer(status, body)

    assert provider.parse_submit(answer).verdict is not SubmitVerdict.ACCEPTED
    ends = {PollVerdict.READY, PollVerdict.FAILED, PollVerdict.MODERATED, PollVerdict.EXPIRED}
    assert provider.parse_poll(answer).verdict not in ends


@pytest.mark.parametrize("wrong", ["", "comet", "CometAPI", "simm", "x" * 1000])
def test_an_unknown_name_is_a_usage_error_with_the_known_ones(provider: Provider, wrong: str) -> None:
    with pytest.raises(UsageError, match="unknown provider") as caught:
        provider_named(wrong)

    assert provider.name in str(caught.value)
    assert caught.value.exit_code == 2
