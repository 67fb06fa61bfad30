"""What holds for any bytes that are read as a manifest, and for every job that comes of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import islice

from manifest.reading import read

from pipeline.errors import Problem
from pipeline.identity import fingerprint
from pipeline.manifest import Entry, Manifest
from pipeline.model import Image, Job
from pipeline.providers import PROVIDERS
from pipeline.providers.base import Call, Provider

PARENT = "ab" * 32
BREAK = re.compile(rb"\r\n|\r|\n|\xc2\x85|\xe2\x80[\xa8\xa9]")  # to a YAML parser
LOOKED_AT = 20  # jobs of one file whose way to a gateway is walked


def manifest_holds(data: bytes) -> None:
    """Problems with their places, or jobs that can be sent; never an exception."""
    manifest = read(data)
    found = list(manifest.entries())
    assert manifest.problems or found
    _problems_hold(manifest, data)
    keys = [entry.job.key.lower() for entry in found]
    assert len(set(keys)) == len(keys), "two clips of one name"
    for entry in islice(found, LOOKED_AT):
        _entry_holds(entry)


def _problems_hold(manifest: Manifest, data: bytes) -> None:
    assert len(manifest.problems) == min(100, manifest.total_problems)
    assert list(manifest.problems) == sorted(manifest.problems)
    lines = len(BREAK.findall(data)) + 2  # to the parser the end is a line of its own
    for problem in manifest.problems:
        _problem_holds(problem)
        assert problem.line <= lines, "a place behind the end of the file"


def _problem_holds(problem: Problem) -> None:
    assert problem.line >= 1
    assert problem.column >= 1
    assert problem.message
    assert problem.message.isprintable()


def _entry_holds(entry: Entry) -> None:
    """Each gateway either says what is wrong with the job, at its place, or can be sent it."""
    job = entry.job.with_pictures(_as_checked)
    for name, provider in PROVIDERS.items():
        wrong = provider.validate(job)
        for problem in wrong:
            _problem_holds(entry.problem(problem.field, problem.message))
        assert len(fingerprint(job, name, PARENT)) == 64
        if not wrong:
            _call_holds(provider, job)


def _as_checked(image: Image) -> Image:
    """As the check of pictures leaves it: what is read from this disk has hash, size and type."""
    return image if image.is_link else replace(image, sha256=PARENT, size_bytes=3, media_type="image/png")


def _call_holds(provider: Provider, job: Job) -> None:
    video = None if job.source is None else "https://files.test/parent.mp4"
    call = provider.build_submit(job, video=video)
    sent = json.loads(_body(call))
    assert call.method == "POST"
    assert sent["prompt"] == job.prompt
    assert None not in sent.values()


def _body(call: Call) -> bytes:
    """What would be sent; a file's stretch is filled with so much base64."""
    body = b"".join(part if isinstance(part, bytes) else b"A" * part.length for part in call.body)
    assert len(body) == call.content_length
    return body
