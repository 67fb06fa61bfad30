"""What a person should see about a clip: rules without files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.findings import findings
from pipeline.model import Job, Probe


def a_probe(width: int = 1280, height: int = 720, duration_s: float | None = 6.04, **seen: float) -> Probe:
    return Probe(width=width, height=height, duration_s=duration_s, codec="h264", fps=24.0, **seen)


def a_job(**fields: object) -> Job:
    return Job(key="fox", prompt="A fox.", **fields)  # type: ignore[arg-type]


ASKED = {"duration_s": 6, "resolution": "720p", "aspect_ratio": "16:9"}


@pytest.mark.parametrize(
    ("job", "probe", "found"),
    [
        (a_job(**ASKED), a_probe(), ()),
        (a_job(**ASKED), a_probe(1282, 718, 6.3), ()),
        (a_job(**ASKED), a_probe(854, 480), ("asked for 720p, is 854x480",)),
        (a_job(**ASKED), a_probe(720, 1280), ("asked for 16:9, is 720x1280",)),
        (a_job(**ASKED), a_probe(duration_s=4.0), ("asked for 6 s, is 4.0 s",)),
        (a_job(**ASKED), a_probe(duration_s=None), ()),
        (a_job(), a_probe(16, 16, 0.1), ()),
        (a_job(edit="bear", duration_s=6), a_probe(duration_s=12.0), ()),
        (a_job(resolution="auto", aspect_ratio="source"), a_probe(), ()),
        (a_job(), a_probe(brightness=0.001, change=0.0), ("black from beginning to end",)),
        (a_job(), a_probe(brightness=0.4, change=0.004), ("frozen: nothing moves in it",)),
        (a_job(), a_probe(brightness=0.05, change=0.05), ()),
        (a_job(), a_probe(brightness=0.4), ()),
    ],
)
def test_what_is_noticed(job: Job, probe: Probe, found: tuple[str, ...]) -> None:
    """What was asked for beside what came, and pictures that show nothing."""
    assert findings(job, probe) == found


@given(
    resolution=st.text(max_size=6) | st.none(),
    ratio=st.text("0123456789:", max_size=8) | st.none(),
    width=st.integers(0, 10_000),
    height=st.integers(0, 10_000),
)
def test_any_words_are_taken(resolution: str | None, ratio: str | None, width: int, height: int) -> None:
    """A word that a later model brings is no reason to fall over a clip that was paid for."""
    found = findings(a_job(resolution=resolution, aspect_ratio=ratio), a_probe(width, height))

    assert len(found) <= 2
