"""The report's gallery in a real browser, from disk and without a network."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from browser.pages import HOSTILE, keys, until

pytestmark = pytest.mark.slow


def test_clips_with_posters_and_play_on_hover(opens: Any, mixed: str) -> None:
    """A card for each job; its poster, the clip's own frame where there is none; hovering plays the clip."""
    page = opens(mixed)
    cards = page.locator("#list .clip")
    first = cards.nth(0).locator(".stage")

    assert keys(page)[:3] == ["candle", "candle-snow", "desk"]
    assert page.locator("#found").inner_text() == "10 clips"
    until(page, "document.querySelector('.clip img').naturalWidth === 160")
    long = cards.nth(keys(page).index("long"))
    long.scroll_into_view_if_needed()
    long.locator("video").wait_for(state="attached")
    first.hover()
    until(page, "document.querySelector('.clip video.playing')?.currentTime > 0")
    page.mouse.move(0, 0)
    until(page, "!document.querySelector('.clip video.playing')")


def test_a_clip_in_full(opens: Any, mixed: str) -> None:
    """Prompt, settings, cost, times; the source picture beside the result, the chain, and the older take."""
    page = opens(mixed)
    detail = page.locator("#detail")

    page.locator("#list .clip .stage").nth(2).click()
    until(page, "document.querySelector('#detail .media img')?.naturalWidth === 160")
    until(page, "document.querySelector('#detail video').readyState >= 1")

    text = detail.inner_text()
    for words in ("desk", "veo-fast", "1 s · 720p", "$0.50", "32 s", "source: image", "the desk %41.png"):
        assert words in text, words

    detail.get_by_role("button", name="Previous clip").click()
    assert "source: clip of candle" in detail.inner_text()
    detail.get_by_role("button", name="candle · done").click()
    assert detail.locator("h2").inner_text() == "candle"
    detail.get_by_role("button", name="candle-snow · done").wait_for()
    older = detail.locator(".links button", has_text=re.compile(r"^candle [0-9a-f]{8}"))
    assert older.count() == 1
    older.click()
    assert "An older candle." in detail.inner_text()


def test_search_filter_and_sort(opens: Any, mixed: str) -> None:
    """By words in any order, by state, model and tag, together; sorted by name, cost and time."""
    page = opens(mixed)

    page.fill("#search", "SNOW candle")
    assert keys(page) == ["candle-snow"]
    page.fill("#search", "60 s")
    assert keys(page) == ["bear"]
    page.fill("#search", "")
    page.select_option("#state", "failed")
    assert keys(page) == ["wolf"]
    page.select_option("#state", "missing")
    assert keys(page) == ["lost"]
    page.select_option("#state", "to look at")
    assert keys(page) == ["long"]
    page.select_option("#state", "older")
    assert keys(page) == ["candle"]
    page.select_option("#state", "")
    page.select_option("#model", "veo-fast")
    assert keys(page) == ["desk"]
    page.select_option("#model", "")
    page.select_option("#tag", "hero")
    assert keys(page) == ["candle"]
    page.select_option("#tag", "")
    page.select_option("#sort", "name")
    assert keys(page) == sorted(keys(page))
    page.select_option("#sort", "cost")
    assert keys(page)[:2] == ["broken", "lost"]
    page.select_option("#sort", "render")
    assert keys(page)[:2] == ["broken", "lost"]
    page.fill("#search", "no such words")
    assert (keys(page), page.locator("#found").inner_text()) == ([], "0 of 10 clips")


def test_two_clips_side_by_side_and_the_redo_command(opens: Any, mixed: str) -> None:
    """Picked clips play together, and their command is for a shell to take as it is."""
    page = opens(mixed, permissions=["clipboard-read", "clipboard-write"])
    for name in ("Pick candle", "Pick folder/fox.1"):
        page.get_by_role("checkbox", name=name, exact=True).check()

    assert page.locator("#picked-count").inner_text() == "2 picked"
    page.get_by_role("button", name="Copy redo command").click()
    page.get_by_role("button", name="Copied").wait_for()
    words = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert words[:2] == ["nightreel", "redo"]
    assert words[2].endswith("/a batch & more")
    assert words[3:] == ["candle", "folder/fox.1"]

    page.get_by_role("button", name="Side by side").click()
    compare = page.locator("#compare")
    assert compare.locator("video").count() == 2
    compare.get_by_role("button", name="Play both from the start").click()
    until(page, "[...document.querySelectorAll('#compare video')].every(one => one.currentTime > 0)")
    assert HOSTILE[:20] in compare.inner_text()


def test_by_keyboard_alone(opens: Any, mixed: str) -> None:
    """Search, go from clip to clip, play, pick, compare, open, turn over, close: no pointer."""
    page = opens(mixed)
    focused = "document.activeElement.closest('.clip')?.querySelector('bdi').textContent"

    page.keyboard.press("/")
    page.keyboard.type("candle")
    page.keyboard.press("Tab")
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate(focused) == "candle"
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "candle-snow"
    page.keyboard.press("x")
    page.keyboard.press("Space")
    until(page, "document.querySelector('.clip video.playing')?.currentTime > 0")
    page.keyboard.press("c")
    page.locator("#compare[open]").wait_for()
    page.keyboard.press("Escape")
    page.locator("#compare:not([open])").wait_for(state="attached")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert page.locator("#detail h2").inner_text() == "candle"
    page.keyboard.press("ArrowRight")
    assert page.locator("#detail h2").inner_text() == "candle-snow"
    page.keyboard.press("Escape")
    until(page, f"{focused} === 'candle-snow'")
    page.keyboard.press("?")
    page.locator("#help[open]").wait_for()


def test_clips_that_are_gone_or_that_no_browser_plays(opens: Any, mixed: str) -> None:
    """Both are told; for the first, with the command that asks for it once more."""
    page = opens(mixed)

    page.select_option("#state", "missing")
    page.locator("#list .stage").click()
    text = page.locator("#detail").inner_text()
    assert "its clip is gone from the folder" in text
    assert "nightreel run " in text
    page.keyboard.press("Escape")
    page.select_option("#state", "")
    page.get_by_role("button", name="broken, done: open").click()
    page.get_by_text("This browser cannot play the clip").wait_for()
    assert page.get_by_role("link", name="open the file").get_attribute("href") == "clips/broken.mp4"


def test_ten_thousand_jobs(opens: Any, large: str) -> None:
    """Few cards exist at any time, wherever one scrolls; a filter answers at once."""
    page = opens(large)
    assert page.locator("#found").inner_text() == "10000 clips"

    for share in (0.01, 0.3, 0.77, 1.0):
        page.evaluate(f"scrollTo(0, {share} * document.documentElement.scrollHeight)")
        until(
            page,
            "[...document.querySelectorAll('.clip')].some(one => { const box = one.getBoundingClientRect();"
            " return box.top < innerHeight && box.bottom > 0; })",
        )
        assert page.locator("#list .clip").count() < 80
    assert "scene-099/shot-09999" in keys(page)

    took = page.evaluate(
        "() => { const field = document.getElementById('search'), began = performance.now();"
        " field.value = 'shot-07777'; field.dispatchEvent(new Event('input', {bubbles: true}));"
        " return performance.now() - began; }"
    )
    assert keys(page) == ["scene-077/shot-07777"]
    assert took < 1000
