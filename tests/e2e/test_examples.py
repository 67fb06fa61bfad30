"""The example manifests, each run as it is against the simulator; only its limits are made quick."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command import QUICK, Desk, Ended, Sim, clips_of, leftovers, sim

MANIFESTS = Path(__file__).parents[2] / "manifests"
EXAMPLES = sorted(path.stem for path in (MANIFESTS / "examples").glob("*.yaml"))
LIMITS = re.compile(r"^limits:.*\n(?:[ #].*\n)*", re.M)

MADE = {
    "cometapi": {
        "candle": "generate grok-imagine-video, 1 s, 854x480",
        "upright/lighthouse": "generate grok-imagine-video, 1 s, 480x854",
        "hills": "generate grok-imagine-video, 1 s, 854x480",
        "boat": "generate grok-imagine-video-1.5, 1 s, 480x640",
        "candle-snow": "edit grok-imagine-video, 1 s, 854x480",
    },
    "globalaiopc": {
        "candle": "generate grok_video3, 6 s, 854x480",
        "product": "generate grok_video3, 6 s, 854x480",
        "friends": "generate grok_video3, 6 s, 720x480",
        "kite": "generate grok_video3, 6 s, 854x480",
        "balcony": "generate grok_video3_pro, 10 s, 1280x720",
        "harbour": "generate grok_video3_max, 12 s, 480x854",
        "bread": "generate grok_video3_stable, 6 s, 854x480",
    },
    "xai": {
        "candle": "generate grok-imagine-video-1.5-lite, 1 s, 854x480",
        "rain": "generate grok-imagine-video-1.5-lite, 1 s, 854x480",
        "dunes": "generate grok-imagine-video-1.5-lite, 1 s, 1120x480",
        "teaser/owl": "generate grok-imagine-video-1.5, 1 s, 480x854",
    },
    "pictures": {
        "hills": "generate grok-imagine-video-1.5, 2 s, 854x480",
        "product": "generate grok-imagine-video-1.5, 2 s, 854x480",
        "day-to-night": "generate grok-imagine-video-1.5, 2 s, 854x480",
        "three-stops": "generate grok-imagine-video-1.5, 2 s, 854x480",
        "kite-and-boat": "generate grok-imagine-video-1.5, 2 s, 854x480",
    },
    "budget": {
        "kettle": "generate grok-imagine-video, 1 s, 854x480",
        "leaves": "generate grok-imagine-video, 1 s, 1280x720",
        "hills": "generate grok-imagine-video-1.5, 1 s, 854x480",
        "kettle-snow": "edit grok-imagine-video, 1 s, 854x480",
    },
    "nightly": {
        "moon": "generate grok-imagine-video, 1 s, 854x480",
        "owl": "generate grok-imagine-video, 1 s, 480x480",
    },
    "chains": {
        "candle": "generate grok-imagine-video, 2 s, 854x480",
        "candle-snow": "edit grok-imagine-video, 2 s, 854x480",
        "candle-out": "extend grok-imagine-video, 5 s, 854x480",
        "candle-blue": "edit grok-imagine-video, 2 s, 854x480",
    },
    "matrix": {
        "hero-film-noir-16x9": "generate grok-imagine-video, 1 s, 854x480",
        "hero-watercolor-16x9": "generate grok-imagine-video, 1 s, 854x480",
        "hero-watercolor-9x16": "generate grok-imagine-video, 1 s, 480x854",
        "hero-pencil-sketch-1x1": "generate grok-imagine-video, 1 s, 480x480",
        "snow-16x9": "edit grok-imagine-video, 1 s, 854x480",
        "snow-9x16": "edit grok-imagine-video, 1 s, 480x854",
    },
    "spreadsheet": {
        "mugs/M-100": "generate grok-imagine-video, 1 s, 854x480",
        "mugs/M-200": "generate grok-imagine-video, 1 s, 480x854",
        "mugs/M-300": "generate grok-imagine-video, 1 s, 854x480",
        "drinks/Cafe-Creme": "generate grok-imagine-video, 1 s, 854x480",
        "drinks/Heisse-Schokolade": "generate grok-imagine-video, 1 s, 854x480",
        "signs/bakery": "generate grok-imagine-video, 1 s, 854x480",
        "signs/cafe": "generate grok-imagine-video, 1 s, 854x480",
    },
    "photos": {
        "hills": "generate grok-imagine-video, 1 s, 854x480",
        "hills-night": "generate grok-imagine-video, 1 s, 854x480",
    },
    "groups": {
        "story/coffee-1": "generate grok-imagine-video-1.5-lite, 1 s, 480x854",
        "story/coffee-2": "generate grok-imagine-video-1.5-lite, 1 s, 480x854",
        "story/tea": "generate grok-imagine-video-1.5-lite, 1 s, 480x854",
        "site/coffee": "generate grok-imagine-video-1.5-lite, 1 s, 854x480",
        "kettle": "generate grok-imagine-video-1.5-lite, 1 s, 854x480",
    },
    "rows": {
        "owl": "generate grok-imagine-video-1.5-lite, 1 s, 480x854",
        "rain": "generate grok-imagine-video-1.5-lite, 1 s, 854x480",
        "owl-wide": "generate grok-imagine-video-1.5-lite, 1 s, 854x480",
    },
}
"""What the gateway was asked for, and what lies on the disk."""

PARENTS = {
    "cometapi": {"candle-snow": "candle"},
    "budget": {"kettle-snow": "kettle"},
    "chains": {"candle-snow": "candle", "candle-out": "candle-snow", "candle-blue": "candle"},
    "matrix": {"snow-16x9": "hero-watercolor-16x9", "snow-9x16": "hero-watercolor-9x16"},
}
"""The jobs that start from the clip of another."""

USERS = {"cometapi": {"upright/lighthouse": "customer-17"}, "xai": {"teaser/owl": "customer-17"}}
PROMPTS = {
    "matrix": {"hero-film-noir-16x9": "A lighthouse in a storm, film noir."},
    "spreadsheet": {
        "mugs/M-100": "A red mug, studio light, slow orbit.",
        "mugs/M-200": "A blue mug, handmade, morning light, slow orbit.",
        "drinks/Cafe-Creme": "Café Crème on a marble table, morning light.",
        "signs/cafe": 'A wooden sign that says "Hot coffee, $3".',
    },
    "rows": {"owl-wide": "An owl turns its head. Very wide shot, clear sky."},
}
"""Some of those that are put together."""


@dataclass(frozen=True, slots=True)
class Made:
    """An example that was run: where, how it ended, and what the gateway was asked for, by job."""

    desk: Desk
    path: Path
    ended: Ended
    orders: Mapping[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Made]:
    """All examples, run side by side; the clips are as long and as large as was asked for."""
    with (
        ExitStack() as stack,
        sim(Desk(folder=tmp_path_factory.mktemp("studio")), "--clips", "real") as studio,
    ):
        desks = {name: at(Desk(folder=tmp_path_factory.mktemp(name)), studio) for name in EXAMPLES}
        paths = {name: copied(desk, name) for name, desk in desks.items()}
        running = {
            name: stack.enter_context(desk.start("run", paths[name], "--json", *day_of(name)))
            for name, desk in desks.items()
        }
        ended = {name: process.end().exits(0) for name, process in running.items()}
        bill = {order["id"]: order for order in studio.bill()["jobs"]}
    return {
        name: Made(
            desk=desks[name],
            path=paths[name],
            ended=end,
            orders={take["job"]: bill[take["remote_id"]] for take in end.json["takes"]},
        )
        for name, end in ended.items()
    }


def day_of(name: str) -> tuple[str, ...]:
    """Midnight may pass between two runs."""
    text = (MANIFESTS / "examples" / f"{name}.yaml").read_text("utf-8")
    return ("--date", "2026-11-23") if "${date}" in text else ()


def at(desk: Desk, sim: Sim) -> Desk:
    """The desk with address and key for every provider, as `nightreel sim` prints them."""
    url, key = sim.base_url, sim.key
    return desk.at(sim).with_env(
        XAI_BASE_URL=url,
        XAI_API_KEY=key,
        GLOBALAIOPC_BASE_URL=f"{url}/kyyReactApiServer",
        GLOBALAIOPC_KEY=key,
    )


def copied(desk: Desk, name: str) -> Path:
    """The example with its pictures, under limits that fit a simulator."""
    shutil.copytree(MANIFESTS, desk.folder / "manifests")
    path = desk.folder / "manifests" / "examples" / f"{name}.yaml"
    text = LIMITS.sub("", path.read_text("utf-8"))
    path.write_text(f"{text}limits: {json.dumps(QUICK)}\n", "utf-8")
    return path.relative_to(desk.folder)


def described(order: dict[str, Any], side: dict[str, Any]) -> str:
    probe = side["probe"]
    size = f"{probe['width']}x{probe['height']}"
    return f"{order['operation']} {order['model']}, {round(probe['duration_s'])} s, {size}"


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_makes_what_it_says(name: str, made: Mapping[str, Made]) -> None:
    """Every job gets its clip, by the operation, model, length and size it names."""
    orders, folder = made[name].orders, made[name].desk.folder / made[name].ended.json["folder"]

    sides = {key: json.loads((folder / "clips" / f"{key}.json").read_text("utf-8")) for key in orders}

    assert {key: described(orders[key], sides[key]) for key in orders} == MADE[name]
    some = PROMPTS.get(name, {})
    assert {key: orders[key]["prompt"] for key in some} == some
    assert clips_of(folder) == set(orders)
    assert leftovers(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_asks_the_gateway_that_it_names(name: str, made: Mapping[str, Made]) -> None:
    """In its own dialect; a chain starts from the clip of the job that it names."""
    orders = made[name].orders
    text = (made[name].desk.folder / made[name].path).read_text("utf-8")
    manifest = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - texts only

    assert {order["dialect"] for order in orders.values()} == {manifest["provider"]}
    parents = {job: orders[parent]["id"] for job, parent in PARENTS.get(name, {}).items()}
    assert {job: order["source"] for job, order in orders.items() if order["source"]} == parents
    users = {job: order["client_user"] for job, order in orders.items() if order["client_user"]}
    assert users == USERS.get(name, {})


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_again_sends_nothing(name: str, made: Mapping[str, Made]) -> None:
    """The simulator is gone by now: nothing is missed."""
    again = made[name].desk.run("run", made[name].path, "--json", *day_of(name)).exits(0)

    assert again.json["requests"] == 0


def test_every_example_is_expected_somewhere() -> None:
    """A new example joins the table above."""
    assert set(EXAMPLES) == set(MADE)
