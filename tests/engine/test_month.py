"""A month's cap over all batches of one account: a small ledger beside theirs."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from unittest import mock

import pytest
from support.books import read_books
from support.builders_core import a_take
from support.builders_engine import always, lost, only
from support.night import EVENING, Night

from pipeline.ledger.account import SqliteAccount
from pipeline.ledger.base import OverCapError
from pipeline.ledger.connection import newest_schema
from pipeline.model import TICKS_PER_USD, TakeState
from pipeline.money import Caps
from pipeline.offload import Threads
from pipeline.opening import LEDGER_NAME
from pipeline.stages.base import Switches
from pipeline.stages.budget import Budget

DAY_S = 86_400.0


def a_batch(folder: Path, name: str, keys: list[str], month_usd: float = 2.5, **more: object) -> Night:
    """Clips of a dollar each."""
    (folder / name).mkdir(exist_ok=True)
    account = folder / ".account.sqlite"
    limits = {"max_in_flight": 1, "month_usd": month_usd}
    head = {"prices": {"*": {"clip": 1}}}
    return Night(folder / name, keys, limits=limits, head=head, account=account, **more)  # type: ignore[arg-type]


def sums(folder: Path) -> dict[tuple[str, str], int]:
    """Ticks by month and batch, of all accounts; none where a run died before there was an account."""
    db = sqlite3.connect(folder / ".account.sqlite")
    try:
        if not list(db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'spending'")):
            return {}
        return {
            row[:2]: row[2] for row in db.execute("SELECT month, batch, ticks FROM spending WHERE ticks <> 0")
        }
    finally:
        db.close()


def test_two_batches_share_a_month(tmp_path: Path) -> None:
    """The second finds what the first has spent, and holds the rest until there is another month."""
    first = a_batch(tmp_path, "first", ["candle"])
    second = a_batch(tmp_path, "second", ["desk", "fox"])
    assert first.run().exit_code == 0

    stopped = second.run()
    states, reasons = second.states(), second.reasons()
    second.sleep(20 * DAY_S)
    later = second.run()

    assert (stopped.exit_code, states) == (4, {"desk": "done", "fox": "held"})
    assert reasons == [
        (
            "budget: $1.00 more would bring what this account has spent and reserved in 2027-01 to $3.00,"
            " above limits.month_usd of $2.50"
        )
    ]
    assert later.exit_code == 0
    assert sums(tmp_path) == {
        ("2027-01", "first"): TICKS_PER_USD,
        ("2027-01", "second"): TICKS_PER_USD,
        ("2027-02", "second"): TICKS_PER_USD,
    }


def test_another_gateway_is_another_account(tmp_path: Path) -> None:
    a_batch(tmp_path, "first", ["candle", "desk"]).run()

    assert a_batch(tmp_path, "second", ["fox"], base_url="https://other.test").run().exit_code == 0


def test_what_is_lost_counts_for_the_month(tmp_path: Path) -> None:
    """Its reservation stays; another batch has the rest."""
    first = a_batch(tmp_path, "first", ["candle", "desk"])
    first.gateway.submit = only("desk", always(lost()))
    first.run()

    assert a_batch(tmp_path, "second", ["fox"]).run().exit_code == 4


@pytest.mark.parametrize("after", [False, True])
def test_a_death_between_the_two_ledgers_is_healed_at_the_next_start(tmp_path: Path, after: bool) -> None:
    """The account may hold a reservation too many until then, and never one too few."""
    for number in range(newest_schema() + 2, 40):  # a commit for each, and one for the account
        folder = tmp_path / str(number)
        folder.mkdir()
        night = a_batch(folder, "one", ["candle"])
        died = night.dies(number, after=after)
        books = read_books(night.batch / LEDGER_NAME) if night.takes_exist() else None
        assert books is None or sum(sums(folder).values()) >= books.counted_ticks
        night.run()

        books = read_books(night.batch / LEDGER_NAME)
        assert books is not None
        assert sum(sums(folder).values()) == books.counted_ticks
        if not died:
            break


async def test_many_batches_at_once_reserve_no_more_than_there_is(tmp_path: Path) -> None:
    """Ten runs, each with its own connection and thread, want three dollars each; there are ten."""
    path = tmp_path / "account"
    threads = [Threads(f"account{number}", 1) for number in range(10)]
    accounts = [
        await SqliteAccount.open(path, "https://g:443", f"batch{number}", thread)
        for number, thread in enumerate(threads)
    ]

    async def reserve(account: SqliteAccount) -> int:
        for spent in range(3):
            try:
                await account.reserve({"2027-01": spent}, "2027-01", 1, 10)
            except OverCapError:
                return spent
        return 3

    got = await asyncio.gather(*map(reserve, accounts))
    for account, thread in zip(accounts, threads, strict=True):
        await account.close()
        thread.close()

    assert sum(got) == 10


async def test_a_submit_counts_for_the_month_of_its_intent() -> None:
    """However long it then waits for the disk: it is that month under which it is on record."""
    clock, account = mock.Mock(wall=lambda: EVENING + 30 * DAY_S), mock.AsyncMock()
    record = mock.AsyncMock(clock=clock)
    budget = Budget(Caps(month_ticks=10), account, record, Switches(lambda _event: None))

    await budget.intend(a_take(state=TakeState.PLANNED, estimate_ticks=3), intent_at=EVENING)

    (reserved,) = account.reserve.await_args_list
    assert reserved.args[1:] == ("2027-01", 3, 10)
    assert record.intend.await_args.kwargs["intent_at"] == EVENING
