"""Answers out of choices: each byte picks a status, a name or a value, so that every input is sound JSON.

A fuzzer that changes the text of an answer mostly breaks its JSON; one that changes choices does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from fuzz.answers import answer_holds

from pipeline.providers.base import Answer

STATUSES = (
    200,
    400,
    202,
    429,
    503,
    500,
    403,
    404,
    401,
    402,
    422,
    408,
    405,
    409,
    413,
    425,
    502,
    302,
    201,
    415,
)
NAMES = (
    *("status", "video", "url", "data", "error", "message", "code", "id", "request_id", "task_id", "usage"),
    *(
        "cost_in_usd_ticks",
        "respect_moderation",
        "progress",
        "duration",
        "fail_reason",
        "msg",
        "detail",
        "type",
    ),
    *("param", "video_url", "result_url", "actualDuration"),
)
WORDS = (
    *(
        "done",
        "failed",
        "expired",
        "queued",
        "SUCCESS",
        "FAILURE",
        "error",
        "processing",
        "cancelled",
        "success",
    ),
    *(
        "rejected by content moderation",
        "insufficient credits",
        "invalid api key",
        "Invalid prompt",
        "timed out",
    ),
    *(
        "rate limit exceeded",
        "invalid_request",
        "model_not_found",
        "output.upload_url",
        "https://e.com/a.mp4",
    ),
    *("", " ", ".", "..", "a/b", "45%", "101%", "\ud800", "\u202e", "x" * 600, "0", "200", "审核未通过"),
)
NUMBERS = (-1, 0, 1, 5, 100, 101, 5e8, -5e8, 1.5, 10**14 + 1, 10**45, 1e308, float("nan"), float("-inf"))
LEAVES = (*WORDS, *NUMBERS, None, True, False)
DEEPEST = 5


def document_of(choices: Iterator[int], depth: int = 0) -> object:
    """An object with up to four fields, a list of one, or a single value; out of bytes, the first of each."""
    choice = next(choices, 0)
    if depth < DEEPEST and (depth == 0 or choice >= 160):
        return {
            NAMES[next(choices, 0) % len(NAMES)]: document_of(choices, depth + 1)
            for _ in range(choice % 4 + 1)
        }
    if depth < DEEPEST and choice >= 150:
        return [document_of(choices, depth + 1)]
    return LEAVES[choice % len(LEAVES)]


def documents_hold(data: bytes) -> None:
    choices = iter(data)
    status = STATUSES[next(choices, 0) % len(STATUSES)]
    body = json.dumps(document_of(choices)).encode()
    answer_holds(Answer(status=status, headers={"content-type": "application/json"}, body=body))


def seeds() -> Iterator[bytes]:
    """One field with each leaf, under each status: the rest is for the fuzzer."""
    yield from (
        bytes([status, 0, name, leaf]) for status in range(3) for name in range(6) for leaf in (0, 1, 10)
    )
