"""Whatever comes, a verdict goes out: no bytes, JSON, status or header makes a parser raise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fuzz.answers import answer_holds_at
from hypothesis import example, given, settings
from hypothesis import strategies as st
from providers.recorded import DONE, ENVELOPE_DONE, MODERATED_POLL

from pipeline.providers import PROVIDERS
from pipeline.providers.base import Answer, PollVerdict, Provider, SubmitVerdict
from pipeline.providers.refusals import REFUSING

KEYS = st.one_of(
    st.sampled_from(["request_id", "id", "task_id", "data", "status", "video", "url", "duration", "usage"]),
    st.sampled_from(["respect_moderation", "cost_in_usd_ticks", "progress", "fail_reason"]),
    st.sampled_from(["error", "message", "msg", "code", "type", "param", "detail"]),
    st.sampled_from(["video_url", "result_url", "actualDuration", "output", "object"]),
)
WORDS = (
    st.sampled_from(
        ["done", "SUCCESS", "failed", "FAILURE", "expired", "queued", "pending", "success", "https://e.com/a"]
    )
    | st.sampled_from(
        [
            "invalid_request",
            "content_moderated",
            "insufficient_user_quota",
            "invalid_api_key",
            "invalid_prompt",
        ]
    )
    | st.sampled_from(["completed", "processing", "error", "output.upload_url", "timed out", "审核未通过"])
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), WORDS)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)
SPELLED = st.recursive(
    st.sampled_from(["null", "NaN", "-Infinity", "1e999", "-1", "-0.0", "1e5", "9" * 41, "9" * 5000])
    | st.sampled_from(['"\\ud800"', '"\\u0000a"', '"\\ud83e\\udd8a"', '""', '"' + "." * 600 + '"', '"../x?"'])
    | WORDS.map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(KEYS.map(json.dumps), inner), max_size=6).map(
            lambda pairs: f"{{{','.join(f'{name}:{value}' for name, value in pairs)}}}"
        )
    ),
    max_leaves=20,
)
"""JSON as text, so that names can come twice."""
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
STATUSES = st.one_of(
    st.integers(-5, 1000), st.sampled_from(sorted(REFUSING | {200, 201, 202, 301, 408, 500}))
)
HEADERS = st.dictionaries(
    st.just("content-type"), st.sampled_from(["application/json", "text/html", "", "\x00"])
)
providers = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


@providers
@given(status=STATUSES, headers=HEADERS, document=DOCUMENTS)
@example(status=200, headers={}, document=DONE)
@example(status=200, headers={}, document=ENVELOPE_DONE)
@example(status=400, headers={}, document=MODERATED_POLL)
@example(status=400, headers={}, document={"message": "content moderated"})
@example(status=400, headers={}, document={"detail": "Invalid prompt"})
@settings(max_examples=300, deadline=None)
def test_any_json(provider: Provider, status: int, headers: dict[str, str], document: Any) -> None:
    answer_holds_at(provider, Answer(status=status, headers=headers, body=json.dumps(document).encode()))


@providers
@given(status=STATUSES, headers=HEADERS, body=st.binary(max_size=200))
@example(status=200, headers={}, body=b"[" * 100_000)
@example(status=200, headers={}, body=b'{"data":' * 100_000)
@example(status=400, headers={}, body=b'{"error":' * 100_000)
@example(status=200, headers={}, body=b'{"request_id":' + b"1" * 100_000 + b"}")
@example(status=200, headers={}, body=b'{"status":"done","video":{"url":"https://\\ud800"}}')
@example(status=400, headers={}, body=b'{"error":"\\ud800%ff%00"}')
@example(status=404, headers={"content-type": "text/html"}, body=b"\x00" * 1000)
@settings(max_examples=300, deadline=None)
def test_any_bytes(provider: Provider, status: int, headers: dict[str, str], body: bytes) -> None:
    answer_holds_at(provider, Answer(status=status, headers=headers, body=body))


@providers
@given(status=STATUSES, text=SPELLED, encoding=ENCODINGS)
@example(status=200, text='{"id":"a","id":"..","request_id":"\\ud800"}', encoding="utf-8-sig")
@example(status=200, text='{"status":"failed","status":"queued","error":"no"}', encoding="utf-16")
@example(status=200, text='{"id":"a","usage":{"cost_in_usd_ticks":-1e999}}', encoding="utf-8")
@settings(max_examples=100, deadline=None)
def test_json_that_no_library_writes(provider: Provider, status: int, text: str, encoding: str) -> None:
    """Doubled names, numbers without bounds, half characters, any encoding that a decoder guesses."""
    answer_holds_at(provider, Answer(status=status, body=text.encode(encoding)))


@providers
@given(document=DOCUMENTS, cut=st.integers(0, 400))
@settings(max_examples=100, deadline=None)
def test_an_answer_cut_short_is_never_an_end(provider: Provider, document: Any, cut: int) -> None:
    """The engine cuts a body at its cap, and connections break: half an object must decide nothing."""
    body = json.dumps({"request_id": "a", "x": document, "status": "failed"}).encode()
    half = body[: min(cut, len(body) - 1)]

    assert provider.parse_submit(Answer(status=200, body=half)).verdict is SubmitVerdict.UNKNOWN
    assert provider.parse_poll(Answer(status=200, body=half)).verdict in (
        PollVerdict.RUNNING,
        PollVerdict.TRY_AGAIN,
    )


@providers
@given(text=st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_error_text_makes_a_submit_with_a_server_error_a_refusal(provider: Provider, text: str) -> None:
    body = json.dumps({"error": {"message": text, "code": text}}).encode()

    for status in (500, 502, 504, 408, 409, 425):
        if text.strip().lower() != "invalid_request":
            verdict = provider.parse_submit(Answer(status=status, body=body)).verdict
            assert verdict is SubmitVerdict.UNKNOWN


def test_a_very_long_hostile_text_is_read_in_time() -> None:
    """The patterns look at a bounded part of it, so no text can hold up the run."""
    provider = PROVIDERS["cometapi"]
    for piece in ("invalid ", "token a ", "content ", "prompt image ", "violates ", "a", "%41", "quota "):
        body = json.dumps({"error": piece * 200_000}).encode()
        assert provider.parse_poll(Answer(status=400, body=body)).reason
