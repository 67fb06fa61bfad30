"""How long a person, or a scheduler, waits for the first sign of life.

python -m bench.start
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.rows import ENV, NIGHTREEL, Measured, Row, seconds
from bench.served import KEY, ended, manifest_of


def first_request_s(folder: Path, number: int) -> float:
    """From the start of `run` to its first connection at the gateway, which hears it and hangs up."""
    manifest = manifest_of(folder, f"first{number}", 1)
    with socket.create_server(("127.0.0.1", 0)) as gateway:
        gateway.settimeout(30)
        env = {**ENV, "COMETAPI_KEY": KEY}
        env["COMETAPI_BASE_URL"] = f"http://127.0.0.1:{gateway.getsockname()[1]}"
        words = [str(NIGHTREEL), "run", str(manifest), "--output", str(folder / "output"), "--quiet"]
        began = time.perf_counter()
        with subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            connection, _ = gateway.accept()
            took = time.perf_counter() - began
            connection.close()
            run.kill()
        return took


def measure(long: bool) -> Measured:
    runs = 9 if long else 5
    quickstart = Path(__file__).parents[1] / "manifests" / "quickstart.yaml"
    with tempfile.TemporaryDirectory(prefix="nightreel-bench-") as made:
        folder = Path(made)
        helps = [seconds(NIGHTREEL, "--help") for _ in range(runs + 1)][1:]
        firsts = [first_request_s(folder, number) for number in range(runs + 1)][1:]
        quick = ended(NIGHTREEL, "run", quickstart, "--output", folder / "quick", "--quiet").wall_s
    return Measured(
        [
            Row(name="nightreel --help, compiled", figure=statistics.median(helps), unit="s", goal=0.3),
            Row(name="run to its first request", figure=statistics.median(firsts), unit="s", goal=0.8),
            Row(name="quickstart, whole command", figure=quick, unit="s", goal=20),
        ]
    )


if __name__ == "__main__":
    for row in measure("--long" in sys.argv).rows:
        print(row)
