"""Pictures of a report for docs/: a night against the simulator, seen on a desk, on a phone, and in the dark.

python -m browser.screenshots ../docs/screenshots      (in tests/; `make screenshots` does it)
"""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFilter
import yaml
from browser.conftest import FLAGS, NAMES
from playwright.sync_api import Browser, sync_playwright

NIGHTREEL = Path(sys.executable).with_name("nightreel")
COLOURS = 256  # of a picture: keeps it below 300 KB
SCENES = (
    (
        "lighthouse",
        "A lighthouse above a calm sea at dusk, the beam turns slowly.",
        (38, 54, 92),
        (240, 160, 110),
    ),
    ("dunes", "Wind draws lines into red dunes, long shadows, slow push-in.", (238, 190, 140), (196, 96, 58)),
    ("fjord", "Mist lifts from a fjord in the morning, a boat far away.", (190, 208, 220), (74, 108, 132)),
    ("harbour", "A harbour at night, lamps mirrored in black water.", (16, 20, 44), (60, 62, 110)),
    ("meadow", "A meadow in summer, grass moves in waves.", (150, 200, 235), (96, 140, 70)),
    ("glacier", "A glacier under a low sun, snow drifts over the ice.", (220, 232, 245), (130, 160, 196)),
    ("canyon", "The sun climbs over a canyon, time lapse.", (250, 210, 160), (150, 74, 52)),
    ("forest", "Fog between dark firs, a bird crosses the picture.", (170, 186, 180), (34, 62, 54)),
)
LOST = {"clips": "real", "render_s": 3, "spread": 0.5, "faults": [
    {"fault": "reset_after", "phase": "submit", "job": "*harbour*"},
    {"fault": "429", "phase": "submit", "rate": 0.25, "seed": 4, "retry_after": 1},
]}  # fmt: skip


def main() -> None:
    target = Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        report = _a_night(Path(home))
        with sync_playwright() as tools:
            path = next(filter(None, map(_found, NAMES)))
            browser = tools.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
            _shoot(browser, report, target)
            browser.close()


def _found(name: str) -> str | None:
    return next(
        (
            f"{folder}/{name}"
            for folder in os.environ["PATH"].split(":")
            if os.access(f"{folder}/{name}", os.X_OK)
        ),
        None,
    )


def _a_night(home: Path) -> str:
    """Run a manifest with some of everything as a rehearsal, and give the report's address."""
    (home / "pictures").mkdir()
    jobs: list[dict[str, Any]] = []
    for number, (name, prompt, sky, ground) in enumerate(SCENES):
        _landscape(number, sky, ground).save(home / "pictures" / f"{name}.png")
        jobs.append(
            {"id": f"coast/{name}", "prompt": prompt, "image": f"pictures/{name}.png", "tags": ["hero"]}
        )
    jobs += [
        {"id": "coast/dunes-night", "edit": "coast/dunes", "prompt": "The same dunes under a full moon."},
        {"id": "titles/opening", "prompt": "Ink spreads in water and forms a horizon.", "tags": ["titles"]},
        {
            "id": "titles/closing",
            "prompt": "[[failed]] The horizon dissolves into grain.",
            "tags": ["titles"],
        },
        {
            "id": "extra/crowd",
            "prompt": "[[moderated]] A crowd at a concert.",
            "model": "grok-imagine-video-1.5",
        },
        {
            "id": "extra/drone",
            "prompt": "A drone rises over the coast.",
            "resolution": "720p",
            "duration": 10,
        },
    ]
    manifest = {
        "version": 1,
        "batch": "coast-teasers",
        "provider": "cometapi",
        "defaults": {
            "model": "grok-imagine-video",
            "duration": 6,
            "resolution": "480p",
            "aspect_ratio": "16:9",
        },
        "limits": {"budget_usd": 4.2, "max_in_flight": 4, "submit_per_s": 4, "poll_min_s": 0.2},
        "prices": {"*": {"second": {"480p": 0.05, "720p": 0.07}, "picture": 0.01, "source_second": 0.01}},
        "jobs": jobs,
    }
    (home / "teasers.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    (home / "night.yaml").write_text(yaml.safe_dump(LOST))
    words = ["run", "teasers.yaml", "--rehearse", "--scenario", "night.yaml", "--no-progress"]
    subprocess.run([NIGHTREEL, *words], cwd=home, check=False)
    return (home / "output" / "_rehearsal" / "coast-teasers" / "report.html").as_uri()


def _landscape(seed: int, sky: tuple[int, int, int], ground: tuple[int, int, int]) -> PIL.Image.Image:
    """Hills before a sky, another one for each seed."""
    rng, size = random.Random(seed), (854, 480)
    picture = PIL.Image.new("RGB", size)
    draw = PIL.ImageDraw.Draw(picture)
    for y in range(size[1]):
        share = y / size[1]
        draw.line((0, y, size[0], y), fill=_between(sky, ground, 0.15 + 0.5 * share))
    x, y, r = rng.randrange(150, 700), rng.randrange(110, 190), rng.randrange(30, 52)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=_between(sky, (255, 246, 214), 0.75))
    for layer in range(4):
        base, phase, wide = 250 + 62 * layer, rng.random() * 9, 110 + 70 * rng.random()
        tops = [
            (at, base - 42 * math.sin(at / wide + phase) - 16 * math.sin(at / 37 + phase * 2))
            for at in range(0, size[0] + 7, 7)
        ]
        shade = _between(sky, _between(ground, (12, 16, 24), layer / 5), 0.35 + 0.2 * layer)
        draw.polygon([(0, size[1]), *tops, (size[0], size[1])], fill=shade)
    return picture.filter(PIL.ImageFilter.GaussianBlur(0.8))


def _between(one: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * min(1.0, share)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _shoot(browser: Browser, report: str, target: Path) -> None:
    views: dict[str, dict[str, Any]] = {
        "desktop": {"viewport": {"width": 1280, "height": 1320}},
        "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True},
        "dark": {"viewport": {"width": 1280, "height": 780}, "color_scheme": "dark"},
    }
    for name, view in views.items():
        page = browser.new_context(**view).new_page()
        page.goto(report)
        page.wait_for_selector("#list")
        if name == "phone":
            page.evaluate("document.getElementById('tabs').scrollIntoView()")
        if name == "dark":
            page.click("#tab-night")
            page.evaluate("document.getElementById('tabs').scrollIntoView()")
        page.wait_for_timeout(800)
        path = target / f"report-{name}.png"
        page.screenshot(path=path)
        with PIL.Image.open(path) as picture:
            picture.convert("RGB").quantize(COLOURS, PIL.Image.Quantize.FASTOCTREE).save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
