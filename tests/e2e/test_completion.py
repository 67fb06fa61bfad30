"""Completion in the shell: asked as bash, zsh and fish ask, and once by a real bash with our own script."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.command import NIGHTREEL, Desk, Ended, Running

COMPLETE = "_NIGHTREEL_COMPLETE"


def furnished(desk: Desk) -> Desk:
    """With manifests and batches, and things that are neither."""
    for name in (
        "clips.yaml",
        "cats.yml",
        "notes.txt",
        "night/owls.yaml",
        "night/.hidden.yaml",
        "empty/x.txt",
    ):
        desk.write(name, "")
    for name in ("teasers", "tests-2", "$(boom)"):
        desk.write(f"output/{name}/ledger.sqlite", "")
        desk.write(f"elsewhere/far-{name}/ledger.sqlite", "")
    desk.write("output/too-young/log.jsonl", "")
    return desk


def asked_by_bash(desk: Desk, line: str) -> list[str]:
    """What a bash offers for the last word of a line, which is empty behind a space."""
    last = len(f"{line}|".split()) - 1
    words = "\n".join(line.split())
    desk = desk.with_env(**{COMPLETE: "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(last)})
    return said(desk.run()).split()


def said(ended: Ended) -> str:
    """The offers, and nothing that would land in a prompt."""
    ended.exits(0)
    assert ended.err == ""
    return ended.out


LINES = {
    "nightreel re": {"recover", "redo", "report", "resolve"},
    "nightreel run --provider ": {"cometapi", "globalaiopc", "xai", "sim"},
    "nightreel init --provider g": {"globalaiopc"},
    "nightreel status te": {"teasers", "tests-2"},
    "nightreel status --output elsewhere ": {"far-teasers", "far-tests-2"},
    "nightreel resolve tea": {"teasers"},
    "nightreel mv tea": {"teasers"},
    "nightreel sim --scenario ": {"broke", "busy", "calm", "flaky", "hostile"},
    "nightreel run --rehearse --scenario f": {"flaky"},
    "nightreel providers --model grok_video3_": {
        "grok_video3_pro",
        "grok_video3_max",
        "grok_video3_stable",
    },
    "nightreel providers --provider globalaiopc --model grok-": set(),
    "nightreel providers --provider xai --model grok-imagine-video-1.5-l": {"grok-imagine-video-1.5-lite"},
    "nightreel run c": {"clips.yaml", "cats.yml"},
    "nightreel validate clips.yaml c": {"clips.yaml", "cats.yml"},
    "nightreel run ni": {"night/owls.yaml"},
    "nightreel run empty/": set(),
}


@pytest.mark.slow
def test_bash_is_offered_what_fits(desk: Desk) -> None:
    """Commands, options and values; nothing where the shell's own completion of files does better."""
    furnished(desk)

    offered = {line: set(asked_by_bash(desk, line)) for line in LINES}

    assert offered == LINES
    assert set(asked_by_bash(desk.with_env(NIGHTREEL_OUTPUT="elsewhere"), "nightreel status far-tea")) == {
        "far-teasers"
    }


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_offered_the_same_with_help(shell: str, desk: Desk) -> None:
    furnished(desk)
    asking = {COMPLETE: f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}

    def offers(line: str) -> str:
        return said(desk.with_env(**asking, _TYPER_COMPLETE_ARGS=line).run())

    batches = offers("nightreel status ")
    assert "teasers" in batches
    assert "in output" in batches
    assert "boom" not in batches
    assert "GlobalAiOpc" in offers("nightreel run --provider glob")
    assert "clips.yaml" in offers("nightreel run cl")
    assert "Settle a take" in offers("nightreel res")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_real_bash_with_the_script_that_is_printed(desk: Desk) -> None:
    """Script, variables and words as bash makes them, and what ends up as its offers."""
    furnished(desk)
    script = """
    eval "$(nightreel --show-completion)"
    complete -p nightreel
    try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nightreel_completion nightreel
            echo "$*: ${COMPREPLY[*]}"; }
    try nightreel status te
    try nightreel run --provider x
    try nightreel run clips.yaml --only
    """

    ended = in_bash(desk, script).exits(0)

    assert ended.out.splitlines() == [
        "complete -o default -F _nightreel_completion nightreel",
        "nightreel status te: teasers tests-2",
        "nightreel run --provider x: xai",
        "nightreel run clips.yaml --only: --only",
    ]
    assert ended.err == ""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_it_installs_itself_for_the_shell_it_is_called_from(desk: Desk) -> None:
    ended = in_bash(desk, "nightreel --install-completion; true").exits(0)

    installed = desk.folder / "home" / ".bash_completions" / "nightreel.sh"
    assert str(installed) in ended.out
    assert COMPLETE in installed.read_text("utf-8")
    assert str(installed) in (desk.folder / "home" / ".bashrc").read_text("utf-8")


@pytest.mark.slow
def test_trouble_stays_out_of_the_prompt(desk: Desk) -> None:
    """Whatever goes wrong, nothing is offered and nothing is said."""
    (desk.folder / "output").write_bytes(b"no folder")
    env = {COMPLETE: "complete_bash", "COMP_WORDS": "nightreel status ", "COMP_CWORD": "no number"}

    assert asked_by_bash(desk, "nightreel status ") == []
    ended = desk.with_env(**env).run()
    assert ended.text == ""


def in_bash(desk: Desk, script: str) -> Ended:
    """A bash that finds `nightreel`; it is the shell that the command sees around it."""
    path = f"{Path(NIGHTREEL).parent}:{desk.clean_env['PATH']}"
    env = {**desk.clean_env, "PATH": path}
    with Running(["bash", "--norc", "-c", script], folder=desk.folder, env=env) as running:
        return running.end()
