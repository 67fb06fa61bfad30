"""What a person reads when a job asks for what a model does not have: what was given, and what is allowed."""

from __future__ import annotations

import pytest
from providers.jobs import CLIP, a_file, a_job, a_link, keyframes, links

from pipeline.model import Job
from pipeline.providers import provider_named
from pipeline.providers.checks import source_problem
from pipeline.providers.rules import Shape

NEW, LITE = "grok-imagine-video-1.5", "grok-imagine-video-1.5-lite"
PRO, MAX, STABLE = "grok_video3_pro", "grok_video3_max", "grok_video3_stable"


def _or_all_the_same(rule: str) -> str:
    return f'; the vendor\'s pages disagree here: "allow: [{rule}]" sends it all the same'


@pytest.mark.parametrize(
    ("provider", "job", "field", "message"),
    [
        (
            "xai",
            a_job(model="grok-imagine-video-1.6"),
            "model",
            (
                'unknown model "grok-imagine-video-1.6"; allowed: grok-imagine-video, grok-imagine-video-1.5,'
                " grok-imagine-video-1.5-lite, grok-imagine-video-beta or grok-imagine-video-1.5-preview."
                ' Did you mean "grok-imagine-video-1.5"?'
            ),
        ),
        ("xai", a_job(duration_s=16), "duration", "16 s is not offered; allowed: 1 to 15 s"),
        (
            "globalaiopc",
            a_job(model=MAX, duration_s=8),
            "duration",
            "8 s is not offered; allowed: 6, 10, 12, 16, 20 or 30 s",
        ),
        (
            "globalaiopc",
            a_job(model=STABLE, duration_s=6),
            "duration",
            "6 s is not offered; allowed: 10 s" + _or_all_the_same("stable-6s"),
        ),
        (
            "globalaiopc",
            a_job(model=PRO, duration_s=10),
            "duration",
            "is fixed at 10 s by this model; leave it out",
        ),
        (
            "globalaiopc",
            a_job(model=PRO, resolution="720p"),
            "resolution",
            "is fixed by this model; leave it out",
        ),
        (
            "xai",
            a_job(aspect_ratio="21:9"),
            "aspect_ratio",
            '"21:9" is not offered; allowed: 1:1, 16:9, 9:16, 4:3, 3:4, 3:2 or 2:3'
            + _or_all_the_same("wide-ratios"),
        ),
        (
            "globalaiopc",
            a_job(model=MAX, aspect_ratio="3:2"),
            "aspect_ratio",
            '"3:2" is not offered; allowed: 16:9, 9:16 or 1:1',
        ),
        (
            "xai",
            a_job(resolution="1080p"),
            "resolution",
            (
                '"1080p" is not offered by this model; allowed: 480p or 720p'
                " (grok-imagine-video-1.5 or grok-imagine-video-1.5-lite offers it)"
            ),
        ),
        ("xai", a_job(prompt="x" * 4097), "prompt", "has 4097 characters; allowed: at most 4096"),
        ("globalaiopc", a_job(user="u-1"), "user", "this provider takes none; leave it out"),
        (
            "globalaiopc",
            a_job(generate_audio=True),
            "generate_audio",
            "cannot be chosen with this model; leave it out",
        ),
        (
            "globalaiopc",
            a_job(model=MAX, image=a_file()),
            "image",
            (
                "this model reads pictures from public URLs only: put the file where the gateway can fetch"
                " it, such as a bucket with public or signed links, and give its https URL"
                ' ("image_id" if the link changes)'
            ),
        ),
        (
            "xai",
            a_job(reference_images=links(8)),
            "reference_images",
            "8 pictures are too many; allowed: at most 7",
        ),
        (
            "xai",
            a_job(reference_images=links(1), image=a_link()),
            "reference_images",
            'this model takes them or "image", not both',
        ),
        (
            "xai",
            a_job(reference_images=links(1), duration_s=11),
            "duration",
            "11 s is too long with reference images; allowed: at most 10 s",
        ),
        (
            "xai",
            a_job(model=NEW, reference_images=links(1), resolution="1080p"),
            "resolution",
            '"1080p" is not offered with reference images; allowed: 480p or 720p',
        ),
        (
            "xai",
            a_job(model=LITE, reference_images=links(1)),
            "reference_images",
            "this model takes none; leave them out",
        ),
        ("xai", a_job(last_frame=a_link()), "last_frame", "this model takes none; leave it out"),
        ("xai", a_job(keyframes=keyframes(1)), "keyframes", "this model takes none; leave them out"),
        (
            "xai",
            a_job(model=NEW, keyframes=keyframes(0, 1, 2, 3, 4)),
            "keyframes",
            "5 are too many; allowed: at most 4",
        ),
        (
            "xai",
            a_job(model=NEW, keyframes=keyframes(0.5)),
            "keyframes",
            "timestamp_s 0.5 is not on the grid; allowed: thirds of a second, such as 1.667",
        ),
        (
            "xai",
            a_job(model=NEW, keyframes=keyframes(9)),
            "keyframes",
            "timestamp_s 9 lies behind the end of the clip; allowed: 0 to 8 s",
        ),
        ("xai", a_job(model=NEW, keyframes=keyframes(1, 1)), "keyframes", "two of them have the same time"),
        (
            "xai",
            a_job(model=NEW, edit="candle"),
            "model",
            '"grok-imagine-video-1.5" cannot edit videos; allowed: grok-imagine-video',
        ),
        ("globalaiopc", a_job(edit="candle"), "edit", "this provider cannot edit videos"),
        (
            "xai",
            a_job(edit="candle", duration_s=6),
            "duration",
            "an edit keeps that of its source; leave it out",
        ),
        (
            "xai",
            a_job(extend="candle", aspect_ratio="1:1"),
            "aspect_ratio",
            "an extension keeps that of its source; leave it out",
        ),
        (
            "xai",
            a_job(extend="candle", duration_s=1),
            "duration",
            "1 s cannot be added to a video; allowed: 2 to 10 s" + _or_all_the_same("extension-1s"),
        ),
        (
            "xai",
            a_job(extend="candle", duration_s=11),
            "duration",
            "11 s cannot be added to a video; allowed: 2 to 10 s",
        ),
        ("xai", a_job(edit=CLIP, image=a_link()), "image", "an edit starts from a video; leave it out"),
        (
            "xai",
            a_job(extend=CLIP, keyframes=keyframes(1, 2)),
            "keyframes",
            "an extension starts from a video; leave it out",
        ),
        (
            "xai",
            a_job(extend="http://example.com/a.mp4"),
            "extend",
            'is "http://example.com/a.mp4"; allowed: the id of another job, or a URL that starts with https://',
        ),
    ],
)
def test_a_message(provider: str, job: Job, field: str, message: str) -> None:
    (problem,) = provider_named(provider).validate(job)

    assert (problem.field, problem.message) == (field, message)


@pytest.mark.parametrize(
    ("job", "seconds", "message"),
    [
        (
            a_job(edit="candle"),
            10,
            "the clip of 'candle' will be 10 s long; a video to edit has at most 8.7 s",
        ),
        (
            a_job(extend="candle"),
            1,
            "the clip of 'candle' will be 1 s long; a video to extend has 2 to 15 s",
        ),
        (
            a_job(extend="candle"),
            20,
            "the clip of 'candle' will be 20 s long; a video to extend has 2 to 15 s"
            + _or_all_the_same("extension-of-30s"),
        ),
        (
            a_job(extend="candle"),
            31,
            "the clip of 'candle' will be 31 s long; a video to extend has 2 to 15 s",
        ),
    ],
)
def test_a_message_about_the_source(job: Job, seconds: int, message: str) -> None:
    facts = provider_named("xai").capabilities

    problem = source_problem(job, facts, Shape(duration_s=seconds, resolution="480p"))
    assert problem is not None
    assert problem.message == message
