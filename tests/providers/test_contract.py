"""What every provider must do, whatever its wire format: a new one only joins the table in `PROVIDERS`."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from providers.jobs import LINK, PICTURE, a_file, a_job, a_job_with_a_file, every_allowance, fields_of
from providers.recorded import HTML, an_answer
from yarl import URL

from pipeline.config import checked_base_url
from pipeline.errors import UsageError
from pipeline.model import Handle, Image, Job, Operation
from pipeline.providers import PROVIDERS, provider_named
from pipeline.providers.base import Call, FilePart, PollVerdict, Provider, SubmitVerdict

pytestmark = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


def written(call: Call, picture: bytes = PICTURE) -> bytes:
    """The body as the engine sends it: file parts as base64."""
    return b"".join(base64.b64encode(picture) if isinstance(part, FilePart) else part for part in call.body)


def every_call(provider: Provider) -> list[Call]:
    handle = Handle(provider=provider.name, origin="https://example.com", remote_id="a")
    return [provider.build_submit(a_job()), provider.build_poll(handle), provider.probe()]


def test_it_is_found_by_its_name(provider: Provider) -> None:
    assert provider_named(provider.name) is provider


def test_its_table_fits_together(provider: Provider) -> None:
    facts = provider.capabilities

    assert Operation.GENERATE in facts.models[facts.default_model].operations
    for rules in facts.models.values():
        assert rules.operations
        assert rules.aspect_ratios
        assert rules.default_duration_s > 0
    inline = any(rules.operations - {Operation.GENERATE} for rules in facts.models.values())
    assert inline or not facts.inline_video_bytes
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
    for call in every_call(provider):
        assert not {"authorization", "cookie", "x-api-key"} & {name.lower() for name in call.headers}


def test_every_path_stands_behind_the_base_url_as_it_is(provider: Provider) -> None:
    """Joined as the transport does it: a prefix of the address stays, a slash at its end is not doubled."""
    own = provider.capabilities.base_url
    for base in ([own, f"{own}/"] if own else []) + ["https://proxy.example.com/a/b/"]:
        address = checked_base_url(base, allow_insecure=False)
        for call in every_call(provider):
            url = URL(address + call.path, encoded=True)
            assert str(url) == f"{base.rstrip('/')}{call.path}"
            assert "//" not in url.path


def test_the_probe_asks_about_nobodys_job(provider: Provider) -> None:
    """It can cost nothing, and goes where the polls go."""
    call, poll = provider.probe(), every_call(provider)[1]

    assert (call.method, call.body) == ("GET", ())
    assert call.path.rpartition("/")[0] == poll.path.rpartition("/")[0]
    assert set(call.path.rpartition("/")[2]) == set("0-")


def test_the_same_job_gives_the_same_bytes(provider: Provider) -> None:
    job = a_job_with_a_file(provider)

    assert provider.build_submit(job) == provider.build_submit(job)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 1000])
def test_the_announced_length_is_the_length_on_the_wire(provider: Provider, size: int) -> None:
    picture = b"x" * size
    call = provider.build_submit(a_job_with_a_file(provider, picture, prompt="Schnee, 雪 ❄"))

    assert call.content_length == len(written(call, picture))


def test_a_file_goes_inside_as_a_data_uri_piece_by_piece(provider: Provider) -> None:
    call = provider.build_submit(a_job_with_a_file(provider))

    uri = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
    assert json.dumps(uri).encode() in written(call)
    assert [part for part in call.body if isinstance(part, FilePart)] == [
        FilePart(path="images/fox.png", size_bytes=len(PICTURE), sha256=a_file().sha256 or "")
    ]


def test_a_link_is_sent_as_it_is(provider: Provider) -> None:
    job = a_job(image=Image(url=LINK))

    assert provider.validate(job) == ()
    assert json.dumps(LINK).encode() in written(provider.build_submit(job))


def test_a_picture_not_yet_looked_at_cannot_be_sent(provider: Provider) -> None:
    job = a_job(image=Image(path="fox.png"), allow=every_allowance(provider))

    assert provider.validate(job) == ()  # a check of the manifest need not read every file
    with pytest.raises(ValueError, match=r"fox\.png"):
        provider.build_submit(job)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(prompt=TEXTS | st.sampled_from(['"}}', 'data:image/png;base64,"}}', '{"image":{"url":"', "%s%%"]))
@settings(max_examples=100, deadline=None)
def test_any_prompt_survives_the_wire(provider: Provider, prompt: str) -> None:
    """No text can break out of its field, or be taken for the place where the picture goes."""
    user = prompt if provider.capabilities.takes_user else None
    for job in (a_job(prompt=prompt, user=user), a_job_with_a_file(provider, prompt=prompt, user=user)):
        call = provider.build_submit(job)
        body = json.loads(written(call).decode())
        assert (body["prompt"], body.get("user")) == (prompt, user)
        assert sum(isinstance(part, FilePart) for part in call.body) == (1 if job.image else 0)


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


@pytest.mark.parametrize("verb", ["edit", "extend"])
def test_to_start_from_a_clip_that_is_not_given_is_a_bug_of_the_caller(provider: Provider, verb: str) -> None:
    with pytest.raises(ValueError, match="'fox'"):
        provider.build_submit(a_job(**{verb: "candle"}))


@pytest.mark.parametrize("verb", ["edit", "extend"])
def test_what_no_model_can_do_is_said_at_the_verb(provider: Provider, verb: str) -> None:
    rules = provider.capabilities.models.values()
    able = any(Operation(verb) in one.operations for one in rules)

    assert fields_of(provider, a_job(**{verb: "candle"})) == ([] if able else [verb])


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
