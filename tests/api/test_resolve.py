"""Settling a take whose submit got no answer: what a person may say, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.decisions import resolve_unknown
from pipeline.errors import UsageError
from pipeline.ledger.base import PlannedJob
from pipeline.model import Job, Take, TakeState
from pipeline.opening import open_ledger


async def a_batch(folder: Path) -> None:
    """`owl` is unknown, `cat` is accepted as `order-2`."""
    async with open_ledger(folder) as ledger:
        await ledger.begin_run("night.yaml", 0.0)
        jobs = [
            PlannedJob(job=Job(key=key, prompt=key), fingerprint=key * 8, position=at)
            for at, key in enumerate(["owl", "cat"])
        ]
        await ledger.plan(jobs, "cometapi")
        for take in [take async for take in ledger.planned()]:
            sent = await ledger.move(take, TakeState.SUBMITTING, intent_at=1.0, origin="https://gateway:443")
            if take.job.key == "owl":
                await ledger.move(sent, TakeState.UNKNOWN, reason="answer lost")
            else:
                await ledger.move(sent, TakeState.ACCEPTED, remote_id="order-2", accepted_at=2.0)


async def take_of(folder: Path, key: str) -> Take:
    async with open_ledger(folder) as ledger:
        return (await ledger.takes_of(key))[-1]


async def test_an_id_makes_it_accepted_and_a_slip_can_be_put_right(tmp_path: Path) -> None:
    """The wrong id is replaced by a second word; nothing is sent for it."""
    await a_batch(tmp_path)

    await resolve_unknown(tmp_path, "owl", "order-9")
    await resolve_unknown(tmp_path, "owl", "order-1")

    take = await take_of(tmp_path, "owl")
    assert (take.state, take.remote_id, take.reason) == (TakeState.ACCEPTED, "order-1", None)


async def test_not_charged_plans_it_again_and_forgets_where_it_went(tmp_path: Path) -> None:
    """The next run may send it, also to another address."""
    await a_batch(tmp_path)

    await resolve_unknown(tmp_path, "owl", None)

    take = await take_of(tmp_path, "owl")
    assert (take.state, take.origin, take.intent_at) == (TakeState.PLANNED, None, None)


@pytest.mark.parametrize(
    ("key", "remote_id", "complaint"),
    [
        ("owl", "ID", "is no gateway's id"),
        ("owl", "", "is no gateway's id"),
        ("owl", "a b\n", "is no gateway's id"),
        ("owl", "../x y", "is no gateway's id"),
        ("owl", "order-2", "is the id of job 'cat' already"),
        ("cat", None, "no single unknown take"),
        ("cow", None, "no job 'cow'"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, key: str, remote_id: str | None, complaint: str
) -> None:
    """An accepted take is never planned again, and no id stands for two jobs."""
    await a_batch(tmp_path)

    with pytest.raises(UsageError, match=complaint):
        await resolve_unknown(tmp_path, key, remote_id)

    assert (await take_of(tmp_path, "owl")).state is TakeState.UNKNOWN
    assert (await take_of(tmp_path, "cat")).remote_id == "order-2"
