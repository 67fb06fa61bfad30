"""The first thing a newcomer does: one command, real files, and the same command again."""

from __future__ import annotations

import json
from pathlib import Path

import av
import PIL.Image
import pytest
import yaml
from support.command import Desk, Ended, calls_of, clips_of, leftovers, sha256_of, snapshot

from pipeline.findings import BLACK

pytestmark = pytest.mark.real
QUICKSTART = Path(__file__).parents[2] / "manifests" / "quickstart.yaml"
SIZES = {"16:9": (854, 480), "9:16": (480, 854), "1:1": (480, 480)}  # at 480p


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, Ended]:
    """Quickstart's run on the embedded simulator, in a folder of its own."""
    desk = Desk(folder=tmp_path_factory.mktemp("quickstart"), real=True)
    return desk, desk.run("run", QUICKSTART, "--json").exits(0)


@pytest.mark.slow
def test_every_clip_is_what_the_manifest_asks_for(first: tuple[Desk, Ended]) -> None:
    """Size, length and codec agree; an edit has its source's, and a picture decides the ratio."""
    desk, ended = first
    manifest = yaml.load(QUICKSTART.read_text("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - texts only
    jobs = {job["id"]: manifest["defaults"] | job for job in manifest["jobs"]}
    picture = next(QUICKSTART.parent / job["image"] for job in jobs.values() if "image" in job)

    seen = {key: looked_at(desk.batch("quickstart") / "clips" / f"{key}.mp4") for key in jobs}

    assert clips_of(desk.batch("quickstart")) == set(jobs)
    assert ended.json["counts"] == {"done": len(jobs)}
    assert ended.json["simulated"] is True
    for key, job in jobs.items():
        source = jobs[job["edit"]] if "edit" in job else job
        size = SIZES[source["aspect_ratio"]]
        expected = (picture_size(picture) if "image" in job else size, float(source["duration"]), "h264")
        assert seen[key] == expected, key


def looked_at(path: Path) -> tuple[tuple[int, int], float, str]:
    """Size, seconds and codec of a file, all of whose frames can be decoded."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        seconds = len(frames) / float(stream.average_rate or 0)
        assert container.duration == pytest.approx(seconds * av.time_base, rel=0.01)
        return (frames[-1].width, frames[-1].height), seconds, stream.codec_context.name


def sniffed(path: Path) -> str | None:
    with PIL.Image.open(path) as picture:
        return picture.format


def picture_size(path: Path) -> tuple[int, int]:
    """What a picture asks for at 480p: its own ratio, even sides."""
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        ratio = context.width / context.height
    long = 2 * round(480 * max(ratio, 1 / ratio) / 2)
    return (long, 480) if ratio >= 1 else (480, long)


@pytest.mark.slow
def test_ledger_side_files_and_files_agree(first: tuple[Desk, Ended]) -> None:
    """What `--json` says of a clip is what its side file says, and what a look at the file says."""
    desk, ended = first
    clips = desk.batch("quickstart") / "clips"

    facts = {take["job"]: take for take in ended.json["takes"]}
    sides = {key: json.loads((clips / f"{key}.json").read_text("utf-8")) for key in facts}

    assert ended.json["cost_ticks"] == sum(side["cost_ticks"] for side in sides.values())
    for key, side in sides.items():
        take, clip = facts[key], clips / f"{key}.mp4"
        for name in ("job", "take", "fingerprint", "provider", "remote_id", "cost_ticks", "accepted_at"):
            assert side[name] == take[name], name
        assert side["sha256"] == take["sha256"] == sha256_of(clip)
        assert side["size_bytes"] == clip.stat().st_size
        assert desk.folder / take["clip"] == clip
        (width, height), seconds, codec = looked_at(clip)
        probe = {"width": width, "height": height, "duration_s": seconds, "codec": codec, "fps": 24.0}
        assert {name: side["probe"][name] for name in probe} == pytest.approx(probe)
        assert side["probe"]["brightness"] > BLACK
        assert side["findings"] == []
        assert sniffed(desk.batch("quickstart") / "posters" / f"{side['label']}.webp") == "WEBP"
        assert side["simulated"] is True
    assert leftovers(clips) == []


@pytest.mark.slow
def test_the_same_command_again_sends_nothing_and_touches_nothing(first: tuple[Desk, Ended]) -> None:
    """Done is done: no request, exit 0, no file written anew, in little more than a start takes."""
    desk, _ = first
    clips = desk.batch("quickstart") / "clips"
    before, calls = snapshot(clips), calls_of(desk.batch("quickstart"))

    again = desk.run("run", QUICKSTART, "--json").exits(0)

    assert again.json["requests"] == 0
    assert calls_of(desk.batch("quickstart")) == calls
    assert snapshot(clips) == before
