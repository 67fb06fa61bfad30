"""Which event loop a run is on, and how many heaps its threads have."""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys

import pytest

from pipeline.loop import run


async def loop_module() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def test_the_fast_loop_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra needs no option."""
    pytest.importorskip("uvloop")
    monkeypatch.delenv("NIGHTREEL_UVLOOP", raising=False)

    assert run(loop_module()) == "uvloop"


def test_it_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable, should it ever misbehave somewhere."""
    monkeypatch.setenv("NIGHTREEL_UVLOOP", "0")

    assert run(loop_module()) == "asyncio"


def test_nothing_is_missed_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is an extra."""
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert run(loop_module()) == "asyncio"


THREADS_THAT_ALLOCATE = """\
import threading
from pathlib import Path
from pipeline.loop import run

def heaps():  # of glibc: 64 MiB are set aside for each, at a multiple of that
    words = map(str.split, Path("/proc/self/maps").read_text().splitlines())
    mine = [each for each in words if each[1] == "rw-p" and each[4] == "0"]
    return sum(int(each[0].partition("-")[0], 16) % (64 << 20) == 0 for each in mine)

async def main():
    gate = threading.Barrier(9)
    def work():
        kept = [bytearray(60_000) for _ in range(20)]
        gate.wait()
        gate.wait()
        return kept
    for _ in range(8):
        threading.Thread(target=work).start()
    gate.wait()
    print(heaps())
    gate.wait()

run(main())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such heaps")
def test_threads_share_two_heaps() -> None:
    """The program's own, which does not count here, and one for all of eight threads."""
    ran = subprocess.run(
        [sys.executable, "-c", THREADS_THAT_ALLOCATE], capture_output=True, text=True, check=True
    )

    assert int(ran.stdout) <= 1
