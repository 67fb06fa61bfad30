"""Files that are none: stopped early, kept as evidence, explained; and a transfer that would never end."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from support.builders_engine import OK, FakeGateway, Step, always, in_turn
from support.night import Night

from pipeline.stages import transfer
from pipeline.stages.transfer import TELLING_BYTES

PIECE = 32 << 10
LARGE = 4 << 20
PAGE = (b"<!DOCTYPE html><html><body>" + b"no clip here. " * LARGE)[:LARGE]
OTHERS = {
    "web page": (PAGE, "a web page"),
    "XML": ((b'<?xml version="1.0"?><Error>' + b"x" * LARGE)[:LARGE], "XML"),
    "JSON": ((b'{"data": "' + b"A" * LARGE)[:LARGE], "JSON"),
    "text": ((b"just words, " * LARGE)[:LARGE], "plain text"),
    "zip": ((b"PK\x03\x04" + zlib.compress(b"") * LARGE)[:LARGE], "a zip file"),
    "picture": ((b"\x89PNG\r\n\x1a\n" + bytes(LARGE))[:LARGE], "a PNG picture"),
}


def a_file(content: bytes, **more: object) -> Step:
    return replace(OK, content=content, piece_bytes=PIECE, **more)


@pytest.mark.parametrize(("content", "name"), OTHERS.values(), ids=OTHERS)
def test_what_is_plainly_no_video_is_not_loaded_to_its_end(tmp_path: Path, content: bytes, name: str) -> None:
    """Its beginning is kept, the reason says what it is, and the paid clip can still be collected."""
    night = Night(tmp_path, gateway=FakeGateway(file=always(a_file(content))))

    result = night.run()

    take, (kept,) = night.take(), night.left_over()
    assert (result.exit_code, take.state, take.remote_id) == (1, "undelivered", "order-00001")
    assert take.reason == (
        f"paid for, but the file is no clip: {name}, not a video; its beginning is kept as {kept}"
    )
    assert kept.endswith(".rejected")
    assert (night.batch / "clips" / kept).read_bytes() == content[:TELLING_BYTES]
    night.gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_a_resumed_file_is_judged_by_its_beginning(tmp_path: Path) -> None:
    """The rest alone says nothing."""
    cut = a_file(PAGE, cut_at=TELLING_BYTES - 1000)
    night = Night(tmp_path, gateway=FakeGateway(file=in_turn(cut, a_file(PAGE))))

    night.run()

    assert "a web page, not a video" in (night.take().reason or "")
    assert night.files()[1].headers["Range"] == f"bytes={TELLING_BYTES - 1000}-"


def test_a_file_that_announces_too_much_is_not_begun(tmp_path: Path) -> None:
    """Content-Length is looked at before the first byte."""
    huge = replace(OK, length=False, headers={"content-length": str(5 << 30)})
    night = Night(tmp_path, gateway=FakeGateway(file=always(huge)))

    assert night.run().exit_code == 1
    assert "too large to be a clip: 5368709120 bytes" in (night.take().reason or "")
    assert [path.stat().st_size for path in (night.batch / "clips").iterdir()] == [0]
    night.gateway.heal()
    assert night.run().exit_code == 0


def test_a_file_without_end_is_cut_at_the_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was announced, and it might be a video: counted while it comes, and not kept."""
    monkeypatch.setattr(transfer, "MAX_CLIP_BYTES", LARGE - PIECE)
    night = Night(tmp_path, gateway=FakeGateway(file=always(a_file(bytes(2 * LARGE), length=False))))

    assert night.run().exit_code == 1
    assert "the file does not end" in (night.take().reason or "")
    assert [path.stat().st_size for path in (night.batch / "clips").iterdir()] == [0]


def test_a_transfer_ends_when_the_life_of_a_link_does(tmp_path: Path) -> None:
    """Just above a stall it could go on for days: the part is kept, the take stays ready, and it is said."""
    slow = replace(OK, piece_s=50.0)
    night = Night(tmp_path, gateway=FakeGateway(file=always(slow)), settings={"url_life_s": 320.0})

    result = night.run()

    (first,) = night.files()
    assert night.states() == {"candle": "ready"}
    assert result.exit_code != 0
    assert 319 < night.now - first.at < 322
    assert "not whole after 320 s; 768 bytes of it are kept; run again" in repr(night.events)
    assert [name.endswith(".part") for name in night.left_over()] == [True]
    night.gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_waiting_for_a_place_takes_nothing_from_a_transfers_time(tmp_path: Path) -> None:
    """One download at a time, each of nearly a link's life: the last begins late and still comes whole."""
    gateway = FakeGateway(file=always(replace(OK, piece_s=30.0)), link_life_s=1e6)
    limits = {"downloads": 1, "submit_per_s": 100, "poll_per_s": 100}
    night = Night(tmp_path, ["a", "b", "c"], gateway, limits, settings={"url_life_s": 330.0})

    assert night.run().exit_code == 0
    assert night.seconds > 2 * 330
    night.sound()
