"""Clips are real H.264 of the asked size and length, the same bytes each time, and made once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops
from sim.builders import a_job, a_picture, data_uri

from pipeline.sim.clips import ClipStore
from pipeline.sim.encoding import EncodingStoppedError


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def a_store(folder: Path, threads: ThreadPoolExecutor, mode: Any = "real", clip_bytes: int = 0) -> ClipStore:
    return ClipStore(
        folder, lambda _: folder / "picture.jpg", mode=mode, clip_bytes=clip_bytes, threads=threads
    )


def frames_of(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        return [frame.to_image() for frame in container.decode(stream)]


def length_s(path: Path) -> float:
    with av.open(str(path)) as container:
        assert container.duration is not None
        return container.duration / 1_000_000


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"duration": 1, "aspect_ratio": "1:1"}, (480, 480)),
        ({"duration": 2, "aspect_ratio": "9:16", "resolution": "720p"}, (720, 1280)),
        ({"duration": 1, "resolution": "1080p", "model": "grok-imagine-video-1.5"}, (1920, 1080)),
    ],
)
async def test_a_clip_is_what_was_asked_for(
    tmp_path: Path, threads: ThreadPoolExecutor, fields: dict[str, Any], size: tuple[int, int]
) -> None:
    clip = await a_store(tmp_path, threads).get(a_job(prompt="A lighthouse, noir.", **fields))

    frames = frames_of(clip.path)
    assert len(frames) == 24 * fields["duration"]
    assert length_s(clip.path) == fields["duration"]
    assert {frame.size for frame in frames} == {size}
    assert clip.path.read_bytes().find(b"moov") < clip.path.read_bytes().find(b"mdat")


async def test_frames_differ_and_the_prompt_can_be_seen(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    store = a_store(tmp_path, threads)
    one = frames_of((await store.get(a_job(prompt="fox", duration=1))).path)
    two = frames_of((await store.get(a_job(prompt="a quite different prompt, \ud83e 狐", duration=1))).path)

    for earlier, later in zip(one[::4], one[4::4], strict=False):
        assert ImageChops.difference(earlier, later).getbbox() is not None
    assert max(one[0].convert("L").tobytes()) > 200
    assert ImageChops.difference(one[0], two[0]).getbbox() is not None


async def test_a_picture_is_shown_in_its_own_ratio(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    (tmp_path / "picture.jpg").write_bytes(a_picture(90, 60, "JPEG"))
    job = a_job(image={"url": data_uri(a_picture(90, 60))}, duration=1)

    (first, *_) = frames_of((await a_store(tmp_path, threads).get(job)).path)

    red, green, blue = first.getpixel((700, 240))
    assert first.size == (720, 480)
    assert red > 200 > green > 120 > 60 > blue  # orange


async def test_the_same_job_has_the_same_bytes(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    job = a_job(duration=1)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    one = await a_store(tmp_path / "a", threads).get(job)
    two = await a_store(tmp_path / "b", threads).get(job)

    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.etag == two.etag


async def test_two_at_once_encode_once(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    store, job = a_store(tmp_path, threads), a_job(duration=1)

    clips = await asyncio.gather(*(store.get(job) for _ in range(5)))

    assert store.encoded == 1
    assert len(set(clips)) == 1


async def test_a_caller_who_leaves_does_not_take_the_clip_away(
    tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    store, job = a_store(tmp_path, threads), a_job(duration=1)
    leaving, staying = asyncio.ensure_future(store.get(job)), asyncio.ensure_future(store.get(job))
    await asyncio.sleep(0)

    leaving.cancel()

    assert (await staying).size_bytes > 0
    assert leaving.cancelled()


async def test_a_clip_is_found_again(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    job = a_job(duration=1)
    first = await a_store(tmp_path, threads).get(job)
    later = a_store(tmp_path, threads)

    assert await later.get(job) == first
    assert later.encoded == 0


async def test_a_failure_is_not_kept(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    folder, job = tmp_path / "clips", a_job(duration=1)
    store = a_store(folder, threads)
    with pytest.raises(FileNotFoundError):
        await store.get(job)

    folder.mkdir()

    assert (await store.get(job)).path.exists()


async def test_stopping_breaks_off(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    store = a_store(tmp_path, threads)
    store.stop()

    with pytest.raises(EncodingStoppedError):
        await store.get(a_job())

    assert not [name for name in os.listdir(tmp_path) if name.endswith(".mp4")]


class TestSmall:
    """Small clips are real, tiny and shared by all jobs of a ratio."""

    async def test_one_file_per_ratio(self, tmp_path: Path, threads: ThreadPoolExecutor) -> None:
        store = a_store(tmp_path, threads, "small")
        wide = [a_job(prompt=f"{i}", resolution=res) for i, res in enumerate(("480p", "720p"))]

        clips = [await store.get(job) for job in (*wide, a_job(aspect_ratio="1:1"))]

        assert store.encoded == 2
        assert clips[0].path == clips[1].path != clips[2].path
        assert frames_of(clips[0].path)[0].size == (64, 36)
        assert frames_of(clips[2].path)[0].size == (36, 36)
        assert clips[0].size_bytes < 5000

    @pytest.mark.parametrize("size", [100_000, 300 * 1024 * 1024])
    async def test_padding_gives_the_exact_size(
        self, tmp_path: Path, threads: ThreadPoolExecutor, size: int
    ) -> None:
        clip = await a_store(tmp_path, threads, "small", size).get(a_job())

        stat = clip.path.stat()
        assert stat.st_size == clip.size_bytes == size
        assert stat.st_blocks * 512 < 100_000  # sparse
        assert clip.data is None
        assert len(frames_of(clip.path)) == 2

    async def test_a_size_below_the_clip_s_own_leaves_it(
        self, tmp_path: Path, threads: ThreadPoolExecutor
    ) -> None:
        clip = await a_store(tmp_path, threads, "small", 10).get(a_job())

        assert clip.size_bytes > 10
        assert len(frames_of(clip.path)) == 2
