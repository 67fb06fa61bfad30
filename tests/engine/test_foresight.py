"""`plan`: which jobs are new or changed and why, in few looks at the ledger, and without a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.builders_engine import FakeGateway
from support.foresight import counts, outlooks, planned
from support.night import Night

from pipeline.forecast import COMES_BACK
from pipeline.ledger.sqlite import SqliteLedger

BLUE = {"id": "candle", "prompt": "A blue candle."}
SNOW = {"id": "snow", "edit": "candle"}


def test_a_changed_job_says_what_changed(tmp_path: Path) -> None:
    """Field by field, also of the child that starts from it."""
    night = Night(tmp_path, ["candle", "desk", SNOW])
    night.run()
    night.edit([BLUE | {"duration": 8}, "desk", SNOW])

    found = planned(night)

    assert counts(found) == {"changed": 2, "done": 1}
    assert outlooks(found) == {
        "candle": (
            "changed",
            'prompt: "A candle." -> "A blue candle."; duration: (default) -> 8; the older clip is kept',
        ),
        "snow": ("changed", "edit: the clip that it edits changed; the older clip is kept"),
    }
    assert found.fields == {"prompt": 1, "duration": 1, "edit": 1}


def test_going_back_costs_nothing_and_says_so(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.run()
    night.edit([BLUE])
    night.run()
    night.edit(["candle"])

    before = planned(night)
    night.run()
    after = planned(night)

    assert (before.to_send, outlooks(before)) == (0, {"candle": ("done", COMES_BACK)})
    assert (after.to_send, outlooks(after)) == (0, {})


def test_an_older_take_in_flight_is_spoken_of(tmp_path: Path) -> None:
    """Before the new one is sent, and while both are on their way."""
    night = Night(tmp_path, gateway=FakeGateway(render_s=500.0))
    night.run(signal_at=8.0)
    night.edit([BLUE])

    first = planned(night)
    night.run(signal_at=8.0)
    second = planned(night)

    still = "the older take is still in flight, and is collected"
    assert outlooks(first) == {
        "candle": ("changed", f'prompt: "A candle." -> "A blue candle."; {still}'),
    }
    assert outlooks(second) == {"candle": ("in flight", still)}


def test_what_was_never_sent_is_new_whatever_it_asked_for(tmp_path: Path) -> None:
    night = Night(tmp_path, ["candle", "desk"], limits={"submit_per_s": 0.1})
    night.run(signal_at=5.0)
    night.edit(["candle", {"id": "desk", "prompt": "Another desk."}])

    assert outlooks(planned(night))["desk"] == ("new", None)


def test_the_ledger_is_looked_at_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not job by job: a page of 1,024 is one look, and one more where any of them changed."""
    jobs = [f"job{number}" for number in range(1100)]
    night = Night(tmp_path, jobs, collect=True)
    night.run()
    looks: list[str] = []
    read = SqliteLedger._read

    async def counted(self: SqliteLedger, name: str, *more: Any) -> Any:
        looks.append(name)
        return await read(self, name, *more)

    monkeypatch.setattr(SqliteLedger, "_read", counted)

    planned(night)

    assert looks.count("standings") == 2
    assert len(looks) < 10
