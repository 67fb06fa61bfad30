"""What holds for one download, whatever its answer's head says: no byte in the part that does not belong."""

from __future__ import annotations

import hashlib
import re

from fuzz.memory import MemoryPart, World, load
from fuzz.messages import answer_of
from support.builders_core import a_take

from pipeline.errors import DiskFullError
from pipeline.model import Take
from pipeline.providers.base import Answer
from pipeline.stages.transfer import BrokenOffError, DeadLinkError, Transfer, UnusableFileError

DOCUMENTED = (DeadLinkError, UnusableFileError, BrokenOffError, DiskFullError)
DIGITS = re.compile(r"[0-9]{1,19}")


def transfer_holds(answer: Answer, begun: bytes, validator: str | None, total: int | None = None) -> bool:
    """One try: the answer's bytes on those that were there, and only where they fit. Whether it loaded."""
    world = World(MemoryPart(bytearray(begun)), answer)
    take = a_take(url="https://files.test/fox.mp4", validator=validator)
    transfer = Transfer(take, total_bytes=total)
    try:
        loaded: Take | None = load(world, transfer)
    except DOCUMENTED as exc:
        assert str(exc)
        loaded = None
    _asking_holds(world, begun, validator)
    _part_holds(world, begun, loaded)
    known = transfer.take.validator
    assert known is None or (known.isascii() and known.isprintable()), "it could not stand in a header"
    assert known is None or known != answer.headers.get("etag") or known.startswith('"'), "a weak tag"
    if loaded is not None:
        _answer_fits(answer, bytes(world.part.content), Transfer(take, total_bytes=total))
    return loaded is not None


def _asking_holds(world: World, begun: bytes, validator: str | None) -> None:
    """A rest is asked for only with what tells whether it fits."""
    resumes = {"Range": f"bytes={len(begun)}-", "If-Range": validator} if begun and validator else {}
    assert world.asked == resumes


def _part_holds(world: World, begun: bytes, loaded: Take | None) -> None:
    """Never bytes of two answers where the second began elsewhere; whole, hash and size are the file's."""
    content, body = bytes(world.part.content), world.answer.body
    if loaded is None:
        assert content.startswith(begun) or body.startswith(content)
        return
    assert world.answer.status in (200, 206)
    assert content == (
        begun + body if world.answer.status == 206 and not _begins_anew(world.answer) else body
    )
    assert (loaded.sha256, loaded.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))


def _begins_anew(answer: Answer) -> bool:
    return re.match(r"bytes 0+-", answer.headers.get("content-range", "")) is not None


def _answer_fits(answer: Answer, content: bytes, before: Transfer) -> None:
    """What was loaded is as long as the answer said, and as what an earlier one had said before."""
    if answer.status == 200:
        length = answer.headers.get("content-length", "")
        assert not DIGITS.fullmatch(length) or len(content) == int(length), "half a file counts as whole"
        return
    tag, known = answer.headers.get("etag", ""), before.take.validator
    whole = answer.headers.get("content-range", "").rpartition("/")[2]
    if DIGITS.fullmatch(whole):
        assert len(content) == int(whole), "half a file counts as whole"
        assert before.total_bytes in (None, int(whole)), "the rest of another file"
    if known is not None and tag.startswith('"') and tag.isascii() and tag.isprintable():
        assert tag == known, "the rest of another file"


def transfers_hold(data: bytes) -> None:
    """From one message: `begun`, `known` and `known-total` among its headers say what an earlier try left."""
    answer = answer_of(data)
    begun, total = answer.headers.get("begun", ""), answer.headers.get("known-total", "")
    known = answer.headers.get("known", "")
    transfer_holds(
        answer,
        begun.encode("utf-8", "surrogateescape"),
        known if known.isascii() and known.isprintable() and known else None,
        int(total) if total.isascii() and total.isdigit() and len(total) < 16 else None,
    )
