"""`nightreel providers`: the tables as people and programs read them, at any width, without a key."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from support.command import NIGHTREEL, Desk, Ended, Running

from pipeline.providers import PROVIDERS
from pipeline.providers.base import Capabilities

REAL = [name for name, each in PROVIDERS.items() if each.capabilities.base_url]
HEAVY = ("av", "PIL", "aiohttp", "anyio", "pydantic", "yaml", "sqlite3", "structlog")


def facts_of(name: str) -> Capabilities:
    return PROVIDERS[name].capabilities


def own_models(name: str) -> list[str]:
    return [model for model, rules in facts_of(name).models.items() if rules.alias_of is None]


def at_a_terminal(desk: Desk, columns: int, *words: str) -> list[str]:
    """What the command writes to a terminal of that width, without escape codes."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {**desk.clean_env, "TERM": "xterm-256color"}
    process = subprocess.Popen([NIGHTREEL, "providers", *words], cwd=desk.folder, env=env, stdout=follower)
    os.close(follower)
    written = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(leader)
    assert process.wait(20) == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode()).splitlines()


@pytest.mark.slow
def test_one_line_for_each_model_where_it_is_piped(desk: Desk) -> None:
    ended = desk.run("providers").exits(0)

    lines = ended.out.splitlines()
    assert ended.err == ""
    assert re.split(r" {2,}", lines[0].strip()) == [
        "provider",
        "model",
        "makes",
        "seconds",
        "ratios",
        "resolutions",
        "pictures",
        "price per second",
    ]
    rows = [re.split(r" {2,}", line.strip()) for line in lines[1 : lines.index("")]]
    models = [row[:2] for row in rows if len(row) == 8]
    assert models == [[name, model] for name in REAL for model in own_models(name)]
    assert ["xai", "grok-imagine-video", "clips, edits, extensions", "1-15"] in [row[:4] for row in rows]
    assert "grok-imagine-video-beta is another name of grok-imagine-video" in lines
    assert "sim: takes what cometapi takes, on this machine and for nothing" in lines


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [(), ("--provider", "xai"), ("--model", "grok-imagine-video"), ("--provider", "globalaiopc")]
)
@pytest.mark.parametrize("columns", [80, 200])
def test_it_fits_the_window(desk: Desk, columns: int, words: tuple[str, ...]) -> None:
    """Only addresses of sources may be longer: a link that is broken cannot be followed."""
    lines = at_a_terminal(desk, columns, *words)

    assert len(lines) > 10
    for line in lines:
        assert len(line) <= columns or line.startswith("  https://"), line
    if not words:
        assert sum("clips" in line for line in lines) == sum(len(own_models(name)) for name in REAL)


@pytest.mark.slow
def test_all_about_one_model_at_each_provider_that_has_it(desk: Desk) -> None:
    said = desk.run("providers", "--model", "grok-imagine-video").exits(0).out

    at_comet, _, at_xai = said.partition("\ngrok-imagine-video at xai\n")
    assert at_comet.startswith("grok-imagine-video at cometapi\n")
    assert re.search(r"^  edit +a video of at most 8\.7 s *$", at_comet, re.M)
    assert re.search(r"^  extend +no *$", at_comet, re.M)
    assert re.search(r"^  extend +adds 2 to 10 s, else 6 s, to a video of 2 to 15 s *$", at_xai, re.M)
    assert re.search(r"^  price of a second +\$0\.05 at 480p, \$0\.07 at 720p *$", at_xai, re.M)
    rules = facts_of("xai").models["grok-imagine-video"]
    for rule, allowance in rules.allowances.items():
        assert re.search(rf"^  {rule} +{re.escape(allowance.says)} *$", at_xai, re.M)
    for source in rules.sources:
        assert f"\n  {source}\n" in at_xai


@pytest.mark.slow
def test_another_name_of_a_model_is_known(desk: Desk) -> None:
    ended = desk.run("providers", "--model", "grok-imagine-video-beta").exits(0)

    assert ended.out.startswith("grok-imagine-video-beta at xai, another name of grok-imagine-video\n")


@pytest.mark.slow
def test_one_provider_with_its_key_and_pace(desk: Desk) -> None:
    said = desk.run("providers", "--provider", "globalaiopc").exits(0).out

    assert re.search(r"^  key +GLOBALAIOPC_KEY *$", said, re.M)
    assert re.search(r"^  address +https://zcbservice\.aizfw\.cn/kyyReactApiServer *$", said, re.M)
    assert re.search(r"^  polls of one clip +30 to 60 s apart *$", said, re.M)
    assert "cometapi" not in said


@pytest.mark.slow
def test_the_simulator_is_shown_by_its_name(desk: Desk) -> None:
    said = desk.run("providers", "--provider", "sim").exits(0).out

    assert re.search(r"^sim +grok-imagine-video +clips, edits ", said, re.M)
    assert "this machine" in said


@pytest.mark.slow
def test_json_holds_the_tables(desk: Desk) -> None:
    every = desk.run("providers", "--json").exits(0).json["providers"]
    one = desk.run("providers", "--provider", "xai", "--model", "grok-imagine-video-1.5", "--json").exits(0)

    assert [each["name"] for each in every] == REAL
    for each in every:
        facts = facts_of(each["name"])
        assert each["key_env"] == facts.key_env
        assert each["poll"]["min_s"] == facts.poll.min_s
        assert [model["name"] for model in each["models"]] == list(facts.models)
        for model in each["models"]:
            rules = facts.models[model["name"]]
            assert model["durations_s"] == list(rules.durations_s)
            assert model["operations"] == sorted(rules.operations)
            assert model["sources"] == list(rules.sources)
            assert list(model["allowances"]) == list(rules.allowances)
    (xai,) = one.json["providers"]
    (new,) = xai["models"]
    assert new["price"] == {
        "second_ticks": {"480p": 800_000_000, "720p": 1_400_000_000, "1080p": 2_500_000_000},
        "picture_ticks": 100_000_000,
        "source_second_ticks": 0,
    }
    assert new["allowances"]["wide-ratios"]["changes"]["aspect_ratios"][-2:] == ["21:9", "5:2"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--provider", "xia"),
            'error: unknown provider "xia"; known: cometapi, globalaiopc, xai or sim. Did you mean "xai"?',
        ),
        (
            ("--provider", "globalaiopc", "--model", "grok_video_3"),
            (
                'error: unknown model "grok_video_3" at "globalaiopc"; known: grok_video3, grok_video3_pro,'
                ' grok_video3_max or grok_video3_stable. Did you mean "grok_video3"?'
            ),
        ),
        (
            ("--provider", "xai", "--model", "sora", "--json"),
            (
                'error: unknown model "sora" at "xai"; known: grok-imagine-video, grok-imagine-video-1.5,'
                " grok-imagine-video-1.5-lite, grok-imagine-video-beta or grok-imagine-video-1.5-preview."
            ),
        ),
    ],
)
def test_a_name_that_nobody_has(desk: Desk, words: tuple[str, ...], message: str) -> None:
    ended = desk.run("providers", *words).exits(2)

    assert (ended.out, ended.lines) == ("", [message])


@pytest.mark.slow
def test_a_model_unknown_everywhere_is_guessed_among_all(desk: Desk) -> None:
    ended = desk.run("providers", "--model", "grok_video4").exits(2)

    assert ended.err.startswith('error: unknown model "grok_video4"; known: grok-imagine-video, ')
    assert ended.err.endswith('Did you mean "grok_video3"?\n')


@pytest.mark.slow
def test_help_shows_examples_that_work(desk: Desk) -> None:
    ended = desk.run("providers", "--help").exits(0)

    examples = re.findall(r"^ +nightreel (providers.*)$", ended.out.partition("Examples:")[2], re.M)
    assert len(examples) == 3
    for example in examples:
        desk.run(*example.split()).exits(0)


@pytest.mark.slow
def test_it_loads_no_heavy_library(desk: Desk) -> None:
    """A look at a table must not wait for an HTTP client or a video library."""
    code = f"import sys; import pipeline.cli.providers; print([n for n in {HEAVY!r} if n in sys.modules])"
    with Running([sys.executable, "-c", code], folder=desk.folder, env=desk.clean_env) as running:
        ended: Ended = running.end().exits(0)

    assert ended.out == "[]\n"
