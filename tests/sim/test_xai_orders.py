"""What xAI takes beyond the shared Grok fields, what it refuses, and what that costs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sim.builders import (
    ALL_DONE,
    XAI,
    XAI_EDIT,
    XAI_EXTEND,
    a_gateway,
    a_picture,
    data_uri,
    link_of,
    submit,
    submitted,
)

from pipeline.sim.world import Job

CLASSIC, NEW, LITE = "grok-imagine-video", "grok-imagine-video-1.5", "grok-imagine-video-1.5-lite"
CENT = 100_000_000
PICTURE = {"url": "https://x.test/a.png"}
INLINE = {"url": data_uri(a_picture(90, 60))}
ELSEWHERE = {"url": "https://cdn.test/x.mp4"}


def job_of(path: str = "", **fields: Any) -> Job:
    """The job that an order becomes."""
    gateway = a_gateway()
    job = gateway.world.find(submitted(gateway, path=path, wire=XAI, **fields))
    assert job is not None
    return job


@pytest.mark.parametrize(
    ("fields", "size", "ticks"),
    [
        ({"duration": 1}, (854, 480), 5 * CENT),
        ({"duration": 1, "model": LITE, "resolution": "1080p"}, (1920, 1080), 14 * CENT),
        ({"duration": 2, "model": NEW, "resolution": "1080p"}, (1920, 1080), 50 * CENT),
        ({"duration": 1, "model": "grok-imagine-video-beta", "resolution": "720p"}, (1280, 720), 7 * CENT),
        ({"duration": 1, "model": "grok-imagine-video-1.5-preview"}, (854, 480), 8 * CENT),
        ({"duration": 1, "aspect_ratio": "21:9", "resolution": "720p"}, (1680, 720), 7 * CENT),
        ({"duration": 1, "aspect_ratio": "5:2"}, (1200, 480), 5 * CENT),
        ({"duration": 1, "image": INLINE, "aspect_ratio": "9:16"}, (720, 480), 5.2 * CENT),
        ({"duration": 10, "reference_images": [INLINE] * 7}, (854, 480), 51.4 * CENT),
        (
            {"duration": 1, "model": NEW, "image": INLINE, "reference_images": [PICTURE] * 2},
            (720, 480),
            11 * CENT,
        ),
        ({"duration": 1, "model": NEW, "last_frame": PICTURE}, (854, 480), 9 * CENT),
        (
            {
                "duration": 2,
                "model": NEW,
                "keyframes": [{"image": INLINE, "timestamp_s": t} for t in (0, 0.333, 1 / 3 * 2, 2)],
            },
            (854, 480),
            20 * CENT,
        ),
        (
            {"duration": 1, "model": NEW, "reference_audios": [{"voice_id": "v"}, PICTURE]},
            (854, 480),
            8 * CENT,
        ),
        ({"duration": 1, "model": None, "resolution": None, "image": None}, (854, 480), 5 * CENT),
        (
            {"duration": 1, "generate_audio": False, "output": {"upload_url": "x"}, "sise": 3},
            (854, 480),
            5 * CENT,
        ),
    ],
)
def test_size_and_price(fields: dict[str, Any], size: tuple[int, int], ticks: float) -> None:
    job = job_of(**fields)

    assert ((job.width, job.height), job.ticks) == (size, ticks)


@pytest.mark.parametrize(
    ("fields", "duration_s"),
    [({}, 8), ({"seconds": 3}, 3), ({"seconds": "15"}, 15), ({"seconds": 3, "duration": 4}, 4)],
)
def test_seconds_is_another_word_for_duration(fields: dict[str, Any], duration_s: int) -> None:
    assert job_of(**{"duration": None} | fields).duration_s == duration_s


@pytest.mark.parametrize(
    "fields", [{"image": PICTURE}, {"reference_images": [PICTURE]}, {"model": NEW, "last_frame": PICTURE}]
)
def test_a_picture_makes_the_prompt_optional(fields: dict[str, Any]) -> None:
    assert job_of(**fields, prompt=None).prompt == ""


def test_what_else_was_asked_makes_another_order() -> None:
    fields: tuple[dict[str, Any], ...] = (
        {},
        {"reference_images": [PICTURE]},
        {"reference_images": [PICTURE, INLINE]},
        {"generate_audio": False},
    )

    assert len({job_of(**one).digest for one in fields}) == 4


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"model": "sora-2"}, 404, "model"),
        ({"prompt": " "}, 400, "prompt"),
        ({"duration": 0}, 400, "duration"),
        ({"duration": 16}, 400, "duration"),
        ({"duration": "6"}, 422, "duration"),
        ({"duration": None, "seconds": "six"}, 400, "seconds"),
        ({"duration": None, "seconds": "16"}, 400, "duration"),
        ({"duration": None, "seconds": [6]}, 422, "duration"),
        ({"aspect_ratio": "4:5"}, 400, "aspect_ratio"),
        ({"resolution": "1080p"}, 400, "resolution"),
        ({"image": "https://x.test/a.png"}, 422, "image"),
        ({"image": {"url": data_uri(b"no picture")}}, 400, "image"),
        ({"reference_images": PICTURE}, 422, "reference_images"),
        ({"reference_images": ["https://x.test/a.png"]}, 422, "reference_images"),
        ({"reference_images": [PICTURE] * 8}, 400, "the limit is 7"),
        ({"reference_images": [PICTURE], "image": PICTURE}, 400, "cannot be combined"),
        ({"reference_images": [PICTURE], "duration": 11}, 400, "at most 10 s"),
        ({"reference_images": [PICTURE], "model": LITE}, 400, "does not support reference images"),
        ({"reference_images": [PICTURE], "model": NEW, "resolution": "1080p"}, 400, "720p"),
        ({"last_frame": PICTURE}, 400, "does not support last_frame"),
        ({"last_frame": PICTURE, "model": LITE}, 400, "does not support last_frame"),
        ({"keyframes": [{"image": PICTURE, "timestamp_s": 0}]}, 400, "does not support keyframes"),
        ({"keyframes": [{"image": PICTURE, "timestamp_s": 0}] * 5, "model": NEW}, 400, "the limit is 4"),
        ({"keyframes": [{"image": PICTURE, "timestamp_s": 0.5}], "model": NEW}, 400, "grid"),
        ({"keyframes": [{"image": PICTURE, "timestamp_s": float("nan")}], "model": NEW}, 400, "grid"),
        ({"keyframes": [{"image": PICTURE, "timestamp_s": 7}], "model": NEW}, 400, "after the end"),
        ({"keyframes": [{"image": PICTURE}], "model": NEW}, 422, "timestamp_s"),
        ({"keyframes": [{"timestamp_s": 1}], "model": NEW}, 422, "keyframes.image"),
        ({"reference_audios": [{"voice_id": "v"}]}, 400, "does not support reference_audios"),
        ({"reference_audios": [{"voice_id": "v"}] * 4, "model": NEW}, 400, "the limit is 3"),
        ({"reference_audios": ["v"], "model": NEW}, 422, "voice_id"),
        ({"generate_audio": "no"}, 422, "generate_audio"),
    ],
)
def test_a_bad_generation_is_refused_and_not_billed(fields: dict[str, Any], status: int, words: str) -> None:
    gateway = a_gateway()

    reply = submit(gateway, wire=XAI, **fields)

    body = json.loads(reply.body)
    assert (reply.status, set(body)) == (status, {"error"} if status == 422 else {"code", "error"})
    assert words in body["error"]
    assert gateway.bill()["submissions"] == 0


class TestSources:
    """Edits and extensions follow their source; what goes in and what is new costs."""

    def test_an_extension_adds_to_a_clip_of_ours(self) -> None:
        gateway = a_gateway()
        parent = submitted(gateway, wire=XAI, duration=5, resolution="720p", aspect_ratio="9:16")
        video = {"url": link_of(gateway, parent, wire=XAI)}

        child = submitted(gateway, ALL_DONE, XAI_EXTEND, XAI, duration=4, video=video)

        job = gateway.world.find(child)
        assert job is not None
        assert (job.operation, job.source, job.duration_s) == ("extend", parent, 9)
        assert (job.width, job.height, job.resolution) == (720, 1280, "720p")
        assert job.ticks == 4 * 7 * CENT + 5 * CENT
        assert gateway.bill()["jobs"][1]["source"] == parent

    def test_six_seconds_are_added_where_nothing_is_said(self) -> None:
        job = job_of(XAI_EXTEND, duration=None, video=ELSEWHERE)

        assert (job.source, job.duration_s, job.ticks) == ("", 6 + 6, 6 * 7 * CENT + 6 * CENT)

    def test_an_edit_ignores_length_and_size(self) -> None:
        job = job_of(XAI_EDIT, duration=99, resolution="8k", video=ELSEWHERE)

        assert (job.operation, job.duration_s, job.resolution) == ("edit", 6, "720p")

    @pytest.mark.parametrize(
        ("path", "source_s", "taken"),
        [
            (XAI_EDIT, 1, True),
            (XAI_EDIT, 8, True),
            (XAI_EDIT, 9, False),
            (XAI_EXTEND, 1, False),
            (XAI_EXTEND, 2, True),
            (XAI_EXTEND, 15, True),
        ],
    )
    def test_the_source_has_limits(self, path: str, source_s: int, taken: bool) -> None:
        gateway = a_gateway()
        parent = submitted(gateway, wire=XAI, duration=source_s)
        video = {"url": link_of(gateway, parent, wire=XAI)}

        reply = submit(gateway, ALL_DONE, path, XAI, video=video)

        assert reply.status == (200 if taken else 400)
        assert taken or "the limit is" in json.loads(reply.body)["error"]

    def test_an_extended_clip_is_too_long_to_extend_again(self) -> None:
        gateway = a_gateway()
        parent = submitted(gateway, wire=XAI, duration=10)
        video = {"url": link_of(gateway, parent, wire=XAI)}
        longer = submitted(gateway, ALL_DONE, XAI_EXTEND, XAI, video=video)
        video = {"url": link_of(gateway, longer, 2 * ALL_DONE, XAI)}

        assert submit(gateway, 2 * ALL_DONE, XAI_EXTEND, XAI, video=video).status == 400

    @pytest.mark.parametrize("path", [XAI_EDIT, XAI_EXTEND])
    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"model": NEW}, 400),
            ({"model": LITE}, 400),
            ({"model": "sora-2"}, 404),
            ({"prompt": None}, 422),
            ({"prompt": ""}, 400),
            ({"video": None}, 422),
            ({"video": "https://x.test/a.mp4"}, 422),
            ({"video": {"file_id": "f1"}}, 422),
            ({"video": {"url": ""}}, 400),
            ({"video": {"url": "a.mp4"}}, 400),
            ({"video": {"url": "data:video/mp4;base64,AAAA"}}, 400),
            ({"video": {"url": "data:video/mp4;base64,é"}}, 400),
            ({"video": {"url": "data:video/mp4,AAAA"}}, 400),
            ({"video": {"url": "data:video/webm;base64,AAAA"}}, 400),
            ({"video": {"url": "http://sim.test/files/unknown.mp4?sig=1"}}, 400),
        ],
    )
    def test_a_bad_one_is_refused(self, path: str, fields: dict[str, Any], status: int) -> None:
        gateway = a_gateway()

        reply = submit(gateway, path=path, wire=XAI, **{"video": ELSEWHERE} | fields)

        assert (reply.status, gateway.bill()["submissions"]) == (status, 0)

    @pytest.mark.parametrize(("duration", "status"), [(1, 400), (11, 400), ("6", 422)])
    def test_the_added_part_has_limits(self, duration: Any, status: int) -> None:
        reply = submit(a_gateway(), path=XAI_EXTEND, wire=XAI, duration=duration, video=ELSEWHERE)

        assert reply.status == status
