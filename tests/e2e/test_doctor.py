"""`nightreel doctor`: what it says of healthy and broken set-ups, and that it changes and spends nothing.

The first table holds commands, the second answers of gateways, which need no process.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from e2e.around import FINISHED_HEAD, FINISHED_PROMPT, Around
from e2e.strange_gateway import Quiet, served
from support.command import Desk, Ended, Sim, clip_jobs, snapshot

from pipeline.doctor.answers import SKEW_S, answer_check, clock_check
from pipeline.doctor.disk import LITTLE_ROOM_BYTES, NO_ROOM_BYTES, room
from pipeline.doctor.finding import FOLDER_EXIT, GATEWAY_EXIT, exit_code, fine, problem, warning
from pipeline.doctor.machine import codecs
from pipeline.providers import PROVIDERS
from pipeline.providers.base import Answer

PAGE = "<!DOCTYPE html><html><title>Welcome</title></html>"
NO_JOB = '{"error": {"message": "job not found", "code": ""}}'
KEPT = FINISHED_HEAD + f"  - {{id: fox, prompt: {FINISHED_PROMPT}}}\n"
SECRET = "secret-word"
LEDGER = "output/kept/ledger.sqlite"


def of_all(sim: Sim) -> dict[str, str]:
    """Key and address of every gateway, at a simulator."""
    return {
        **sim.env,
        "XAI_BASE_URL": sim.base_url,
        "XAI_API_KEY": sim.key,
        "GLOBALAIOPC_BASE_URL": f"{sim.base_url}/kyyReactApiServer",
        "GLOBALAIOPC_KEY": sim.key,
    }


def checks(ended: Ended) -> dict[str, dict[str, Any]]:
    """What `--json` says, by name."""
    return {check["name"]: check for check in ended.json["checks"]}


def not_ok(ended: Ended) -> dict[str, tuple[str, str, str]]:
    found = checks(ended).items()
    return {n: (c["verdict"], c["seen"], c["do"]) for n, c in found if c["verdict"] != "ok"}


# --- healthy


@pytest.mark.slow
def test_all_three_gateways_are_found_well(desk: Desk, secretive: Sim) -> None:
    """Every check is fine, nothing is submitted or made, and no key shows."""
    before = secretive.bill()["submissions"]

    ended = desk.with_env(**of_all(secretive)).run("doctor").exits(0)

    lines = ended.out.splitlines()
    assert lines[-1] == "healthy"
    assert ended.err == ""
    assert [line for line in lines[:-1] if not line.startswith("ok ")] == []
    for name in ("cometapi", "globalaiopc", "xai"):
        seen = (
            r"http://127\.0\.0\.1:\S+: answers and does not refuse the key \(HTTP 404 in \d+ ms, directly\)"
        )
        assert re.search(rf"^ok +gateway {name} +{seen}$", ended.out, re.M), ended.out
        assert re.search(rf"^ok +clock {name} +within 30 s", ended.out, re.M)
    assert re.search(
        r"^ok +versions +nightreel \S+, Python 3\S+, .+, SQLite \S+, aiohttp .+ \(FFmpeg .+\), Pillow",
        lines[0],
    )
    assert secretive.key not in ended.text
    assert secretive.bill()["submissions"] == before
    assert not (desk.folder / "output").exists()


@pytest.mark.slow
def test_a_finished_batch_is_looked_at_without_a_touch(desk: Desk, around: Around) -> None:
    """Its manifest, its ledger and what lies about are told; no file of it changes, and none comes."""
    shutil.copytree(around.finished(), desk.batch("kept"))
    desk.write("output/kept/clips/owl.0a1b2c3d.1.part", b"half a clip")
    manifest = desk.write("kept.yaml", KEPT)
    before = snapshot(desk.folder / "output")

    ended = desk.at(around.gateway).run("doctor", manifest.name, "--json").exits(0)

    assert ended.json["healthy"] is True
    assert list(checks(ended)) == [
        "versions",
        "codecs",
        "output",
        "disk",
        "manifest kept.yaml",
        "key cometapi",
        "gateway cometapi",
        "clock cometapi",
        "batch kept",
    ]
    assert checks(ended)["manifest kept.yaml"]["seen"] == "1 job for CometAPI, batch kept"
    seen = f"1 take, made at {around.gateway.base_url}, ledger is whole, 1 part file in clips/"
    assert checks(ended)["batch kept"] == {"name": "batch kept", "verdict": "ok", "seen": seen, "do": None}
    assert snapshot(desk.folder / "output") == before


@pytest.mark.slow
def test_a_batch_in_use_and_one_that_was_killed(desk: Desk, around: Around) -> None:
    """What stands in the WAL alone counts; a lock that is held is no problem, and stays with its holder."""
    killed = desk.batch("kept")
    whole = shutil.copytree(around.finished(), desk.folder / "whole")
    killed.mkdir(parents=True)
    with closing(sqlite3.connect(whole / "ledger.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE takes SET origin = 'https://gateway.example:443'")
        for path in whole.glob("ledger.sqlite*"):
            shutil.copy(path, killed)
    manifest = desk.write("kept.yaml", KEPT)
    before = {name: state for name, state in snapshot(killed).items() if not name.endswith("-shm")}
    words = ("doctor", manifest.name, "--base-url", "https://gateway.example", "--json")
    env = {"COMETAPI_KEY": SECRET, "HTTPS_PROXY": around.closed.replace("//", "//me:secret-login@")}

    free = desk.with_env(**env).run(*words).exits(3)
    with (killed / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        held = desk.with_env(**env).run(*words).exits(3)

    assert (
        checks(free)["batch kept"]["seen"] == "1 take, made at https://gateway.example:443, ledger is whole"
    )
    assert checks(held)["batch kept"]["seen"].endswith("ledger is whole, a run holds it now")
    assert list(not_ok(held)) == ["gateway cometapi"]
    assert "secret" not in free.text + held.text
    after = {name: state for name, state in snapshot(killed).items() if not name.endswith(("-shm", ".lock"))}
    assert after == before


@pytest.mark.slow
def test_the_simulator_needs_neither_key_nor_way(desk: Desk) -> None:
    """`sim` brings its own gateway."""
    manifest = desk.manifest(clip_jobs(2), provider="sim")

    ended = desk.run("doctor", manifest.name).exits(0)

    assert re.search(r"^ok +key sim +the simulator needs none$", ended.out, re.M)
    assert re.search(r"^ok +gateway sim +nothing to reach", ended.out, re.M)
    assert re.search(r"^ok +batch clips +not begun", ended.out, re.M)


# --- broken: commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    desk: Desk
    around: Around


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One broken set-up: what else is in the environment, and every finding that is not ok, by name."""

    code: int
    finds: Mapping[str, tuple[str, str, str]]
    env: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})
    words: Callable[[Place], Sequence[str | Path]] = field(default=lambda _: ())


def set_to(**env: str) -> Callable[[Place], Mapping[str, str]]:
    return lambda _: env


def comet(**env: str) -> Callable[[Place], Mapping[str, str]]:
    """At the simulator by its settings, but for these."""
    return lambda place: {**place.around.gateway.env, **env}


def kept(spoil: Callable[[Path], object] = lambda _: None) -> Callable[[Place], Sequence[str]]:
    """`doctor` of the finished batch, whose ledger was spoilt."""

    def words(place: Place) -> Sequence[str]:
        shutil.copytree(place.around.finished(), place.desk.batch("kept"))
        spoil(place.desk.folder / LEDGER)
        return [place.desk.write("kept.yaml", KEPT).name]

    return words


def sql(statement: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute(statement)

    return spoil


def foreign(path: Path) -> None:
    path.unlink()
    sql("CREATE TABLE bookmarks (url TEXT)")(path)


def cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 + 100)


def without_index(path: Path) -> None:
    path.with_name("ledger.sqlite-wal").write_bytes(b"something that was not yet written back")


BATCH = "batch kept"
NO_KEYS = "COMETAPI_KEY, GLOBALAIOPC_KEY, XAI_API_KEY"
UNREACHED = r"check the address \(COMETAPI_BASE_URL or --base-url\), the network and the firewall; .*"
TABLE: dict[str, Row] = {
    "no key": Row(
        code=3, finds={"key": ("problem", f"none is set: {NO_KEYS}", r"export COMETAPI_KEY=.*sim.*")}
    ),
    "key of another gateway": Row(
        code=3,
        env=set_to(XAI_API_KEY=SECRET),
        words=lambda _: ["--provider", "cometapi"],
        finds={"key cometapi": ("problem", "COMETAPI_KEY is not set", r"put your key there, .*")},
    ),
    "malformed key": Row(
        code=3,
        env=comet(COMETAPI_KEY=f"{SECRET}\n"),
        finds={"key cometapi": ("problem", "COMETAPI_KEY holds a line break", "copy the key again, .*")},
    ),
    "wrong keys": Row(
        code=3,
        env=lambda place: of_all(Sim(base_url=place.around.gateway.base_url, key=SECRET)),
        finds={
            "gateway cometapi": (
                "problem",
                r".*the key is refused: Invalid token.* \(HTTP 401\)",
                ".*COMETAPI_KEY.*",
            ),
            "gateway globalaiopc": (
                "problem",
                r".*the key is refused: .* \(HTTP 401\)",
                ".*GLOBALAIOPC_KEY.*",
            ),
            "gateway xai": (
                "problem",
                r".*the key is refused: Incorrect API key.* \(HTTP 400\)",
                ".*XAI_API_KEY.*",
            ),
        },
    ),
    "connection refused": Row(
        code=3,
        env=lambda place: {"COMETAPI_BASE_URL": place.around.closed, "COMETAPI_KEY": SECRET},
        finds={
            "gateway cometapi": ("problem", r"http://127.*: cannot connect to 127\.0\.0\.1: .*", UNREACHED)
        },
    ),
    "unknown host": Row(
        code=3,
        env=set_to(
            XAI_BASE_URL="https://no-such-host.invalid",
            XAI_API_KEY=SECRET,
            RES_OPTIONS="timeout:1 attempts:1",
        ),
        finds={
            "gateway xai": (
                "problem",
                r".*: host no-such-host\.invalid not found: .*",
                r".*XAI_BASE_URL.* DNS",
            )
        },
    ),
    "TLS where there is none": Row(
        code=3,
        env=lambda place: comet(COMETAPI_BASE_URL=place.around.gateway.base_url.replace("http:", "https:"))(
            place
        ),
        finds={
            "gateway cometapi": (
                "problem",
                r".*: no trusted TLS connection to 127.*",
                r".*no TLS is spoken there",
            )
        },
    ),
    "plain http to another machine": Row(
        code=3,
        env=comet(COMETAPI_BASE_URL="http://gateway.example"),
        finds={"gateway cometapi": ("problem", r".*would send your key unencrypted", r"use https, .*")},
    ),
    "proxy that is none": Row(
        code=3,
        env=set_to(COMETAPI_KEY=SECRET, HTTPS_PROXY=f"socks5://me:{SECRET}@proxy.example:1080"),
        finds={
            "gateway cometapi": ("problem", r"HTTPS_PROXY names a SOCKS proxy.*", r"give the address of .*")
        },
    ),
    "prefix that the gateway does not know": Row(
        code=3,
        env=lambda place: {
            **of_all(place.around.gateway),
            "GLOBALAIOPC_BASE_URL": f"{place.around.gateway.base_url}/kyyReactApiServer/v2",
        },
        words=lambda _: ["--provider", "globalaiopc"],
        finds={
            "gateway globalaiopc": (
                "problem",
                r".*HTTP 404, the path is not known there: .*",
                r".*GLOBALAIOPC_BASE_URL.*",
            )
        },
    ),
    "output under a file": Row(
        code=2,
        env=comet(),
        words=lambda place: ["--output", place.desk.write("taken", "") / "clips"],
        finds={
            "output": ("problem", r".*taken is not a folder, so .*taken/clips cannot be one", r".*--output")
        },
    ),
    "output comes before the key": Row(
        code=2,
        words=lambda place: ["--output", place.desk.write("taken", "")],
        finds={"output": ("problem", r".*is not a folder.*", r".*"), "key": ("problem", r".*", r".*")},
    ),
    "manifest with problems": Row(
        code=2,
        env=comet(),
        words=lambda place: [place.desk.write("bad.yaml", FINISHED_HEAD + "  - {id: a, promt: x}\n").name],
        finds={"manifest bad.yaml": ("problem", "2 problems", "nightreel validate bad.yaml shows them")},
    ),
    "manifest that is not there": Row(
        code=2,
        env=comet(),
        words=lambda _: ["gone.yaml"],
        finds={"manifest gone.yaml": ("problem", "manifest gone.yaml not found", r"name a YAML file .*")},
    ),
    "two manifests of one batch": Row(
        code=2,
        env=comet(),
        words=lambda place: [*kept()(place), place.desk.write("again.yaml", KEPT).name],
        finds={BATCH: ("problem", "named by two of these manifests", r"give one of them another name")},
    ),
    "ledger that is no database": Row(
        code=2,
        env=comet(),
        words=kept(lambda path: path.write_text("no ledger" * 100)),
        finds={
            BATCH: ("problem", r"ledger output/.* cannot be used: file is not a database", r"restore it .*")
        },
    ),
    "ledger cut off": Row(
        code=2,
        env=comet(),
        words=kept(cut_off),
        finds={BATCH: ("problem", r"ledger output/.* (cannot be used|is damaged): .*", r"restore it .*")},
    ),
    "foreign ledger": Row(
        code=2,
        env=comet(),
        words=kept(foreign),
        finds={BATCH: ("problem", r"output/.* is not a nightreel ledger", r"move it away, or .*")},
    ),
    "newer ledger": Row(
        code=2,
        env=comet(),
        words=kept(sql("PRAGMA user_version = 99")),
        finds={BATCH: ("problem", r".*from a newer nightreel \(schema 99, this one knows \d+\)", "upgrade")},
    ),
    "older ledger, which only a run may bring up to date": Row(
        code=0, env=comet(), words=kept(sql("PRAGMA user_version = 1")), finds={}
    ),
    "ledger whose index is missing": Row(
        code=0,
        env=comet(),
        words=kept(without_index),
        finds={BATCH: ("warning", r"ledger\.sqlite-wal lies beside .*", r"nightreel status output/kept .*")},
    ),
    "batch of another origin": Row(
        code=2,
        env=comet(),
        words=kept(sql("UPDATE takes SET origin = 'https://api.cometapi.com:443'")),
        finds={
            BATCH: (
                "problem",
                r".*made at https://api.*, a run would use http://127.*",
                r"give it another --output.*",
            )
        },
    ),
    "batch folder that is a file": Row(
        code=2,
        env=comet(),
        words=lambda place: [
            place.desk.write("output/kept", "") and place.desk.write("kept.yaml", KEPT).name
        ],
        finds={BATCH: ("problem", r"output/kept is not a folder", r"give it another --output.*")},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_a_broken_set_up(name: str, desk: Desk, around: Around) -> None:
    """Each fault has its finding with what to do, nothing else is found, and no file changes."""
    row, place = TABLE[name], Place(desk=desk, around=around)
    words, env = row.words(place), row.env(place)
    before = snapshot(desk.folder)

    ended = desk.with_env(**env).run("doctor", *words, "--json").exits(row.code)

    assert ended.json["healthy"] is (row.code == 0)
    assert ended.err == ""
    assert SECRET not in ended.text
    found = not_ok(ended)
    assert list(found) == list(row.finds), ended.out
    for check, expected in row.finds.items():
        for said, pattern in zip(found[check], expected, strict=True):
            assert re.fullmatch(pattern, said), ended.out
    cache = desk.folder / "home"
    assert {
        n: s for n, s in snapshot(desk.folder).items() if not (desk.folder / n).is_relative_to(cache)
    } == before


@pytest.mark.slow
def test_which_gateway_is_meant_must_be_clear(desk: Desk, gateway: Sim) -> None:
    """One address cannot be that of three gateways; a provider must be one that there is."""
    everywhere = desk.with_env(**of_all(gateway))

    two = everywhere.run("doctor", "--base-url", gateway.base_url).exits(2)
    unknown = everywhere.run("doctor", "--provider", "comet-api").exits(2)

    assert two.err == (
        "error: --base-url is for one gateway, and there are cometapi, globalaiopc, xai: add --provider\n"
    )
    assert 'unknown provider "comet-api"' in unknown.err


# --- broken: a gateway whose clock or page is wrong


class _Answers(Quiet):
    """By the prefix of the path: a page, a redirect, or another day."""

    def do_GET(self) -> None:  # noqa: N802 - its name there
        kind = self.path.split("/")[1]
        status, body = {"page": (404, PAGE), "moved": (301, PAGE)}.get(kind, (404, NO_JOB))
        self.late_s = -7200.0 if kind == "behind" else 0.0
        place = {"Location": "https://www.example.com/login?token=secret-word"} if kind == "moved" else {}
        self.give(status, "application/json" if body == NO_JOB else "text/html", body.encode(), **place)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(time.time() + self.late_s, usegmt=True)


@pytest.mark.slow
def test_pages_and_clocks(desk: Desk) -> None:
    """A web page and a redirect are a wrong address; a clock two hours off is a warning, and exit 0."""
    words = ("doctor", "--json", "--provider", "cometapi", "--base-url")
    with served(_Answers) as url:
        at = desk.with_env(COMETAPI_KEY="any-key")
        page = at.run(*words, f"{url}/page").exits(3)
        moved = at.run(*words, f"{url}/moved").exits(3)
        behind = at.run(*words, f"{url}/behind").exits(0)

    [(_, seen, do)] = not_ok(page).values()
    assert seen == f"{url}/page: HTTP 404, a web page instead of an answer"
    assert do.startswith(
        "check the address: COMETAPI_BASE_URL or --base-url (usual: https://api.cometapi.com)"
    )
    [(_, seen, _)] = not_ok(moved).values()
    assert seen == f"{url}/moved: HTTP 301, a redirect to www.example.com: the key does not follow it"
    assert list(not_ok(behind)) == ["clock cometapi"]
    assert re.fullmatch(
        r"this machine's clock is 7,(19|20)\d s ahead of the gateway's", not_ok(behind)["clock cometapi"][1]
    )
    assert behind.json["healthy"] is True


# --- the checks themselves


def answered(status: int, body: Any, kind: str = "application/json", **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers={"content-type": kind, **headers}, body=data)


PATH = PROVIDERS["cometapi"].probe().path
ANSWERS: dict[str, tuple[Answer, str, str]] = {
    "unknown job": (answered(404, {"error": {"message": "job not found"}}), "ok", r".*HTTP 404 quickly\)"),
    "bad request": (answered(400, {"error": {"message": "invalid id"}}), "ok", ".*HTTP 400.*"),
    "unknown job, as a success": (
        answered(200, {"code": 404, "msg": "task not exist"}),
        "ok",
        ".*HTTP 200.*",
    ),
    "the same in an envelope": (answered(200, {"data": {"error": "no such task"}}), "ok", ".*HTTP 200.*"),
    "a job that is not": (answered(200, {"status": "queued"}), "warning", ".*for a job that does not exist"),
    "nothing": (answered(200, b""), "problem", ".*no JSON.*"),
    "plain text": (
        answered(404, b"404 page not found", "text/plain"),
        "problem",
        ".*no JSON: .*page not found",
    ),
    "a list": (answered(404, [1]), "problem", ".*no JSON.*"),
    "page of a firewall": (answered(403, PAGE.encode(), "text/html"), "problem", ".*a web page.*"),
    "unauthorized, empty": (answered(401, b""), "problem", ".*the key is refused.*"),
    "forbidden": (
        answered(403, {"error": {"message": "no"}}),
        "problem",
        r".*the key is refused: no \(HTTP 403\)",
    ),
    "bad key as 400": (
        answered(400, {"code": "x", "error": "Incorrect API key provided"}),
        "problem",
        ".*key is refused.*",
    ),
    "bad key as 200": (
        answered(200, {"code": 401, "msg": "invalid api key"}),
        "problem",
        ".*key is refused.*",
    ),
    "no credits": (answered(402, {"error": {"message": "Payment required"}}), "problem", ".*no credits.*"),
    "no credits as 403": (
        answered(403, {"error": {"message": "Insufficient credits"}}),
        "problem",
        ".*no credits.*",
    ),
    "busy": (answered(429, {"error": {"message": "Too many requests"}}), "warning", ".*HTTP 429.*"),
    "fault": (answered(503, {"error": {"message": "overloaded"}}), "warning", ".*HTTP 503.*"),
    "fault, a page": (answered(502, PAGE.encode(), "text/html"), "problem", ".*HTTP 502, a web page.*"),
    "unknown path": (
        answered(404, {"error": {"message": "Invalid URL (GET /x)"}}),
        "problem",
        ".*path is not known.*",
    ),
    "path repeated": (
        answered(404, {"error": "Not Found", "path": PATH}),
        "problem",
        ".*path is not known.*",
    ),
    "redirect nowhere": (answered(302, b"", location="http://[::1"), "problem", ".*HTTP 302, a redirect: .*"),
}


@pytest.mark.parametrize("provider", ["cometapi", "globalaiopc", "xai"])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_alike_for_every_gateway(name: str, provider: str) -> None:
    """Reachable is what is the gateway's own and does not refuse the key; each fault is told apart."""
    answer, verdict, seen = ANSWERS[name]
    if name == "path repeated":
        answer = answered(404, {"error": "Not Found", "path": PROVIDERS[provider].probe().path})

    finding = answer_check(PROVIDERS[provider], answer, "https://gateway.example", "quickly")

    assert finding.verdict == verdict, finding
    assert re.fullmatch(seen, finding.seen), finding
    assert (finding.do is None) == (verdict == "ok")
    assert finding.exit_code == (GATEWAY_EXIT if verdict == "problem" else 0)


@pytest.mark.parametrize(
    ("off_s", "verdict", "which"),
    [
        (0, "ok", "within"),
        (SKEW_S, "ok", "within"),
        (-SKEW_S, "ok", "within"),
        (SKEW_S + 2, "warning", "behind"),
        (-SKEW_S - 3, "warning", "ahead of"),
    ],
)
def test_clocks_are_compared_both_ways(off_s: float, verdict: str, which: str) -> None:
    """`off_s`: how far the gateway's clock is ahead. Its date has whole seconds, and the answer took one."""
    asked_at = 1_800_000_000.0

    finding = clock_check("clock", formatdate(asked_at + off_s, usegmt=True), asked_at, asked_at + 1)

    assert finding.verdict == verdict
    assert which in finding.seen


@pytest.mark.parametrize("header", [None, "", "yesterday", "Mon, 99 Foo 2026 25:00:00 GMT", "0" * 5000])
def test_a_gateway_without_a_clock_is_let_be(header: str | None) -> None:
    """No date, or none that can be read: nothing to compare."""
    finding = clock_check("clock", header, 0.0, 1.0)

    assert (finding.verdict, finding.do) == ("ok", None)
    assert "not compared" in finding.seen


def test_little_room_warns_and_none_is_a_problem() -> None:
    """At the limits themselves all is well."""
    found = [room(free, Path("/clips")) for free in (LITTLE_ROOM_BYTES, LITTLE_ROOM_BYTES - 1)]
    found += [room(free, Path("/clips")) for free in (NO_ROOM_BYTES, NO_ROOM_BYTES - 1)]

    assert [finding.verdict for finding in found] == ["ok", "warning", "warning", "problem"]
    assert found[-1].exit_code == FOLDER_EXIT
    assert found[-1].seen == "only 255 MiB free at /clips"


def test_clips_and_pictures_can_be_read_here() -> None:
    """The sample is a real frame: a decoder that only has a name would not do."""
    finding = codecs()

    assert finding.verdict == "ok"
    assert finding.seen.startswith("H.264")


def test_a_folder_comes_before_a_gateway_and_warnings_do_not_count() -> None:
    """The order of exit codes is that of a run."""
    gateway, folder = problem("g", "x", "y", GATEWAY_EXIT), problem("f", "x", "y")

    assert exit_code([fine("a", "x"), warning("w", "x", "y")]) == 0
    assert exit_code([gateway]) == 3
    assert exit_code([gateway, folder]) == 2
