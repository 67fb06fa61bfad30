"""Sound manifests, and exactly what comes of them."""

from __future__ import annotations

import pytest
from manifest.reading import JOBS, entries, entry, read

from pipeline.errors import Problem
from pipeline.manifest import Defaults, Limits
from pipeline.model import Image, Job

FULL = """\
version: 1
batch: launch-teasers
provider: cometapi
defaults: {model: grok-imagine-video, duration: 6, resolution: 720p, aspect_ratio: 16:9, tags: [teaser]}
limits:
  max_in_flight: 50
  downloads: 8
  submit_per_s: 1
  poll_per_s: 5.5
  poll_min_s: 5
  job_deadline: 30m
jobs:
  - id: candle
    prompt: A candle flickers on a wooden table.
  - id: desk
    prompt: |
      Slow push-in,
      morning light.
    image: images/desk.png
    duration: 10
    tags: [hero, 7]
    user: customer-17
  - id: candle-snow
    edit: candle
    prompt: Add falling snow.
"""


def test_the_head() -> None:
    head = read(FULL).head

    assert (head.version, head.batch, head.provider, head.file) == (
        1,
        "launch-teasers",
        "cometapi",
        "clips.yaml",
    )
    assert head.defaults == Defaults(
        model="grok-imagine-video", duration_s=6, resolution="720p", aspect_ratio="16:9", tags=("teaser",)
    )
    assert head.limits == Limits(
        max_in_flight=50,
        downloads=8,
        submit_per_s=1.0,
        poll_per_s=5.5,
        poll_min_s=5.0,
        job_deadline_s=1800.0,
    )


@pytest.mark.parametrize(
    ("text", "expected"), [("{share: true}", True), ("{share: false}", False), ("{}", None)]
)
def test_share_is_yes_no_or_not_said(text: str, expected: bool | None) -> None:
    """Of several manifests of one account, any that says yes counts."""
    head = read(f"version: 1\nlimits: {text}\njobs: [{{prompt: x}}]").head

    assert head.limits.share is expected


def test_jobs_with_their_defaults() -> None:
    candle, desk, snow = (found.job for found in entries(FULL))

    settings = {"model": "grok-imagine-video", "resolution": "720p", "aspect_ratio": "16:9"}
    assert candle == Job(
        key="candle",
        prompt="A candle flickers on a wooden table.",
        duration_s=6,
        tags=("teaser",),
        **settings,
    )
    assert desk == Job(
        key="desk",
        prompt="Slow push-in,\nmorning light.\n",
        duration_s=10,
        image=Image(path="images/desk.png"),
        tags=("hero", "7"),
        user="customer-17",
        **settings,
    )
    assert snow == Job(
        key="candle-snow",
        prompt="Add falling snow.",
        edit="candle",
        duration_s=6,
        tags=("teaser",),
        **settings,
    )


def test_own_fields_are_told_from_defaults() -> None:
    candle, desk, snow = entries(FULL)

    assert candle.own == {"id", "prompt"}
    assert desk.own == {"id", "prompt", "image", "duration", "tags", "user"}
    assert snow.own == {"id", "prompt", "edit"}


def test_every_value_has_its_place_also_one_from_the_defaults() -> None:
    _, desk, _ = entries(FULL)

    assert (desk.line, desk.column) == (15, 5)
    assert desk.places == {
        "id": (15, 9),
        "prompt": (16, 13),
        "image": (19, 12),
        "duration": (20, 15),
        "tags": (21, 11),
        "user": (22, 11),
        "model": (4, 19),
        "resolution": (4, 64),
        "aspect_ratio": (4, 84),
    }


def test_problems_that_others_find_stand_at_the_field() -> None:
    _, desk, _ = entries(FULL)
    head = read(FULL).head

    assert desk.problem("image", "not found") == Problem("clips.yaml", 19, 12, 'job "desk": not found')
    assert desk.problem("edit", "no") == Problem("clips.yaml", 15, 5, 'job "desk": no')
    assert desk.problem(None, "no") == Problem("clips.yaml", 15, 5, 'job "desk": no')
    assert head.problem("provider", "no") == Problem("clips.yaml", 3, 11, "no")
    assert head.problem("limits.poll_min_s", "no") == Problem("clips.yaml", 10, 15, "no")
    assert head.problem(None, "no") == Problem("clips.yaml", 1, 1, "no")


def test_entries_can_be_read_again() -> None:
    manifest = read(FULL)

    assert list(manifest.entries()) == list(manifest.entries())


def test_the_head_may_stand_behind_the_jobs() -> None:
    found = entry("jobs:\n  - {id: a, prompt: x}\ndefaults: {duration: 6}\nversion: 1\n")

    assert found.job == Job(key="a", prompt="x", duration_s=6)
    assert found.places["duration"] == (3, 22)


def test_what_is_not_set_is_none() -> None:
    head = read(JOBS + "  - prompt: x\n").head

    assert (head.batch, head.provider) == (None, None)
    assert head.defaults == Defaults()
    assert head.limits == Limits()


@pytest.mark.parametrize("section", ["defaults", "limits"])
def test_a_section_with_every_line_commented_out_is_fine(section: str) -> None:
    assert read(f"version: 1\n{section}:\n  # model: x\njobs: [{{prompt: x}}]\n").problems == ()


def test_own_tags_replace_those_of_the_defaults() -> None:
    head = "version: 1\ndefaults: {tags: [a, b]}\njobs:\n"

    assert entry(head + "  - {prompt: x}").job.tags == ("a", "b")
    assert entry(head + "  - {prompt: x, tags: [c]}").job.tags == ("c",)
    assert entry(head + "  - {prompt: x, tags: []}").job.tags == ()


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30m", 1800), ("90s", 90), ("1h30m", 5400), ("1h1s", 3601), ("2h", 7200), ("1800", 1800), ("1.5", 1.5)],
)
def test_job_deadline(written: str, seconds: float) -> None:
    head = read(f"version: 1\nlimits: {{job_deadline: {written}}}\njobs: [{{prompt: x}}]\n").head
    assert head.limits.job_deadline_s == seconds


@pytest.mark.parametrize(
    ("written", "image"),
    [
        ("images/desk.png", Image(path="images/desk.png")),
        ("../a b/ünïcode 12:30.png", Image(path="../a b/ünïcode 12:30.png")),
        ("C:/pics/desk.png", Image(path="C:/pics/desk.png")),
        ("https://example.com/a.png?x=1", Image(url="https://example.com/a.png?x=1")),
        ("HTTPS://example.com/a.png", Image(url="HTTPS://example.com/a.png")),
        ("http://127.0.0.1:8080/a.png", Image(url="http://127.0.0.1:8080/a.png")),
        ("http://localhost/a.png", Image(url="http://localhost/a.png")),
        ('"http://[::1]/a.png"', Image(url="http://[::1]/a.png")),
        ("data:image/png;base64,iVBORw0KGgo=", Image(url="data:image/png;base64,iVBORw0KGgo=")),
    ],
)
def test_image(written: str, image: Image) -> None:
    assert entry(JOBS + f"  - prompt: x\n    image: {written}\n").job.image == image


def test_edit_of_a_later_job_and_of_a_url() -> None:
    text = (
        JOBS
        + "  - {id: a, edit: b/c, prompt: x}\n  - {id: b/c, edit: 'https://example.com/v.mp4', prompt: x}\n"
    )

    first, second = (found.job for found in entries(text))

    assert (first.edit, first.parent_key) == ("b/c", "b/c")
    assert (second.edit, second.parent_key) == ("https://example.com/v.mp4", None)


def test_anchors_and_aliases() -> None:
    text = JOBS + "  - {id: a, prompt: &p A fox., tags: &t [x, y]}\n  - id: b\n    prompt: *p\n    tags: *t\n"

    _, second = entries(text)

    assert second.job == Job(key="b", prompt="A fox.", tags=("x", "y"))
    assert second.places == {"id": (4, 9), "prompt": (5, 13), "tags": (6, 11)}


def test_the_list_of_jobs_may_be_an_alias() -> None:
    text = "version: 1\ndefaults: {tags: &t [a]}\njobs: *t\n"
    expected = 'clips.yaml:2:22: job 1: expected fields such as "prompt: ...", got text "a"'
    assert [str(problem) for problem in read(text).problems] == [expected]


def test_a_document_may_be_marked_at_both_ends() -> None:
    assert entry("%YAML 1.2\n---\nversion: 1\njobs: [{prompt: x}]\n...\n").job.prompt == "x"
