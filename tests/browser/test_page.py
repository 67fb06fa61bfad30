"""The page around the gallery: policy, hostile texts, charts, themes, phones, screen readers, no scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from browser.conftest import folder_of
from browser.pages import HOSTILE, looked_at_by_axe, until

pytestmark = pytest.mark.slow
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_what_is_not_in_the_page_does_not_run(opens: Any, mixed: str, tmp_path: Path) -> None:
    """The policy allows the page's own script and style by their hashes, and nothing besides."""
    text = (folder_of(mixed) / "report.html").read_text("utf-8")
    policy = text.partition('Content-Security-Policy" content="')[2].partition('"')[0]
    planted = tmp_path / "planted.html"
    planted.write_text(
        text.replace(
            "</main>", "<script>window.owned=1</script><p id=p onclick='window.owned=2'>x</p></main>"
        ),
        "utf-8",
    )

    page = opens(planted.as_uri(), clean=False)
    page.locator("#p").click()

    assert "unsafe" not in policy
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert page.evaluate("window.owned") is None
    assert len(page.evaluate("window.violations")) == 2
    assert opens(mixed).evaluate("window.violations") == []


def test_texts_from_outside_are_texts(opens: Any, mixed: str) -> None:
    """A prompt, a tag and a reason that would be markup are shown letter by letter, everywhere."""
    page = opens(mixed)
    count = page.evaluate("document.querySelectorAll('script, img[src=x]').length")

    page.get_by_role("button", name="folder/fox.1, done: open").click()

    assert page.locator("#detail .prompt").text_content() == HOSTILE
    assert page.evaluate("window.owned") is None
    assert page.evaluate("document.querySelectorAll('script, img[src=x]').length") == count == 3
    assert "<script>window.owned=1</script>" in (page.locator(".decisions").text_content() or "")


def test_what_needs_a_decision_can_be_pasted(opens: Any, mixed: str) -> None:
    """Unknown, missing, failed, and what looks odd: each with its command and a button to copy it."""
    page = opens(mixed, permissions=["clipboard-read", "clipboard-write"])
    text = page.locator(".decisions").first.inner_text()

    for words in (
        "1 unknown",
        "--remote-id ID",
        "--not-charged",
        "--retry failed",
        "1 missing",
        "Asked for 8 s",
    ):
        assert words in text, words
    line = page.locator(".decisions .command", has_text="--not-charged")
    line.get_by_role("button").click()
    line.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == line.locator("code").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opens: Any, mixed: str, scheme: str) -> None:
    """Roles, labels, contrast: in the gallery, an open clip, two side by side, the charts and the runs."""
    page = opens(mixed, color_scheme=scheme)
    found = {"gallery": looked_at_by_axe(page)}

    page.locator("#list .stage").nth(2).click()
    found["detail"] = looked_at_by_axe(page)
    page.keyboard.press("Escape")
    for name in ("Pick candle", "Pick desk"):
        page.get_by_role("checkbox", name=name, exact=True).check()
    page.keyboard.press("c")
    found["compare"] = looked_at_by_axe(page)
    page.keyboard.press("Escape")
    for tab in ("night", "runs"):
        page.click(f"#tab-{tab}")
        found[tab] = looked_at_by_axe(page)

    assert {name: faults for name, faults in found.items() if faults} == {}


def test_light_and_dark(opens: Any, mixed: str) -> None:
    """As the system is, or as one chooses."""
    background = "getComputedStyle(document.body).backgroundColor"
    page = opens(mixed, color_scheme="dark")
    dark = page.evaluate(background)

    light = opens(mixed, color_scheme="light").evaluate(background)
    page.get_by_role("button", name="Theme: system").click()

    assert dark != light
    assert page.evaluate(background) == light
    page.get_by_role("button", name="Theme: light").click()
    assert page.evaluate(background) == dark


def test_pictures_of_the_night(opens: Any, mixed: str) -> None:
    """Four charts that are drawn, each with words for those who cannot see it."""
    page = opens(mixed)

    page.click("#tab-night")

    for name, words in (
        ("takes", "11 takes in the order they were sent"),
        ("renders", "grok-imagine-video: half within"),
        ("cost", "settled and reserved, planned"),
        ("calls", "44 poll, 11 submit; 0 refused with 429"),
    ):
        assert words in page.locator(f"#text-{name}").inner_text()
        drawn = page.evaluate(
            "name => { const one = document.querySelector(`#chart-${name} canvas`);"
            " return new Set(one.getContext('2d').getImageData(0, 0, one.width, one.height).data).size; }",
            name,
        )
        assert drawn > 8, name
    page.set_viewport_size({"width": 500, "height": 800})
    until(page, "document.querySelector('#chart-takes canvas').getBoundingClientRect().width < 500")


def test_on_a_phone(opens: Any, mixed: str) -> None:
    """Nothing is wider than the screen, and a tap plays a clip."""
    page = opens(mixed, **PHONE)

    for tab in ("night", "runs", "clips"):
        page.tap(f"#tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab
    page.locator("#list .stage").first.tap()
    until(page, "document.querySelector('.clip video.playing')?.currentTime > 0")
    assert looked_at_by_axe(page) == []


def test_without_javascript_there_is_a_table(opens: Any, mixed: str) -> None:
    """Every job with state, cost, clip and the start of its prompt; runs and what needs a decision, too."""
    page = opens(mixed, clean=False, java_script_enabled=False)
    rows = page.locator("noscript tbody tr")

    assert rows.count() == 10
    assert rows.first.locator("a").get_attribute("href") == "clips/candle.mp4"
    assert "no answer within 60 s" in page.locator("noscript").inner_text()
    assert "needs a decision" in page.locator("main").inner_text()
    assert page.locator("#runs tbody tr").count() == 1
    assert not page.locator("#filters").is_visible()


def test_a_batch_without_anything(opens: Any, empty: str) -> None:
    """An empty ledger is no reason to show nothing, or to fail."""
    page = opens(empty)

    page.click("#tab-night")

    assert "0 of 0" in page.locator(".tiles").inner_text()
    assert page.locator("#text-takes").inner_text() == "Nothing was sent yet."
    assert json.loads(page.locator("#rows").text_content()) == []
