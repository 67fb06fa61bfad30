"""One browser for all of these tests, and pages that notice whatever goes wrong in them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from browser.pages import Seen, a_mixed_batch, a_report
from support.batches import a_batch, a_night, calls_of

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
Opens = Callable[..., Any]


THREAD = ThreadPoolExecutor(1, "browser")
"""Playwright leaves its event loop running in the thread that it was started in: no other can run there."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """Tests of this folder run where the browser is."""
    names = pyfuncitem._fixtureinfo.argnames
    THREAD.submit(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names}).result()
    return True


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: see `make test-browser`")
    path = os.environ.get("NIGHTREEL_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: `make test-browser` installs it from the system's packages")
    tools = THREAD.submit(playwright.sync_playwright().start).result()
    start = partial(tools.chromium.launch, executable_path=path, headless=True, args=list(FLAGS))
    running = THREAD.submit(start).result()
    yield running
    THREAD.submit(running.close).result()
    THREAD.submit(tools.stop).result()


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a small report with some of everything."""
    return a_report(a_mixed_batch(tmp_path_factory.mktemp("mixed") / "a batch & more"))


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """That of one with 10,000 jobs."""
    takes = a_night(10_000)
    return a_report(a_batch(tmp_path_factory.mktemp("large") / "night", takes, calls=calls_of(takes)))


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> str:
    """That of one that was begun and left."""
    return a_report(a_batch(tmp_path_factory.mktemp("empty") / "night", [], ended=False))


@pytest.fixture
def opens(browser: Any) -> Iterator[Opens]:
    """Opens an address in a window of its own. In the end, nothing may have gone wrong in any of them."""
    opened: list[tuple[Any, Seen]] = []

    def opens(address: str, *, clean: bool = True, **given: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **given})
        context.add_init_script(VIOLATIONS)
        page, seen = context.new_page(), Seen()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.goto(address)
        if clean:
            opened.append((page, seen))
        return page

    def look() -> list[str]:
        wrong: list[str] = []
        for page, seen in opened:
            wrong += seen.errors
            wrong += [url for url in seen.requests if not url.startswith("file:")]
            wrong += page.evaluate("window.violations")
        for context in list(browser.contexts):
            context.close()
        return wrong

    yield opens
    assert THREAD.submit(look).result() == []


def folder_of(address: str) -> Path:
    return Path(unquote(urlsplit(address).path)).parent
