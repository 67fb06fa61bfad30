"""Reports to look at: small ones with clips that play, and what a look at a page finds."""

from __future__ import annotations

import asyncio
import io
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import PIL.Image
import PIL.ImageDraw
from support.batches import BEGAN, a_batch, calls_of, fingerprint_of

from pipeline.cli.report import write_report
from pipeline.model import TICKS_PER_USD, Image, Job, Probe, Take, TakeState

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
HOSTILE = (
    """</script><script>window.owned=1</script><img src=x onerror="window.owned=1">'"&{{7*7}}${7*7}\u2028"""
)
RIGHT_TO_LEFT = "ثعلب أحمر يمشي في الثلج \u202eevil\u202c 🦊👩‍👩‍👧"
SIZE = (160, 90)
DEADLINE_S = 10.0


def a_clip(frames: int = 24) -> bytes:
    """A second of a moving dot."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_image(_frame(number / frames))))
        container.mux(stream.encode())
    return out.getvalue()


def _frame(share: float) -> PIL.Image.Image:
    picture = PIL.Image.new("RGB", SIZE, (24, 44, 84))
    x, y = 20 + 120 * share, 45 + 20 * math.sin(share * 6.3)
    PIL.ImageDraw.Draw(picture).ellipse((x - 12, y - 12, x + 12, y + 12), fill=(250, 190, 90))
    return picture


def a_poster(folder: Path, take: Take) -> None:
    path = folder / "posters" / f"{take.label}.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    _frame(0.5).save(path, "WEBP")


def done(key: str, *, number: int = 1, wanted: bool = True, **job: Any) -> Take:
    asked = {
        "prompt": f"A {key}.",
        "model": "grok-imagine-video",
        "duration_s": 1,
        "resolution": "720p",
        **job,
    }
    begin = BEGAN + 10 * number
    return Take(
        id=0,
        job=Job(key=key, **asked),
        fingerprint=fingerprint_of(key, number),
        number=1,
        state=TakeState.DONE,
        wanted=wanted,
        provider="cometapi",
        origin="https://gateway.example",
        remote_id=f"job-{key}-{number}",
        intent_at=begin,
        accepted_at=begin + 1,
        ready_at=begin + 31 + number,
        loading_at=begin + 33 + number,
        ended_at=begin + 36 + number,
        cost_ticks=number * TICKS_PER_USD // 4,
        estimate_ticks=TICKS_PER_USD // 4,
        sha256="ab" * 32,
        probe=Probe(
            width=1280, height=720, duration_s=1.0, codec="h264", fps=24.0, brightness=0.4, change=0.3
        ),
    )


def ended(key: str, state: TakeState, reason: str, **job: Any) -> Take:
    return Take(
        id=0,
        job=Job(key=key, **{"prompt": f"A {key}.", **job}),
        fingerprint=fingerprint_of(key),
        number=1,
        state=state,
        provider="cometapi",
        origin="https://gateway.example",
        intent_at=BEGAN + 5,
        accepted_at=None if state is TakeState.UNKNOWN else BEGAN + 6,
        ended_at=BEGAN + 66,
        estimate_ticks=TICKS_PER_USD // 4,
        reserved_ticks=TICKS_PER_USD // 4,
        reason=reason,
    )


def a_mixed_batch(folder: Path) -> Path:
    """Some of everything: done, ended otherwise, a chain, a picture, an older take, hostile texts."""
    picture = folder.parent / "pictures" / "the desk %41.png"
    picture.parent.mkdir(parents=True)
    _frame(0.2).save(picture)
    takes = [
        done("candle", tags=("hero",)),
        done("candle-snow", number=3, edit="candle"),
        done("desk", number=2, model="veo-fast", image=Image(path=str(picture), sha256="cd" * 32)),
        done("folder/fox.1", prompt=HOSTILE, number=4, tags=(HOSTILE,)),
        done("rtl", prompt=RIGHT_TO_LEFT, number=5),
        done("long", prompt="word " * 1000, number=6, duration_s=8),
        done("lost", number=7),
        done("broken", number=8),
        ended("bear", TakeState.UNKNOWN, "no answer within 60 s"),
        ended("wolf", TakeState.FAILED, HOSTILE),
        done("candle", number=9, wanted=False, prompt="An older candle."),
    ]
    clip = a_clip()
    a_batch(folder, takes, calls=calls_of(takes), clips=clip)
    for take in takes:
        if take.state is TakeState.DONE and take.job.key != "long":
            a_poster(folder, take)
    (folder / "clips" / "lost.mp4").unlink()
    (folder / "clips" / "broken.mp4").write_bytes(b"\0" * len(clip))
    return folder


def a_report(folder: Path) -> str:
    """Its address."""
    return asyncio.run(write_report(folder)).as_uri()


@dataclass(slots=True)
class Seen:
    """What went wrong in a page, or left it."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def keys(page: Page) -> list[str]:
    """Of the cards that exist, in their order."""
    return page.locator("#list .clip .title bdi").all_inner_texts()


def until(page: Page, expression: str) -> None:
    """Wait until it is true. Playwright's own way evaluates texts in the page, which its policy forbids."""
    deadline = time.monotonic() + DEADLINE_S
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never true: {expression}"
        page.wait_for_timeout(20)


def faults(found: Iterable[dict[str, Any]]) -> list[str]:
    """Serious findings of axe, with where they are."""
    return [
        f"{one['id']}: {one['help']} at {[node['target'] for node in one['nodes']][:3]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def looked_at_by_axe(
    page: Page, rules: Sequence[str] = ("wcag2a", "wcag2aa", "wcag21aa", "best-practice")
) -> list[str]:
    """axe is run beside the page's policy, not within it."""
    page.evaluate(AXE)
    result = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})",
        list(rules),
    )
    return faults(result["violations"])
