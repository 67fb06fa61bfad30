"""What holds for every answer of a gateway, at every provider: stated once, for hypothesis and for atheris.

The bounds are written here a second time, from docs/design.md and docs/provider-apis.md: taken from the
package, they would follow its mistakes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from pipeline.model import Handle
from pipeline.providers import PROVIDERS
from pipeline.providers.base import Answer, Polled, Provider, Submitted
from pipeline.providers.base import PollVerdict as Poll
from pipeline.providers.base import SubmitVerdict as Submit
from pipeline.providers.calls import UNKNOWN_ID

REFUSING = {400, 401, 402, 403, 404, 405, 413, 415, 422, 429, 503}
WITH_STATUS = {
    Submit.BUSY: {429, 503},
    Submit.REJECTED: REFUSING - {401, 402, 403, 429, 503} | {500},
    Submit.MODERATED: REFUSING | {500},
    Submit.ACCOUNT: REFUSING | {500},
    Submit.ADDRESS: {404, 405, *range(300, 400)},
}
"""The statuses with which a submit can mean anything else than accepted or unknown."""
ABOUT_US = {401, 402, 408, 425, 429}  # 4xx that never end a take
FAILED_WORDS = {"failed", "failure", "error", "cancelled", "canceled", "aborted"}
DONE_WORDS = {"done", "success", "succeeded", "completed"}
MAX_TICKS = 10_000 * 10_000_000_000
SEGMENT = re.compile(r"[A-Za-z0-9._~%-]+")


def answer_holds(answer: Answer) -> None:
    """Every provider's reading, of a submit and of a poll."""
    for provider in PROVIDERS.values():
        answer_holds_at(provider, answer)


def answer_holds_at(provider: Provider, answer: Answer) -> None:
    submitted, polled = provider.parse_submit(answer), provider.parse_poll(answer)
    document = document_of(answer.body)
    _submit_holds(answer, submitted, document)
    _poll_holds(answer, polled, document)
    if submitted.remote_id is not None:
        _id_holds(provider, submitted.remote_id)


def document_of(body: bytes) -> Any:
    """The JSON in a body, read as leniently as can be; None where there is none."""
    try:
        return json.loads(body, parse_int=float)
    except (ValueError, RecursionError):
        return None


def _submit_holds(answer: Answer, submitted: Submitted, document: Any) -> None:
    """Sent again, or given up for good, only on a status and a body that prove that nothing was accepted."""
    verdict = submitted.verdict
    success = 200 <= answer.status < 300
    assert (submitted.remote_id is not None) is (verdict is Submit.ACCEPTED)
    assert success or verdict is not Submit.ACCEPTED
    if verdict not in (Submit.ACCEPTED, Submit.UNKNOWN):
        assert answer.status in WITH_STATUS[verdict], "an answer that proves nothing counts as a refusal"
        assert verdict is Submit.ADDRESS or _is_error(document), "no error of the gateway's own"
    assert verdict is Submit.ACCEPTED or submitted.reason
    _texts_hold(submitted.reason, submitted.remote_id)
    _cost_holds(submitted.cost_ticks)


def _is_error(document: Any) -> bool:
    """`error` as object or text, or `code` with `message` or `msg`; texts may be numbers."""
    if not isinstance(document, dict):
        return False
    return bool(document.get("error")) or ("code" in document and bool({"message", "msg"} & set(document)))


def _poll_holds(answer: Answer, polled: Polled, document: Any) -> None:
    _end_holds(answer, polled.verdict, document)
    assert (polled.url is not None) is (polled.verdict is Poll.READY)
    assert polled.url is None or polled.url.lower().startswith(("http://", "https://"))
    assert polled.url is None or polled.url in set(_texts(document)), "a link that nobody sent"
    _texts_hold(polled.url, polled.status, polled.reason, polled.warning)
    _cost_holds(polled.cost_ticks)
    assert polled.progress is None or (type(polled.progress) is int and 0 <= polled.progress <= 100)
    assert polled.duration_s is None or (
        type(polled.duration_s) is float and 0 <= polled.duration_s <= 86_400
    )


def _end_holds(answer: Answer, verdict: Poll, document: Any) -> None:
    """What ends a paid take, or leads there: the words and numbers that the pages name, nothing else."""
    status, words = answer.status, set(_status_words(document))
    if verdict not in (Poll.READY, Poll.NO_URL, Poll.FAILED, Poll.MODERATED, Poll.EXPIRED):
        return
    assert isinstance(document, dict), "no JSON object, and yet an end"
    if 400 <= status < 500:
        assert status not in ABOUT_US
        assert _is_error(document)
        assert verdict is Poll.MODERATED or (verdict is Poll.FAILED and status == 400)
        return
    assert 200 <= status < 300
    assert status != 202
    needed = {Poll.FAILED: FAILED_WORDS, Poll.EXPIRED: {"expired"}, Poll.NO_URL: DONE_WORDS}.get(verdict)
    assert needed is None or needed & words, "an end that no word on the wire names"


def _status_words(value: Any) -> Iterator[str]:
    """Every `status` at any depth, spelled as in the tables of words."""
    for name, inner in _pairs(value):
        if name == "status" and isinstance(inner, str):
            word = "".join(char if char.isprintable() else " " for char in inner)
            yield "_".join(word.lower().replace("-", " ").split())


def _texts(value: Any) -> Iterator[str]:
    return (inner for _, inner in _pairs(value) if isinstance(inner, str))


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every field of every object, at any depth."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as found:
                yield from found.items()
                waiting.extend(found.values())
            case list() as found:
                waiting.extend(found)


def _texts_hold(*texts: str | None) -> None:
    for text in texts:
        assert text is None or (isinstance(text, str) and 0 < len(text) <= 8192 and text.isprintable())


def _cost_holds(ticks: int | None) -> None:
    assert ticks is None or (type(ticks) is int and 0 <= ticks <= MAX_TICKS)


def _id_holds(provider: Provider, remote_id: str) -> None:
    """Whatever a gateway calls a job, the poll about it stays on its path, and asks for that very id."""
    root = provider.probe().path.removesuffix(UNKNOWN_ID)
    path = provider.build_poll(Handle(provider=provider.name, origin="", remote_id=remote_id)).path
    segment = path.removeprefix(root)
    assert len(remote_id) <= 512
    assert path.startswith(root)
    assert SEGMENT.fullmatch(segment)
    assert segment.strip("."), "a path of dots leads elsewhere"
    assert unquote(segment) == remote_id
