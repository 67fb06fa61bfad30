"""What end-to-end tests share: a desk of their own, one simulator, and tables that are worked on ahead.

The simulator breaks nothing by itself: each of its faults is for prompts that name it.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from e2e.ahead import FINISHED_HEAD, FINISHED_PROMPT, Around, Once
from e2e.strange_gateway import strange_gateway
from support.command import Desk, Sim, sim

AT_ONCE = 3
FAULTS = """
poll_form: mixed
faults:
  - {fault: reset_after, phase: submit, job: "*lost answer*", attempts: 1}
  - {fault: reset_before, phase: submit, job: "*lost question*", attempts: 1}
  - {fault: "429", phase: submit, job: "*submit 429 plain*", rate: 0.7, attempts: 1}
  - {fault: "429", phase: submit, job: "*submit 429 seconds*", rate: 0.7, attempts: 1, retry_after: 1}
  - {fault: "429", phase: submit, job: "*submit 429 date*", rate: 0.7, attempts: 1, retry_after: 1,
     as_date: true}
  - {fault: "503", phase: submit, job: "*submit 503*", rate: 0.7, attempts: 1-2}
  - {fault: "429", phase: poll, job: "*poll 429 seconds*", rate: 0.7, attempts: 1-2, retry_after: 1}
  - {fault: "503", phase: poll, job: "*poll 503*", rate: 0.7, attempts: 1-2}
  - {fault: reset_before, phase: poll, job: "*poll resets*", rate: 0.7, attempts: 1}
  - {fault: reset_after, phase: poll, job: "*poll resets*", rate: 0.7, attempts: 2}
  - {fault: "429", phase: download, job: "*download 429 date*", rate: 0.7, attempts: 1, retry_after: 1,
     as_date: true}
  - {fault: "503", phase: download, job: "*download 503*", rate: 0.7, attempts: 1-3}
  - {fault: reset_before, phase: download, job: "*download resets*", rate: 0.7, attempts: 1-2}
  - {fault: reset_after, phase: download, job: "*download resets*", rate: 0.7, attempts: 1-2}
  - {fault: truncate, job: "*download truncate*", rate: 0.7, attempts: 1-3}
  - {fault: expired_link, job: "*download expired_link*", rate: 1, attempts: 1-2}
"""


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Where the tests were started in the background, SIGINT is ignored, and commands would inherit that."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty folder to start commands in."""
    return Desk(folder=tmp_path)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sim]:
    """A simulator in its own process."""
    with sim(Desk(folder=tmp_path_factory.mktemp("gateway")), scenario=FAULTS) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def around(gateway: Sim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Around]:
    desk = Desk(folder=tmp_path_factory.mktemp("finished")).at(gateway)

    def finished() -> Path:
        text = f"{FINISHED_HEAD}  - {{id: fox, prompt: {FINISHED_PROMPT}}}\n"
        desk.run("run", desk.write("kept.yaml", text)).exits(0)
        return desk.batch("kept")

    with strange_gateway() as strange, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and never listens: nobody else gets this port either
        closed = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        yield Around(gateway=gateway, strange=strange, closed=closed, finished=Once(finished))


@pytest.fixture(scope="session", autouse=True)
def begun(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    around: Around,
    interruptible: None,
) -> Iterator[Mapping[tuple[str, str], Future[Any]]]:
    """The rows that the tests of this session are for, under way."""
    pool = ThreadPoolExecutor(AT_ONCE)
    futures: dict[tuple[str, str], Future[Any]] = {}
    try:
        for item in request.session.items:
            work, call = getattr(item.module, "work", None), getattr(item, "callspec", None)  # type: ignore[attr-defined]
            if work is None or call is None or "row" not in call.params:
                continue
            name = row_of(item)
            if name not in futures:
                desk = Desk(folder=tmp_path_factory.mktemp("row"))
                futures[name] = pool.submit(work, name[1], desk, around)
        yield futures
    finally:
        pool.shutdown(cancel_futures=True)


def row_of(item: pytest.Item) -> tuple[str, str]:
    return str(item.path), item.callspec.params["row"]  # type: ignore[attr-defined]


@pytest.fixture
def seen(request: pytest.FixtureRequest, begun: Mapping[tuple[str, str], Future[Any]]) -> Any:
    """What came of the row that this test is for."""
    return begun[row_of(request.node)].result()
