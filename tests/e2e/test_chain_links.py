"""Chains whose parent has no clip, or no link any more: the file is sent where that may be, else blocked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.command import Desk, Sim, a_clip, clips_of, sha256_of, sim


def a_chain(last: str = "edit") -> list[dict[str, Any]]:
    return [a_clip("fox", "A fox.", duration=4), a_clip("snow", "And snow.", **{last: "fox"})]


def let_an_hour_pass(folder: Path) -> None:
    """For the links that the ledger knows."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        db.execute("UPDATE takes SET url_at = url_at - 3600")
        db.commit()


@contextmanager
def made_by_a_gateway_that_forgets(desk: Desk, manifest: Path, *options: str) -> Iterator[Sim]:
    """The fox is made; then the same gateway at the same address knows nothing of it any more."""
    folder = desk.folder / "world"
    world = ("--world", str(folder), *options)
    with sim(desk, *world) as before:
        desk.at(before).run("run", manifest, "--only", "fox").exits(0)
    let_an_hour_pass(desk.batch())
    port = before.base_url.rpartition(":")[2]
    (folder / "journal.jsonl").write_text("")
    with sim(desk, *world, "--port", port) as after:
        yield after


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["edit", "extend"])
def test_the_clip_itself_is_sent_where_its_link_is_gone(operation: str, desk: Desk) -> None:
    """xAI takes a video as a data URI: byte for byte the clip that lies here."""
    manifest = desk.manifest(a_chain(operation), provider="xai")
    with made_by_a_gateway_that_forgets(desk, manifest, "--clips", "real") as own:
        ended = desk.at(own).run("run", manifest, "--json").exits(0)
        [line] = own.bill()["jobs"]

    assert ended.json["counts"] == {"done": 2}
    assert line["operation"] == operation
    assert line["source"] == f"sha256:{sha256_of(desk.batch() / 'clips' / 'fox.mp4')}"


@pytest.mark.slow
def test_a_gateway_that_takes_links_only_leaves_the_child_blocked_with_a_remedy(desk: Desk) -> None:
    """Nothing is paid for an edit that cannot be made; a new revision of the parent makes both."""
    manifest = desk.manifest(a_chain())
    with made_by_a_gateway_that_forgets(desk, manifest) as own:
        here = desk.at(own)
        ended = here.run("run", manifest, "--json").exits(1)
        assert own.bill()["submissions"] == 0
        [blocked] = [take for take in ended.json["takes"] if take["state"] == "blocked"]
        chain = a_chain()
        chain[0]["revision"] = "again"
        here.run("run", desk.manifest(chain), "--json").exits(0)
        assert own.bill()["submissions"] == 2

    assert "its parent 'fox' has no link any more that the gateway can read" in blocked["reason"]
    assert '"revision"' in blocked["reason"]
    assert "https URL" in blocked["reason"]


@pytest.mark.slow
def test_a_moderated_parent_blocks_its_child_until_it_asks_for_something_else(
    desk: Desk, gateway: Sim
) -> None:
    """The reason says what to do; doing it makes both, and the moderated take is not paid again."""
    chain = [a_clip("fox", "chain: a fox. [[moderated]]"), a_clip("snow", "chain: snow.", extend="fox")]
    here = desk.at(gateway)

    ended = here.run("run", desk.manifest(chain, provider="xai"), "--json").exits(1)
    chain[0]["prompt"] = "chain: a tame fox."
    here.run("run", desk.manifest(chain, provider="xai")).exits(0)

    states = {take["job"]: take for take in ended.json["takes"]}
    assert states["fox"]["state"] == "moderated"
    assert states["fox"]["cost_ticks"] > 0
    assert states["snow"]["state"] == "blocked"
    assert "its parent 'fox' is moderated: change that job" in states["snow"]["reason"]
    assert len(gateway.billed("chain: ")) == 3


@pytest.mark.slow
def test_a_long_chain_is_made_link_by_link_and_goes_on_where_it_stopped(desk: Desk, gateway: Sim) -> None:
    """Twelve edits of edits; the last is asked for only in a second run."""
    chain = [a_clip("link-0", "long: 0.", duration=4)]
    chain += [a_clip(f"link-{n}", f"long: {n}.", edit=f"link-{n - 1}") for n in range(1, 13)]
    here = desk.at(gateway)

    here.run("run", desk.manifest(chain[:9], provider="xai")).exits(0)
    here.run("run", desk.manifest(list(reversed(chain)), provider="xai")).exits(0)

    assert clips_of(desk.batch()) == {job["id"] for job in chain}
    billed = gateway.billed("long: ")
    sources = {job["id"]: job["source"] for job in gateway.bill()["jobs"]}
    for number in range(1, 13):
        assert sources[billed[f"long: {number}."]] == billed[f"long: {number - 1}."]


@pytest.mark.slow
def test_a_source_of_the_wrong_length_is_found_before_anything_is_paid(desk: Desk, gateway: Sim) -> None:
    """Along the whole chain: what is extended grows, and an edit takes 8.7 s at most."""
    jobs = [
        a_clip("fox", "wrong: fox", duration=5),
        a_clip("longer", "wrong: longer", extend="fox", duration=6),
        a_clip("snow", "wrong: snow", edit="longer"),
        a_clip("short", "wrong: short", duration=1),
        a_clip("more", "wrong: more", extend="short"),
    ]

    ended = desk.at(gateway).run("run", desk.manifest(jobs, provider="xai")).exits(2)

    assert gateway.billed("wrong: ") == {}
    assert len(ended.lines) == 3
    assert "the clip of 'longer' will be 11 s long; a video to edit has at most 8.7 s" in ended.err
    assert "the clip of 'short' will be 1 s long; a video to extend has 2 to 15 s" in ended.err
