"""Imports go one way: docs/design.md, section 6. The second half shows that the check can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from rules.arrows import arrows, faults

import pipeline


def our_sources() -> dict[str, str]:
    folder = Path(pipeline.__file__).parent
    found = {}
    for file in folder.rglob("*.py"):
        parts = file.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = file.read_text(encoding="utf-8")
    return found


def test_no_arrow_goes_the_other_way() -> None:
    """No import against the layers, no circle, no own import inside a function, no module without a layer."""
    assert faults(our_sources()) == []


def test_the_check_sees_the_whole_package() -> None:
    """An empty reading would prove nothing."""
    sources = our_sources()

    seen = {(arrow.source, arrow.target) for arrow in arrows(sources)}

    assert len(sources) > 45
    assert len(seen) > 100
    assert ("simulated", "sim") in seen
    assert ("assembly", "media") in seen  # `from pipeline import media`
    assert ("stages.submit", "stages.base") in seen


@pytest.mark.parametrize(
    ("source", "code", "complaint"),
    [
        ("model", "from pipeline.backoff import x", "layer 0 may not see layer 1"),
        ("identity", "import pipeline.ledger.base", "layer 1 may not see layer 2"),
        ("ledger.base", "from pipeline.plan import x", "layer 2 may not see layer 4"),
        ("ledger.sqlite", "from pipeline.storage.base import x", "one door may not see another"),
        ("media", "from pipeline import logs", "one door may not see another"),
        ("stages.submit", "from pipeline.stages.poll import x", "may not see another stage"),
        ("stages.submit", "from . import poll", "may not see another stage"),
        ("stages.gateway", "from .poll import x", "may not see another stage"),
        ("stages.submit", "from pipeline.ledger.sqlite import x", "interfaces of doors only"),
        ("stages.finish", "from pipeline import media", "interfaces of doors only"),
        ("plan", "from pipeline.sources import images", "interfaces of doors only"),
        ("runner", "from pipeline.ledger import sqlite", "interfaces of doors only"),
        ("runner", "from pipeline.wiring import x", "layer 4 may not see layer 5"),
        ("runner", "from pipeline import run_manifest", "layer 4 may not see layer 6"),
        ("wiring", "import pipeline.cli.app", "layer 5 may not see layer 6"),
        ("sim.world", "from pipeline.model import x", "shares nothing"),
        ("sim.world", "from .. import model", "shares nothing"),
        ("runner", "from pipeline.sim import world", "only simulated and cli"),
        ("plan", "def f():\n    from pipeline.model import x", "inside a function"),
        ("plan", "class A:\n    async def f(self):\n        import pipeline.model", "inside a function"),
        ("plan", "if TYPE_CHECKING:\n    from pipeline.cli.app import x", "layer 4 may not see layer 6"),
        ("attic", "", "has no layer"),
        ("plan", "from pipeline.attic import x", "without a layer"),
    ],
)
def test_an_arrow_the_other_way_is_found(source: str, code: str, complaint: str) -> None:
    """One case per rule of the table."""
    found = faults(package() | {source: code})

    assert len(found) == 1
    assert source in found[0]
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("model", "import pipeline_of_others.cli, asyncio"),
        ("events", "from pipeline.model import Take"),
        ("pace", "from pipeline.backoff import x"),
        ("ledger.sqlite", "from pipeline.ledger.base import x\nfrom .base import y\nfrom . import base"),
        ("media", "from pipeline.version import x\ndef f():\n    import av"),
        ("", "from pipeline.wiring import x"),
        ("stages.submit", "from pipeline.stages import base\nfrom .gateway import x\nfrom .slots import y"),
        ("stages.submit", "from pipeline.ledger.base import x\nfrom pipeline.storage import base"),
        ("runner", "from pipeline.stages.submit import x\nfrom pipeline.plan import y"),
        ("wiring", "from pipeline.ledger.sqlite import x\nfrom pipeline import media, simulated"),
        ("simulated", "from pipeline import sim"),
        ("cli.app", "from pipeline.sim.world import x\nfrom .. import wiring"),
        ("sim.world", "from pipeline.sim.server import x"),
    ],
)
def test_an_arrow_along_the_table_passes(source: str, code: str) -> None:
    """The check does not cry over what is allowed."""
    assert faults(package() | {source: code}) == []


def test_a_circle_is_found() -> None:
    """Three rules that need one another can only be understood at once."""
    found = faults(
        {
            "pace": "from pipeline.backoff import x",
            "backoff": "from pipeline.schedule import x",
            "schedule": "from pipeline.pace import x",
        }
    )

    assert found == ["cycle: backoff -> schedule -> pace -> backoff"]


def package() -> dict[str, str]:
    """A made-up package without imports, with the names of ours."""
    names = (
        "errors model clock events offload version config identity backoff pace schedule ledger ledger.base"
        " ledger.sqlite storage storage.base media logs sources sources.images stages stages.base"
        " stages.gateway stages.slots stages.submit stages.poll stages.finish plan feeder runner"
        " simulated wiring cli cli.app sim sim.world sim.server"
    )
    return dict.fromkeys(["", *names.split()], "")
