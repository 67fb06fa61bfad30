"""The fingerprint decides what is bought again, so its values are pinned down to the last digit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import a_file_image, a_job, steady

from pipeline.identity import canonical_spec, fingerprint
from pipeline.model import Image, Job

PARENT = "11" * 32
GOLDEN = {
    "223e353044763a9cca0642e58a5880b6d5905a4552ea7e16b3557097e2b81ac9": (
        a_job(),
        '{"operation":"generate","prompt":"A fox runs.","provider":"cometapi","v":1}',
    ),
    "cb0a1ef4b76648bd15bf3c2d0c697cdbd7bc12e0fdc739d9f2431ec1669a4e03": (
        a_job(model="grok-imagine-video", duration_s=6, aspect_ratio="16:9", resolution="720p"),
        (
            '{"aspect_ratio":"16:9","duration_s":6,"model":"grok-imagine-video","operation":"generate",'
            '"prompt":"A fox runs.","provider":"cometapi","resolution":"720p","v":1}'
        ),
    ),
    "2c53a7b7ee82c24086ef388fd5d43b27d572ef70c71bd64025a3b89a4a61aec2": (
        a_job(prompt='Größe "7" – 狐\n'),
        '{"operation":"generate","prompt":"Größe \\"7\\" – 狐\\n","provider":"cometapi","v":1}',
    ),
    "d63cb3d033ebc229b85144652b3b33c4462ecfbb54a48adecd057fe092d3d8b4": (
        a_job(image=a_file_image(sha256="ab" * 32)),
        (
            '{"image":{"sha256":"' + "ab" * 32 + '"},"operation":"generate","prompt":"A fox runs.",'
            '"provider":"cometapi","v":1}'
        ),
    ),
    "13d0037f348dd2ebbdae76671db796c078f17fd33d576f96f391095e436bc8b0": (
        a_job(image=Image(url="https://example.com/a.png")),
        (
            '{"image":{"url":"https://example.com/a.png"},"operation":"generate","prompt":"A fox runs.",'
            '"provider":"cometapi","v":1}'
        ),
    ),
    "bc7cd684bc727336a44b60e23ce763d74775f830db14bcdb886f201c75c139a2": (
        a_job(image=Image(url="data:image/png;base64,AA==", sha256="cd" * 32, media_type="image/png")),
        (
            '{"image":{"sha256":"' + "cd" * 32 + '"},"operation":"generate","prompt":"A fox runs.",'
            '"provider":"cometapi","v":1}'
        ),
    ),
    "32b839cb7e815d0cbdde5cdab72520f3fc507a8eab044025736b09c9d5ba1b96": (
        a_job(edit="https://example.com/v.mp4"),
        (
            '{"operation":"edit","prompt":"A fox runs.","provider":"cometapi","v":1,'
            '"video":{"url":"https://example.com/v.mp4"}}'
        ),
    ),
    "64644335960eef6fb3ae02387b6b2e1d4004920924cdd0df4c556f2d146c11ac": (
        a_job(edit="candle"),
        (
            '{"operation":"edit","prompt":"A fox runs.","provider":"cometapi","v":1,'
            '"video":{"parent":"' + PARENT + '"}}'
        ),
    ),
}


@pytest.mark.parametrize("expected", GOLDEN)
def test_a_fingerprint_never_changes(expected: str) -> None:
    """A value that moved would buy every finished clip of every user again."""
    job, text = GOLDEN[expected]

    found = fingerprint(job, "cometapi", PARENT)

    assert canonical_spec(job, "cometapi", PARENT) == text
    assert found == expected


@pytest.mark.parametrize(
    "change",
    [
        {"key": "wolf"},
        {"tags": ("hero",)},
        {"user": "user-7"},
        {"image": a_file_image(path="/elsewhere/other.jpg")},
        {"image": a_file_image(size_bytes=10, media_type="image/jpeg")},
    ],
    ids=str,
)
def test_what_does_not_change_the_clip_is_not_in_it(change: dict[str, object]) -> None:
    """Renaming a job, tagging it or moving its picture buys nothing."""
    job = a_job(image=a_file_image())

    changed = replace(job, **change)  # type: ignore[arg-type]

    assert fingerprint(changed, "cometapi") == fingerprint(job, "cometapi")


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "A fox runs"},
        {"model": "grok-imagine-video"},
        {"duration_s": 6},
        {"aspect_ratio": "16:9"},
        {"resolution": "720p"},
        {"image": a_file_image(sha256="ac" * 32)},
        {"image": Image(url="https://example.com/a.png")},
        {"image": None},
        {"edit": "https://example.com/v.mp4"},
        {"edit": "candle"},
    ],
    ids=str,
)
def test_whatever_changes_the_clip_is_in_it(change: dict[str, object]) -> None:
    """An edited prompt, setting, picture or source is another purchase."""
    job = a_job(image=a_file_image())

    changed = replace(job, **change)  # type: ignore[arg-type]

    assert fingerprint(changed, "cometapi", PARENT) != fingerprint(job, "cometapi", PARENT)


def test_another_provider_is_another_purchase() -> None:
    """The clip of one gateway never stands for that of another."""
    job = a_job()

    assert fingerprint(job, "cometapi") != fingerprint(job, "sim")


def test_a_child_follows_its_parents_fingerprint() -> None:
    """A new prompt of the parent makes a new clip of the child, although the child's own text stands."""
    child = a_job("snow", edit="fox")

    assert fingerprint(child, "cometapi", "11" * 32) != fingerprint(child, "cometapi", "22" * 32)


def test_the_key_of_the_parent_does_not_count() -> None:
    """Renaming a parent buys nothing: its fingerprint stands for it."""
    one, other = a_job(edit="fox"), a_job(edit="wolf")

    assert fingerprint(one, "cometapi", PARENT) == fingerprint(other, "cometapi", PARENT)


texts = st.text(max_size=8)
images = st.none() | st.builds(Image, url=texts) | st.builds(Image, path=st.just("/a.png"), sha256=texts)
specs = st.builds(
    Job,
    key=st.just("fox"),
    prompt=texts,
    model=st.none() | texts,
    duration_s=st.none() | st.integers(0, 99),
    aspect_ratio=st.none() | texts,
    resolution=st.none() | texts,
    image=images,
    edit=st.none() | st.just("parent") | texts.map(lambda text: "https://" + text),
)
FIELDS = ["prompt", "model", "duration_s", "aspect_ratio", "resolution", "image", "edit"]


@steady
@given(one=specs, other=specs, provider=texts, parent=texts)
def test_distinct_specs_have_distinct_texts(one: Job, other: Job, provider: str, parent: str) -> None:
    """No prompt, however it is written, reads like another job's spec."""
    same = canonical_spec(one, provider, parent) == canonical_spec(other, provider, parent)

    assert same == (one == other)


@steady
@given(job=specs, other=specs, changed=st.sampled_from(FIELDS))
def test_one_differing_field_is_enough(job: Job, other: Job, changed: str) -> None:
    """Each field counts by itself, whatever stands in the others."""
    near = replace(job, **{changed: getattr(other, changed)})

    same = canonical_spec(job, "cometapi", PARENT) == canonical_spec(near, "cometapi", PARENT)

    assert same == (getattr(job, changed) == getattr(other, changed))
