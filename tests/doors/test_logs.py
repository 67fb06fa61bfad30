"""The log of a batch: one JSON line per event, without keys and signatures, and never in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import a_job, a_take, mode_of, steady

from pipeline.events import (
    BytesLoaded,
    Draining,
    Event,
    Paused,
    RunEnded,
    RunStarted,
    TakeMoved,
    TakePolled,
    Trouble,
)
from pipeline.logs import JsonLog, Redactor
from pipeline.model import TakeState
from pipeline.secret import Secret

KEY = "sk-0123456789abcdef"
WALL = 1_700_000_000.9
AT = "2023-11-14T22:13:20Z"


@contextmanager
def a_log(path: Path) -> Iterator[JsonLog]:
    log = JsonLog(path, Secret(KEY), lambda: WALL)
    try:
        yield log
    finally:
        log.close()


def logged(folder: Path, *events: Event) -> list[dict[str, Any]]:
    """What stands in the log after these events."""
    path = folder / "log.jsonl"
    with a_log(path) as log:
        for event in events:
            log(event)
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def trouble(message: str) -> Trouble:
    return Trouble(event="take.not_sent", message=message)


def test_each_event_is_a_line_with_its_facts(tmp_path: Path) -> None:
    """Fixed event names, the ledger's own field names, time and level in front, nothing that is None."""
    take = a_take("hero/fox", state=TakeState.FAILED, reason="no 狐", cost_ticks=7, remote_id="r-1")
    started = RunStarted(
        batch="teasers",
        provider="sim",
        origin="sim",
        folder=tmp_path,
        simulated=True,
        counts={TakeState.PLANNED: 2},
    )

    lines = logged(
        tmp_path,
        started,
        TakeMoved(take=take, before=TakeState.ACCEPTED),
        Trouble(event="take.download_failing", message="broke off", take=take),
        Paused(reason="no credits", exit_code=3),
        Draining(reason="SIGTERM"),
        RunEnded(exit_code=143, seconds=1.23456),
    )

    about = {"job": "hero/fox", "take": 1, "provider": "cometapi", "remote_id": "r-1", "cost_ticks": 7}
    assert [(line["at"], line["level"], line["event"]) for line in lines] == [
        (AT, "info", "run.started"),
        (AT, "info", "take.failed"),
        (AT, "warning", "take.download_failing"),
        (AT, "warning", "run.paused"),
        (AT, "info", "run.draining"),
        (AT, "info", "run.ended"),
    ]
    assert lines[0].items() >= {"batch": "teasers", "provider": "sim", "takes": {"planned": 2}}.items()
    assert lines[1].items() >= (about | {"reason": "no 狐", "before": "accepted"}).items()
    assert lines[2].items() >= (about | {"reason": "broke off"}).items()
    assert lines[3].items() >= {"reason": "no credits", "exit_code": 3}.items()
    assert lines[4]["reason"] == "SIGTERM"
    assert lines[5].items() >= {"exit_code": 143, "seconds": 1.235}.items()
    assert not any(value is None for line in lines for value in line.values())


def test_what_comes_often_is_not_logged(tmp_path: Path) -> None:
    """A line per change of state, not per poll or piece."""
    polled = TakePolled(take=a_take(), status="rendering", progress=5)
    loaded = BytesLoaded(take=a_take(), size_bytes=1, total_bytes=2)

    assert logged(tmp_path, polled, loaded) == []


@pytest.mark.parametrize(
    "event",
    [
        trouble(f"refused: Bearer {KEY}"),
        Trouble(event=f"take.{KEY}", message="x"),
        Paused(reason=f"key {KEY} is unknown, really {KEY}", exit_code=3),
        Draining(reason=KEY),
        TakeMoved(take=a_take(reason=f"bad key {KEY}"), before=TakeState.ACCEPTED),
        TakeMoved(take=a_take(remote_id=KEY), before=TakeState.ACCEPTED),
        Trouble(event="x.y", message="x", take=a_take(job=a_job(KEY))),
        RunStarted(
            batch=KEY, provider=KEY, origin=f"https://{KEY}", folder=Path(), simulated=False, counts={}
        ),
    ],
    ids=lambda event: type(event).__name__,
)
def test_the_key_is_nowhere(tmp_path: Path, event: Event) -> None:
    """Whichever text it got into on its way."""
    logged(tmp_path, event)

    text = (tmp_path / "log.jsonl").read_text("utf-8")
    assert KEY not in text
    assert "***" in text


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("at https://cdn.example/v.mp4?sig=abc&e=1 lost", "at https://cdn.example/v.mp4?*** lost"),
        ("https://cdn.example/v.mp4#token=abc", "https://cdn.example/v.mp4?***"),
        ("http://cdn.example?sig=abc", "http://cdn.example?***"),
        ('{"url":"https://c.example/v?sig=abc"} and more', '{"url":"https://c.example/v?***"} and more'),
        ("https://a.example/?x=1 https://b.example/?y=2", "https://a.example/?*** https://b.example/?***"),
        ("HTTPS://cdn.example/v?sig=abc", "HTTPS://cdn.example/v?***"),
        ("https://user:abc@cdn.example/v", "https://***@cdn.example/v"),
        ("https://cdn.example/v.mp4 gone", "https://cdn.example/v.mp4 gone"),
        ("really? https://a.example/v", "really? https://a.example/v"),
    ],
)
def test_a_link_is_logged_without_its_signature(tmp_path: Path, message: str, expected: str) -> None:
    """Host and path are enough to find a fault; the rest would let anybody fetch the clip."""
    assert logged(tmp_path, trouble(message))[0]["reason"] == expected


@steady
@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_text_around_a_key_hides_it(before: str, after: str) -> None:
    """Redacted wherever it stands."""
    assert KEY not in Redactor(Secret(KEY)).text(before + KEY + after)


@steady
@given(before=st.text(max_size=20), after=st.text(max_size=20), key=st.sampled_from([KEY, 'a"\\b']))
def test_no_line_tells_the_key_or_a_signature(before: str, after: str, key: str) -> None:
    """Whatever stands around them, and however the line spells it: it stays one line of JSON."""
    line = Redactor(Secret(key))(None, "info", {"a": before + key + after, "b": f"{before} http://c/?sig=q7"})

    found = json.loads(line)

    assert key not in found["a"]
    assert "sig=q7" not in found["b"]


@pytest.mark.parametrize(
    "message", ["two\nlines\r\n", "\x00\x1b[2J", "狐 ä \u2028", "\udcff", 'a "quote" \\']
)
def test_any_text_is_one_line_of_json(tmp_path: Path, message: str) -> None:
    """A reason from outside cannot fake a line, and cannot break the log."""
    logged_bytes = tmp_path / "log.jsonl"
    with a_log(logged_bytes) as log:
        log(trouble(message))
        log(trouble("next"))

    lines = logged_bytes.read_bytes().removesuffix(b"\n").split(b"\n")
    assert len(lines) == 2
    assert json.loads(lines[0])["reason"] in (message, "?")


def test_a_second_run_goes_on_below(tmp_path: Path) -> None:
    """The log of a batch covers all its runs."""
    logged(tmp_path, Draining(reason="one"))

    lines = logged(tmp_path, Draining(reason="two"))

    assert [line["reason"] for line in lines] == ["one", "two"]


def test_a_line_is_there_as_soon_as_it_is_told(tmp_path: Path) -> None:
    """A kill loses nothing that was logged."""
    path = tmp_path / "log.jsonl"
    with a_log(path) as log:
        log(Draining(reason="x"))
        assert path.read_bytes().endswith(b"\n")


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """Prompts and reasons are the user's own."""
    logged(tmp_path)

    assert mode_of(tmp_path / "log.jsonl") == 0o600


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_does_not_stop_a_run() -> None:
    """The lines are dropped: the ledger is the record, and paid clips wait."""
    with a_log(Path("/dev/full")) as log:
        log(trouble("x"))
        log(RunEnded(exit_code=0, seconds=1.0))


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    """Nobody makes us write into another file."""
    (tmp_path / "log.jsonl").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic link"), a_log(tmp_path / "log.jsonl"):
        pass

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("between", ["\n", "\t", "\r\n", " "])
def test_a_key_that_is_broken_in_two_is_hidden(tmp_path: Path, between: str) -> None:
    """Also where the line spells out what stands between."""
    logged(tmp_path, trouble(f"bad key {KEY[:9]}{between}{KEY[9:]} in a header"))

    assert KEY[9:] not in (tmp_path / "log.jsonl").read_text("utf-8")
