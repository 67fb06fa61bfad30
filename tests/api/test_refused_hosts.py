"""A paid clip whose link leads into a private network: refused, explained, and never out of reach."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web
from doors.net import Net, a_net
from doors.servers import a_server
from support.builders_engine import tiny_mp4

from pipeline import RunOptions, RunResult, run_manifest
from pipeline.model import Take, TakeState
from pipeline.opening import batch_takes

MANIFEST = """\
version: 1
batch: refused
provider: cometapi
limits: {submit_per_s: 100, poll_per_s: 100, poll_min_s: 0.01}
jobs:
  - {id: candle, prompt: A candle.}
"""


async def gateway_and_host(request: web.Request) -> web.Response:
    """One of a gateway whose clips lie in its own network, and the host there."""
    if request.method == "POST":
        return web.json_response({"request_id": "order-1"})
    if request.path.endswith(".mp4"):
        return web.Response(body=tiny_mp4())
    return web.json_response({"status": "done", "video": {"url": "http://inner.test/v.mp4", "duration": 6}})


async def take_of(result: RunResult) -> Take:
    async with batch_takes(result.folder) as takes:
        (take,) = [take async for take in takes]
    return take


async def a_run(folder: Path, *, allow_private_hosts: bool = False) -> tuple[RunResult, Take]:
    path = folder / "refused.yaml"
    path.write_text(MANIFEST)
    options = RunOptions(
        output=folder / "output",
        base_url="http://gateway.test",
        allow_insecure=True,
        allow_private_hosts=allow_private_hosts,
        env={"COMETAPI_KEY": "sk-0123456789abcdef"},
    )
    result = await run_manifest(path, options)
    return result, await take_of(result)


async def test_a_clip_at_a_refused_host_is_collected_once_the_host_is_allowed(tmp_path: Path) -> None:
    """Undelivered with what to do, after two fresh links; a later run with the option pays for nothing."""
    async with a_server(gateway_and_host) as server:
        with a_net(http=server.url) as net:
            result, take = await a_run(tmp_path)
            assert (result.exit_code, take.state) == (1, TakeState.UNDELIVERED)
            assert "inner.test at 10.0.0.7, an address of a private" in (take.reason or "")
            assert "run with --allow-private-hosts" in (take.reason or "")
            assert files_asked(net) == 0
            assert net.looked_up.count("inner.test") == 3, "the link and two fresh ones, never in a loop"

            result, take = await a_run(tmp_path, allow_private_hosts=True)
            assert (result.exit_code, take.state) == (0, TakeState.DONE)
            assert files_asked(net) == 1

    assert [heard.method for heard in server.heard].count("POST") == 1, "paid once"
    assert (result.folder / "clips" / "candle.mp4").read_bytes() == tiny_mp4()


def files_asked(net: Net) -> int:
    return net.connected.count("10.0.0.7")
