"""What changed in a job, field by field: exactly what the fingerprint counts, in the manifest's words."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import ANY_PROVIDER, a_file_image, a_job, a_take, steady

from pipeline.changes import AROUND_CHARS, WHOLE_CHARS, around, changes
from pipeline.identity import fingerprint
from pipeline.model import Image, Job, Keyframe

PARENT, OTHER_PARENT = "a" * 64, "b" * 64
DESK, OTHER_DESK = a_file_image(), a_file_image(sha256="cd" * 32)
LAMP = a_file_image(path="/pictures/lamp.png", sha256="ef" * 32)
LINK = Image(url="https://pictures.test/desk.png")
LONG = "Slow push-in over a wooden desk in the morning light, a fox runs past the window and looks in. " * 3


def told(before: Job, after: Job, old_parent: str | None = None, new_parent: str | None = None) -> list[str]:
    take = a_take(job=before, fingerprint=fingerprint(before, ANY_PROVIDER, old_parent))
    return [change.text for change in changes(take, after, ANY_PROVIDER, new_parent)]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({"prompt": "A fox"}, {"prompt": "A red fox"}, 'prompt: "A fox" -> "A red fox"'),
        ({"duration_s": 6}, {"duration_s": 8}, "duration: 6 -> 8"),
        ({}, {"model": "grok-imagine-video-1.5"}, "model: (default) -> grok-imagine-video-1.5"),
        ({"resolution": "720p"}, {}, "resolution: 720p -> (default)"),
        ({"aspect_ratio": "16:9"}, {"aspect_ratio": "9:16"}, "aspect_ratio: 16:9 -> 9:16"),
        ({}, {"generate_audio": False}, "generate_audio: (default) -> false"),
        ({"resize": 800}, {}, "resize: 800 -> (none)"),
        ({}, {"revision": "2"}, 'revision: (none) -> "2"'),
        ({"image": DESK}, {"image": OTHER_DESK}, "image: its content changed"),
        ({"image": DESK}, {"image": LAMP}, 'image: "/pictures/desk.png" -> "/pictures/lamp.png"'),
        ({"image": DESK}, {}, 'image: "/pictures/desk.png" -> (none)'),
        ({}, {"image": LINK}, 'image: (none) -> "https://pictures.test/desk.png"'),
        ({"image": replace(LINK, id="1")}, {"image": replace(LINK, id="2")}, 'image_id: "1" -> "2"'),
        ({"last_frame": DESK}, {"last_frame": OTHER_DESK}, "last_frame: its content changed"),
        (
            {"reference_images": (DESK, LAMP)},
            {"reference_images": (OTHER_DESK, LAMP)},
            "reference_images: item 1: its content changed",
        ),
        (
            {"reference_images": (DESK,)},
            {"reference_images": (LAMP,)},
            'reference_images: item 1: "/pictures/desk.png" -> "/pictures/lamp.png"',
        ),
        (
            {"reference_images": (DESK,)},
            {"reference_images": (DESK, LAMP)},
            'reference_images: "/pictures/desk.png" -> "/pictures/desk.png, /pictures/lamp.png"',
        ),
        (
            {"keyframes": (Keyframe(image=DESK, timestamp_s=2),)},
            {"keyframes": (Keyframe(image=DESK, timestamp_s=3),)},
            "keyframes: item 1: timestamp_s 2 -> 3",
        ),
        (
            {"edit": "https://films.test/1.mp4"},
            {"edit": "https://films.test/2.mp4"},
            'edit: "https://films.test/1.mp4" -> "https://films.test/2.mp4"',
        ),
    ],
)  # fmt: skip
def test_each_field_in_the_manifests_name(before: dict[str, Any], after: dict[str, Any], text: str) -> None:
    assert told(a_job(**before), a_job(**after)) == [text]


@pytest.mark.parametrize(("field", "verb"), [("edit", "edits"), ("extend", "extends")])
def test_a_parent_that_asks_for_something_else(field: str, verb: str) -> None:
    """A renamed parent is the same, and so is one that nobody touched."""
    before, renamed = a_job(**{field: "owl"}), a_job(**{field: "owls"})

    assert told(before, before, PARENT, OTHER_PARENT) == [f"{field}: the clip that it {verb} changed"]
    assert told(before, replace(before, prompt="Snow."), PARENT, PARENT) == [
        'prompt: "A fox runs." -> "Snow."'
    ]
    assert told(before, replace(renamed, prompt="Snow."), PARENT, PARENT) != []
    assert told(before, renamed, PARENT, PARENT) == []
    assert told(before, renamed, PARENT, OTHER_PARENT) == [f'{field}: "owl" -> "owls"']


def test_an_edit_that_became_an_extension_or_a_clip_of_its_own() -> None:
    edit, extend = a_job(edit="owl"), a_job(extend="owl")

    assert told(edit, extend, PARENT, PARENT) == ['edit: "owl" -> (none)', 'extend: (none) -> "owl"']
    assert told(edit, a_job(), PARENT) == ['edit: "owl" -> (none)']


def test_what_the_fingerprint_does_not_count_is_no_change() -> None:
    """Tags, user, allow, the key, and where a picture of the same content lies."""
    moved = replace(DESK, path="/elsewhere/desk.png")

    assert told(a_job(image=DESK), a_job("owl", image=moved, tags=("t",), user="u", allow=("a",))) == []


def test_every_field_that_the_fingerprint_counts_is_told() -> None:
    """Also one that a later version adds: a job with another fingerprint has changed in some field."""
    values: dict[str, Any] = {
        "prompt": "Snow.", "model": "m", "duration_s": 6, "aspect_ratio": "1:1", "resolution": "720p",
        "generate_audio": True, "image": DESK, "reference_images": (DESK,), "last_frame": DESK,
        "keyframes": (Keyframe(image=DESK, timestamp_s=2),), "resize": 9, "edit": "https://films.test/1.mp4",
        "extend": "https://films.test/1.mp4", "revision": "2", "allow": ("a",), "tags": ("t",), "user": "u",
        "priority": 1,
    }  # fmt: skip
    plain = a_job()

    for field in fields(Job):
        other = a_job("owl") if field.name == "key" else replace(plain, **{field.name: values[field.name]})
        counts = fingerprint(plain, ANY_PROVIDER) != fingerprint(other, ANY_PROVIDER)
        assert bool(told(plain, other)) == counts, field.name


def test_a_record_that_is_not_whole_tells_nothing() -> None:
    """After a ledger was lost, a job may be known by its fingerprint alone."""
    lost = a_take(job=a_job(prompt=""), fingerprint=fingerprint(a_job(), ANY_PROVIDER))

    assert changes(lost, a_job(prompt="A red fox."), ANY_PROVIDER) == ()


# --- long texts


def test_long_texts_are_shown_around_the_difference() -> None:
    after = LONG.replace(
        "a fox runs past the window and looks in. Slow", "a red fox runs past the window. Slow", 1
    )

    before_shown, after_shown = around(LONG, after)

    assert before_shown == "…morning light, a fox runs past the window and looks in. Slow push-in over…"
    assert after_shown == "…morning light, a red fox runs past the window. Slow push-in over…"


def test_texts_that_share_nothing_are_cut_in_the_middle() -> None:
    before, after = around("a" * 500, "b" * 500)

    assert before == "a" * WHOLE_CHARS + " … " + "a" * WHOLE_CHARS
    assert after == before.replace("a", "b")


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400), st.text(max_size=400))
@steady
def test_what_differs_is_always_seen(head: str, one: str, other: str, tail: str) -> None:
    """Whatever is cut, two different texts look different, and neither is long."""
    before, after = around(head + one + tail, head + other + tail)

    assert (before == after) <= (one == other) or max(len(one), len(other)) > WHOLE_CHARS
    assert max(len(before), len(after)) <= 2 * WHOLE_CHARS + 2 * AROUND_CHARS + 5
