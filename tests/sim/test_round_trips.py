"""Every dialect over real loopback, from the order to the file; edits and extensions of real clips."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest
from sim.builders import (
    EVERY_DIALECT,
    OPC,
    XAI,
    XAI_EDIT,
    XAI_EXTEND,
    Wire,
    link_in,
    running,
    video_uri,
)

INSTANT = "render_s: 0"


class Talk:
    """A client of one dialect."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, key: str, wire: Wire) -> None:
        self.session, self.base_url, self.wire = session, base_url, wire
        self.headers = {"Authorization": f"Bearer {key}"}

    async def submit(self, path: str = "", **fields: Any) -> str:
        # As a stream: aiohttp warns of large bodies that are bytes.
        body = io.BytesIO(json.dumps({"prompt": "a fox", "duration": 6} | self.wire.order | fields).encode())
        headers = self.headers | {"Content-Type": "application/json"}
        url = self.base_url + (path or self.wire.generate)
        async with self.session.post(url, data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())[self.wire.id_field])

    async def poll(self, job_id: str) -> tuple[int, bytes]:
        url = self.base_url + self.wire.poll + job_id
        async with self.session.get(url, headers=self.headers) as answer:
            return answer.status, await answer.read()

    async def clip(self, job_id: str) -> bytes:
        """The finished file, fetched without the key."""
        _, body = await self.poll(job_id)
        async with self.session.get(link_in(json.loads(body))) as answer:
            assert answer.status == 200
            return await answer.read()

    async def bill(self) -> Any:
        async with self.session.get(f"{self.base_url}/sim/bill") as answer:
            return await answer.json()


@asynccontextmanager
async def talking(folder: Path, wire: Wire, scenario: str = INSTANT) -> AsyncIterator[Talk]:
    with running(folder, scenario) as simulator:
        async with aiohttp.ClientSession() as session:
            yield Talk(session, simulator.base_url, simulator.key, wire)


def measured(clip: bytes) -> tuple[tuple[int, int], float]:
    """Size and length in seconds."""
    with av.open(io.BytesIO(clip), format="mp4") as container:
        stream = container.streams.video[0]
        assert container.duration is not None
        assert sum(1 for _ in container.decode(stream)) == stream.frames
        return (stream.codec_context.width, stream.codec_context.height), container.duration / 1_000_000


@EVERY_DIALECT
async def test_from_the_order_to_the_file(tmp_path: Path, wire: Wire) -> None:
    async with talking(tmp_path, wire) as talk:
        job = await talk.submit(resolution="480p")
        clip = await talk.clip(job)
        bill = await talk.bill()

    assert measured(clip) == ((854, 480), 6.0)
    assert [(line["id"], line["dialect"]) for line in bill["jobs"]] == [(job, wire.name)]
    assert bill["requests"] == {"submits": {"200": 1}, "polls": {"200": 1}, "downloads": {"200": 1}}


@EVERY_DIALECT
async def test_jobs_are_found_after_a_restart(tmp_path: Path, wire: Wire) -> None:
    async with talking(tmp_path, wire, "render_s: 0\nclips: small") as talk:
        jobs = [await talk.submit(prompt=f"fox {i}") for i in range(4)]
        before = await talk.bill()

    async with talking(tmp_path, wire, "render_s: 0\nclips: small") as talk:
        statuses = [(await talk.poll(job))[0] for job in jobs]
        after = await talk.bill()

    assert statuses == [200] * 4
    assert after["jobs"] == before["jobs"]


@EVERY_DIALECT
async def test_a_lost_answer_is_on_the_bill(tmp_path: Path, wire: Wire) -> None:
    scenario = "render_s: 0\nclips: small\nfaults:\n  - {fault: reset_after, phase: submit, attempts: 1}\n"
    async with talking(tmp_path, wire, scenario) as talk:
        with pytest.raises(aiohttp.ClientOSError):
            await talk.submit()
        bill = await talk.bill()
        status, _ = await talk.poll(bill["jobs"][0]["id"])

    assert (bill["submissions"], status) == (1, 200)


async def test_waiting_may_be_an_empty_202(tmp_path: Path) -> None:
    async with talking(tmp_path, XAI, "render_s: 3600\nspread: 0") as talk:
        answers = {await talk.poll(await talk.submit(prompt=f"fox {i}")) for i in range(20)}

    assert (202, b"") in answers
    assert {status for status, _ in answers} == {200, 202}


async def test_the_three_gateways_share_a_bill_and_a_port(tmp_path: Path) -> None:
    async with talking(tmp_path, XAI, "render_s: 0\nclips: small") as talk:
        await talk.submit()
        talk.wire = OPC
        await talk.submit()
        bill = await talk.bill()

    assert [line["dialect"] for line in bill["jobs"]] == ["xai", "globalaiopc"]
    assert bill["total_ticks"] == sum(line["ticks"] for line in bill["jobs"])


@pytest.mark.parametrize("inline", [True, False], ids=["data-uri", "link"])
async def test_an_edit_of_a_clip_and_an_extension_of_the_edit(tmp_path: Path, inline: bool) -> None:
    """Both ways to hand on a clip give the same output; an extension is longer by what it adds."""
    async with talking(tmp_path, XAI) as talk:

        async def source(job: str) -> tuple[bytes, dict[str, str]]:
            clip = await talk.clip(job)
            link = link_in(json.loads((await talk.poll(job))[1]))
            return clip, {"url": video_uri(clip) if inline else link}

        parent = await talk.submit(duration=3, aspect_ratio="9:16")
        first, video = await source(parent)
        edit = await talk.submit(XAI_EDIT, prompt="snow", video=video)
        second, video = await source(edit)
        third = await talk.clip(await talk.submit(XAI_EXTEND, prompt="rain", duration=2, video=video))
        bill = (await talk.bill())["jobs"]

    assert [measured(clip) for clip in (first, second, third)] == [
        ((480, 854), 3.0),
        ((480, 854), 3.0),
        ((480, 854), 5.0),
    ]
    marks = [f"sha256:{hashlib.sha256(clip).hexdigest()}" for clip in (first, second)]
    assert [line["source"] for line in bill] == ["", *(marks if inline else [parent, edit])]
    assert [line["ticks"] for line in bill] == [1_500_000_000, 1_800_000_000, 1_300_000_000]


async def test_an_extension_of_a_small_clip_sent_along(tmp_path: Path) -> None:
    """What load tests hand around is a real video too, if a tiny one."""
    async with talking(tmp_path, XAI, "render_s: 0\nclips: small") as talk:
        clip = await talk.clip(await talk.submit())
        video = {"url": video_uri(clip)}
        longer = await talk.submit(XAI_EXTEND, duration=2, video=video)
        _, body = await talk.poll(longer)

    assert json.loads(body)["video"]["duration"] == measured(clip)[1] + 2


async def test_a_broken_video_sent_along_is_400(tmp_path: Path) -> None:
    async with talking(tmp_path, XAI) as talk:
        clip = await talk.clip(await talk.submit(duration=2))
        body = {"prompt": "snow", "video": {"url": video_uri(clip[:-100])}}
        async with talk.session.post(talk.base_url + XAI_EDIT, json=body, headers=talk.headers) as answer:
            status, said = answer.status, await answer.json()
        bill = await talk.bill()

    assert (status, said["code"]) == (400, "Client specified an invalid argument")
    assert "cut off" in said["error"]
    assert bill["submissions"] == 1
