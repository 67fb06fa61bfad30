"""Edits to a finished manifest of 1,000 jobs: what is bought again is what changed, and nothing else.

Each goes through the reading of the manifest, the plan and the ledger. What a run would send is counted
there, and is what `nightreel plan` said before.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doors.pictures import a_picture
from support.foresight import foretold

from pipeline.decisions import rename
from pipeline.opening import LEDGER_NAME, check_manifest, open_ledger
from pipeline.plan import next_page, plan, planned_jobs
from pipeline.remembered import spelled

Manifest = dict[str, Any]
Edit = Callable[["Desk"], None]
SENT = (
    "UPDATE takes SET state = 'done', origin = 'https://g:443', remote_id = id, sha256 = id, size_bytes = 1"
)
PLACED = "UPDATE jobs SET clip_take = (SELECT max(id) FROM takes WHERE job_key = key AND state = 'done')"


def a_thousand() -> Manifest:
    """940 plain jobs, 10 with an own duration, 30 with one picture, 10 without an id, a chain of 6."""
    plain = [{"id": f"job{number:03d}", "prompt": f"Fox number {number} runs."} for number in range(940)]
    own = [{"id": f"own{number}", "prompt": f"Owl {number}.", "duration": 8} for number in range(10)]
    pictures = [
        {"id": f"desk{number:02d}", "prompt": f"{number}.", "image": "desk.png"} for number in range(30)
    ]
    nameless = [{"prompt": f"A nameless cat, number {number}."} for number in range(10)]
    chain = [
        {"id": "fox", "prompt": "A fox."},
        *({"id": f"snow{number}", "prompt": f"Snow, {number}.", "edit": "fox"} for number in range(4)),
        {"id": "night", "prompt": "Let it be night.", "edit": "snow0"},
        *({"id": f"pair{number}", "prompt": "A pair."} for number in range(4)),
    ]
    return {
        "version": 1,
        "batch": "thousand",
        "provider": "cometapi",
        "defaults": {"duration": 6, "resolution": "720p"},
        "limits": {"max_in_flight": 20},
        "jobs": [*plain, *own, *pictures, *nameless, *chain],
    }


@dataclass(slots=True)
class Desk:
    """A manifest, its pictures, and a batch in which all of it was made."""

    folder: Path
    manifest: Manifest
    comment: str = ""
    env: dict[str, str] = field(default_factory=dict)

    @property
    def batch(self) -> Path:
        return self.folder / "output" / "thousand"

    def __getitem__(self, key: str) -> dict[str, Any]:
        return next(job for job in self.jobs if job.get("id") == key)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self.manifest["jobs"]
        return jobs

    def write(self) -> Path:
        path = self.folder / "thousand.yaml"
        path.write_text(self.comment + json.dumps(self.manifest), "utf-8")
        return path

    def buy(self) -> tuple[int, int]:
        """How many clips `plan` said would be sent, and how many a run then finds to send; all are made."""
        path = self.write()
        said = foretold(path, output=self.folder / "output", env=self.env).to_send
        self.batch.mkdir(parents=True, exist_ok=True)
        count = asyncio.run(self._planned(path))
        with closing(sqlite3.connect(self.batch / LEDGER_NAME)) as db, db:
            db.execute(SENT)
            db.execute(PLACED)
        return said, count

    async def _planned(self, path: Path) -> int:
        checked = check_manifest(path, env=self.env)
        async with open_ledger(self.batch) as ledger:
            await ledger.begin_run(spelled(path, self.batch), 0.0)
            await ledger.recover(0.0)

            async def read(rows: Any) -> Any:
                return next_page(rows)

            await plan(checked, ledger, planned_jobs(checked), read)
            return (await ledger.outlay()).count


# --- edits


def comment(desk: Desk) -> None:
    desk.comment = "# a comment\n"


def reorder(desk: Desk) -> None:
    desk.jobs.reverse()


def tag(desk: Desk) -> None:
    desk.manifest["defaults"]["tags"] = ["hero"]
    desk["fox"]["tags"] = ["late"]


def limit(desk: Desk) -> None:
    desk.manifest["limits"] = {"max_in_flight": 3, "submit_per_s": 2, "budget_usd": 5}
    desk.manifest["prices"] = {"*": {"clip": 0.1}}


def one_prompt(desk: Desk) -> None:
    desk["job007"]["prompt"] = "Fox number seven runs."


def one_prompt_back(desk: Desk) -> None:
    desk["job007"]["prompt"] = "Fox number 7 runs."


def a_default_of_all(desk: Desk) -> None:
    desk.manifest["defaults"]["resolution"] = "480p"


def a_default_that_ten_override(desk: Desk) -> None:
    desk.manifest["defaults"]["duration"] = 7


def a_default_written_out(desk: Desk) -> None:
    for job in desk.jobs:
        if "edit" not in job and "id" in job:
            job.setdefault("duration", 6)


def remove(desk: Desk) -> None:
    desk.jobs.remove(desk["job100"])


def add(desk: Desk) -> None:
    desk.jobs.insert(0, {"id": "new", "prompt": "Something new."})


def rename_with_mv(desk: Desk) -> None:
    desk["job200"]["id"] = "hall/lamp"
    asyncio.run(rename(desk.batch, "job200", "hall/lamp"))


def rename_alone(desk: Desk) -> None:
    desk["job201"]["id"] = "hall/desk"


def revise_three(desk: Desk) -> None:
    for key in ("job300", "job301", "desk00"):
        desk[key]["revision"] = "2"


def other_bytes(desk: Desk) -> None:
    (desk.folder / "desk.png").write_bytes(a_picture(size=(32, 48)))


def same_bytes(desk: Desk) -> None:
    os.utime(desk.folder / "desk.png", (1, 1))


def picture_moved(desk: Desk) -> None:
    (desk.folder / "desk.png").rename(desk.folder / "table.png")
    for number in range(30):
        desk[f"desk{number:02d}"]["image"] = "table.png"


def made_id_written_out(desk: Desk) -> None:
    keys = {job.prompt: job.key for job in check_manifest(desk.write(), env={}).jobs()}
    for job in desk.jobs:
        job.setdefault("id", keys[job["prompt"]])


def parent(desk: Desk) -> None:
    desk["fox"]["prompt"] = "A red fox."


def middle_of_a_chain(desk: Desk) -> None:
    desk["snow0"]["prompt"] = "Rain."


TABLE: list[tuple[str, Edit, int]] = [
    ("a comment added", comment, 0),
    ("all jobs in another order", reorder, 0),
    ("tags changed", tag, 0),
    ("limits and prices changed", limit, 0),
    ("one prompt edited", one_prompt, 1),
    ("... and back again", one_prompt_back, 0),
    ("a default of all jobs edited", a_default_of_all, 1000),
    ("a default edited that 10 jobs override", a_default_that_ten_override, 990),
    ("a default written out in each job", a_default_written_out, 0),
    ("one job removed", remove, 0),
    ("one job added", add, 1),
    ("an id renamed, with mv", rename_with_mv, 0),
    ("an id renamed, without", rename_alone, 1),
    ("a revision on three jobs", revise_three, 3),
    ("a picture of 30 jobs with other bytes", other_bytes, 30),
    ("a picture touched, with the same bytes", same_bytes, 0),
    ("a picture moved, with the same bytes", picture_moved, 0),
    ("ten made ids written out", made_id_written_out, 0),
    ("the parent of a chain of 6 edited", parent, 6),
    ("the middle of that chain edited", middle_of_a_chain, 2),
]


def test_what_is_bought_again_is_what_changed(tmp_path: Path) -> None:
    """Each edit to a batch in which all 1,000 clips are there; `back again` follows the one before."""
    first = Desk(tmp_path / "first", a_thousand())
    first.folder.mkdir()
    (first.folder / "desk.png").write_bytes(a_picture())
    assert first.buy() == (1000, 1000)
    assert first.buy() == (0, 0)
    found, desk = [], first

    for number, (name, edit, _) in enumerate(TABLE):
        if not name.startswith("..."):
            folder = tmp_path / str(number)
            shutil.copytree(first.folder, folder, copy_function=shutil.copy2)
            desk = Desk(folder, copy.deepcopy(first.manifest))
        edit(desk)
        found.append((name, *desk.buy()))
    for name, said, bought in found:
        print(f"{name:<42} plan says {said:>4}, bought {bought:>4}")

    assert found == [(name, count, count) for name, _, count in TABLE]
