"""What a gateway refuses before it accepts, what it takes, and what that costs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.builders import (
    EDIT,
    GENERATE,
    OPC,
    XAI,
    XAI_EDIT,
    XAI_EXTEND,
    a_gateway,
    a_picture,
    a_request,
    an_order,
    data_uri,
    link_of,
    submit,
    submitted,
)

from pipeline.sim.pictures import BadPictureError, read_picture
from pipeline.sim.sizes import frame_size, ratio_of

FIELDS = ["prompt", "duration", "seconds", "model", "user", "image", "url", "video", "image_urls"]
FIELDS += ["reference_images", "last_frame", "keyframes", "timestamp_s", "generate_audio"]
CLASSIC, NEW = "grok-imagine-video", "grok-imagine-video-1.5"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": "sora-2"}, "model"),
        ({"model": 7}, "model"),
        ({"prompt": None}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"prompt": ["a fox"]}, "prompt"),
        ({"duration": 0}, "duration"),
        ({"duration": 16}, "duration"),
        ({"duration": 2.5}, "duration"),
        ({"duration": "6"}, "duration"),
        ({"duration": True}, "duration"),
        ({"duration": [[1] * 99] * 99}, "duration"),
        ({"aspect_ratio": "21:9"}, "aspect_ratio"),
        ({"aspect_ratio": 1.78}, "aspect_ratio"),
        ({"resolution": "4k"}, "resolution"),
        ({"resolution": "1080p"}, "resolution"),
        ({"image": "https://x.test/a.png"}, "image"),
        ({"image": {"file_id": "f1"}}, "image"),
        ({"image": {"url": "a.png"}}, "image.url"),
        ({"image": {"url": "file:///a.png"}}, "image.url"),
        ({"image": {"url": "http://"}}, "image.url"),
        ({"image": {"url": "http://["}}, "image.url"),
        ({"image": {"url": "https://x.test/a b.png"}}, "image.url"),
        ({"image": {"url": "data:image/png;base64,@@@"}}, "image.url"),
        ({"image": {"url": "data:image/png;base64,é"}}, "image.url"),
        ({"image": {"url": "data:image/png,plain"}}, "image.url"),
        ({"image": {"url": data_uri(b"<html>no picture</html>")}}, "image.url"),
        ({"image": {"url": data_uri(a_picture()[:60])}}, "image.url"),
        ({"image": {"url": data_uri(a_picture(kind="GIF"), "gif")}}, "image.url"),
    ],
)
def test_a_bad_generation_is_refused_and_not_billed(fields: dict[str, Any], param: str) -> None:
    gateway = a_gateway()

    reply = submit(gateway, **fields)

    error = json.loads(reply.body)["error"]
    assert (reply.status, error["type"], error["param"]) == (400, "comet_api_error", param)
    assert error["message"]
    assert gateway.bill()["submissions"] == gateway.bill()["total_ticks"] == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"duration": 1e999}']
)
def test_a_body_that_is_no_order_is_refused(body: bytes) -> None:
    reply = a_gateway().handle(a_request("POST", GENERATE, body), 0.0)

    assert reply.status == 400
    assert json.loads(reply.body)["error"]["type"] == "comet_api_error"


@settings(deadline=None)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(FIELDS) | st.text(),
                inner,
            )
        ),
    )
)
def test_any_json_gets_a_proper_answer(body: Any) -> None:
    gateway = a_gateway()

    for path in (GENERATE, EDIT, XAI.generate, XAI_EDIT, XAI_EXTEND, OPC.generate):
        reply = gateway.handle(a_request("POST", path, body), 0.0)
        assert reply.status in ((200, 400) if path[:4] != "/v1/" else (200, 400, 404, 422))
        assert json.loads(reply.body)


@pytest.mark.parametrize(
    ("fields", "size", "ticks"),
    [
        # The first three are the cross-checks of provider-apis.md, 1.3.
        ({"duration": 1, "resolution": "480p", "aspect_ratio": "1:1"}, (480, 480), 500_000_000),
        ({"duration": 5, "resolution": "480p"}, (854, 480), 2_500_000_000),
        ({"duration": 4, "resolution": "720p", "aspect_ratio": "16:9"}, (1280, 720), 2_800_000_000),
        ({"duration": 6, "resolution": "720p", "aspect_ratio": "9:16"}, (720, 1280), 4_200_000_000),
        ({"duration": 15, "resolution": "480p", "model": NEW}, (854, 480), 12_000_000_000),
        (
            {"duration": 2, "resolution": "720p", "model": NEW, "aspect_ratio": "4:3"},
            (960, 720),
            2_800_000_000,
        ),
        (
            {"duration": 2, "resolution": "1080p", "model": NEW, "aspect_ratio": "2:3"},
            (1080, 1620),
            5_000_000_000,
        ),
        ({"duration": 1, "image": {"url": "https://x.test/a.png"}}, (854, 480), 520_000_000),
        ({"duration": 1, "model": NEW, "image": {"url": data_uri(a_picture())}}, (720, 480), 900_000_000),
    ],
)
def test_size_and_price(fields: dict[str, Any], size: tuple[int, int], ticks: int) -> None:
    order = an_order(**fields)

    assert ((order.width, order.height), order.ticks) == (size, ticks)


def test_what_is_left_out_takes_the_vendor_s_default() -> None:
    gateway = a_gateway()

    gateway.handle(a_request("POST", GENERATE, {"prompt": "a fox"}), 0.0)

    (job,) = gateway.world.jobs()
    assert (job.model, job.duration_s, job.resolution, job.ticks) == (CLASSIC, 8, "480p", 4_000_000_000)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_sets_the_ratio(kind: str) -> None:
    uri = data_uri(a_picture(200, 400, kind), kind.lower())

    order = an_order(image={"url": uri}, aspect_ratio="16:9", resolution="720p")

    assert (order.width, order.height) == (720, 1440)
    assert order.picture is not None
    assert read_picture(order.picture.jpeg).width == 200


def test_unknown_fields_are_ignored_without_a_word() -> None:
    """As observed at xAI: a misspelt field still costs money."""
    gateway = a_gateway()

    submitted(gateway, image_url="https://x.test/a.png", durration=3, user="u1")

    (job,) = gateway.bill()["jobs"]
    assert (job["ticks"], job["client_user"]) == (3_000_000_000, "u1")


def test_a_picture_is_no_bomb() -> None:
    with pytest.raises(BadPictureError):
        read_picture(
            b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + b"\x00\x0f\x42\x40" * 2 + b"\x08\x02\x00\x00\x00"
        )


@given(ratio=st.floats(0.01, 100), resolution=st.sampled_from(["480p", "720p", "1080p"]))
def test_frames_are_even_and_never_huge(ratio: float, resolution: str) -> None:
    width, height = frame_size(resolution, ratio)

    assert width % 2 == height % 2 == 0
    assert f"{min(width, height)}p" == resolution
    assert max(width, height) <= 4 * min(width, height)
    assert width == height or (width > height) == (ratio > 1)


def test_ratios_are_read_from_text() -> None:
    assert ratio_of("16:9") == 16 / 9


class TestEdits:
    """Edits keep the source's length and ratio, and cost input and output."""

    def test_an_edit_of_our_clip_follows_it(self) -> None:
        gateway = a_gateway()
        parent = submitted(gateway, duration=4, resolution="720p", aspect_ratio="2:3")

        child = submitted(gateway, 10_000.0, EDIT, prompt="snow", video={"url": link_of(gateway, parent)})

        job = gateway.world.find(child)
        assert job is not None
        assert (job.operation, job.source, job.duration_s) == ("edit", parent, 4)
        assert (job.width, job.height, job.resolution) == (720, 1080, "720p")
        assert job.ticks == 4 * (700_000_000 + 100_000_000)

    def test_a_1080p_source_is_edited_at_720p(self) -> None:
        gateway = a_gateway()
        parent = submitted(gateway, model=NEW, resolution="1080p", aspect_ratio="16:9", duration=2)

        child = submitted(gateway, 10_000.0, EDIT, prompt="snow", video={"url": link_of(gateway, parent)})

        job = gateway.world.find(child)
        assert job is not None
        assert (job.width, job.height, job.ticks) == (1280, 720, 2 * 800_000_000)

    def test_a_picture_lives_on_in_the_edit(self) -> None:
        gateway = a_gateway()
        parent = submitted(gateway, image={"url": data_uri(a_picture())})

        child = submitted(gateway, 10_000.0, EDIT, prompt="snow", video={"url": link_of(gateway, parent)})

        first, second = gateway.world.find(parent), gateway.world.find(child)
        assert first is not None
        assert second is not None
        assert first.picture == second.picture != ""

    def test_a_source_elsewhere_is_taken_on_trust(self) -> None:
        gateway = a_gateway()

        submitted(gateway, 0.0, EDIT, prompt="snow", video={"url": "https://cdn.test/files/x.mp4"})

        (job,) = gateway.world.jobs()
        assert (job.source, job.duration_s, job.ticks) == ("", 6, 6 * 800_000_000)

    def test_a_link_of_ours_is_known_under_another_address(self) -> None:
        """An embedded simulator has another port after a restart; a gateway's file host stays."""
        gateway = a_gateway()
        parent = submitted(gateway)
        moved = link_of(gateway, parent).replace("sim.test", "127.0.0.1:9")

        child = submitted(gateway, 10_000.0, EDIT, prompt="snow", video={"url": moved})

        job = gateway.world.find(child)
        assert job is not None
        assert job.source == parent

    @pytest.mark.parametrize(
        "video",
        [
            None,
            "https://x.test/a.mp4",
            {},
            {"url": "a.mp4"},
            {"url": "data:video/mp4;base64,AAAA"},
            {"url": "http://sim.test/files/unknown.mp4?sig=1"},
        ],
    )
    def test_a_bad_source_is_refused(self, video: Any) -> None:
        reply = submit(a_gateway(), 0.0, EDIT, prompt="snow", video=video)

        assert reply.status == 400
        assert json.loads(reply.body)["error"]["param"].startswith("video")

    def test_an_expired_or_changed_link_cannot_be_fetched(self) -> None:
        gateway = a_gateway("link_life_s: 60")
        parent = submitted(gateway)
        link = link_of(gateway, parent, 1000.0)

        for url, now in ((link, 1060.0), (link.replace("sig=", "sig=0"), 1000.0)):
            reply = submit(gateway, now, EDIT, prompt="snow", video={"url": url})
            assert (reply.status, "could not be fetched" in reply.body.decode()) == (400, True)
        assert gateway.bill()["submissions"] == 1

    def test_a_source_that_is_too_long_is_refused(self) -> None:
        gateway = a_gateway()
        parent = submitted(gateway, duration=9)

        reply = submit(gateway, 10_000.0, EDIT, prompt="snow", video={"url": link_of(gateway, parent)})

        assert (reply.status, b"8.7" in reply.body) == (400, True)

    def test_the_new_model_does_not_edit(self) -> None:
        reply = submit(a_gateway(), 0.0, EDIT, model=NEW, prompt="x", video={"url": "https://x.test/a.mp4"})

        assert json.loads(reply.body)["error"]["param"] == "model"
