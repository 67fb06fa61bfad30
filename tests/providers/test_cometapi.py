"""CometAPI's own: its table, its fields on the wire, and what it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.model import Handle, Image, Job
from pipeline.providers import PROVIDERS, provider_named
from pipeline.providers.base import FilePart, PollAdvice
from pipeline.providers.rules import ignored_defaults, list_price

COMET = provider_named("cometapi")
SHA = "ab" * 32
CLIP = "https://vidgen.x.ai/clip.mp4"


def a_job(**more: Any) -> Job:
    return Job(**{"key": "fox", "prompt": "A fox.", **more})


def sent(job: Job, **more: Any) -> Any:
    call = COMET.build_submit(job, **more)
    return json.loads(b"".join(part for part in call.body if isinstance(part, bytes)))


def said_about(job: Job) -> dict[str, str]:
    return {problem.field: problem.message for problem in COMET.validate(job)}


def test_the_table_of_facts() -> None:
    facts = COMET.capabilities

    assert (facts.key_env, facts.base_url_env) == ("COMETAPI_KEY", "COMETAPI_BASE_URL")
    assert facts.base_url == "https://api.cometapi.com"
    assert facts.default_model == "grok-imagine-video"
    assert {rules.default_duration_s for rules in facts.models.values()} == {8}
    assert (facts.submit_per_s, facts.poll_per_s, facts.max_in_flight) == (1, 5, 20)
    assert not facts.submit_known
    assert facts.poll == PollAdvice(first_s=5, min_s=5, max_s=15, growth=0.1)
    assert facts.url_life_s == 3600
    assert {name: rules.resolutions[-1] for name, rules in facts.models.items()} == {
        "grok-imagine-video": "720p",
        "grok-imagine-video-1.5": "1080p",
    }


def test_the_simulator_differs_in_speed_and_names_only() -> None:
    comet, sim = COMET.capabilities, provider_named("sim").capabilities

    assert sim.models is comet.models
    assert (sim.key_env, sim.base_url_env) == ("NIGHTREEL_SIM_KEY", "NIGHTREEL_SIM_URL")
    assert sim.poll == PollAdvice(first_s=0.3, min_s=0.05, max_s=5, growth=0.1)
    assert (sim.submit_per_s, sim.poll_per_s, sim.max_in_flight) == (1000, 1000, 50)
    assert sim.submit_known


def test_the_registry_lists_its_names_and_guesses() -> None:
    assert list(PROVIDERS) == ["cometapi", "globalaiopc", "xai", "sim"]
    with pytest.raises(UsageError) as caught:
        provider_named("comet-api")
    assert str(caught.value) == (
        'unknown provider "comet-api"; known: cometapi, globalaiopc, xai or sim. Did you mean "cometapi"?'
    )


def test_a_bare_job_sends_model_and_duration_because_they_set_the_bill() -> None:
    call = COMET.build_submit(a_job())

    assert call.path == "/grok/v1/videos/generations"
    assert call.body == (b'{"model":"grok-imagine-video","prompt":"A fox.","duration":8}',)


def test_every_field_that_was_set_is_sent_once() -> None:
    job = a_job(
        model="grok-imagine-video-1.5", duration_s=6, aspect_ratio="9:16", resolution="1080p", user="u-1"
    )

    assert COMET.validate(job) == ()
    assert sent(job) == {
        "model": "grok-imagine-video-1.5",
        "prompt": "A fox.",
        "user": "u-1",
        "duration": 6,
        "resolution": "1080p",
        "aspect_ratio": "9:16",
    }


def test_text_is_sent_as_utf_8_and_not_as_escapes() -> None:
    (body,) = COMET.build_submit(a_job(prompt='雪 "quoted" \u0000')).body

    assert isinstance(body, bytes)
    assert '"雪 \\"quoted\\" \\u0000"'.encode() in body


def test_a_picture_from_disk_streams_inside_a_data_uri() -> None:
    image = Image(path="fox.png", sha256=SHA, size_bytes=1000, media_type="image/png")
    call = COMET.build_submit(a_job(image=image))

    start, part, tail = call.body
    assert isinstance(start, bytes)
    assert start.endswith(b'"image":{"url":"data:image/png;base64,')
    assert part == FilePart(path="fox.png", size_bytes=1000, sha256=SHA)
    assert tail == b'"}}'
    assert call.content_length == len(start) + 1336 + len(tail)


@pytest.mark.parametrize("prompt", ['"}}', 'data:image/png;base64,"}}', "\x00", '{"image":{"url":"'])
def test_no_prompt_moves_the_place_of_the_picture(prompt: str) -> None:
    image = Image(path="fox.png", sha256=SHA, size_bytes=3, media_type="image/webp")

    assert sent(a_job(prompt=prompt, image=image)) == {
        "model": "grok-imagine-video",
        "prompt": prompt,
        "duration": 8,
        "image": {"url": "data:image/webp;base64,"},
    }


@pytest.mark.parametrize("url", ["https://example.com/fox.png", "data:image/png;base64,AAAA"])
def test_a_picture_by_url_goes_as_it_is_and_a_default_ratio_does_not_apply_to_it(url: str) -> None:
    job = a_job(image=Image(url=url), resolution="480p")

    assert COMET.validate(job) == ()
    assert "aspect_ratio" in ignored_defaults(job, COMET.capabilities)
    assert sent(job)["image"] == {"url": url}
    assert sent(job)["resolution"] == "480p"


def test_an_edit_refuses_what_its_source_decides_and_ignores_defaults_for_it() -> None:
    job = a_job(edit="candle", duration_s=6, aspect_ratio="16:9", resolution="720p")

    assert {problem.field for problem in COMET.validate(job)} == {"duration", "aspect_ratio", "resolution"}
    assert ignored_defaults(job, COMET.capabilities) >= {"duration_s", "aspect_ratio", "resolution"}


def test_an_edit_sends_its_source() -> None:
    job = a_job(edit="candle", user="u")

    assert COMET.validate(job) == ()
    assert COMET.build_submit(job, video=CLIP).path == "/grok/v1/videos/edits"
    assert sent(job, video=CLIP) == {
        "model": "grok-imagine-video",
        "prompt": "A fox.",
        "user": "u",
        "video": {"url": CLIP},
    }


def test_an_edit_of_a_url_needs_no_parent() -> None:
    assert sent(a_job(edit=CLIP))["video"] == {"url": CLIP}


@pytest.mark.parametrize(
    ("remote_id", "segment"),
    [
        ("f5f35814-953e", "f5f35814-953e"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("video:1 ü", "video%3A1%20%C3%BC"),
        ("..", "%2E%2E"),
        ("a\udc80", "a%3F"),  # how a byte that is not UTF-8 comes from a command line
        ("100%", "100%25"),
    ],
)
def test_the_id_is_quoted_into_the_poll(remote_id: str, segment: str) -> None:
    call = COMET.build_poll(Handle(provider="cometapi", origin="https://e.com", remote_id=remote_id))

    assert (call.method, call.path) == ("GET", f"/grok/v1/videos/{segment}")


@pytest.mark.parametrize(
    ("job", "field", "words"),
    [
        (a_job(model="grok-imagin-video"), "model", 'Did you mean "grok-imagine-video"?'),
        (a_job(model="sora"), "model", "allowed: grok-imagine-video or grok-imagine-video-1.5"),
        (
            a_job(model="grok-imagine-video-1.5", edit="x"),
            "model",
            "cannot edit videos; allowed: grok-imagine",
        ),
        (a_job(duration_s=16), "duration", "16 s is not offered; allowed: 1 to 15 s"),
        (a_job(duration_s=0), "duration", "0 s is not offered"),
        (a_job(aspect_ratio="21:9"), "aspect_ratio", "allowed: 1:1, 16:9, 9:16, 4:3, 3:4, 3:2 or 2:3"),
        (a_job(resolution="1080p"), "resolution", "480p or 720p (grok-imagine-video-1.5 offers it)"),
        (a_job(prompt="x" * 4097), "prompt", "4097 characters; allowed: at most 4096"),
        (a_job(user="\udfff"), "user", "surrogate"),
        (a_job(edit="http://example.com/a.mp4"), "edit", "https://"),
        (a_job(edit="x", image=Image(url="https://e.com/a.png")), "image", "starts from a video"),
        (a_job(image=Image(url="http://e.com/a.png")), "image", "https://"),
        (a_job(image=Image(url="data:text/html,hi")), "image", 'is "text/html"'),
        (a_job(image=Image(path="a", url="https://e.com/a.png")), "image", "exactly one"),
        (a_job(image=Image(path="a.gif", media_type="image/gif")), "image", "image/jpeg, image/png or"),
    ],
)
def test_a_problem_says_what_was_given_and_what_is_allowed(job: Job, field: str, words: str) -> None:
    problems = said_about(job)

    assert list(problems) == [field]
    assert words in problems[field]


def test_what_xai_alone_takes_is_refused_here() -> None:
    """The pages of CometAPI name none of these, and what is not named is perhaps ignored, and billed."""
    link = Image(url="https://example.com/a.png")
    job = a_job(reference_images=(link,), last_frame=link, generate_audio=False)

    assert set(said_about(job)) == {"reference_images", "last_frame", "generate_audio"}
    assert said_about(a_job(extend="candle")) == {"extend": "this provider cannot extend videos"}


def test_there_is_no_list_price() -> None:
    """Its figures are xAI's cost, and what the account is charged stands on no page."""
    assert list_price(a_job(), COMET.capabilities, None) is None
