"""docs/observability.md and the log: the same events, with the same fields, of the same types."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from support.builders_core import a_job, a_take

import pipeline
from pipeline import events
from pipeline.cli.lines import GOES_ON
from pipeline.cli.watch import Moment
from pipeline.events import BytesLoaded, Event, TakeMoved, TakePolled, Trouble
from pipeline.ledger.peek import Sight
from pipeline.logs import JsonLog
from pipeline.model import Take, TakeState

PAGE = (Path(__file__).parents[2] / "docs" / "observability.md").read_text("utf-8")
CODE = Path(pipeline.__file__).parent
KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict}
UNLOGGED = {TakePolled, BytesLoaded}
FULL = a_take(
    job=a_job("fox"),
    origin="https://api.test:443",
    remote_id="r-1",
    estimate_ticks=1,
    own_price=True,
    reserved_ticks=1,
    cost_ticks=1,
    reason="no",
    sha256="0" * 64,
    size_bytes=1,
    reported_s=1.5,
    reused_from="other/fox.01234567.1",
)


def section(title: str) -> str:
    return re.split(r"\n##+ ", PAGE.split(f" {title}\n")[1])[0]


def rows(title: str, head: str) -> list[list[str]]:
    """The cells of the table of a section that begins with this head."""
    table = section(title).split(f"| {head}")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table if line.startswith("|")]


def names(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


COMMON = {names(name)[0]: kind for name, kind, _ in rows("log.jsonl", "field ")}
TAKE = {names(name)[0]: kind for name, kind, _ in rows("Fields of a take", "field ")}
OTHER = {names(name)[0]: kind for name, kind, _ in rows("Events", "field ")}
TYPES = COMMON | OTHER | TAKE
LISTED = {
    event: (level, set(names(fields)) | set(TAKE if event.startswith("take.") else ()))
    for events_, level, _, fields in rows("Events", "event ")
    for event in names(events_)
}
WARNINGS = {names(event)[0] for event, _ in rows("Warnings", "event ")}


def test_the_reading_sees_the_whole_page() -> None:
    """An empty reading would prove nothing."""
    assert (len(COMMON), len(TAKE), len(OTHER)) == (3, 16, 9)
    assert len(LISTED) == 7 + len(TakeState)
    assert len(WARNINGS) > 20


# --- events


def an_example(kind: type[Any]) -> Iterator[Event]:
    """One of this kind with every field that it may have."""
    if kind is TakeMoved:
        for state in TakeState:
            yield TakeMoved(take=_in(state), before=TakeState.PLANNED)
    elif kind is Trouble:
        yield Trouble(event="x.y", message="no", take=FULL)
    else:
        values: dict[str, Any] = {
            "counts": {TakeState.PLANNED: 1},
            "folder": Path(),
            "simulated": True,
            "seconds": 1.5,
            **dict.fromkeys(("take", "status", "progress", "size_bytes", "total_bytes")),
            **dict.fromkeys(("exit_code", "count", "run"), 3),
            **dict.fromkeys(("batch", "provider", "origin", "reason", "old", "new"), "text"),
        }
        needed = [field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING]
        yield kind(**{name: values[name] for name in needed})


def _in(state: TakeState) -> Take:
    return a_take(**{name: getattr(FULL, name) for name in FULL.__slots__} | {"state": state})


def logged(folder: Path, event: Event) -> list[dict[str, Any]]:
    path = folder / "log.jsonl"
    path.unlink(missing_ok=True)
    log = JsonLog(path, None, lambda: 0.0)
    log(event)
    log.close()
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("kind", get_args(events.Event), ids=lambda kind: kind.__name__)
def test_each_event_has_the_fields_that_the_page_lists(kind: type[Any], tmp_path: Path) -> None:
    for event in an_example(kind):
        lines = logged(tmp_path, event)

        assert bool(lines) is (kind not in UNLOGGED), f"{kind.__name__}: logged, or not, unlike the page says"
        for line in lines:
            level, fields = LISTED.get(line["event"], ("warning", {*TAKE}))
            assert (line["event"] in LISTED) is not isinstance(event, Trouble), line["event"]
            assert set(line) == {*COMMON, *fields}, line["event"]
            assert line["level"] == level
            assert wrong_types(line) == []


def wrong_types(line: dict[str, Any]) -> list[str]:
    """Fields of another type than the page says."""
    return [
        name
        for name, value in line.items()
        if not isinstance(value, KINDS[TYPES[name]])
        or isinstance(value, bool) is not (TYPES[name] == "boolean")
    ]


# --- warnings


def told_in_code() -> set[str]:
    """The names in all calls of `trouble` and `Trouble`, also where one is made into a function."""
    texts = [
        path.read_text("utf-8") for path in CODE.rglob("*.py") if "sim" not in path.relative_to(CODE).parts
    ]
    return {
        name for text in texts if "rouble(" in text or ".trouble" in text for name in _names(ast.parse(text))
    }


def _names(tree: ast.AST) -> Iterator[str]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        said = [argument for argument in [call.func, *call.args] if _is_trouble(argument)]
        texts = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "event")]
        if said:
            yield from (
                text.value for text in texts if isinstance(text, ast.Constant) and _is_name(text.value)
            )


def _is_trouble(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in ("trouble", "Trouble")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[a-z]+\.[a-z_]+", value) is not None


def test_every_warning_is_listed_and_no_other() -> None:
    told = told_in_code()

    assert sorted(told - WARNINGS) == [], "in the code, and not in docs/observability.md"
    assert sorted(WARNINGS - told) == [], "in docs/observability.md, and not in the code"
    assert sorted(GOES_ON - WARNINGS) == [], "in cli/lines.py, and nowhere told"


# --- examples


def examples() -> list[dict[str, Any]]:
    (block,) = re.findall(r"^```json\n(.*?)^```$", section("Examples"), re.M | re.S)
    return [json.loads(line) for line in block.splitlines()]


@pytest.mark.parametrize("line", examples(), ids=lambda line: line["event"])
def test_examples_are_lines_of_the_log(line: dict[str, Any]) -> None:
    _, fields = LISTED.get(line["event"], ("warning", {*TAKE}))

    assert line["event"] in {*LISTED, *WARNINGS}
    assert set(line) <= {*COMMON, *fields}
    assert wrong_types(line) == []


def test_the_picture_is_what_the_display_draws() -> None:
    """Else: `make screenshots`, and look at it."""
    folder = Path(__file__).parents[2] / "docs" / "screenshots"
    drawn = runpy.run_path(str(folder / "terminal.py"))["picture"]()

    assert drawn == (folder / "terminal.svg").read_text("utf-8")


def test_the_line_of_a_watch() -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```$", section("From another terminal"), re.M | re.S)
    sight = Sight(counts={TakeState.DONE: 1}, settled_ticks=0, reserved_ticks=0)

    facts = Moment(sight, True, 0.0, "", ()).facts("nightly")

    assert list(json.loads(block)) == ["at", *facts]
