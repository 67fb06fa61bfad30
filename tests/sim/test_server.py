"""The simulator over real loopback: the bill, downloads, faults on the wire, restarts, the two ways in."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sim.builders import EDIT, GENERATE, POLL, a_picture, data_uri, running, until

from pipeline.sim import (
    EmbeddedSimulator,
    ServerConfig,
    WorldFolderError,
    load_scenario,
    read_scenario,
    serve,
)
from pipeline.sim.server import SimServer

PADDED = "render_s: 0\nclips: small\nclip_bytes: 3000000"


class Caller:
    """The least client that can use the simulator."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, key: str) -> None:
        self.session = session
        self.base_url = base_url
        self.key = key
        self._headers = {"Authorization": f"Bearer {key}"}

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        url = path if path.startswith("http") else self.base_url + path
        async with self.session.request(method, url, headers=self._headers, **options) as answer:
            return answer.status, await answer.json()

    async def submit(self, path: str = GENERATE, **fields: Any) -> str:
        status, body = await self.call("POST", path, json={"prompt": "a fox", "duration": 1} | fields)
        assert status == 200, body
        return str(body["request_id"])

    async def link(self, job_id: str) -> str:
        _, body = await self.call("GET", POLL + job_id)
        return str(body["video"]["url"])

    async def fetch(self, url: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, url, headers=named) as answer:
            return answer.status, await answer.read(), answer.headers

    async def bill(self) -> Any:
        async with self.session.get(f"{self.base_url}/sim/bill") as answer:
            return await answer.json()


async def read_into(got: bytearray, answer: aiohttp.ClientResponse) -> None:
    async for piece in answer.content.iter_any():
        got += piece


@asynccontextmanager
async def calling(folder: Path, scenario: str = "render_s: 0\nclips: small") -> AsyncIterator[Caller]:
    with running(folder, scenario) as simulator:
        async with aiohttp.ClientSession() as session:
            yield Caller(session, simulator.base_url, simulator.key)


def instant(fault: str) -> str:
    return f"render_s: 0\nclips: small\nfaults:\n  - {{{fault}}}\n"


async def test_the_bill_is_the_submissions(tmp_path: Path) -> None:
    async with calling(tmp_path) as caller:
        ids = await asyncio.gather(*(caller.submit(prompt=f"fox {i}", user=f"u{i}") for i in range(20)))
        link = await caller.link(ids[0])
        await caller.fetch(link)

        bill = await caller.bill()

    assert bill["submissions"] == len(bill["jobs"]) == 20
    assert bill["total_ticks"] == 20 * 500_000_000
    assert bill["total_usd"] == 1.0
    assert {job["id"] for job in bill["jobs"]} == set(ids)
    assert {job["client_user"] for job in bill["jobs"]} == {f"u{i}" for i in range(20)}
    assert bill["requests"] == {"submits": {"200": 20}, "polls": {"200": 1}, "downloads": {"200": 1}}


async def test_a_key_is_required_except_below_sim_and_files(tmp_path: Path) -> None:
    async with calling(tmp_path) as caller:
        link = await caller.link(await caller.submit())

        statuses = [
            (await caller.fetch(caller.base_url + path))[0] for path in (POLL + "x", GENERATE, "/sim/health")
        ]

        assert statuses == [401, 401, 200]
        assert (await caller.fetch(link))[0] == 200


async def test_a_job_renders_by_the_clock(tmp_path: Path) -> None:
    async with calling(tmp_path, "render_s: 0.2\nspread: 0\nclips: small") as caller:
        began = time.monotonic()
        job = await caller.submit()

        async def done() -> bool:
            return (await caller.call("GET", POLL + job))[1].get("status") == "done"

        await until(done)

    assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize(("form", "field"), [("flat", "video"), ("envelope", "data")])
async def test_both_poll_forms(tmp_path: Path, form: str, field: str) -> None:
    async with calling(tmp_path, f"render_s: 0\npoll_form: {form}") as caller:
        status, body = await caller.call("GET", POLL + await caller.submit())

    assert (status, field in body) == (200, True)


async def test_a_20_mib_picture_is_taken(tmp_path: Path) -> None:
    """A PNG may carry anything after its end; a decoder stops there."""
    picture = a_picture(300, 200) + bytes(20 * 1024 * 1024)
    body = {"prompt": "a fox", "duration": 1, "image": {"url": data_uri(picture)}}
    async with calling(tmp_path, "render_s: 0") as caller:
        # As a stream: aiohttp warns of large bodies that are bytes.
        _, answer = await caller.call("POST", GENERATE, data=io.BytesIO(json.dumps(body).encode()))
        link = await caller.link(answer["request_id"])
        status, data, _ = await caller.fetch(link)

    assert (status, data[4:8]) == (200, b"ftyp")


async def test_a_body_beyond_the_limit_is_413(tmp_path: Path) -> None:
    async with calling(tmp_path) as caller:
        url, headers = caller.base_url + GENERATE, {"Content-Length": str(65 * 1024 * 1024)}
        async with caller.session.post(url, headers=headers, data=b"") as answer:
            assert answer.status == 413


async def test_an_edit_of_a_live_and_of_an_expired_link(tmp_path: Path) -> None:
    scenario = "render_s: 0\nclips: small\nlink_life_s: 0.1"
    async with calling(tmp_path, scenario) as caller:
        parent = await caller.submit()
        link = await caller.link(parent)
        await caller.submit(EDIT, prompt="snow", video={"url": link})

        async def expired() -> bool:
            return (await caller.fetch(link))[0] == 403

        await until(expired)

        status, body = await caller.call("POST", EDIT, json={"prompt": "rain", "video": {"url": link}})
        fresh = await caller.link(parent)

    assert (status, "could not be fetched" in body["error"]["message"]) == (400, True)
    assert fresh != link


async def test_a_client_may_ask_before_it_sends_the_body(tmp_path: Path) -> None:
    async with calling(tmp_path) as caller, asyncio.timeout(5):
        status, _ = await caller.call("POST", GENERATE, json={"prompt": "a fox"}, expect100=True)

    assert status == 200


async def test_half_a_submission_is_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async with calling(tmp_path) as caller:
        port = int(caller.base_url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {GENERATE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {caller.key}\r\n"
        writer.write(f'{head}Content-Length: 100\r\n\r\n{{"prompt":'.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await caller.submit()

        bill = await caller.bill()

    assert bill["submissions"] == 1
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


async def test_a_client_who_leaves_makes_no_noise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """One leaves in the middle of a download, one while its clip is still being made."""
    async with calling(tmp_path, "render_s: 0\nclip_bytes: 100000000") as caller:
        link = await caller.link(await caller.submit())
        async with caller.session.get(link) as answer:
            await answer.content.readexactly(1000)
            answer.close()
        slow = await caller.link(await caller.submit(prompt="slow", duration=6))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await caller.fetch(slow)
        status, data, _ = await caller.fetch(slow, Range="bytes=0-99")

    assert (status, len(data)) == (206, 100)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


class TestDownloads:
    """Result files over HTTP."""

    async def test_ranges_add_up_to_the_file(self, tmp_path: Path) -> None:
        async with calling(tmp_path, "render_s: 0") as caller:
            link = await caller.link(await caller.submit())
            _, whole, head = await caller.fetch(link)
            half = len(whole) // 2
            first = await caller.fetch(link, Range=f"bytes=0-{half - 1}")
            rest = await caller.fetch(link, Range=f"bytes={half}-", If_Range=head["ETag"])
            stale = await caller.fetch(link, Range=f"bytes={half}-", If_Range='"another"')
            dated = await caller.fetch(link, Range="bytes=-5", If_Range=head["Last-Modified"])
            beyond = await caller.fetch(link, Range=f"bytes={len(whole)}-")
            bill = await caller.bill()

        assert (first[0], rest[0], stale[0], dated[0], beyond[0]) == (206, 206, 200, 206, 416)
        assert first[1] + rest[1] == whole == stale[1]
        assert dated[1] == whole[-5:]
        assert rest[2]["Content-Range"] == f"bytes {half}-{len(whole) - 1}/{len(whole)}"
        assert beyond[2]["Content-Range"] == f"bytes */{len(whole)}"
        assert (head["Content-Type"], head["Accept-Ranges"]) == ("video/mp4", "bytes")
        assert head["ETag"].startswith('"')
        assert bill["requests"]["downloads"] == {"200": 2, "206": 3, "416": 1}

    async def test_head_has_the_length_and_no_body(self, tmp_path: Path) -> None:
        async with calling(tmp_path) as caller:
            link = await caller.link(await caller.submit())

            status, body, head = await caller.fetch(link, "HEAD")
            _, whole, _ = await caller.fetch(link)

        assert (status, body, int(head["Content-Length"])) == (200, b"", len(whole))

    async def test_other_methods_and_made_up_links(self, tmp_path: Path) -> None:
        async with calling(tmp_path) as caller:
            link = await caller.link(await caller.submit())

            statuses = [
                (await caller.fetch(link, "PUT"))[0],
                (await caller.fetch(link.replace("sig=", "sig=0")))[0],
                (await caller.fetch(f"{caller.base_url}/files/nothing.mp4"))[0],
            ]

        assert statuses == [405, 403, 403]

    async def test_two_at_once_encode_once(self, tmp_path: Path) -> None:
        async with calling(tmp_path, "render_s: 0") as caller:
            link = await caller.link(await caller.submit())

            answers = await asyncio.gather(*(caller.fetch(link) for _ in range(4)))

        assert len({data for _, data, _ in answers}) == 1
        assert len(list((tmp_path / "clips").iterdir())) == 1

    async def test_a_large_file_streams(self, tmp_path: Path) -> None:
        size = 32 * 1024 * 1024
        async with calling(tmp_path, f"render_s: 0\nclips: small\nclip_bytes: {size}") as caller:
            link = await caller.link(await caller.submit())

            _, data, _ = await caller.fetch(link)
            _, tail, _ = await caller.fetch(link, Range="bytes=-3")

        assert (len(data), tail) == (size, bytes(3))

    async def test_a_truncated_download_fails_at_the_client(self, tmp_path: Path) -> None:
        async with calling(tmp_path, instant("fault: truncate, fraction: 0.5, attempts: 1")) as caller:
            link = await caller.link(await caller.submit())
            got = bytearray()
            async with caller.session.get(link) as answer:
                announced = int(answer.headers["Content-Length"])
                with pytest.raises(aiohttp.ClientPayloadError):
                    await read_into(got, answer)
            status, rest, _ = await caller.fetch(
                link, Range=f"bytes={len(got)}-", If_Range=answer.headers["ETag"]
            )

        assert len(got) == announced // 2
        assert (status, len(got) + len(rest)) == (206, announced)


class TestBrokenConnections:
    """A reset is a TCP reset, not an HTTP error."""

    async def test_reset_after_acceptance_bills_once(self, tmp_path: Path) -> None:
        async with calling(tmp_path, instant("fault: reset_after, phase: submit, attempts: 1")) as caller:
            with pytest.raises(aiohttp.ClientOSError):
                await caller.submit()

            bill = await caller.bill()
            status, body = await caller.call("GET", POLL + bill["jobs"][0]["id"])

        assert (bill["submissions"], bill["requests"]["submits"]) == (1, {"dropped": 1})
        assert (status, body["status"]) == (200, "done")

    async def test_reset_before_acceptance_bills_nothing(self, tmp_path: Path) -> None:
        async with calling(
            tmp_path, instant("fault: reset_before, phase: [submit, download], attempts: 1-2")
        ) as caller:
            with pytest.raises(aiohttp.ClientOSError):
                await caller.submit()
            with pytest.raises(aiohttp.ClientOSError):
                await caller.submit()
            bill = await caller.bill()
            link = await caller.link(await caller.submit())
            with pytest.raises(aiohttp.ClientOSError):
                await caller.fetch(link)  # twice on the wire: aiohttp repeats a GET on a reused connection

        assert bill["submissions"] == 0

    async def test_it_is_a_real_reset(self, tmp_path: Path) -> None:
        with running(tmp_path, instant("fault: reset_before")) as simulator:
            port = int(simulator.base_url.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"GET {POLL}x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {simulator.key}\r\n"
            writer.write(head.replace(f"GET {POLL}x", f"POST {GENERATE}").encode())
            writer.write(b'Content-Length: 14\r\n\r\n{"prompt":"x"}')

            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()


SERVE_IN_A_PROCESS = """
import asyncio, sys
from pathlib import Path
from pipeline.sim import ServerConfig, serve
told = lambda base_url: print(base_url, flush=True)
asyncio.run(serve(ServerConfig(port=0, key="k", world=Path(sys.argv[1]), clips="small", ready=told)))
"""


class TestRestart:
    """A world outlives the process that served it."""

    async def test_what_was_answered_survives_a_kill(self, tmp_path: Path) -> None:
        command = (sys.executable, "-c", SERVE_IN_A_PROCESS, str(tmp_path))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        base_url = (await process.stdout.readline()).decode().strip()
        async with aiohttp.ClientSession() as session:
            caller = Caller(session, base_url, "k")
            ids = await asyncio.gather(*(caller.submit(prompt=f"fox {i}") for i in range(20)))
            process.kill()
            await process.wait()

        async with calling(tmp_path) as caller:
            bill = await caller.bill()

        assert {job["id"] for job in bill["jobs"]} == set(ids)

    async def test_jobs_and_links_are_found_again(self, tmp_path: Path) -> None:
        async with calling(tmp_path) as caller:
            job = await caller.submit()
            link = await caller.link(job)
            before = await caller.fetch(link)
            key = caller.key
        with (tmp_path / "journal.jsonl").open("ab") as journal:
            journal.write(b'{"id": "torn')

        async with calling(tmp_path) as caller:
            moved = caller.base_url + link[link.index("/files") :]
            after = await caller.fetch(moved, If_Range=before[2]["ETag"], Range="bytes=10-")
            bill = await caller.bill()
            await caller.submit()

            assert caller.key == key
        assert (after[0], after[1]) == (206, before[1][10:])
        assert [one["id"] for one in bill["jobs"]] == [job]

    async def test_rendering_goes_on_while_nobody_serves(self, tmp_path: Path) -> None:
        async with calling(tmp_path, "render_s: 3600\nspread: 0") as caller:
            job = await caller.submit()
            first = (await caller.call("GET", POLL + job))[1]
        journal = tmp_path / "journal.jsonl"
        line = journal.read_text()
        accepted = line.partition('"accepted_at":')[2].partition(",")[0]
        journal.write_text(line.replace(accepted, str(float(accepted) - 7200)))  # two hours later

        async with calling(tmp_path, "render_s: 3600\nspread: 0\nclips: small") as caller:
            later = (await caller.call("GET", POLL + job))[1]

        assert "video" not in first
        assert later["status"] == "done"


class TestEmbedded:
    """Starting and stopping leaves nothing behind, whatever was going on."""

    def test_a_second_simulator_on_a_world_is_refused(self, tmp_path: Path) -> None:
        with running(tmp_path), pytest.raises(WorldFolderError), EmbeddedSimulator(tmp_path):
            pass

    def test_start_and_close_can_be_repeated(self, tmp_path: Path) -> None:
        simulator = EmbeddedSimulator(tmp_path)
        simulator.close()
        keys = set()
        for _ in range(2):
            simulator.start()
            with pytest.raises(RuntimeError, match="running already"):
                simulator.start()
            keys.add(simulator.key)
            simulator.close()
            simulator.close()

        assert len(keys) == 1
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("sim")]

    async def test_closing_does_not_wait_for_clients(self, tmp_path: Path) -> None:
        """One sits on an open connection, one does not read its download, one waits for an encoder."""
        scenario = "render_s: 0\nclip_bytes: 500000000"
        simulator = EmbeddedSimulator(tmp_path, scenario=read_scenario(scenario, "test"))
        simulator.start()
        async with aiohttp.ClientSession() as session:
            caller = Caller(session, simulator.base_url, simulator.key)
            ready = await caller.link(await caller.submit())
            slow = await caller.link(await caller.submit(prompt="slow", duration=15, resolution="720p"))
            stuck = await session.get(ready)
            waiting = asyncio.ensure_future(caller.fetch(slow))
            part = tmp_path / "clips" / (slow.split("/files/")[1].partition(".")[0] + "-500000000.part")

            async def encoding() -> bool:
                return await asyncio.to_thread(part.exists)

            await until(encoding)

            began = time.monotonic()
            await asyncio.to_thread(simulator.close)
            took = time.monotonic() - began

            with pytest.raises(aiohttp.ClientError):
                await waiting
            stuck.close()
        assert took < 1

    def test_an_address_in_use_is_an_error(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
            asyncio.run(serve(ServerConfig(port=taken.getsockname()[1], world=tmp_path)))


class TestServe:
    """The stand-alone form serves until it is cancelled."""

    async def test_it_says_where_and_ends_on_cancel(self, tmp_path: Path) -> None:
        where: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        config = ServerConfig(
            port=0,
            key="k",
            scenario=load_scenario("busy"),
            world=tmp_path,
            render_s=0,
            ready=where.set_result,
        )
        task = asyncio.ensure_future(serve(config))

        async with aiohttp.ClientSession() as session:
            base_url = await asyncio.wait_for(where, 5)
            async with session.get(f"{base_url}/sim/health") as answer:
                health = await answer.json()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        assert health == {"status": "ok", "scenario": "busy", "jobs": 0}
        assert (tmp_path / "journal.jsonl").exists()

    async def test_without_a_world_nothing_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        where: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(serve(ServerConfig(port=0, ready=where.set_result)))
        await asyncio.wait_for(where, 5)
        during = os.listdir(tmp_path)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert (len(during), os.listdir(tmp_path)) == (1, [])

    async def test_a_loop_that_cannot_send_files_reads_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As uvloop, which has no sendfile."""

        async def refuse(*_: object) -> None:
            raise NotImplementedError

        monkeypatch.setattr(asyncio.get_running_loop(), "sendfile", refuse)
        server = SimServer(tmp_path, scenario=read_scenario(PADDED, "test"), seed=0, key="k")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            await server.start(listener)
            async with aiohttp.ClientSession() as session:
                caller = Caller(session, f"http://127.0.0.1:{listener.getsockname()[1]}", "k")
                _, data, _ = await caller.fetch(await caller.link(await caller.submit()))
            await server.close()

        assert (len(data), data[4:8]) == (3_000_000, b"ftyp")

    def test_options_go_over_the_scenario(self) -> None:
        config = ServerConfig(scenario=load_scenario("busy"), render_s=9.0, link_life_s=5.0, clips="small")

        scenario = config.effective_scenario()

        assert (scenario.rules.render_s, scenario.rules.link_life_s, scenario.clips) == (9.0, 5.0, "small")
        assert scenario.rules.spread == 0.5
        assert ServerConfig(scenario=load_scenario("busy")).effective_scenario() == load_scenario("busy")
