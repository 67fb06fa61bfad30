"""A run that plans nothing, of an earlier night: what was wanted is wanted still, and no more changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger.opening import a_ledger, a_run, bring, states, the_take
from support.builders_core import rows_of

from pipeline.errors import LedgerError
from pipeline.ledger.peek import Peek, peek
from pipeline.model import TakeState

OPEN = {TakeState.ACCEPTED, TakeState.UNKNOWN}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


async def test_carried_jobs_are_wanted_by_the_new_run(path: Path) -> None:
    """Those of the last manifest, not those that it had dropped before."""
    async with a_run(path, rows_of("abc")):
        pass
    async with a_run(path, rows_of("ab")):
        pass

    async with a_ledger(path) as ledger:
        await ledger.begin_run("../nightly.yaml", 9.0, carry=True)
        wanted = {take.job.key async for take in ledger.all_takes() if take.wanted}
        counts = await ledger.counts()
        last = await ledger.last_manifest()

    assert wanted == {"a", "b"}
    assert counts == {TakeState.PLANNED: 2}
    assert last == "../nightly.yaml"


async def test_a_run_that_died_before_it_planned_anything_takes_nothing_away(path: Path) -> None:
    """The jobs are still those of the run before it."""
    async with a_run(path, rows_of("ab")):
        pass
    async with a_ledger(path) as ledger:
        await ledger.begin_run("../nightly.yaml", 5.0)

    async with a_ledger(path) as ledger:
        await ledger.begin_run("../nightly.yaml", 9.0, carry=True)
        counts = await ledger.counts()

    assert counts == {TakeState.PLANNED: 2}


async def test_what_was_held_stays_held(path: Path) -> None:
    """Nothing of an earlier night is sent, so nothing gets another chance."""
    async with a_run(path, rows_of("abc")) as ledger:
        await bring(ledger, await the_take(ledger, "a"), TakeState.HELD, reason="budget")
        await bring(ledger, await the_take(ledger, "b"), TakeState.SUBMITTING)

    async with a_ledger(path) as ledger:
        await ledger.begin_run("../nightly.yaml", 9.0, carry=True)
        lost = await ledger.recover(9.0, unsent=False)
        found = await states(ledger)

    assert lost == 1
    assert found == {"a": TakeState.HELD, "b": TakeState.UNKNOWN, "c": TakeState.PLANNED}


async def test_a_peek_counts_what_is_open(path: Path) -> None:
    """Without a word about the rest; what was unknown and sent again is no longer open."""
    async with a_run(path, rows_of("abcd")) as ledger:
        for key, state in (("a", TakeState.ACCEPTED), ("b", TakeState.UNKNOWN), ("c", TakeState.DONE)):
            await bring(ledger, await the_take(ledger, key), state)

    assert peek(path, OPEN) == Peek("teasers.yaml", {TakeState.ACCEPTED: 1, TakeState.UNKNOWN: 1})

    async with a_ledger(path) as ledger:
        await ledger.begin_run("teasers.yaml", 2.0)
        await ledger.plan(rows_of("abcd"), "cometapi", frozenset({TakeState.UNKNOWN}))
    assert peek(path, OPEN) == Peek("teasers.yaml", {TakeState.ACCEPTED: 1})


async def test_a_peek_at_what_is_no_ledger(path: Path) -> None:
    """Damaged, empty or gone: it is said, and nothing is made in its place."""
    for content in (b"no database" * 100, b""):
        path.write_bytes(content)
        with pytest.raises(LedgerError, match="its ledger cannot be read"):
            peek(path, OPEN)
    path.unlink()
    with pytest.raises(LedgerError):
        peek(path, OPEN)

    assert list(path.parent.iterdir()) == []
