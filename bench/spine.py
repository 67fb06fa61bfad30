"""Measures the goals of the first release, with the real command against the simulator in its own process.

    make bench

Prints a row per goal: what was measured, the goal, and whether it is met. Machines are noisy: figures are
medians of several runs, and a ratio compares runs that alternate.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
from PIL import Image

NIGHTREEL = Path(sys.executable).with_name("nightreel")
KEY = "bench-key"
JOBS, IN_FLIGHT, RENDER_S = 200, 50, 0.5
RUNS = 5
PICTURES = 64
SCENARIO = f"{{render_s: {RENDER_S}, spread: 0, clips: small}}"
LARGE = "{render_s: 0.5, clips: small, clip_bytes: 268435456}"
MANIFEST = """\
version: 1
provider: cometapi
defaults: {duration: 6, resolution: 480p}
limits: {submit_per_s: 1000, poll_per_s: 1000, poll_min_s: 0.05, max_in_flight: %d}
jobs:
"""


@contextlib.contextmanager
def simulator(folder: Path, scenario: str) -> Iterator[str]:
    """The simulator as a server; gives its base URL."""
    file = folder / "scenario.yaml"
    file.write_text(scenario)
    command = [str(NIGHTREEL), "sim", "--port", "0", "--key", KEY, "--scenario", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[0].partition("=")[2]
        server.terminate()


def run(manifest: Path, output: Path, base_url: str | None = None) -> tuple[float, float]:
    """One run of the command: seconds, and its peak memory in MiB."""
    env = {"PATH": os.environ["PATH"], "COMETAPI_KEY": KEY, "HOME": str(output)}
    if base_url is not None:
        env["COMETAPI_BASE_URL"] = base_url
    began = time.perf_counter()
    command = [str(NIGHTREEL), "run", str(manifest), "--output", str(output)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{manifest.name} ended with exit code {process.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


async def plain_client(base_url: str, prompts: list[str]) -> None:
    """What people write first: a semaphore, a fixed poll interval, no record and no checks."""
    room = asyncio.Semaphore(IN_FLIGHT)
    root = f"{base_url}/grok/v1/videos"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def one(prompt: str) -> None:
            async with room:
                body = {"prompt": prompt, "duration": 6, "resolution": "480p"}
                async with session.post(f"{root}/generations", json=body) as answer:
                    remote_id = (await answer.json())["request_id"]
                while True:
                    await asyncio.sleep(0.05)
                    async with session.get(f"{root}/{remote_id}") as answer:
                        state = await answer.json()
                    if state.get("status") == "done":
                        break
            async with session.get(state["video"]["url"]) as answer:
                await answer.read()

        await asyncio.gather(*(one(prompt) for prompt in prompts))


def manifest_of(folder: Path, name: str, jobs: int, in_flight: int) -> Path:
    path = folder / f"{name}.yaml"
    lines = [f"  - {{id: job-{number}, prompt: Clip {number}.}}\n" for number in range(jobs)]
    path.write_text(MANIFEST % in_flight + "".join(lines))
    return path


def small_jobs(folder: Path) -> tuple[float, float]:
    """Median seconds of our run without the start of Python, and of the plain client, alternating."""
    ours, plain = [], []
    manifest = manifest_of(folder, "small", JOBS, IN_FLIGHT)
    empty = manifest_of(folder, "one", 1, 1)
    with simulator(folder, SCENARIO) as base_url:
        run(empty, folder / "start", base_url)
        for number in range(RUNS):
            start, _ = run(empty, folder / "start", base_url)
            whole, _ = run(manifest, folder / f"small-{number}", base_url)
            ours.append(whole - start)
            began = time.perf_counter()
            asyncio.run(plain_client(base_url, [f"Plain {number} {job}." for job in range(JOBS)]))
            plain.append(time.perf_counter() - began)
    return statistics.median(ours), statistics.median(plain)


def large_clips(folder: Path) -> tuple[float, float]:
    """Peak MiB with one clip of 256 MiB, and with eight at once."""
    with simulator(folder, LARGE) as base_url:
        one = run(manifest_of(folder, "large-1", 1, 1), folder / "large", base_url)[1]
        eight = run(manifest_of(folder, "large-8", 8, 8), folder / "large", base_url)[1]
    return one, eight


def large_pictures(folder: Path, jobs: int) -> tuple[float, float]:
    """Seconds and peak MiB of so many submits at once, each with a picture of nearly 20 MiB.

    Noise, since it does not shrink; each with EXIF data of its own, which has to go.
    """
    side = 3850
    picture = Image.frombytes("RGB", (side, side), os.urandom(side * side * 3))
    exif = Image.Exif()
    exif[0x010E] = "x" * 16  # a description to write over
    picture.save(folder / "noise.jpg", quality=97, exif=exif)
    noise = (folder / "noise.jpg").read_bytes()
    assert 19 << 20 < len(noise) <= 20 << 20, len(noise)
    for number in range(jobs):
        (folder / f"{number}.jpg").write_bytes(noise.replace(b"x" * 16, f"{number:016}".encode(), 1))
    path = folder / "pictures.yaml"
    lines = [f"  - {{id: job-{n}, prompt: Picture {n}., image: {n}.jpg}}\n" for n in range(jobs)]
    path.write_text(MANIFEST % jobs + "".join(lines))
    with simulator(folder, SCENARIO) as base_url:
        return run(path, folder / "pictures", base_url)


def help_seconds() -> float:
    times = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        subprocess.run([str(NIGHTREEL), "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def row(what: str, figure: float, goal: float, unit: str) -> None:
    print(f"{what:62} {figure:8.2f} {unit:4} goal {goal:6.2f}  {'met' if figure <= goal else 'MISSED'}")


def main() -> None:
    optimum = JOBS / IN_FLIGHT * RENDER_S
    quickstart = Path(__file__).parent.parent / "manifests" / "quickstart.yaml"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        row("nightreel --help, compiled", help_seconds(), 0.3, "s")
        row("quickstart, whole command", run(quickstart, folder / "quickstart")[0], 20.0, "s")
        ours, plain = small_jobs(folder)
        row(
            f"{JOBS} jobs of {RENDER_S} s, {IN_FLIGHT} in flight / computed optimum", ours / optimum, 1.3, "x"
        )
        row("the same by a plain aiohttp script / computed optimum", plain / optimum, float("inf"), "x")
        one, eight = large_clips(folder)
        row("peak memory, one clip of 256 MiB", one, 120.0, "MiB")
        row("peak memory, eight clips of 256 MiB at once", eight, 120.0, "MiB")
        seconds, peak = large_pictures(folder, PICTURES)
        row(
            f"peak memory, {PICTURES} submits of 20 MiB pictures at once ({seconds:.0f} s)",
            peak,
            150.0,
            "MiB",
        )


if __name__ == "__main__":
    main()
