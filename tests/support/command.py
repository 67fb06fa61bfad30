"""The command as a process, and `nightreel sim` beside it: what end-to-end tests are made of.

Nothing of the machine around it reaches a command: no key, no address, no PYTHONPATH; HOME and temporary
files lie in the test's own folder. Every wait has a deadline, and says what was heard when it passes.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlsplit

import yaml
from support.warm import Forked, fits

NIGHTREEL = Path(sys.executable).with_name("nightreel")
QUICK = {"submit_per_s": 50, "poll_per_s": 200, "poll_min_s": 0.05}
"""Limits that make a run against a simulator of small clips as quick as it can be."""
DEADLINE_S = 40.0
LEFTOVERS = ("*.part", "*.tmp", ".write-test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended, and all it said."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """What it said to a person."""
        return self.err.splitlines()

    @property
    def text(self) -> str:
        return self.out + self.err

    def exits(self, *codes: int) -> Self:
        """Itself, once it is known to have ended so and without a traceback."""
        assert self.code in codes, f"exit {self.code}, expected {codes}\n{self.text}"
        assert "Traceback" not in self.text, self.text
        return self


def begun(words: Sequence[str], *, folder: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words,
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


class Running:
    """A started command. What it says is gathered as it comes, so that a test can await a line.

    Leaving the context kills it if it still runs.
    """

    def __init__(
        self, words: Sequence[str | Path], *, folder: Path, env: Mapping[str, str], warm: bool = False
    ) -> None:
        self._began = time.monotonic()
        begin = Forked if warm else begun
        self.process = begin([os.fspath(word) for word in words], folder=folder, env=env)
        self._news = threading.Condition()
        self._said: dict[str, list[str]] = {"out": [], "err": []}
        streams = {"out": self.process.stdout, "err": self.process.stderr}
        self._readers = [
            threading.Thread(target=self._read, args=(stream, self._said[name]), daemon=True)
            for name, stream in streams.items()
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()

    def _read(self, stream: IO[bytes], into: list[str]) -> None:
        with stream:
            for line in stream:
                with self._news:
                    into.append(line.decode("utf-8", "replace"))
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def line(self, pattern: str, deadline_s: float = DEADLINE_S) -> re.Match[str]:
        """Wait for a line, on either stream, in which the pattern is found."""
        search = re.compile(pattern).search

        def found() -> re.Match[str] | None:
            matches = (search(line) for lines in self._said.values() for line in lines)
            return next((match for match in matches if match is not None), None)

        def over() -> bool:
            return not any(reader.is_alive() for reader in self._readers)

        until_s = time.monotonic() + deadline_s
        with self._news:
            # In short waits: the last reader tells of its end just before it is gone.
            while (match := found()) is None and not over() and time.monotonic() < until_s:
                self._news.wait(0.2)
            match = match or found()
        assert match is not None, f"no line {pattern!r} within {deadline_s:g} s:\n{self._text()}"
        return match

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> Ended:
        """kill -9, and what was left."""
        self.process.kill()
        return self.end()

    def end(self, deadline_s: float = DEADLINE_S) -> Ended:
        """Wait for the end. Fails if it does not come in time; the command is dead then, too."""
        try:
            code = self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running after {deadline_s:g} s:\n{self._text()}") from None
        finally:
            for reader in self._readers:
                reader.join()
        out, err = ("".join(lines) for lines in self._said.values())
        return Ended(code=code, out=out, err=err, seconds=time.monotonic() - self._began)

    def _text(self) -> str:
        return "".join(line for lines in self._said.values() for line in lines)


@dataclass(frozen=True, slots=True)
class Sim:
    """A simulator that serves in its own process."""

    base_url: str
    key: str

    @property
    def env(self) -> dict[str, str]:
        addresses = {
            "COMETAPI_BASE_URL": self.base_url,
            "XAI_BASE_URL": self.base_url,
            "GLOBALAIOPC_BASE_URL": f"{self.base_url}/kyyReactApiServer",
        }
        return addresses | dict.fromkeys(("COMETAPI_KEY", "XAI_API_KEY", "GLOBALAIOPC_KEY"), self.key)

    def bill(self) -> dict[str, Any]:
        """What it accepted and billed so far."""
        address = urlsplit(self.base_url)
        assert address.hostname is not None
        with closing(http.client.HTTPConnection(address.hostname, address.port, timeout=10)) as connection:
            connection.request("GET", "/sim/bill")
            bill: dict[str, Any] = json.loads(connection.getresponse().read())
        return bill

    def billed(self, mark: str = "") -> dict[str, str]:
        """Id by prompt of the submissions with `mark` in their prompt. Fails where one was paid twice."""
        jobs = [job for job in self.bill()["jobs"] if mark in job["prompt"]]
        paid = Counter(job["prompt"] for job in jobs)
        assert set(paid.values()) <= {1}, f"paid more than once: {paid}"
        return {job["prompt"]: job["id"] for job in jobs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A folder to work in, and the environment that commands find there.

    Commands start warm (warm.py), unless the desk is `real`: where a test is about the start or the end of
    the process itself, what it inherits, signals, kills, or what somebody sees who has installed it.
    """

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    real: bool = False

    def with_env(self, **env: str) -> Desk:
        return replace(self, env={**self.env, **env})

    def at(self, sim: Sim) -> Desk:
        """The same desk, with key and address of a simulator."""
        return self.with_env(**sim.env)

    @property
    def warm(self) -> Desk:
        """The same desk for commands of whose own start and end nothing is asked, such as reruns."""
        return replace(self, real=False)

    @property
    def clean_env(self) -> dict[str, str]:
        home, temporary = self.folder / "home", self.folder / "tmp"
        for folder in (home, temporary):
            folder.mkdir(parents=True, exist_ok=True)
        path = os.environ.get("PATH", os.defpath)
        base = {"PATH": path, "HOME": str(home), "TMPDIR": str(temporary), "LANG": "C.UTF-8"}
        return {**base, **self.env}

    def start(self, *words: str | Path) -> Running:
        """`nightreel` with these words; to be used as a context."""
        env = self.clean_env
        return Running([NIGHTREEL, *words], folder=self.folder, env=env, warm=not self.real and fits(env))

    def run(self, *words: str | Path, deadline_s: float = DEADLINE_S) -> Ended:
        with self.start(*words) as running:
            return running.end(deadline_s)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def manifest(
        self,
        jobs: Iterable[Mapping[str, Any]],
        *,
        batch: str = "clips",
        provider: str = "cometapi",
        **limits: Any,
    ) -> Path:
        """A manifest of these jobs under quick limits, as `<batch>.yaml`."""
        head = {"version": 1, "batch": batch, "provider": provider, "limits": {**QUICK, **limits}}
        text = yaml.safe_dump({**head, "jobs": [dict(job) for job in jobs]}, sort_keys=False)
        return self.write(f"{batch}.yaml", text)

    def batch(self, name: str = "clips") -> Path:
        return self.folder / "output" / name

    def run_until_settled(self, manifest: Path, *words: str, tries: int = 4) -> Ended:
        """Run, with `--json`, until exit 0, or exit 1 with nothing left but `unknown` and its children."""
        ended = self.run("run", manifest, "--json", *words)
        while tries > 1 and not _is_settled(ended):
            ended, tries = self.run("run", manifest, "--json", *words), tries - 1
        assert _is_settled(ended), ended.text
        return ended

    def resolve_by_bill(self, manifest: Path, sim: Sim, ended: Ended) -> Ended:
        """Do for each `unknown` take what `status` says, by the gateway's bill; then run on to the end."""
        takes = ended.json["takes"]
        folder = Path(ended.json["folder"])
        asked = {job["id"]: job["prompt"] for job in yaml.safe_load(manifest.read_text())["jobs"]}
        paid = {job["prompt"]: job["id"] for job in sim.bill()["jobs"]}
        for take in takes:
            if take["state"] == "unknown":
                remote_id = paid.get(asked[take["job"]])
                word = ("--not-charged",) if remote_id is None else ("--remote-id", remote_id)
                self.run("resolve", folder, take["job"], *word).exits(0)
        return self.run("run", manifest, "--json").exits(0)


def _is_settled(ended: Ended) -> bool:
    ended.exits(0, 1)
    return ended.code == 0 or set(ended.json["counts"]) <= {"done", "unknown", "blocked"}


@contextmanager
def sim(desk: Desk, *options: str | Path, scenario: str = "", key: str = "sim-key") -> Iterator[Sim]:
    """`nightreel sim` with small clips in about 0.3 s, on a free port; `scenario` is YAML.

    Ends it with SIGTERM, and sees that it left in good order.
    """
    words = ["sim", "--port", "0", "--key", key, "--clips", "small", "--render-s", "0.3", *options]
    if scenario:
        words += ["--scenario", str(desk.write("scenario.yaml", scenario))]
    with desk.start(*words) as running:
        said = running.line(r"^COMETAPI_BASE_URL=(\S+) COMETAPI_KEY=(\S+)")
        yield Sim(base_url=said[1], key=said[2])
        running.signal(signal.SIGTERM)
        running.end().exits(0)


def until(
    check: Callable[[], object], what: str, deadline_s: float = DEADLINE_S, every_s: float = 0.02
) -> None:
    """Look again and again until it is so. For what no line tells of: a file, the ledger, the bill.

    `every_s` is short where the very moment is to be met.
    """
    until_s = time.monotonic() + deadline_s
    while not check():
        assert time.monotonic() < until_s, f"not within {deadline_s:g} s: {what}"
        time.sleep(every_s)


def a_clip(key: str, prompt: str = "", **fields: Any) -> dict[str, Any]:
    """A job of a manifest, short and cheap. Its prompt names the key where none is given."""
    return {"id": key, "prompt": prompt or f"A clip named {key}.", **fields}


def clip_jobs(count: int, mark: str = "job", **fields: Any) -> list[dict[str, Any]]:
    return [a_clip(f"{mark}-{number}", **fields) for number in range(count)]


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def snapshot(folder: Path, pattern: str = "**/*") -> dict[str, tuple[int, str]]:
    """Every file below a folder: when it was written, and its SHA-256."""
    files = sorted(path for path in folder.glob(pattern) if path.is_file())
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, sha256_of(path)) for path in files}


def leftovers(folder: Path) -> list[str]:
    """What should not be there once a batch is complete."""
    return sorted(str(path) for pattern in LEFTOVERS for path in folder.rglob(pattern))


def clips_of(folder: Path) -> set[str]:
    """Keys of the jobs whose clip lies in a batch folder."""
    clips = folder / "clips"
    return {str(path.relative_to(clips).with_suffix("")) for path in clips.rglob("*.mp4")}


def calls_of(folder: Path) -> Counter[tuple[str, str]]:
    """All requests that a batch's ledger has counted, by kind and outcome."""
    rows = read_ledger(folder, "SELECT kind, outcome, sum(count) FROM calls GROUP BY kind, outcome")
    return Counter({(kind, outcome): count for kind, outcome, count in rows})


def read_ledger(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of a batch's ledger, read beside whatever runs; none where there is no such table yet."""
    path = folder / "ledger.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as db:
        try:
            return db.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []


def holds(folder: Path, secret: str) -> list[str]:
    """Files below a folder that hold these characters anywhere in their bytes."""
    needle = secret.encode()
    files = (path for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if needle in path.read_bytes()]
