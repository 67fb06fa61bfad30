"""Notifications by Apprise to a server on this machine: what arrives, and what does not hold a run up."""

from __future__ import annotations

import sys
import threading
import time

import pytest
from support.webhook import TOKEN, webhook

from pipeline.errors import UsageError
from pipeline.notify import Notifier
from pipeline.secret import without_secrets
from pipeline.shown import shown


def test_texts_arrive_in_order_as_they_are() -> None:
    """Nothing in a text is markup or an escape."""
    with webhook() as (url, heard), webhook() as (other, also):
        notifier = Notifier([url, other])
        notifier.send("first", "a <b>&amp;</b> \\n *c*\nsecond line")
        notifier.send("second", "d")
        undelivered = notifier.close()

    assert undelivered == []
    assert [(each["title"], each["message"]) for each in heard] == [
        ("first", "a <b>&amp;</b> \\n *c*\nsecond line"),
        ("second", "d"),
    ]
    assert len(also) == 2


def test_what_fails_is_a_note_without_the_url(caplog: pytest.LogCaptureFixture) -> None:
    with webhook(status=500) as (url, _):
        notifier = Notifier([url])
        notifier.send("title", "body")
        undelivered = notifier.close()

    assert undelivered == ["notification 1 (json) was not delivered"]
    assert TOKEN not in caplog.text


def test_a_service_that_hangs_holds_nothing_up() -> None:
    """Neither whoever tells it something, nor the other services, nor, for long, the end."""
    hold = threading.Event()
    with webhook(hold=hold) as (slow, _), webhook() as (url, heard):
        began = time.monotonic()
        notifier = Notifier([slow, url])
        notifier.send("title", "body")
        undelivered = notifier.close(within_s=0.5)
        took_s = time.monotonic() - began
        hold.set()

    assert undelivered == ["notification 1 (json) was not delivered in time"]
    assert len(heard) == 1
    assert took_s < 4


def test_a_url_is_a_secret() -> None:
    """No text of this process shows it from then on, nor its token alone."""
    url = f"json://127.0.0.1/{TOKEN}"
    Notifier([url]).close()

    assert TOKEN not in shown(f"cannot reach {url}, or {TOKEN}")


def test_an_unknown_service_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(
        UsageError, match=r"^notification 2 \(foo\): no service that Apprise knows"
    ) as refused:
        Notifier(["json://127.0.0.1", f"foo://{TOKEN}"])

    assert TOKEN not in str(refused.value)


def test_without_apprise_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(UsageError, match=r"pip install 'nightreel\[notify\]'"):
        Notifier(["json://127.0.0.1"])


def test_words_of_a_url_are_no_secrets() -> None:
    """What is guarded is taken out of side files, too: a topic may be called like a job."""
    Notifier(["json://localhost:1/aurora-launch-teasers/tok3n0123456789abcdef"]).close(0.0)

    assert without_secrets("aurora-launch-teasers/candle") == "aurora-launch-teasers/candle"
    assert "tok3n0123456789abcdef" not in without_secrets("at tok3n0123456789abcdef")
