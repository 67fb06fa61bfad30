"""docs/providers.md says what the code does: cell by cell. The second half shows that it can fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from providers.page import PAGE, faults, tables

from pipeline.model import Operation
from pipeline.providers import PROVIDERS
from pipeline.providers.base import Allowance
from pipeline.providers.grok import Grok
from pipeline.providers.xai import XAI

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_and_the_tables_agree() -> None:
    assert faults(TEXT, PROVIDERS) == []


def test_the_reading_sees_the_whole_page() -> None:
    """An empty reading would prove nothing."""
    found = tables(TEXT)

    assert sum(len(rows) for section in found.values() for rows in section) > 150
    assert len(found["`xai`"]) == 2
    assert found["`globalaiopc`"][0][0][1:-1] == [
        "`grok_video3`",
        "`grok_video3_pro`",
        "`grok_video3_max`",
        "`grok_video3_stable`",
    ]


def _without(start: str) -> str:
    """The page without the first line that starts so."""
    lines = TEXT.splitlines()
    lines.remove(next(line for line in lines if line.startswith(start)))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (TEXT.replace("| 6 to 30 s |", "| 5 to 30 s |"), "duration"),
        (TEXT.replace("$0.002", "$0.003"), "$0.003"),
        (TEXT.replace("| `XAI_API_KEY` |", "| `XAI_KEY` |"), "XAI_KEY"),
        (
            TEXT.replace("| `grok_video3_max` | `grok_video3_stable` |", "| `grok_max` | `grok_stable` |"),
            "grok_max",
        ),
        (TEXT.replace("adds 2 to 10 s", "adds 1 to 10 s"), "extend"),
        (TEXT.replace("## `xai`", "## `grok`"), "section"),
        (TEXT.replace("## `xai`", "## `newcomer`\n\n| a |\n|---|\n\n## `xai`"), "section"),
        (TEXT.replace("| `grok-imagine-video-beta` | `grok-imagine-video` |", ""), "other names"),
        (_without("| `stable-6s`"), "stable-6s"),
        (TEXT.replace("| `stable-6s` |", "| `stable-7s` |"), "stable-7s"),
        (TEXT.replace("`allow: [pro-ratios]`", "nothing"), "pro-ratios"),
        (TEXT.replace("`allow: [pro-ratios]`", "`allow: [no-such-rule]`"), "no-such-rule"),
        (TEXT.replace("| never sent |", "|  |"), "size"),
        (_without("| C7 |"), "C7"),
        (
            TEXT.replace("| X4 | https://docs.x.ai/docs/pricing |", "| X4 | https://docs.x.ai/prices |"),
            "pricing",
        ),
        (TEXT.replace("an older copy of xAI's specification | 23 November 2026", "a copy | long ago"), "X13"),
        (TEXT.rstrip() + "\n| Z9 | https://example.com | nothing | 22 November 2026 |", "Z9"),
        (
            TEXT.replace("| `last_frame` | no | yes | no | [X2] |", "| `last_frame` | no | yes | no |  |"),
            "source",
        ),
        (_without("| `keyframes` |"), "keyframes"),
        (_without("| in flight |"), "in flight"),
    ],
)
def test_a_page_that_says_otherwise_is_found(page: str, complaint: str) -> None:
    assert page != TEXT
    found = faults(page, PROVIDERS)
    assert found
    assert any(complaint in fault for fault in found), found


def _changed(model: str = "grok-imagine-video", **more: Any) -> dict[str, Any]:
    """The providers with one model of xAI changed, or a new one."""
    rules = replace(XAI.models["grok-imagine-video"], **more)
    facts = replace(XAI, models={**XAI.models, model: rules})
    return {**PROVIDERS, "xai": Grok(name="xai", capabilities=facts, root="/v1/videos")}


@pytest.mark.parametrize(
    ("providers", "complaint"),
    [
        (_changed("grok-imagine-video-2"), "grok-imagine-video-2"),
        (_changed("grok-2", alias_of="grok-imagine-video"), "grok-2"),
        (_changed(durations_s=range(1, 21)), "1 to 20 s"),
        (_changed(operations=frozenset({Operation.GENERATE})), "makes"),
        (_changed(sources=("https://docs.x.ai/new, read 22 November 2026",)), "docs.x.ai/new"),
        (_changed(allowances={"longer": Allowance(says="20 s as well", changes={})}), "longer"),
        ({**PROVIDERS, "another": PROVIDERS["xai"]}, "another"),
        ({name: each for name, each in PROVIDERS.items() if name != "cometapi"}, "cometapi"),
    ],
)
def test_code_that_the_page_does_not_follow_is_found(providers: dict[str, Any], complaint: str) -> None:
    assert any(complaint in fault for fault in faults(TEXT, providers))
