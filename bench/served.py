"""What measurements of whole runs share: the simulator in a process of its own, manifests, and processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.rows import ENV, NIGHTREEL

KEY = "bench-key"
IN_FLIGHT = 50
RENDER_S = 0.5
SMALL = f"{{render_s: {RENDER_S}, spread: 0, clips: small}}"
LIMITS = "{submit_per_s: 1000, poll_per_s: 1000, poll_min_s: 0.05, max_in_flight: %d}"


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ran to its end. `cpu_s`: user and system, of all its threads."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    out: str


@dataclass(frozen=True, slots=True)
class Server:
    """A simulator that serves."""

    base_url: str
    pid: int

    @property
    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def simulator(folder: Path, scenario: str = SMALL) -> Iterator[Server]:
    file = folder / "scenario.yaml"
    file.write_text(scenario)
    command = [str(NIGHTREEL), "sim", "--port", "0", "--key", KEY, "--scenario", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        yield Server(server.stdout.readline().split()[0].partition("=")[2], server.pid)
        server.terminate()


FORKER = """\
import json, os, resource, sys, time
began = time.perf_counter()
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
status = os.waitpid(pid, 0)[1]
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss], file)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Between us and what is measured, and small: the system counts the memory of whoever started a process."""


def ended(*words: object, env: dict[str, str] | None = None) -> Ended:
    """Run a command that has to succeed."""
    with tempfile.NamedTemporaryFile() as told:
        process = subprocess.run(
            [sys.executable, "-I", "-S", "-c", FORKER, told.name, *map(str, words)],
            env={**ENV, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode != 0:
            raise SystemExit(f"{words} ended with exit code {process.returncode}: {process.stderr[-500:]}")
        wall_s, cpu_s, peak = json.loads(Path(told.name).read_text())
    return Ended(wall_s, cpu_s, peak / (1024 if sys.platform == "linux" else 1 << 20), process.stdout)


def run(manifest: Path, output: Path, server: Server | None = None, *, posters: bool = False) -> Ended:
    """One `nightreel run` of a CometAPI manifest. bench/report.py has what posters cost."""
    env = {"COMETAPI_KEY": KEY, "HOME": str(output)}
    if server is not None:
        env["COMETAPI_BASE_URL"] = server.base_url
    plain = [] if posters else ["--no-media-checks"]
    return ended(NIGHTREEL, "run", manifest, "--output", output, "--quiet", *plain, env=env)


def manifest_of(folder: Path, name: str, jobs: int, in_flight: int = IN_FLIGHT) -> Path:
    path = folder / f"{name}.yaml"
    head = "version: 1\nprovider: cometapi\ndefaults: {duration: 6, resolution: 480p}\n"
    lines = (f"  - {{id: job-{number}, prompt: Clip {number}.}}\n" for number in range(jobs))
    path.write_text(f"{head}limits: {LIMITS % in_flight}\njobs:\n" + "".join(lines))
    return path
