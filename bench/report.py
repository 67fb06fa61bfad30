"""The report of 10,000 jobs: how long it takes to make, how large it is, and how long a browser needs.

Beside it, what a poster and the look at a few frames add to the look at whether a clip is whole, in CPU time.
Times to paint and to filter are a headless Chromium's, opened from disk; without one they are left out.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import PIL.Image
import PIL.ImageDraw

from bench.rows import Measured, Row, medians

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.batches import a_batch, a_night, calls_of

from pipeline.cli.report import write_report
from pipeline.media import look, probe

JOBS = 10_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
READY = "performance.getEntriesByType('navigation')[0].loadEventEnd"
FILTER = """() => {
  const field = document.getElementById("search"), began = performance.now();
  field.value = "shot-07777";
  field.dispatchEvent(new Event("input", {bubbles: true}));
  document.getElementById("list").getBoundingClientRect();
  return performance.now() - began;
}"""


def measure(long: bool) -> Measured:
    measured = Measured()
    with tempfile.TemporaryDirectory() as home:
        _page(Path(home), 5 if long else 3, measured)
        _look(Path(home), 9 if long else 5, measured)
    return measured


def _page(home: Path, runs: int, measured: Measured) -> None:
    takes = a_night(JOBS)
    folder = a_batch(home / "night", takes, calls=calls_of(takes))

    def build() -> float:
        began = time.perf_counter()
        asyncio.run(write_report(folder))
        return time.perf_counter() - began

    build_s = medians(runs, {"build": build})["build"]
    page = folder / "report.html"
    size_mb = page.stat().st_size / 1e6
    what = f"report of {JOBS:,} jobs"
    measured.rows += [
        Row(name=f"{what}: to make it", figure=build_s, unit="s"),
        Row(name=f"{what}: size without media", figure=size_mb, unit="MB", goal=5.0, stable=True),
    ]
    measured.data["report"] = {"jobs": JOBS, "build_s": build_s, "size_mb": size_mb}
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        measured.data["report"]["browser"] = None
        return print("no Chromium on this machine: times to paint and to filter are left out")
    with ThreadPoolExecutor(1) as thread:  # playwright leaves its loop running where it was started
        seen = thread.submit(_browsed, browser, page.as_uri(), runs).result()
    measured.data["report"]["browser"] = seen
    measured.rows += [
        Row(name=f"{what}: to first paint in Chromium", figure=seen["paint_s"], unit="s"),
        Row(name=f"{what}: to loaded", figure=seen["loaded_s"], unit="s"),
        Row(name=f"{what}: to filter them by a word", figure=seen["filter_s"], unit="s", goal=0.1),
        Row(name=f"{what}: cards in the page while scrolling", figure=seen["cards"], unit="", goal=100),
    ]
    return None


def _browsed(browser: str, address: str, runs: int) -> dict[str, Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit("bench.report needs playwright: pip install -c constraints.txt '.[browser]'")
    seen: list[dict[str, float]] = []
    with sync_playwright() as tools:
        running = tools.chromium.launch(executable_path=browser, headless=True, args=list(FLAGS))
        for _ in range(runs):
            page = running.new_page(viewport={"width": 1280, "height": 900})
            page.goto(address)
            while (paint := page.evaluate(PAINT)) is None:
                page.wait_for_timeout(10)
            loaded = page.evaluate(READY)
            filtered = page.evaluate(FILTER)
            page.fill("#search", "")
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
            page.wait_for_timeout(200)
            cards = page.locator("#list .clip").count()
            times = {"paint_s": paint / 1e3, "loaded_s": loaded / 1e3, "filter_s": filtered / 1e3}
            seen.append({**times, "cards": cards})
            page.close()
        running.close()
    return {name: statistics.median(each[name] for each in seen) for name in seen[0]}


def _look(home: Path, runs: int, measured: Measured) -> None:
    """On a clip as gateways make them: 6 s, 720p, 24 frames a second."""
    clip = home / "clip.mp4"
    _encode(clip)

    def timed(what: Any) -> float:
        began = time.process_time()
        what(clip)
        return time.process_time() - began

    found = medians(runs, {"whole": lambda: timed(probe), "checked": lambda: timed(look)})
    extra_s = found["checked"] - found["whole"]
    measured.rows += [
        Row(name="clip of 6 s, 720p: CPU to see that it is whole", figure=1e3 * found["whole"], unit="ms"),
        Row(name="clip of 6 s, 720p: CPU of poster and checks on top", figure=1e3 * extra_s, unit="ms"),
    ]
    measured.data["look"] = {"whole_s": found["whole"], "extra_s": extra_s}


def _encode(path: Path) -> None:
    size = (1280, 720)
    ground = PIL.Image.effect_noise(size, 40).convert("RGB")
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"preset": "veryfast"}
        for number in range(144):
            picture = ground.copy()
            PIL.ImageDraw.Draw(picture).ellipse((8 * number, 300, 8 * number + 90, 390), fill=(250, 190, 90))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())


if __name__ == "__main__":
    from bench.__main__ import line_of

    for row in measure("--long" in sys.argv).rows:
        print(line_of(row))
