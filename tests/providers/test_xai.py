"""xAI's own: its table, its fields on the wire, and its answers as they were published."""

from __future__ import annotations

from typing import Any

import pytest
from providers.jobs import CLIP, a_file, a_job, a_link, keyframes, links, sent
from providers.recorded import (
    CREDITS_XAI,
    HTML,
    MODERATED_CODE,
    MODERATED_POLL,
    NO_RETENTION_XAI,
    SPENDING_LIMIT_XAI,
    UPSTREAM_400,
    WRONG_KEY_XAI,
    XAI_DONE,
    XAI_FAILED,
    XAI_TWO_IDS,
    an_answer,
)

from pipeline.model import TICKS_PER_USD, Job
from pipeline.providers import provider_named
from pipeline.providers.base import FilePart, PollAdvice, PollVerdict, SubmitVerdict
from pipeline.providers.rules import Shape, ignored_defaults, list_price

XAI = provider_named("xai")
FACTS = XAI.capabilities
CLASSIC, NEW, LITE = "grok-imagine-video", "grok-imagine-video-1.5", "grok-imagine-video-1.5-lite"
V, P = SubmitVerdict, PollVerdict


def test_the_table_of_facts() -> None:
    assert (FACTS.key_env, FACTS.base_url_env) == ("XAI_API_KEY", "XAI_BASE_URL")
    assert (FACTS.base_url, FACTS.default_model) == ("https://api.x.ai", CLASSIC)
    assert (FACTS.submit_per_s, FACTS.poll_per_s, FACTS.max_in_flight) == (1, 5, 20)
    assert FACTS.submit_known
    assert FACTS.poll == PollAdvice(first_s=5, min_s=5, max_s=15, growth=0.1)
    assert FACTS.url_life_s == 3600


# --- what is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "path", "body"),
    [
        (a_job(), "generations", {"model": CLASSIC, "duration": 8}),
        (
            a_job(model=NEW, duration_s=15, resolution="1080p", aspect_ratio="2:3", user="u-1"),
            "generations",
            {"model": NEW, "user": "u-1", "duration": 15, "resolution": "1080p", "aspect_ratio": "2:3"},
        ),
        (
            a_job(model=LITE, generate_audio=False, image=a_link()),
            "generations",
            {"model": LITE, "duration": 8, "generate_audio": False, "image": {"url": a_link().url}},
        ),
        (
            a_job(duration_s=10, reference_images=links(2)),
            "generations",
            {"model": CLASSIC, "duration": 10, "reference_images": [{"url": one.url} for one in links(2)]},
        ),
        (
            a_job(model=NEW, image=a_link(8), last_frame=a_link(9), reference_images=links(1)),
            "generations",
            {
                "model": NEW,
                "duration": 8,
                "image": {"url": a_link(8).url},
                "reference_images": [{"url": a_link(0).url}],
                "last_frame": {"url": a_link(9).url},
            },
        ),
        (
            a_job(model=NEW, keyframes=keyframes(0, 3.33)),  # sent on the grid
            "generations",
            {
                "model": NEW,
                "duration": 8,
                "keyframes": [
                    {"image": {"url": a_link(0).url}, "timestamp_s": 0},
                    {"image": {"url": a_link(1).url}, "timestamp_s": 10 / 3},
                ],
            },
        ),
        (
            a_job(aspect_ratio="21:9", allow=("wide-ratios",)),
            "generations",
            {"model": CLASSIC, "duration": 8, "aspect_ratio": "21:9"},
        ),
        (
            a_job(model="grok-imagine-video-beta"),  # an alias goes as it was written
            "generations",
            {"model": "grok-imagine-video-beta", "duration": 8},
        ),
        (a_job(edit=CLIP, user="u-1"), "edits", {"model": CLASSIC, "user": "u-1", "video": {"url": CLIP}}),
        (a_job(extend=CLIP), "extensions", {"model": CLASSIC, "duration": 6, "video": {"url": CLIP}}),
        (
            a_job(extend=CLIP, duration_s=1, allow=("extension-1s",)),
            "extensions",
            {"model": CLASSIC, "duration": 1, "video": {"url": CLIP}},
        ),
    ],
)
def test_a_job_on_the_wire(job: Job, path: str, body: dict[str, Any]) -> None:
    assert XAI.validate(job) == ()

    call = XAI.build_submit(job)
    assert (call.method, call.path) == ("POST", f"/v1/videos/{path}")
    assert sent(XAI, job) == {"prompt": "A fox in the snow.", **body}


def test_pictures_come_last_and_a_body_has_no_spaces() -> None:
    (body,) = XAI.build_submit(a_job(image=a_link(), resolution="480p")).body

    assert body == (
        b'{"model":"grok-imagine-video","prompt":"A fox in the snow.","duration":8,"resolution":"480p",'
        b'"image":{"url":"https://example.com/0.png"}}'
    )


def test_the_clip_of_a_parent_goes_as_a_link_or_as_the_file_itself() -> None:
    job = a_job(extend="candle")
    file = FilePart(path="clips/candle.mp4", size_bytes=300, sha256="ab" * 32)

    assert sent(XAI, job, video=CLIP)["video"] == {"url": CLIP}
    start, part, end = XAI.build_submit(job, video=file).body
    assert isinstance(start, bytes)
    assert start.endswith(b'"video":{"url":"data:video/mp4;base64,')
    assert (part, end) == (file, b'"}}')


def test_every_picture_from_disk_is_a_part_of_its_own() -> None:
    job = a_job(model=NEW, image=a_file(), last_frame=a_file(b"x"), reference_images=(a_file(b"yy"),) * 2)

    parts = [part for part in XAI.build_submit(job).body if isinstance(part, FilePart)]
    assert [part.size_bytes for part in parts] == [771, 2, 2, 1]  # image, references, last frame


# --- defaults and prices --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "dropped"),
    [
        (a_job(), {"resize"}),
        (a_job(image=a_link()), {"aspect_ratio", "resize"}),
        (a_job(image=a_file()), {"aspect_ratio"}),
        (a_job(edit=CLIP), {"duration_s", "aspect_ratio", "resolution", "generate_audio", "resize"}),
        (a_job(extend=CLIP), {"duration_s", "aspect_ratio", "resolution", "generate_audio", "resize"}),
    ],
)
def test_defaults_that_mean_nothing_for_a_job(job: Job, dropped: set[str]) -> None:
    """A default length is that of a clip, not of what an extension adds."""
    assert ignored_defaults(job, FACTS) == dropped


@pytest.mark.parametrize(
    ("job", "source", "usd"),
    [
        (a_job(duration_s=1, resolution="480p"), None, 0.05),  # as CometAPI's live test of 12 March 2026
        (a_job(duration_s=5), None, 0.25),
        (a_job(duration_s=4, resolution="720p"), None, 0.28),
        (a_job(), None, 0.40),
        (a_job(image=a_link()), None, 0.402),
        (a_job(duration_s=10, reference_images=links(7)), None, 0.514),
        (a_job(model=NEW, duration_s=2, resolution="1080p", last_frame=a_link()), None, 0.51),
        (a_job(model=LITE, resolution="720p"), None, 0.24),
        (a_job(model="grok-imagine-video-beta"), None, 0.40),
        (a_job(edit="candle"), Shape(duration_s=6, resolution="720p"), 0.48),
        (a_job(extend="candle"), Shape(duration_s=6, resolution="480p"), 0.36),
        (a_job(extend="candle", duration_s=2), Shape(duration_s=6, resolution="1080p"), 0.20),  # 720p at most
        (a_job(edit=CLIP), None, None),  # nobody knows how long that is
        (a_job(model="sora"), None, None),
    ],
)
def test_the_list_price(job: Job, source: Shape | None, usd: float | None) -> None:
    """By https://docs.x.ai/docs/pricing as of 29 September 2026."""
    ticks = list_price(job, FACTS, source)

    assert ticks == (None if usd is None else round(usd * TICKS_PER_USD))


# --- answers to submits ---------------------------------------------------------------------------


def test_an_accepted_job() -> None:
    answer = XAI.parse_submit(an_answer(200, {"request_id": "d97415a1-5796-b7ec-379f-4e6819e08fdf"}))

    assert (answer.verdict, answer.remote_id) == (V.ACCEPTED, "d97415a1-5796-b7ec-379f-4e6819e08fdf")
    assert XAI.parse_submit(an_answer(200, XAI_TWO_IDS)).remote_id == XAI_TWO_IDS["request_id"]


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, WRONG_KEY_XAI, V.ACCOUNT),
        (429, CREDITS_XAI, V.ACCOUNT),
        (403, CREDITS_XAI, V.ACCOUNT),
        (403, SPENDING_LIMIT_XAI, V.ACCOUNT),
        (400, NO_RETENTION_XAI, V.ACCOUNT),
        (400, MODERATED_CODE, V.MODERATED),
        (400, MODERATED_POLL, V.MODERATED),
        (400, {"code": "invalid-argument", "error": "duration must be between 1 and 15"}, V.REJECTED),
        (422, {"error": "Failed to deserialize the JSON body: missing field `prompt`"}, V.REJECTED),
        (404, {"code": "not-found", "error": "The model grok-imagine-video-9 does not exist"}, V.REJECTED),
        (404, {"code": "not-found", "error": "The requested resource was not found"}, V.ADDRESS),
        (429, {"code": "resource-exhausted", "error": "Too many requests: 2 requests per second"}, V.BUSY),
        (503, {"code": "unavailable", "error": "The model is overloaded"}, V.BUSY),
        (500, {"code": "internal", "error": "Internal error"}, V.UNKNOWN),
        (502, HTML, V.UNKNOWN),
        (200, WRONG_KEY_XAI, V.UNKNOWN),
    ],
)
def test_a_refused_submit(status: int, body: Any, verdict: SubmitVerdict) -> None:
    """Flat errors: `code` and `error` are both text, and a 422 has `error` alone."""
    answer = XAI.parse_submit(an_answer(status, body))

    assert (answer.verdict, answer.remote_id) == (verdict, None)
    assert answer.reason


def test_a_team_without_retention_is_told_what_to_do() -> None:
    answer = XAI.parse_submit(an_answer(400, NO_RETENTION_XAI))

    assert answer.reason == (
        "Zero Data Retention teams must provide output.upload_url for video generation: this team keeps no"
        " data (zero data retention), so the gateway wants an address to deliver to, which is not supported:"
        " use the key of a team without it"
    )


# --- answers to polls -----------------------------------------------------------------------------


def test_the_published_ends() -> None:
    done, failed = (XAI.parse_poll(an_answer(200, body)) for body in (XAI_DONE, XAI_FAILED))

    assert (done.verdict, done.status, done.duration_s) == (P.READY, "done", 6)
    assert done.url == XAI_DONE["video"]["url"]  # type: ignore[index]
    assert (failed.verdict, failed.status, failed.url, failed.reason) == (P.FAILED, "failed", None, "...")


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (202, b"", P.RUNNING),
        (202, {"status": "pending", "progress": 40}, P.RUNNING),
        (200, {"status": "pending", "progress": 40}, P.RUNNING),
        (200, XAI_TWO_IDS, P.RUNNING),
        (200, {"video": XAI_DONE["video"]}, P.READY),  # older answers name no status
        (200, {"status": "expired"}, P.EXPIRED),
        (200, {"status": "done", "video": {"url": "", "respect_moderation": False}}, P.MODERATED),
        (
            200,
            {**XAI_FAILED, "error": {"code": "invalid_argument", "message": "Blocked by content moderation"}},
            P.MODERATED,
        ),
        (200, {**XAI_FAILED, "error": {"code": "imagine:content-moderated", "message": ""}}, P.MODERATED),
        (200, {"status": "done", "video": {"file_output": {"file_id": "f"}}}, P.NO_URL),
        (400, MODERATED_POLL, P.MODERATED),
        (400, MODERATED_CODE, P.MODERATED),
        (400, WRONG_KEY_XAI, P.ACCOUNT),
        (401, {"code": "unauthenticated", "error": "no auth context"}, P.ACCOUNT),
        (429, CREDITS_XAI, P.CREDITS),
        (403, SPENDING_LIMIT_XAI, P.CREDITS),
        (400, UPSTREAM_400, P.REFUSED),
        (404, {"code": "not-found", "error": "Video request not found"}, P.REFUSED),
        (429, {"code": "resource-exhausted", "error": "Too many requests"}, P.TRY_AGAIN),
        (500, {"code": "internal", "error": "Internal error"}, P.TRY_AGAIN),
    ],
)
def test_a_poll(status: int, body: Any, verdict: PollVerdict) -> None:
    assert XAI.parse_poll(an_answer(status, body)).verdict is verdict


def test_a_moderated_poll_keeps_what_it_cost() -> None:
    assert XAI.parse_poll(an_answer(400, MODERATED_POLL)).cost_ticks == 2_500_000_000
