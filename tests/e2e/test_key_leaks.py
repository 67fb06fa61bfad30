"""The key is looked for in every byte that a command wrote, and in all that a file host heard: it is nowhere.

At a gateway that repeats it in every place of an answer, at the simulator's `hostile`, and in a traceback.
Each search is shown to find the key where the redaction is taken out.
"""

from __future__ import annotations

import base64
import inspect
import json
import re
import sys
from contextlib import ExitStack
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import pytest
from e2e.around import Around
from e2e.leaky_gateway import BY_ID, STATES, Leaky, leaky_gateway
from support.builders_core import mode_of
from support.command import QUICK, Desk, Ended, Running, Sim, a_clip, clip_jobs, sim

from pipeline.cli.app import COMMANDS

KEY = "sk-Leak/5c1f+9e=Hq7Zt~Wm2Rb8"
START = KEY[:12]  # what nobody could call half a key is a leak as well
SPOILT = Path(__file__).parents[1] / "support" / "spoilt.py"
PROVIDERS = ("cometapi", "xai", "globalaiopc")
OWN = ("ledger.sqlite", "ledger.backup.sqlite", "log.jsonl", "report.html", ".lock")


def needles(start: str) -> list[bytes]:
    """The start of the key in every form, as bytes in lower case; of base64 what cannot be another's."""
    every = [ord(char) for char in start]
    forms = [start, quote(start, safe=""), start.encode().hex()]
    forms += ["".join(form.format(number) for number in every) for form in ("%{:02x}", "\\u{:04x}", "&#{};")]
    for before in range(3):
        text = base64.b64encode(b"\0" * before + start.encode()).decode()
        forms.append(text[before * 8 // 6 + 1 : -4])
    return [form.lower().encode() for form in forms]


def hits(data: bytes) -> list[bytes]:
    return [needle for needle in needles(START) if needle in data.lower()]


def leaks(desk: Desk, *ended: Ended, leaky: Leaky | None = None) -> list[str]:
    """Every place that holds the key: files (also of HOME and TMPDIR), names of files, output, requests."""
    places: dict[str, bytes] = {str(path): bytes(path) for path in desk.folder.rglob("*")}
    places |= {f"in {path}": path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()}
    for number, one in enumerate(ended):
        places |= {f"stdout {number}": one.out.encode(), f"stderr {number}": one.err.encode()}
    if leaky is not None:
        places |= {f"request {number}": heard for number, heard in enumerate(leaky.heard)}
    return [f"{place}: {found}" for place, data in places.items() if (found := hits(data))]


def a_real_clip(around: Around) -> bytes:
    return (around.finished() / "clips" / "fox.mp4").read_bytes()


def at(desk: Desk, leaky: Leaky) -> Desk:
    return desk.at(Sim(base_url=leaky.gateway, key=KEY))


def parts(desk: Desk, provider: str, *names: str) -> Path:
    """A manifest with a job for each part that the gateway plays."""
    jobs = [a_clip(f"part-{name}", name, duration=6 if provider != "globalaiopc" else 10) for name in names]
    return desk.manifest(jobs, provider=provider, poll_min_s=0.05)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: mode_of(path) for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_gateway_that_repeats_the_key_everywhere(desk: Desk, around: Around, provider: str) -> None:
    """No file, output or request holds it, and each job ends as it should."""
    with leaky_gateway(a_real_clip(around)) as leaky:
        desk = at(desk, leaky)
        ended = desk.run("run", parts(desk, provider, *STATES), "-v", "--json").exits(1)

    takes = {take["job"].removeprefix("part-"): take["state"] for take in ended.json["takes"]}
    assert takes == STATES
    assert leaks(desk, ended, leaky=leaky) == []
    assert "***" in ended.out
    assert "***" in ended.err
    assert len(leaky.heard) >= 7
    assert not any(b"authorization" in heard.lower() for heard in leaky.heard)


def test_every_command_after_such_a_run(desk: Desk, around: Around) -> None:
    """What looks at the batch, and what makes its ledger anew: no key, and files of the owner's alone."""
    with leaky_gateway(a_real_clip(around)) as leaky:
        desk = at(desk, leaky)
        manifest = parts(desk, "cometapi", "word", "refused", "link")
        ended = [desk.run("run", manifest, "-v").exits(1)]
        looks = [("status", "clips"), ("status", "clips", "--json"), ("plan", manifest)]
        ended += [desk.run(*words).exits(0) for words in looks]
        ended.append(desk.run("doctor", "--provider", "cometapi").exits(0, 3))
        own = modes(desk.batch())
        for path in desk.batch().glob("ledger.sqlite*"):
            path.unlink()
        ended += [desk.run("recover", "clips").exits(0), desk.run("run", manifest, "-v").exits(1)]

    assert leaks(desk, *ended, leaky=leaky) == []
    assert own == modes(desk.batch()) == dict.fromkeys(OWN, 0o600)


def test_an_id_that_holds_the_key(desk: Desk, around: Around) -> None:
    """Nothing more is bought there; the take is unknown, and its reason says what to do."""
    with leaky_gateway(a_real_clip(around)) as leaky:
        desk = at(desk, leaky)
        manifest = parts(desk, "cometapi", BY_ID)

        ended = desk.run("run", manifest, "-v", "--json").exits(3)
        again = desk.run("run", manifest, "-v", "--json").exits(1)

    (take,) = ended.json["takes"]
    assert (take["state"], take["remote_id"]) == ("unknown", None)
    assert "holds your key" in take["reason"]
    assert "nothing more is sent" in ended.err
    assert again.json["requests"] == 0
    assert leaks(desk, ended, again, leaky=leaky) == []


def test_without_redaction_the_search_finds_it(desk: Desk, around: Around) -> None:
    """In the ledger, in its copy, in the log, in the output, and at the file host."""
    with leaky_gateway(a_real_clip(around)) as leaky:
        desk = at(desk, leaky)
        ended = spoilt(desk, "talkative", "run", parts(desk, "cometapi", *STATES), "-v").exits(0, 1)

    found = "\n".join(leaks(desk, ended, leaky=leaky))
    for place in ("ledger.sqlite", "ledger.backup.sqlite", "log.jsonl", "stdout", "stderr", "request"):
        assert place in found


@pytest.mark.parametrize("flaws", ["crash", "talkative,crash"])
def test_a_traceback(desk: Desk, around: Around, flaws: str) -> None:
    """An error of our own with a whole answer in its text: exit 70, and no key but where nothing hides it."""
    with leaky_gateway(a_real_clip(around)) as leaky:
        desk = at(desk, leaky)
        ended = spoilt(desk, flaws, "run", parts(desk, "cometapi", "failed", "word"), "-v")

    assert ended.code == 70, ended.text
    assert "Traceback" in ended.err
    assert "RuntimeError: cannot read {" in ended.err
    assert "internal error" in ended.err
    found = leaks(desk, ended, leaky=leaky)
    assert any("stderr" in place for place in found) if "talkative" in flaws else found == []


def spoilt(desk: Desk, flaws: str, *words: str | Path) -> Ended:
    script = [sys.executable, SPOILT, flaws, *words]
    with Running(script, folder=desk.folder, env=desk.clean_env) as running:
        return running.end()


def test_the_hostile_scenario_in_all_three_dialects(desk: Desk) -> None:
    """Every fault at once, and errors with the key in them more often than in the scenario itself."""
    scenario = (files("pipeline.sim") / "scenarios" / "hostile.yaml").read_text("utf-8")
    scenario = scenario.replace("mib: 256", "mib: 8")  # to make a large bomb takes longer than all the rest
    more = "  - {fault: nasty_text, rate: 0.3, seed: 97, attempts: 1-2}\n"
    servers = desk.folder.parent / f"{desk.folder.name}-server"
    servers.mkdir()
    with sim(Desk(folder=servers), scenario=scenario + more, key=KEY) as gateway, ExitStack() as runs:
        at_gateway = desk.at(gateway)
        limits = {**QUICK, "job_deadline": "3s"}
        running = [
            runs.enter_context(at_gateway.start("run", manifest, "-v", "--json"))
            for provider in PROVIDERS
            for manifest in [
                desk.manifest(clip_jobs(8, provider), batch=provider, provider=provider, **limits)
            ]
        ]
        ended = [run.end().exits(0, 1, 3, 4) for run in running]

    assert leaks(desk, *ended) == []
    for provider, one in zip(PROVIDERS, ended, strict=True):
        log = (desk.batch(provider) / "log.jsonl").read_text("utf-8")
        assert "***" in log
        assert "\x1b" not in one.text + log
        assert all(json.loads(line) for line in log.splitlines())


@pytest.mark.real
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_the_system_tells_of_a_run(desk: Desk, unhurried: Sim) -> None:
    """`ps` shows no key, a crash would leave no core dump, and there is no child that could inherit it."""
    manifest = desk.manifest(clip_jobs(1, "told"))
    desk = desk.at(unhurried)
    with desk.start("run", manifest) as run:
        run.line("told-0: accepted")
        process = Path(f"/proc/{run.process.pid}")
        words = (process / "cmdline").read_bytes()
        limits = (process / "limits").read_text()
        children = [one.read_text() for one in process.glob("task/*/children")]
        run.end().exits(0)

    assert unhurried.key.encode() not in words
    assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)
    assert not any(children)


def test_no_command_takes_a_key_as_a_word() -> None:
    """But the simulator, whose key opens nothing: anybody on this machine can read a command line."""
    taking = {
        name
        for name in COMMANDS
        for option in inspect.signature(import_module(f"pipeline.cli.{name}").command).parameters
        if re.search("key|token|password|secret", option)
    }

    assert taking == {"sim"}
