"""What an error body is about: moderation, credits, the key, the model, or bad input.

Owns reading the error out of any JSON, and the words. Gateways answer the same number for different things
and put the difference into text, so the words decide about money: the tests hold texts that each topic must
catch, and near ones that it must not. The forms: docs/provider-apis.md, "Errors".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

_FINE = frozenset({"", "success", "ok", "0", "200"})  # values of an envelope's `code` that report no error
_TEXT_CHARS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayError:
    """An error as the gateway wrote it.

    `proper`: in the gateway's own form, `error` with a text, or `code` with `message` or `msg`. A lone
    `message` or `detail` is what proxies in front write, perhaps after they passed the call on.
    """

    message: str
    code: str = ""
    type: str = ""
    param: str = ""
    proper: bool = True


class Topic(StrEnum):
    """What a refusal is about, if its text says so."""

    MODERATION = "moderation"
    CREDITS = "credits"
    KEY = "key"


def read_error(document: object) -> GatewayError | None:
    """The error in a JSON body: `error` as an object, as text with `code` beside it, or `code`/`message`.

    An `error` that is null, empty or holds only empty texts is none: some gateways send it while all is well.
    """
    if not isinstance(document, dict):
        return None
    inner, code = document.get("error"), _text(document.get("code"))
    if isinstance(inner, dict):
        return _from_object(inner, code)
    if _text(inner) and isinstance(inner, str):
        return GatewayError(message=inner, code=code, type=_text(document.get("type")))
    message = next((text for key in ("message", "msg", "detail") if (text := _text(document.get(key)))), "")
    if not message or (code.lower() in _FINE and "code" in document):
        return None
    proper = bool(code) and ("message" in document or "msg" in document)
    return GatewayError(message=message, code=code, proper=proper)


def _from_object(inner: dict[str, object], outer_code: str) -> GatewayError | None:
    message = inner.get("message")
    for key in ("message", "error"):  # a gateway that wraps another's error whole, one level down
        if isinstance(nested := inner.get(key), dict):
            message = nested.get("message")
    code, kind, param = (_text(inner.get(key)) for key in ("code", "type", "param"))
    if text := _text(message):
        return GatewayError(message=text, code=code or outer_code, type=kind, param=param)
    # A code alone tells what it is about, but is no error in anybody's documented form.
    return None if code.lower() in _FINE else GatewayError(message=code, code=code, proper=False)


def _text(value: object) -> str:
    """Text or a whole number as text; anything else is nothing."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = value.strip() if isinstance(value, str) else ""
    return text if len(text) <= _TEXT_CHARS else f"{text[: _TEXT_CHARS - 1]}…"


_MODERATION = re.compile(
    r"content moderat|\bmoderated\b|moderation (block|reject|flag|fail|violation)|\bnsfw\b"
    r"|\b(reject|block|flag|filter|refus|denied|fail|prohibit|disallow)\w*\b.{0,60}\b(moderation|safety)\b"
    r"|\b(moderation|safety)\b.{0,60}\b(reject|block|flag|filter|refus|violat)"
    r"|\bcontent (polic|filter|guideline)|\bsafety (check|system|filter|polic|reason|guideline|violation)"
    r"|violat\w*\b.{0,60}\b(content|usage|use|safety|community) (polic|guideline)|policy violation"
    r"|violat\w* (our|the) (\w+ )?(polic|guideline|terms)"
    r"|(sensitive|inappropriate|prohibited|unsafe|harmful|disallowed) (content|information|word)"
    r"|(comply|compliance) with .{0,40}(polic|guideline)"
    r"|审核不通过|未通过.{0,6}审核|审核(未通过|未过|失败)|内容审核|违规|敏感|违禁|色情|涉黄|不合规|违反.{0,12}(政策|规定|规范)"
)
_MODERATION_DOWN = re.compile(
    r"\b(moderation|safety)( \w+){0,5} (unavailable|timed? ?out|overloaded)"
    r"|审核(服务|系统).{0,6}(超时|异常|繁忙|不可用)"
)
_CREDITS = re.compile(
    r"insufficient (\w+ ){0,2}(credit|quota|balance|fund)"
    r"|\b(credit|balance|fund|quota)s?\b.{0,40}\b(insufficient|not enough|exhausted|depleted|too low|used up)"
    r"|\b(out of|not enough|no (remaining|available|more)) (\w+ )?(credit|balance|fund)"
    r"|no (credits?|balance|funds) (left|remaining|available)|used all available credits|spending limit"
    r"|(purchase|buy|add) (more )?credits|billing (hard )?limit|payment required|pre consume \w+ quota"
    r"|(额度|余额|积分|点数)(不足|不够|已?用尽|已?用完|耗尽)|欠费|请(先)?充值"
)
# A quota may also be one of speed, and `resource-exhausted` is xAI's code for a plain rate limit.
_QUOTA_REACHED = re.compile(
    r"\b(quota|usage limit|free usage)\b.{0,20}\b(exceeded|exhausted|reached)"
    r"|\b(exceeded|reached|hit)\b.{0,30}\b(quota|usage limit)"
)
_SPEED = re.compile(r"per (second|minute)|rate limit|too many requests|concurren|\brp[ms]\b")
_KEY = re.compile(
    r"\b(invalid|incorrect|wrong|missing|expired|revoked|disabled|blocked|unauthori[sz]ed|malformed|no valid)"
    r" (\w+ ){0,2}(api ?key|secret key|credentials?\b|authentication|authori[sz]ation"
    r"|token\b(?! (at|in|near|count)))"
    r"|\b(api ?key|access token|token|credentials)\b( \S+){0,4} (invalid|incorrect|not valid|expired|revoked"
    r"|disabled|blocked|unauthori[sz]ed|missing|not (provided|found))"
    r"|\bapi ?key (is )?required|authentication (error|failed|required)|unauthenticated"
    r"|无效的?(令牌|密钥|api ?key)|令牌.{0,8}(无效|过期|不可用)|未提供令牌"
    r"|密钥.{0,4}(无效|错误|不存在|过期)|鉴权失败|未授权"
)
# Said of the account, not of a clip, also where it names a policy as the cause.
_ACCOUNT = re.compile(
    r"\b(account|organi[sz]ation)\b( \S+){0,4} (suspended|disabled|blocked|banned|deactivated|inactive)"
    r"|(账号|账户|帐号).{0,6}(封禁|禁用|停用|冻结)"
)
_MODEL = re.compile(r"(?<![a-z])models?(?![a-z])|grok imagine|模型")
_PATH = re.compile(r"(?:(?<=[\s(\"'`])|^)/\S+", re.MULTILINE)
_LOST_ANSWER = re.compile(
    r"\btim(?:ed|e|ing) ?out\b|deadline exceeded|connection( was)? (reset|closed|lost|aborted)|broken pipe"
    r"|no response|超时|连接(中断|重置|断开)"
)
_FETCHED = re.compile(
    r"\b(images?(?! to video)|pictures?|(input|source|reference) videos?|urls?|fetch\w*|download\w*)\b"
    r"|图片|下载"
)

_UNREADABLE_VIDEO = re.compile(
    r"(download|fetch|access|retriev|load|reach|read)\w*\b.{0,60}\bvideo"
    r"|\bvideo\b.{0,60}\b(download|fetch|access|retriev|load|reach|expired|forbidden|not found|40[34])"
)

_WRONG = (
    r"\b(?:invalid|not valid|unsupported|not supported|not allowed|too (?:long|large|big|short|small|many)"
    r"|exceeds?|must (?:be|not)|(?:is|are) (?:required|empty)|malformed|out of range)\b"
)
_UNREADABLE = r"\b(?:could not|cannot|can't|couldn't|unable to|failed to|corrupt|unreadable|missing)"
_SETTING = r"\b(?:prompt|aspect ratio|resolution|duration|request input)\b"
# A bare "video" may be the very job that we ask about, so only a video that is plainly an input counts.
_MEDIA = (
    r"\b(?:images?|picture|(?:input|source|reference|provided) video|video (?:url|input|file|format|codec)"
    r"|input (?:file|data)|data uri)\b"
)
_BAD_INPUT = re.compile(
    rf"{_SETTING}.{{0,60}}{_WRONG}|{_WRONG}.{{0,40}}{_SETTING}"
    rf"|{_MEDIA}.{{0,60}}(?:{_WRONG}|{_UNREADABLE})|(?:{_WRONG}|{_UNREADABLE}).{{0,40}}{_MEDIA}"
    r"|^(?:bad|invalid) (?:user )?input$",
    re.MULTILINE,
)
# Words that make it doubtful: about the id or the account, or only for the moment.
_DOUBT = re.compile(
    r"(?<![a-z])(?:ids?|uuid|identifier)(?![a-z])|not found|no such|not exist|unknown|api ?key|token"
    r"|again|tempor|timed? ?out|not ready|pending|in progress"
)
_LOG_ID = re.compile(r"\(request id:[^)]{0,200}\)")  # CometAPI puts its own log number behind most texts


def _words(error: GatewayError) -> str:
    """Code, type and message as lower-case lines for the patterns, with spaces for `_` and `-`.

    Percent signs are decoded: xAI was seen to answer `Incorrect%20API%20key%20provided:...`
    (https://github.com/i-am-bee/beeai-framework/issues/447, read 23 November 2026).
    """
    message = unquote(error.message[:_TEXT_CHARS]).replace("\n", " ")
    lines = "\n".join((error.code, error.type, message)).lower()
    return lines.replace("_", " ").replace("-", " ")


def topic_of(error: GatewayError) -> Topic | None:
    """A closed account, then moderation before credits before key: the more special reading first."""
    words = _words(error)
    closed = bool(_ACCOUNT.search(words))
    if not closed and _MODERATION.search(words) and not _MODERATION_DOWN.search(words):
        return Topic.MODERATION
    if _CREDITS.search(words) or (_QUOTA_REACHED.search(words) and not _SPEED.search(words)):
        return Topic.CREDITS
    return Topic.KEY if closed or _KEY.search(words) else None


def names_model(error: GatewayError) -> bool:
    """Whether a "not found" is about the model that was asked for, and not about the address.

    A path may hold the word: `No handler found for POST /v2/model-center/tasks`.
    """
    return error.param == "model" or bool(_MODEL.search(_PATH.sub("", _words(error))))


def names_lost_answer(error: GatewayError) -> bool:
    """Whether the gateway itself waited in vain for an answer, so that nobody knows what was accepted.

    A picture or video that it could not fetch in time is bad input.
    """
    words = _words(error)
    return bool(_LOST_ANSWER.search(words)) and not _FETCHED.search(words)


def names_unreadable_video(error: GatewayError) -> bool:
    """Whether the gateway could not fetch the video that it was to start from."""
    return bool(_UNREADABLE_VIDEO.search(_words(error)))


def names_bad_input(error: GatewayError) -> bool:
    """Whether the text plainly blames what was asked for: prompt, picture, source video or a setting.

    A generic code does not count: `Client specified an invalid argument` also stands over a wrong key.
    """
    words = _LOG_ID.sub("", _words(error))
    return bool(_BAD_INPUT.search(words)) and not _DOUBT.search(words)
