"""What an answer that is not a success means, for every provider: one table for submits, one for polls.

Owns the decision "refused or unknown?" (docs/design.md, "Submitting"): a wrong one pays twice for a clip.
Words are in topics.py. Cautious both ways: a submit is refused only on good evidence, and a poll ends a
paid take only if the body says why.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.providers.base import Answer, Polled, PollVerdict, Submitted, SubmitVerdict
from pipeline.providers.states import meaning, status_of
from pipeline.providers.topics import (
    GatewayError,
    Topic,
    names_bad_input,
    names_lost_answer,
    names_model,
    names_unreadable_video,
    read_error,
    topic_of,
)
from pipeline.providers.wire import (
    ID_KEYS,
    REASON_CHARS,
    charged,
    is_html,
    plain,
    read_json,
    remote_id,
    unwrapped,
)

REFUSING = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429, 503})
"""Statuses that, with the gateway's own JSON error, prove that nothing was accepted."""

_MAY_NAME_ACCOUNT = frozenset({400, 403, 429})  # where credits or key were seen behind another meaning
_NOT_FINAL = frozenset({401, 402, 408, 425, 429})  # 4xx that are about us or the moment, never about the clip


def is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def unsuccessful_submit(answer: Answer, id_keys: Sequence[str] = ID_KEYS) -> Submitted:
    """Read the answer to a paid POST that is not 2xx. `id_keys`: what this gateway calls a job's id."""
    document = read_json(answer.body)
    error = read_error(document)
    verdict, reason = _submit_verdict(answer, error), said(answer, error)
    found = remote_id(document, id_keys[:1])  # under another name it may be that of a log
    if meaning(status_of(unwrapped(document))) in (PollVerdict.RUNNING, PollVerdict.READY):
        found = found or remote_id(document, id_keys)
        verdict = (
            verdict if found is None else SubmitVerdict.UNKNOWN
        )  # there is a job, whatever the number says
    if found is not None and verdict is SubmitVerdict.UNKNOWN:
        reason = f"{reason} (the answer names the id {found})"  # for `resolve --remote-id`
    about_source = error is not None and names_unreadable_video(error)
    return Submitted(verdict=verdict, about_source=about_source, reason=reason, cost_ticks=charged(document))


def _submit_verdict(answer: Answer, error: GatewayError | None) -> SubmitVerdict:
    status = answer.status
    if 300 <= status < 400 or (status in (404, 405) and is_html(answer)):
        return SubmitVerdict.ADDRESS
    if error is None or not error.proper:
        return SubmitVerdict.UNKNOWN
    # A malformed request that came back as a server error: the vendor's own reading of this code.
    if status not in REFUSING and not (status == 500 and error.code.lower() == "invalid_request"):
        return SubmitVerdict.UNKNOWN
    verdict = _why_refused(status, error)
    # A gateway that waited in vain for somebody behind it does not know itself what became of the job.
    about_job = verdict in (SubmitVerdict.BUSY, SubmitVerdict.REJECTED)
    return SubmitVerdict.UNKNOWN if about_job and names_lost_answer(error) else verdict


def _why_refused(status: int, error: GatewayError) -> SubmitVerdict:
    """The body first, then the number."""
    topic = topic_of(error)
    if topic is Topic.MODERATION:
        return SubmitVerdict.MODERATED
    # A bare 403 is no permission or a blocked key: no other input would pass, so the job is not to blame.
    if status in (401, 402, 403) or (status in _MAY_NAME_ACCOUNT and topic is not None):
        return SubmitVerdict.ACCOUNT
    if status in (404, 405) and not names_model(error):
        return SubmitVerdict.ADDRESS
    return SubmitVerdict.BUSY if status in (429, 503) else SubmitVerdict.REJECTED


def unsuccessful_poll(answer: Answer) -> Polled:
    """Read the answer to a poll that is not 2xx."""
    document = read_json(answer.body)
    error = read_error(document)
    return Polled(
        verdict=_poll_verdict(answer.status, error),
        proper=error is not None and error.proper and answer.status >= 400,
        reason=said(answer, error),
        cost_ticks=charged(document),
    )


def _poll_verdict(status: int, error: GatewayError | None) -> PollVerdict:
    if 300 <= status < 400:
        return PollVerdict.REFUSED
    if not 400 <= status < 500:
        return PollVerdict.TRY_AGAIN
    topic = topic_of(error) if error else None
    own = error if error is not None and error.proper else None  # what a proxy in front wrote ends nothing
    if own and topic is Topic.MODERATION and status not in _NOT_FINAL:
        return PollVerdict.MODERATED
    if status == 402 or (topic is Topic.CREDITS and status in _MAY_NAME_ACCOUNT):
        return PollVerdict.CREDITS
    if status in (408, 425, 429):
        return PollVerdict.TRY_AGAIN
    if status in (401, 403) or topic is Topic.KEY:
        return PollVerdict.ACCOUNT
    bad_input = status == 400 and own is not None and names_bad_input(own)
    return PollVerdict.FAILED if bad_input else PollVerdict.REFUSED


def said(answer: Answer, error: GatewayError | None) -> str:
    """The gateway's own words; without any, what kind of answer it was."""
    if error is not None and (words := plain(error.message)):
        return words
    if is_html(answer):
        return f"HTTP {answer.status}, a web page instead of an answer"
    text = plain(answer.body[: 16 * REASON_CHARS].decode("utf-8", "replace"), REASON_CHARS - 20)
    return f"HTTP {answer.status}: {text}" if text else f"HTTP {answer.status}, no text"
