"""`nightreel report`, and the page at each run's end, by the real command."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.command import Desk, Sim, a_clip

HOSTILE = '</script><script>x</script><b onclick="x">狐 \u202e[[failed]]'


def page_of(desk: Desk) -> str:
    return (desk.batch("clips") / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_every_run_leaves_a_page(desk: Desk, gateway: Sim) -> None:
    """With what came and what did not; and made anew it says the same of the night."""
    desk = desk.at(gateway)
    manifest = desk.manifest([a_clip("fox"), a_clip("forest/owl", HOSTILE)])
    desk.run("run", manifest).exits(1)
    first = page_of(desk)

    ended = desk.run("report", "clips").exits(0)

    assert (ended.out, ended.err) == ("output/clips/report.html\n", "")
    assert "1 of 2" in first
    assert re.search(r"<code dir=.ltr.>nightreel run \S+\.yaml --retry failed</code>", first)
    assert HOSTILE not in first
    assert "&lt;/script&gt;&lt;script&gt;x&lt;/script&gt;" in first
    assert len(re.findall("<script", first)) == 3
    assert [*desk.batch("clips").glob("*.tmp")] == []
    assert sorted(path.suffix for path in (desk.batch("clips") / "posters").rglob("*") if path.is_file()) == [
        ".webp"
    ]


@pytest.mark.slow
def test_without_media_checks(desk: Desk, gateway: Sim) -> None:
    """No posters and no findings; a clip that is none is still found out."""
    desk = desk.at(gateway)

    ended = desk.run("run", desk.manifest([a_clip("fox")]), "--no-media-checks").exits(0)

    assert "clip.noticed" not in (desk.batch("clips") / "log.jsonl").read_text()
    assert not (desk.batch("clips") / "posters").exists()
    assert "report" not in ended.err


@pytest.mark.slow
def test_a_page_that_cannot_be_written_fails_no_run(desk: Desk, gateway: Sim) -> None:
    """A note, and the exit code of the clips; the command by itself says what is wrong."""
    desk = desk.at(gateway)
    (desk.batch("clips") / "report.html").mkdir(parents=True)

    ran = desk.run("run", desk.manifest([a_clip("fox")])).exits(0)
    alone = desk.run("report", "clips").exits(2)

    assert "note: batch clips: no report was written" in ran.err
    assert "error: cannot use" in alone.err
    assert [*desk.batch("clips").glob("*.tmp")] == []


@pytest.mark.slow
def test_ledgers_of_all_kinds(desk: Desk, gateway: Sim) -> None:
    """Of a run that died, of a newer version, of another program, and of no batch."""
    desk = desk.at(gateway)
    desk.run("run", desk.manifest([a_clip("fox")])).exits(0)
    ledger = desk.batch("clips") / "ledger.sqlite"
    _change(ledger, "UPDATE runs SET ended_at = NULL, exit_code = NULL")
    (desk.batch("clips") / "clips" / "fox.mp4").unlink()

    desk.run("report", "clips").exits(0)
    page = page_of(desk)
    assert "stopped without a word" in page
    assert "1 missing" in page

    _change(ledger, "PRAGMA user_version = 99")
    assert "from a newer nightreel" in desk.run("report", "clips").exits(2).err
    _change(ledger, "PRAGMA application_id = 1")
    assert "is not a nightreel ledger" in desk.run("report", "clips").exits(2).err
    assert "no batch 'nobody'" in desk.run("report", "nobody").exits(2).err
    assert page_of(desk) == page


def _change(ledger: Path, sql: str) -> None:
    with closing(sqlite3.connect(ledger)) as db, db:
        db.execute(sql)
