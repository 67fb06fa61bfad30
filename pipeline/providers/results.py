"""What a successful answer says: the id of an accepted job, or how far a job is.

Owns the body of xAI's video API as its resellers pass it on: flat, or in the `code`/`data` envelope of
older CometAPI pages; and GlobalAiOpc's, with or without `data` around it. One reading for all, by the rule
in docs/provider-apis.md, "Poll answers". Anything that is not a 2xx goes to refusals.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.providers.base import Answer, Polled, PollVerdict, Submitted, SubmitVerdict
from pipeline.providers.refusals import is_success, said, unsuccessful_poll, unsuccessful_submit
from pipeline.providers.states import BAD_ENDS, goes_on_inside, meaning, status_of
from pipeline.providers.topics import GatewayError, Topic, read_error, topic_of
from pipeline.providers.wire import (
    ID_KEYS,
    charged,
    first,
    link,
    percent,
    plain,
    read_json,
    remote_id,
    seconds,
    unwrapped,
)

Level = Mapping[str, object]

_RUNNING, _READY = PollVerdict.RUNNING, PollVerdict.READY
_ABOUT_US: Mapping[Topic | None, PollVerdict] = {
    Topic.CREDITS: PollVerdict.CREDITS,
    Topic.KEY: PollVerdict.ACCOUNT,
}


def read_submit(answer: Answer, id_keys: Sequence[str] = ID_KEYS) -> Submitted:
    """Read the answer to a paid POST. Without an id a success is unknown, also when it carries an error.

    `id_keys`: what this gateway calls the id, its own name first.
    """
    if not is_success(answer):
        return unsuccessful_submit(answer, id_keys)
    document = read_json(answer.body)
    found = remote_id(document, id_keys)
    if found is None:
        reason = f"no job id in the answer: {said(answer, read_error(document))}"
        return Submitted(verdict=SubmitVerdict.UNKNOWN, reason=plain(reason))
    return Submitted(verdict=SubmitVerdict.ACCEPTED, remote_id=found, cost_ticks=charged(document))


def read_poll(answer: Answer) -> Polled:
    """Read one poll answer. HTTP 202 and an empty body mean "not yet", whatever else is in them."""
    if not is_success(answer):
        return unsuccessful_poll(answer)
    if answer.status == 202 or not answer.body.strip():
        return Polled(verdict=PollVerdict.RUNNING)
    levels = unwrapped(read_json(answer.body))
    if not levels:
        return Polled(verdict=PollVerdict.TRY_AGAIN, reason=said(answer, None))
    word = status_of(levels)
    verdict, reason, warning = _verdict(answer, levels, word)
    return Polled(
        verdict=verdict,
        url=_url(levels, ended_well=meaning(word) is _READY) if verdict is _READY else None,
        status=word,
        progress=first(percent(level.get("progress")) for level in reversed(levels)),
        cost_ticks=charged(levels[0]),
        duration_s=_duration_s(levels),
        reason=plain(reason),
        warning=warning,
    )


_Reading = tuple[PollVerdict, str | None, str | None]  # verdict, reason, warning


def _verdict(answer: Answer, levels: Sequence[Level], word: str | None) -> _Reading:
    means = meaning(word)
    if word is None:
        return _without_status(answer, levels)
    if means is None:
        return PollVerdict.RUNNING, None, f"unknown status {word!r}, taken as still running"
    if means in BAD_ENDS:
        return _bad_end(levels, word, means)
    return (PollVerdict.RUNNING, None, None) if means is _RUNNING else _good_end(levels)


def _good_end(levels: Sequence[Level]) -> _Reading:
    """`done`: a link, or none, or a clip that moderation kept back."""
    if not _kept_back(levels) and _url(levels, ended_well=True):
        return PollVerdict.READY, None, None
    errors = _errors(levels)
    if moderated := _moderated(levels, errors):
        return moderated
    if goes_on_inside(levels):
        return PollVerdict.RUNNING, None, None
    text = errors[0].message if errors else "finished, but the answer holds no link to a file"
    return PollVerdict.NO_URL, text, None


def _bad_end(levels: Sequence[Level], word: str, means: PollVerdict) -> _Reading:
    """`failed` or `expired`; moderation is told apart by the flag or the text.

    `error` is also how some services head any answer that is one: about the key or the credits it says
    nothing of the job, which is paid for.
    """
    errors = _errors(levels, failed=True)
    if moderated := _moderated(levels, errors):
        return moderated
    text = errors[0].message if errors else None
    about_us = _ABOUT_US.get(topic_of(errors[0])) if errors and word.lower() == "error" else None
    return about_us or means, text, None


def _without_status(answer: Answer, levels: Sequence[Level]) -> _Reading:
    """Older xAI answers name no status: a link is the end, an id alone is the queue."""
    errors = [error for error in _errors(levels) if error.proper]
    if moderated := _moderated(levels, errors):
        return moderated
    if errors:
        verdict = _ABOUT_US.get(topic_of(errors[0]), PollVerdict.TRY_AGAIN)
        return verdict, errors[0].message, None
    if _url(levels, ended_well=False):
        return PollVerdict.READY, None, None
    if remote_id(levels[0]):
        return PollVerdict.RUNNING, None, None
    return PollVerdict.TRY_AGAIN, said(answer, None), None


def _moderated(levels: Sequence[Level], errors: Sequence[GatewayError]) -> _Reading | None:
    """Moderation, by its words in any of the errors or by xAI's flag."""
    worded = next((error.message for error in errors if topic_of(error) is Topic.MODERATION), None)
    if worded is None and _video(levels).get("respect_moderation") is not False:
        return None
    return PollVerdict.MODERATED, worded or "kept back by the gateway's moderation", None


def _video(levels: Sequence[Level]) -> Level:
    video = levels[-1].get("video")
    return video if isinstance(video, dict) else {}


def _kept_back(levels: Sequence[Level]) -> bool:
    return _video(levels).get("respect_moderation") is False


def _duration_s(levels: Sequence[Level]) -> float | None:
    """xAI's `video.duration`, or GlobalAiOpc's `actualDuration`."""
    found = (seconds(level.get("actualDuration")) for level in reversed(levels))
    return first([seconds(_video(levels).get("duration")), *found])


def _url(levels: Sequence[Level], *, ended_well: bool) -> str | None:
    """The link: xAI's `video.url`, or GlobalAiOpc's `video_url`, which a sister endpoint calls `result_url`.

    On success also the envelope's `fail_reason`, which holds it there too.
    """
    named = (link(level.get(name)) for level in reversed(levels) for name in ("video_url", "result_url"))
    url = first([link(_video(levels).get("url")), *named])
    if url is None and ended_well:
        url = first(link(level.get("fail_reason")) for level in reversed(levels))
    return url


def _errors(levels: Sequence[Level], *, failed: bool = False) -> list[GatewayError]:
    """Every error in the body, the most telling first: in the gateway's own form, from the inside out.

    A `fail_reason` counts only on failure and if it is not the link.
    """
    found = [error for level in reversed(levels) if (error := read_error(level))]
    texts = [level.get("fail_reason") for level in reversed(levels)] if failed else []
    found += [error for text in texts if link(text) is None and (error := read_error({"error": text}))]
    return sorted(found, key=lambda error: not error.proper)
