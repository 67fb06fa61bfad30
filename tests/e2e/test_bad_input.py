"""Everything that may be wrong with what a person hands over, as a table: what is said, and what is left.

Each row starts beside a finished batch, `kept`, which must stay as it is; nothing may be sent or billed.
Manifests with mistakes inside have a table of their own: one `validate` looks at all of them.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import PIL.Image
import pytest
from doors.pictures import a_film, a_picture, saved
from e2e.around import FINISHED_HEAD, FINISHED_PROMPT, Around
from support.command import Desk, Ended, clip_jobs, snapshot

UNSET = "to be left out"
HEAD = FINISHED_HEAD
KEPT = HEAD + f"  - {{id: fox, prompt: {FINISHED_PROMPT}}}\n"
BAD = "bad.yaml"
KEPT_LEDGER = "output/kept/ledger.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row is set up."""

    desk: Desk
    around: Around


Words = Sequence[str | Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One bad input. `says`: all lines on stderr; `among`: one of them, where a run has begun."""

    code: int
    arrange: Callable[[Place], Words]
    says: Sequence[str] = ()
    among: str | None = None
    env: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})
    changes: bool = False  # a batch was begun: its ledger and log grow, and nothing else


def a_file(content: str | bytes) -> Callable[[Place], Words]:
    """`run` with a manifest of this content."""
    return lambda place: ["run", place.desk.write(BAD, content).name]


def jobs(text: str) -> Callable[[Place], Words]:
    return a_file(HEAD + text)


def new_jobs(*words: str, count: int = 5) -> Callable[[Place], Words]:
    """`run` with a batch that was never begun."""

    def arrange(place: Place) -> Words:
        return ["run", place.desk.manifest(clip_jobs(count, "never"), batch="new").name, *words]

    return arrange


def at(base_url: Callable[[Place], str]) -> Callable[[Place], Mapping[str, str]]:
    return lambda place: {"COMETAPI_BASE_URL": base_url(place)}


def key(text: str) -> Callable[[Place], Mapping[str, str]]:
    return lambda _: {"COMETAPI_KEY": text}


def output(name: str, prepare: Callable[[Path], object] = lambda _: None) -> Callable[[Place], Words]:
    """`run` into another output folder."""

    def arrange(place: Place) -> Words:
        path = place.desk.folder / name
        prepare(path)
        manifest = place.desk.manifest(clip_jobs(1, "never"), batch="new")
        return ["run", manifest.name, "--output", path]

    return arrange


def ledger(spoil: Callable[[Path], object], *words: str) -> Callable[[Place], Words]:
    """`run` of the finished batch, whose ledger was spoilt."""

    def arrange(place: Place) -> Words:
        spoil(place.desk.folder / KEPT_LEDGER)
        return words or ["run", place.desk.write("kept.yaml", KEPT).name]

    return arrange


def set_pragma(name: str, value: int) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"PRAGMA {name} = {value}")

    return spoil


def foreign_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")


def only_readable(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root is not held up by permissions")
    path.mkdir(mode=0o555)


def only_on_linux(path: Path) -> None:
    if not path.parent.exists():
        pytest.skip("there is no such file system")


LEVELS = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 12))
TABLE: dict[str, Row] = {
    # --- key and address
    "key missing": Row(
        code=3,
        arrange=new_jobs(),
        env=lambda _: {"COMETAPI_KEY": UNSET},
        says=[r"error: COMETAPI_KEY is not set: put your key there.*"],
    ),
    "key empty": Row(code=3, arrange=new_jobs(), env=key(""), says=[r"error: COMETAPI_KEY is empty: .*"]),
    "key with a line break": Row(
        code=3,
        arrange=new_jobs(),
        env=key("secret-word\n"),
        says=[r"error: COMETAPI_KEY holds a line break: copy the key again.*"],
    ),
    "key with a space": Row(
        code=3, arrange=new_jobs(), env=key("secret word"), says=[r"error: COMETAPI_KEY holds a character .*"]
    ),
    "key not in ASCII": Row(
        code=3, arrange=new_jobs(), env=key("secret-wörd"), says=[r"error: COMETAPI_KEY holds a character .*"]
    ),
    "key that the gateway refuses": Row(
        code=3,
        arrange=new_jobs(),
        env=key("secret-word"),
        among=r"no more submits: the gateway refuses this account: Invalid token.*",
        changes=True,
    ),
    "address: plain http to another machine": Row(
        code=3,
        arrange=new_jobs(),
        env=at(lambda _: "http://192.0.2.1"),
        says=[r"error: base URL 'http://192\.0\.2\.1' would send your key unencrypted: use https, .*"],
    ),
    "address: plain http by the option": Row(
        code=3,
        arrange=new_jobs("--base-url", "http://gateway.example"),
        says=[r"error: base URL 'http://gateway\.example' would send your key unencrypted: .*"],
    ),
    "address: none": Row(
        code=3,
        arrange=new_jobs(),
        env=at(lambda _: "gateway"),
        says=[r"error: base URL 'gateway' is not an address: expected https://host"],
    ),
    "address: with a password": Row(
        code=3,
        arrange=new_jobs(),
        env=at(lambda _: "https://me:secret-word@gateway.example"),
        says=[r"error: base URL of gateway\.example must hold no user name, query or fragment"],
    ),
    "host that does not answer": Row(
        code=3,
        arrange=new_jobs(),
        env=at(lambda place: place.around.closed),
        among=r"no more submits: no proper answer from http://127\.0\.0\.1:\d+: cannot connect to .*",
        changes=True,
    ),
    "host that does not exist": Row(
        code=3,
        arrange=new_jobs(),
        env=lambda _: {
            "COMETAPI_BASE_URL": "https://no-such-host.invalid",
            "RES_OPTIONS": "timeout:1 attempts:1",
        },
        among=r"no more submits: no proper answer from https://no-such-host\.invalid: host .* not found.*",
        changes=True,
    ),
    "TLS where there is none": Row(
        code=3,
        arrange=new_jobs(),
        env=at(lambda place: place.around.gateway.base_url.replace("http:", "https:")),
        among=r"no more submits: no proper answer from https://127\.0\.0\.1:\d+: no trusted TLS connection.*",
        changes=True,
    ),
    # --- what answers is no gateway
    "web page instead of JSON": Row(
        code=3,
        arrange=new_jobs(),
        env=at(lambda place: f"{place.around.strange}/page"),
        among=r"no more submits: no proper answer from http://127.*/page: .*; check the address .*",
        changes=True,
    ),
    "web page instead of JSON, once": Row(
        code=1,
        arrange=new_jobs(count=1),
        env=at(lambda place: f"{place.around.strange}/page"),
        among=r"never-0: unknown \(.* a web page instead of an answer\)",
        changes=True,
    ),
    "web page, not found": Row(
        code=3,
        arrange=new_jobs(),
        env=at(lambda place: f"{place.around.strange}/no-such-page"),
        among=r"no more submits: http://127.*/no-such-page does not answer like the gateway: HTTP 404, .*",
        changes=True,
    ),
    "redirect": Row(
        code=3,
        arrange=new_jobs(),
        env=at(lambda place: f"{place.around.strange}/moved"),
        among=r"no more submits: http://127.*/moved does not answer like the gateway: HTTP 301, .*",
        changes=True,
    ),
    "web page, bad gateway": Row(
        code=1,
        arrange=new_jobs(count=1),
        env=at(lambda place: f"{place.around.strange}/bad-gateway"),
        among=r"never-0: unknown \(HTTP 502, a web page instead of an answer\)",
        changes=True,
    ),
    "200 without an id": Row(
        code=1,
        arrange=new_jobs(count=1),
        env=at(lambda place: f"{place.around.strange}/no-id"),
        among=r"never-0: unknown \(.*\)",
        changes=True,
    ),
    "200 with nothing": Row(
        code=1,
        arrange=new_jobs(count=1),
        env=at(lambda place: f"{place.around.strange}/nothing"),
        among=r"never-0: unknown \(.*\)",
        changes=True,
    ),
    "no credits": Row(
        code=3,
        arrange=new_jobs(),
        env=at(lambda place: f"{place.around.strange}/no-credits"),
        among=r"no more submits: the gateway refuses this account: Insufficient credits.*",
        changes=True,
    ),
    # --- manifest files
    "manifest missing": Row(
        code=2, arrange=lambda _: ["run", "gone.yaml"], says=[r"error: manifest gone\.yaml not found"]
    ),
    "folder without manifests": Row(
        code=2, arrange=lambda _: ["run", "output"], says=[r"error: no manifest in folder output: .*"]
    ),
    "manifest with an alias bomb": Row(
        code=2,
        arrange=a_file(KEPT + "x0: &x0 [a, a, a, a, a, a, a, a, a]\n" + LEVELS),
        among=r"error: bad\.yaml:\d+:\d+: more than 10,000 values in one place, with what aliases repeat .*",
    ),
    "manifest with a byte order mark": Row(
        code=0,
        arrange=a_file(b"\xef\xbb\xbf" + KEPT.encode()),
        says=[
            r"batch kept: 1 job.*",
            r"note: this batch was made from .*kept\.yaml, which is gone; .*",
            r"nightreel: kept: 1 of 1 clips, .*",
        ],
        changes=True,
    ),
    "manifest with a misspelt field": Row(
        code=2,
        arrange=jobs("  - {id: a, promt: x}\n"),
        says=[
            r'error: bad\.yaml:5:5: job "a": prompt: missing; expected a text that says what the clip shows',
            r'error: bad\.yaml:5:13: job "a": unknown field "promt"; did you mean "prompt"\?',
            r"2 problems",
        ],
    ),
    "manifest called like the folder of rehearsals": Row(
        code=2,
        arrange=lambda place: ["run", place.desk.write("_Rehearsal.yaml", KEPT.replace("batch: kept\n", ""))],
        says=[
            r"error: .*_Rehearsal\.yaml:1:1: batch: missing; the name of this file cannot be that of a batch",
            "1 problem",
        ],
    ),
    "image missing": Row(
        code=2,
        arrange=jobs("  - {id: desk, prompt: x, image: desk.png}\n"),
        says=[r"error: bad\.yaml:5:\d+: .*image 'desk\.png' not found \(looked in .*\)", "1 problem"],
    ),
    # --- folders and ledgers
    "output is a file": Row(
        code=2,
        arrange=output("taken", Path.touch),
        says=[r"error: output folder .*taken/new cannot be written: (Not a directory|File exists)"],
    ),
    "output under a file": Row(
        code=2,
        arrange=output("bad.yaml/below", lambda path: path.parent.touch()),
        says=[r"error: output folder .*bad\.yaml/below/new cannot be written: Not a directory"],
    ),
    "output on a file system that takes no folder": Row(
        code=2,
        arrange=output("/proc/nightreel", only_on_linux),
        says=[r"error: output folder /proc/nightreel/new cannot be written: .+"],
    ),
    "output without permission": Row(
        code=2,
        arrange=output("locked", only_readable),
        says=[r"error: output folder .*locked/new cannot be written: Permission denied"],
    ),
    "batch folder is a file": Row(
        code=2,
        arrange=output("elsewhere", lambda path: (path.mkdir(), (path / "new").touch())),
        says=[r"error: output folder .*elsewhere/new cannot be written: File exists"],
    ),
    "ledger is not a database": Row(
        code=2,
        arrange=ledger(lambda path: path.write_text("no ledger" * 100)),
        says=[
            (
                r"error: ledger output/kept/ledger\.sqlite cannot be used: file is not a database"
                r"; `nightreel recover output/kept` makes a new one"
            )
        ],
    ),
    "ledger of another application": Row(
        code=2,
        arrange=ledger(foreign_database),
        says=[
            r"error: output/kept/ledger\.sqlite is not a nightreel ledger: move it away or choose another.*"
        ],
    ),
    "ledger of a newer version": Row(
        code=2,
        arrange=ledger(set_pragma("user_version", 99)),
        says=[
            r"error: ledger output/kept/ledger\.sqlite is from a newer nightreel \(schema 99, .*\): upgrade"
        ],
    ),
    "ledger cut off": Row(
        code=2,
        arrange=ledger(lambda path: os.truncate(path, path.stat().st_size // 2 + 100)),
        says=[
            (
                r"error: ledger output/kept/ledger\.sqlite cannot be used: database disk image is malformed"
                r"; `nightreel recover output/kept` makes a new one"
            )
        ],
    ),
    "status of no batch": Row(
        code=2,
        arrange=lambda _: ["status", "gone"],
        says=[r"error: no batch 'gone' \(looked for output/gone and gone\); there are: kept"],
    ),
    "resolve of a take that is not unknown": Row(
        code=2,
        arrange=lambda _: ["resolve", "kept", "fox", "--not-charged"],
        says=[r"error: job 'fox' has no single unknown take to settle; it is done"],
    ),
    "resolve with both words": Row(
        code=2,
        arrange=lambda _: ["resolve", "kept", "fox", "--not-charged", "--remote-id", "x"],
        says=[r"error: say one of --remote-id ID .*"],
    ),
    "resolve without a word": Row(
        code=2, arrange=lambda _: ["resolve", "kept", "fox"], says=[r"error: say one of --remote-id ID .*"]
    ),
    # --- rehearsals
    "scenario without a rehearsal": Row(
        code=2,
        arrange=new_jobs("--scenario", "flaky"),
        says=[r"error: --scenario says what goes wrong in a rehearsal: add --rehearse, .*"],
    ),
    "scenario for the provider sim without a rehearsal": Row(
        code=2,
        arrange=new_jobs("--provider", "sim", "--scenario", "flaky"),
        says=[r"error: --scenario says what goes wrong in a rehearsal: add --rehearse, .*"],
    ),
    "scenario that nobody knows": Row(
        code=2,
        arrange=new_jobs("--rehearse", "--scenario", "storm"),
        says=[r"error: scenario storm: no readable .*, and not one of broke, busy, calm, flaky, hostile"],
    ),
    "scenario that nobody knows, dry": Row(
        code=2,
        arrange=new_jobs("--rehearse", "--scenario", "storm", "--dry-run"),
        says=[r"error: scenario storm: no readable .*, and not one of broke, busy, calm, flaky, hostile"],
    ),
    "scenario with a fault that is none": Row(
        code=2,
        arrange=lambda place: [
            *new_jobs("--rehearse", "--scenario")(place),
            place.desk.write("faults.yaml", "faults: [{fault: flood}]").name,
        ],
        says=[r"error: scenario faults\.yaml: faults\[0\]: unknown fault 'flood', expected one of .*"],
    ),
    "rehearsal at an address": Row(
        code=2,
        arrange=new_jobs("--rehearse", "--base-url", "http://127.0.0.1:1"),
        says=[r"error: a rehearsal has a gateway of its own: leave out --base-url"],
    ),
    # --- the command line itself
    "unknown option": Row(
        code=2, arrange=lambda _: ["run", "--no-such"], among=r"Error: No such option: --no-such"
    ),
    "unknown command": Row(code=2, arrange=lambda _: ["walk"], among=r"Error: No such command 'walk'\."),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_bad_input(name: str, desk: Desk, around: Around) -> None:
    """One clear line that says what and where, the right exit code, nothing sent, and nothing changed."""
    row, gateway = TABLE[name], around.gateway
    shutil.copytree(around.finished(), desk.batch("kept"))
    words = row.arrange(Place(desk=desk, around=around))
    env = {**gateway.env, **row.env(Place(desk=desk, around=around))}
    before = snapshot(desk.folder / "output")

    ended = desk.with_env(**{name: text for name, text in env.items() if text != UNSET}).run(*words)

    ended.exits(row.code)
    after = snapshot(desk.folder / "output")
    assert set(gateway.billed("never")) | set(gateway.billed("kept")) == {FINISHED_PROMPT}
    assert "secret" not in ended.text
    if row.among is not None:
        assert len([line for line in ended.lines if re.fullmatch(row.among, line)]) == 1, ended.err
    else:
        assert len(ended.lines) == len(row.says), ended.err
        for line, pattern in zip(ended.lines, row.says, strict=True):
            assert re.fullmatch(pattern, line), ended.err
    assert bool(ended.out) == row.changes
    assert kept(after, row) == kept(before, row)
    assert kept(after, row)


def kept(files: Mapping[str, tuple[int, str]], row: Row) -> dict[str, tuple[int, str]]:
    """What may not change: all files; of a batch that goes on, those of its clips. A lock holds nothing."""
    part = "/clips/" if row.changes else ""
    return {name: state for name, state in files.items() if part in name and not name.endswith("/.lock")}


MANIFESTS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", r'1:1: the file is empty; expected "version: 1" and a list of "jobs"'),
    "binary": (bytes(range(256)) * 40, r"1:1: a NUL byte: this is not a text file.*"),
    "not in UTF-8": (
        KEPT.encode() + b"  - {id: b, prompt: gr\xfcn}\n",
        r"6:23: not text in UTF-8 \(the byte 0xfc here\); save the file as UTF-8",
    ),
    "in UTF-16": (KEPT.encode("utf-16"), r"1:1: the file is saved as UTF-16; save the file as UTF-8"),
    "a huge text": (
        HEAD + f"  - {{id: a, prompt: '{'x' * ((1 << 20) + 1)}'}}\n",
        r"5:21: a text of more than 1 MiB; keep large images in files",
    ),
    "a quote without end": (
        HEAD + "  - prompt: '" + "x" * (20 << 20),
        r"5:5: what starts here goes on for more than 8 MiB",
    ),
    "nested deeply": (
        HEAD + "  - {id: a, prompt: " + "[" * 100_000,
        r"5:\d+: nested more than 32 levels deep",
    ),
    "a field twice": (
        KEPT.replace("version: 1\n", "version: 1\nversion: 1\n"),
        r'2:1: the field "version" is set twice \(first at line 1, column 1\)',
    ),
    "tabs": (
        HEAD + "\t- {id: a, prompt: x}\n",
        r"5:1: not valid YAML: a tab is used for indentation; YAML wants spaces",
    ),
    "unknown provider": (
        KEPT.replace("cometapi", "comet-api"),
        r'3:11: provider: unknown provider "comet-api"; known: .* Did you mean "cometapi"\?',
    ),
    "a duration that is not offered": (
        HEAD + "  - {id: a, prompt: x, duration: 16}\n",
        r'5:\d+: job "a": duration: 16 s is not offered; allowed: 1 to 15 s',
    ),
    "a key twice": (
        HEAD + "  - {id: fox, prompt: x}\n  - {id: fox, prompt: y}\n",
        r'6:\d+: job "fox": id: used twice \(first at line 5, column \d+\)',
    ),
    "keys that differ in case only": (
        HEAD + "  - {id: fox, prompt: x}\n  - {id: Fox, prompt: y}\n",
        r'6:\d+: job "Fox": id: differs only in case from "fox" at line 5.*',
    ),
    "a key with ..": (
        HEAD + "  - {id: a/../../b, prompt: x}\n",
        r'5:\d+: .*"a/\.\./\.\./b" cannot be a job key; .*',
    ),
    "a key with a slash in front": (
        HEAD + "  - {id: /etc/fox, prompt: x}\n",
        r'5:\d+: .*"/etc/fox" cannot be a job key; .*',
    ),
    "a key with a slash behind": (
        HEAD + "  - {id: fox/, prompt: x}\n",
        r'5:\d+: .*"fox/" cannot be a job key; .*',
    ),
    "a batch with ..": (
        KEPT.replace("batch: kept", "batch: ../kept"),
        r'2:8: batch: "\.\./kept" cannot be the name of a folder; .*',
    ),
    "an image that is a folder": (
        HEAD + "  - {id: a, prompt: x, image: folder.png}\n",
        r"5:\d+: .*image 'folder\.png' is a folder: name a JPEG, PNG or WebP file",
    ),
    "an image that cannot be read": (
        HEAD + "  - {id: a, prompt: x, image: circle.png}\n",
        r"5:\d+: .*image 'circle\.png' cannot be read: .+",
    ),
    "an image that is none": (
        HEAD + "  - {id: a, prompt: x, image: text.png}\n",
        r"5:\d+: .*image 'text\.png' is not a readable JPEG, PNG or WebP picture",
    ),
    "an image without end": (
        HEAD + "  - {id: a, prompt: x, image: /dev/zero}\n",
        r"5:\d+: .*image '/dev/zero' is not a .+",
    ),
    "an image that is a pipe": (
        HEAD + "  - {id: a, prompt: x, image: pipe.png}\n",
        r"5:\d+: .*image 'pipe\.png' is not a file",
    ),
    "an image that is a web page": (
        HEAD + "  - {id: a, prompt: x, image: page.png}\n",
        r"5:\d+: .*image 'page\.png' .*(web page|HTML).*",
    ),
    "an image that is empty": (
        HEAD + "  - {id: a, prompt: x, image: empty.png}\n",
        r"5:\d+: .*image 'empty\.png' is empty.*",
    ),
    "an image of 100 megapixels": (
        HEAD + "  - {id: a, prompt: x, image: huge.png}\n",
        r"5:\d+: .*image 'huge\.png' .*at most 50 megapixels.*",
    ),
    "an image that moves": (
        HEAD + "  - {id: a, prompt: x, image: film.webp}\n",
        r"5:\d+: .*image 'film\.webp' is animated.*",
    ),
    "an image for print": (
        HEAD + "  - {id: a, prompt: x, image: print.jpg}\n",
        r"5:\d+: .*image 'print\.jpg' is CMYK.*",
    ),
    "an image cut short": (
        HEAD + "  - {id: a, prompt: x, image: cut.jpg}\n",
        r"5:\d+: .*image 'cut\.jpg' .*(cut short|truncated|damaged).*",
    ),
    "the key of a job as a default": (
        HEAD.replace("jobs:", "defaults: {extend: a}\njobs:") + "  - {id: a, prompt: x}\n",
        r'\d+:\d+: defaults: the field "extend" has no place here; it belongs in a job',
    ),
}


@pytest.fixture(scope="module")
def validated(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """What `validate` says of all these manifests at once."""
    desk = Desk(folder=tmp_path_factory.mktemp("manifests"))
    (desk.folder / "folder.png").mkdir()
    (desk.folder / "circle.png").symlink_to("circle.png")
    desk.write("text.png", "no picture")
    os.mkfifo(desk.folder / "pipe.png")
    desk.write("page.png", "<!DOCTYPE html><html><body>404</body></html>")
    desk.write("empty.png", "")
    desk.write("huge.png", saved(PIL.Image.new("1", (10_000, 10_000)), "PNG"))
    desk.write("film.webp", a_film("WEBP"))
    desk.write("print.jpg", a_picture("JPEG", mode="CMYK"))
    desk.write("cut.jpg", a_picture("JPEG", size=(400, 300))[:9000])
    files = [desk.write(file_of(name), content) for name, (content, _) in MANIFESTS.items()]
    ended = desk.run("validate", *(file.name for file in files))
    assert not (desk.folder / "output").exists()
    return ended


def file_of(name: str) -> str:
    return f"{name.replace(' ', '-')}.yaml"


@pytest.mark.slow
@pytest.mark.parametrize("name", MANIFESTS)
def test_bad_manifest(name: str, validated: Ended) -> None:
    """The mistake is said in one line that begins with its place; the file is not called good anywhere."""
    ended = validated.exits(2)

    lines = [line for line in ended.lines if re.match(rf"error: {re.escape(file_of(name))}:", line)]
    pattern = rf"error: {re.escape(file_of(name))}:{MANIFESTS[name][1]}"
    assert len([line for line in lines if re.fullmatch(pattern, line)]) == 1, lines
    assert file_of(name) not in ended.out
