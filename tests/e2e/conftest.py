"""What end-to-end tests share, and how they are run: a few at a time.

A command waits more than it works, and many tests need several; one after the other they would leave a
processor idle. So tests that ask for nothing but a desk and what all share are begun when the first test
is, in threads, and each is reported in its turn. They may not use what belongs to the process, such as the
working directory or the environment.
"""

from __future__ import annotations

import inspect
import signal
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from e2e.around import FINISHED_HEAD, FINISHED_PROMPT, Around, Once
from e2e.strange_gateway import strange_gateway
from support.command import Desk, Sim, sim

AT_ONCE = 4
SHARED = {"gateway", "around", "unhurried", "large", "secretive"}
LONGEST = "test_ten_kills_over_one_batch_with_chains"  # begun first, so that nobody waits for it at the end
LARGE_BYTES = 24 << 20
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
"""Each fault is for prompts that name it."""


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Desk:
    """An empty folder to start commands in."""
    return Desk(folder=tmp_path, real=is_real(request.node))


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sim]:
    """A simulator in its own process, for all that need no other."""
    with sim(Desk(folder=tmp_path_factory.mktemp("gateway")), scenario=FAULTS) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def unhurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sim]:
    """Takes two seconds for a clip: time enough for a signal."""
    with sim(Desk(folder=tmp_path_factory.mktemp("unhurried")), "--render-s", "2") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sim]:
    """Its clips are large enough to be resumed."""
    desk = Desk(folder=tmp_path_factory.mktemp("large"))
    with sim(desk, scenario=f"clip_bytes: {LARGE_BYTES}") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sim]:
    """Has a key that can be searched for."""
    desk = Desk(folder=tmp_path_factory.mktemp("secretive"))
    with sim(desk, key="a-key-that-must-not-show-5c1f") as gateway:
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
def interruptible() -> Iterator[None]:
    """Where the tests were started in the background, SIGINT is ignored, and commands would inherit that."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def begun(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, interruptible: None
) -> Iterator[Mapping[str, Future[None]]]:
    """The tests of this run that could be begun, by their ids."""
    calls = {item: asked_by(item) for item in request.session.items if isinstance(item, pytest.Function)}
    able = {item: names for item, names in calls.items() if names is not None}
    shared = {name: request.getfixturevalue(name) for name in SHARED & set().union(*able.values())}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {}
        for item, names in sorted(able.items(), key=lambda pair: pair[0].originalname != LONGEST):
            arguments: dict[str, Any] = {name: shared[name] for name in names & SHARED} | parameters_of(item)
            arguments["desk"] = Desk(folder=tmp_path_factory.mktemp("desk"), real=is_real(item))
            futures[item.nodeid] = pool.submit(item.function, **arguments)
        yield futures
        pool.shutdown(cancel_futures=True)


def is_real(item: pytest.Item) -> bool:
    """Whether the commands of a test are to be started as an installed one is."""
    return item.get_closest_marker("real") is not None


def asked_by(item: pytest.Function) -> set[str] | None:
    """The fixtures that a test of this folder asks for; None where it cannot be begun ahead."""
    names = set(inspect.signature(item.function).parameters) - set(parameters_of(item))
    fits = item.path.parent == Path(__file__).parent and "desk" in names and names <= {"desk", *SHARED}
    return names if fits else None


def parameters_of(item: pytest.Function) -> dict[str, Any]:
    return dict(item.callspec.params) if hasattr(item, "callspec") else {}


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Reports a test that was begun; None lets pytest call it now."""
    future = pyfuncitem.funcargs["begun"].get(pyfuncitem.nodeid)
    if future is None:
        return None
    future.result()
    return True
