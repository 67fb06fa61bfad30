"""Downloads against aria2c and curl: from nginx on loopback to the same disk.

    python -m bench.downloads [long]

Ours is the download stage of a run, with ledger, hash and fsync (`loading.py`); the others are given the
flags that suit them best, and do neither. One run of each in turn; the medians are compared. TMPDIR says on
which disk. Needs nginx, aria2 and curl; what is missing is left out with a note.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.rows import Measured, Row, medians, seconds

MIB = 1 << 20
AT_ONCE = 8
CONFIG = """\
daemon off; master_process off; pid {0}/pid; error_log {0}/log error;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
  client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3;
  uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;
  server {{ listen 127.0.0.1:{1}; root {0}/www; }}
}}
"""
PEERS: Mapping[str, Callable[[Path, Path], list[object]]] = {
    "aria2c": lambda links, to: [
        "aria2c", "--quiet", "--no-conf", f"-j{AT_ONCE}", "-x1", "--file-allocation=none",
        "-d", to, "-i", links / "aria2c",
    ],
    "curl": lambda links, to: [
        "curl", "-sf", "--no-progress-meter", "--parallel", "--parallel-max", AT_ONCE,
        "--output-dir", to, "-K", links / "curl",
    ],
}  # fmt: skip


def measure(long: bool) -> Measured:
    found = Measured()
    if shutil.which("nginx") is None:
        found.rows.append(Row(name="downloads", figure=0.0, unit="x", note="nginx is missing: not measured"))
        return found
    runs = 5 if long else 3
    with tempfile.TemporaryDirectory(prefix="downloads-") as name:
        bench = _Bench(Path(name), runs)
        with bench.nginx():
            bench.large(found, 32 if long else 16)
            bench.small(found, 2000 if long else 500)
            bench.memory(found, 64 if long else 8)
    return found


class _Bench:
    """A server with files, and who loads them."""

    def __init__(self, folder: Path, runs: int) -> None:
        self._folder = folder
        self._runs = runs
        self._peers = {name: flags for name, flags in PEERS.items() if shutil.which(name)}
        self._www = folder / "www"
        self._www.mkdir()
        for name, size_bytes in (("large", 64 * MIB), ("small", 200 << 10)):
            (self._www / name).write_bytes(random.Random(1).randbytes(size_bytes))  # noqa: S311 - no secret
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]

    @contextmanager
    def nginx(self) -> Iterator[None]:
        config = self._folder / "nginx.conf"
        config.write_text(CONFIG.format(self._folder, self._port))
        command = ["nginx", "-e", str(self._folder / "log"), "-c", str(config)]
        with subprocess.Popen(command) as server:
            try:
                _wait_for(self._port)
                yield
            finally:
                server.terminate()

    # --- what is loaded

    def large(self, found: Measured, count: int) -> None:
        """Files of 64 MiB, also without hash and fsync, and by readers that keep nothing."""
        urls = self._urls("large", count)
        ours = {
            "nightreel": lambda: self._ours(urls)["seconds"],
            "bare": lambda: self._ours(urls, bare=True)["seconds"],
            "discard": lambda: self._discarded(urls),
        }
        took = medians(self._runs, ours | self._others(urls))
        rates = {name: 64 * count / took_s for name, took_s in took.items()}
        found.data["large_mib_per_s"] = rates
        what = f"{count} files of 64 MiB, {AT_ONCE} at once"
        missing = _missing(self._peers)
        found.rows.append(Row(name=what, figure=rates["nightreel"], unit="MiB/s", note=missing))
        if peers := {name: rates[name] for name in self._peers}:
            best = max(peers, key=lambda name: peers[name])
            found.rows.append(
                Row(
                    name=f"{what}, hashed and synced, by the better of aria2c and curl",
                    figure=rates["nightreel"] / peers[best],
                    unit="x",
                    goal=1.0,
                    at_least=True,
                    note=", ".join(f"{name} {rate:.0f} MiB/s" for name, rate in peers.items()),
                )
            )
        if "aria2c" in peers:
            found.rows.append(
                Row(
                    name=f"{what}, neither hashed nor synced, by aria2c",
                    figure=rates["bare"] / peers["aria2c"],
                    unit="x",
                    goal=1.5,
                    at_least=True,
                )
            )
        server = f"the server gives {rates['discard']:.0f} MiB/s to readers that keep nothing"
        found.rows.append(
            Row(
                name="server by what we load",
                figure=rates["discard"] / rates["nightreel"],
                unit="x",
                note=server,
            )
        )

    def small(self, found: Measured, count: int) -> None:
        """Files of 200 KiB: what each costs beside its bytes."""
        urls = self._urls("small", count)
        took = medians(self._runs, {"nightreel": lambda: self._ours(urls)["seconds"]} | self._others(urls))
        found.data["small_files_per_s"] = {name: count / took_s for name, took_s in took.items()}
        for name in self._peers:
            found.rows.append(
                Row(
                    name=f"{count:,} files of 200 KiB, hashed, synced and on record, by {name}",
                    figure=took[name] / took["nightreel"],
                    unit="x",
                    goal=1.0,
                    at_least=True,
                    note=f"{count / took['nightreel']:.0f} files/s, {name} {count / took[name]:.0f}",
                )
            )

    def memory(self, found: Measured, size_mib: int) -> None:
        """The peak of a process that loads 64 files, a few or all of them at once."""
        with (self._www / "large").open("r+b") as file:
            file.truncate(size_mib * MIB)
        urls = self._urls("large", 64)
        peaks = {at_once: self._ours(urls, at_once=at_once)["peak_mib"] for at_once in (AT_ONCE, 64)}
        found.data["peak_mib"] = peaks
        found.rows.append(
            Row(
                name=f"memory of 64 downloads at once, more than {AT_ONCE}",
                figure=peaks[64] - peaks[AT_ONCE],
                unit="MiB",
                goal=20.0,
                note=f"{peaks[AT_ONCE]:.0f} and {peaks[64]:.0f} MiB",
            )
        )

    # --- who loads

    def _urls(self, name: str, count: int) -> list[str]:
        return [f"http://127.0.0.1:{self._port}/{name}?{number}" for number in range(count)]

    def _ours(self, urls: list[str], *, at_once: int = AT_ONCE, bare: bool = False) -> dict[str, Any]:
        with self._target() as target:
            asked = {"urls": urls, "folder": str(target / "batch"), "at_once": at_once, "bare": bare}
            order = self._folder / "order.json"
            order.write_text(json.dumps(asked))
            said = subprocess.run(
                [sys.executable, "-m", "bench.loading", str(order)],
                env=os.environ, check=True, capture_output=True, text=True,
            ).stdout  # fmt: skip
            found: dict[str, Any] = json.loads(said)
            return found

    def _others(self, urls: list[str]) -> dict[str, Callable[[], float]]:
        links = self._folder / urls[0].rpartition("/")[2].partition("?")[0]
        links.mkdir()
        pairs = [(url, f"f{number}") for number, url in enumerate(urls)]
        (links / "aria2c").write_text("".join(f"{url}\n out={name}\n" for url, name in pairs))
        (links / "curl").write_text("".join(f'url="{url}"\noutput="{name}"\n' for url, name in pairs))

        def by(flags: Callable[[Path, Path], list[object]]) -> Callable[[], float]:
            def load() -> float:
                with self._target() as target:
                    return seconds(*flags(links, target))

            return load

        return {name: by(flags) for name, flags in self._peers.items()}

    def _discarded(self, urls: list[str]) -> float:
        left = list(urls)
        readers = [threading.Thread(target=_discard, args=(left, self._port)) for _ in range(AT_ONCE)]
        began = time.perf_counter()
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        return time.perf_counter() - began

    @contextmanager
    def _target(self) -> Iterator[Path]:
        """An empty folder on the disk in question, with nothing left to be written from runs before."""
        os.sync()
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            yield Path(name)


def _discard(left: list[str], port: int) -> None:
    """Load from a shared list until it is empty, and keep nothing."""
    piece = bytearray(MIB)
    while left:
        path = left.pop().partition(f":{port}")[2]
        with socket.create_connection(("127.0.0.1", port)) as host:
            host.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
            while host.recv_into(piece):
                pass


def _wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _missing(peers: Mapping[str, object]) -> str:
    gone = [name for name in PEERS if name not in peers]
    return f"not compared with {' and '.join(gone)}: not installed" if gone else ""


def main() -> None:
    found = measure("long" in sys.argv[1:])
    for row in found.rows:
        goal = "" if row.goal is None else f"  goal {'>=' if row.at_least else '<='} {row.goal:g}: {row.met}"
        print(f"{row.figure:8.2f} {row.unit:6} {row.name}{goal}{f'  ({row.note})' if row.note else ''}")
    print(json.dumps(found.data))


if __name__ == "__main__":
    main()
