"""Real bytes for each target to begin with: recorded bodies, example files, pictures, clips."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from doors.pictures import a_flag, a_photo, a_picture
from fuzz.messages import message
from providers import recorded
from sim.builders import a_job as a_simulated_job
from support.builders_engine import tiny_mp4

from pipeline.sim.folder import WorldFolder

ROOT = Path(__file__).parents[2]
STATUSES = (200, 400, 403, 404, 429, 500, 503)
JSON = {"content-type": "application/json"}
DEEP = 3000  # nested so often, that a parser which calls itself runs out of stack
SIZES = ((40, 24), (16, 16))


def answers() -> Iterator[bytes]:
    """Every recorded body, under statuses that each mean another thing."""
    bodies = [value for name, value in vars(recorded).items() if name.isupper() and isinstance(value, dict)]
    bodies += [recorded.an_error("Invalid prompt"), recorded.an_error("rate limit", code="429")]
    for body in bodies:
        yield from (
            message(status, json.dumps(body, ensure_ascii=False).encode(), JSON) for status in STATUSES
        )
    yield message(404, recorded.HTML, {"content-type": "text/html"})
    yield message(200, b'{"data":' * (DEEP // 3))
    yield message(302, b"", {"location": "https://elsewhere.test/"})


def times() -> Iterable[bytes]:
    return (
        b"120",
        b"Tue, 14 Nov 2023 22:14:20 GMT",
        b"Tuesday, 14-Nov-23 22:14:20 GMT",
        b"Tue Nov 14 22:14:20 2023",
        b"Tue, 14 Nov 2023 23:14:20 +0100",
    )


def transfers() -> Iterator[bytes]:
    """Whole answers and rests, that fit and that do not."""
    known = {"begun": "12345", "known": '"tag"', "known-total": "10"}
    part = {"content-range": "bytes 5-9/10", "content-length": "5", "etag": '"tag"'}
    yield message(
        200, b"1234567890", {"content-length": "10", "etag": '"tag"', "content-encoding": "identity"}
    )
    yield message(200, b"1234567890", {"last-modified": "Tue, 14 Nov 2023 22:14:20 GMT", **known})
    yield message(206, b"67890", {**part, **known})
    yield message(206, b"67890", {**part, **known, "etag": 'W/"tag"', "content-range": "bytes 0-4/*"})
    yield message(206, b"1234567890", {"content-range": "bytes 0-9/10"})
    yield message(416, b"", {"content-range": "bytes */10", **known})
    yield message(503, b"", {"retry-after": "7"})
    yield message(200, b"x", {"content-encoding": "gzip"})


def links() -> Iterable[bytes]:
    return (
        b"https://vidgen.x.ai/bucket/video.mp4?sig=a%2Fb&exp=1",
        b"http://127.0.0.1:8080/a.mp4",
        b"https://[::1]:443/a",
        b"//other.test/b",
        b"../c.mp4?x#y",
        "https://bücher.test/ü".encode(),
    )


def manifests() -> Iterator[bytes]:
    for file in sorted((ROOT / "manifests").rglob("*.yaml")):
        yield file.read_bytes()
    for file in sorted((ROOT / "tests" / "manifest" / "broken").glob("*.txt")):
        for case in file.read_bytes().split(b"\n===")[1:]:
            yield case.partition(b"\n")[2].partition(b"-->")[0]


def pictures() -> Iterator[bytes]:
    clear = a_flag().convert("RGBA")
    clear.putalpha(100)
    yield from (a_picture(kind, size) for kind in ("JPEG", "PNG", "WEBP") for size in SIZES)
    yield from (a_photo(kind, 6) for kind in ("JPEG", "PNG", "WEBP"))
    yield a_photo("JPEG", progressive=True)
    yield a_photo("JPEG", restart_marker_rows=1)
    yield a_photo("WEBP", picture=clear)
    yield a_photo("WEBP", lossless=True)


def env_files() -> Iterable[bytes]:
    return (
        b"# keys\n\nexport COMETAPI_KEY='abc' # here\nXAI_API_KEY=\"x\\ny\"\r\nA=$HOME/${B}\n",
        b"\xef\xbb\xbfA = b=c==\n\n  B=\n",
        b"A=1\nno setting\n",
        b"A='open\nB=2\n",
    )


def scenarios() -> Iterator[bytes]:
    for file in sorted((ROOT / "pipeline" / "sim" / "scenarios").glob("*.yaml")):
        yield file.read_bytes()
    yield b"faults:\n  - {fault: 429, phase: [poll], rate: 0.5, seed: 3, job: '*fox*', attempts: 2-4}\n"
    yield b"faults: " + b"[" * (DEEP // 6)
    yield b"faults: [{fault: 429, phase: [[poll]]}]\n"
    yield b"render_s: 2024-99-99\n"


def worlds() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        world = WorldFolder(Path(folder))
        world.keep(a_simulated_job(prompt="a fox"), None)
        world.keep(a_simulated_job(prompt="狐狸 \ud83e [[failed]]"), None)
        world.close()
        yield (Path(folder) / "journal.jsonl").read_bytes()
    yield b'{"key": "sim-0123456789abcdef", "secret": "0123456789abcdef"}\n'
    yield b"[" * DEEP + b"\n"


def clips() -> Iterable[bytes]:
    return (tiny_mp4(),)
