"""What texts may say: keys, batch names, links, durations. Each rule hands the value on or raises ValueError.

The error's text goes behind the field's name, and states the rule in full.
"""

from __future__ import annotations

import ipaddress
import math
import re
import string
from collections.abc import Sequence
from datetime import date
from urllib.parse import urlsplit

from pipeline.manifest.dated import batch_of
from pipeline.manifest.scalars import quoted
from pipeline.model import REHEARSALS

MAX_KEY = 100
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_KEY = re.compile(rf"(?!.*\.\.){_PART}(?:/{_PART})*")
_SOME_DAY = date(2026, 11, 24)  # every day is as long
_BATCH = re.compile(rf"(?!.*\.\.){_PART}")
_FILE_LIKE = re.compile(r"\.(?:mp4|json|part|rejected|tmp)/", re.IGNORECASE)
_ALPHABET = 'letters A-Z and a-z, digits, ".", "_" and "-", a letter or digit first, no ".."'
KEY_RULE = f'{_ALPHABET}, "/" between parts, at most {MAX_KEY} characters'
BATCH_RULE = f"{_ALPHABET}, at most {MAX_KEY} characters"

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE_CONTROL = re.compile("[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"(?:data|file|https?):|[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_DATA_HEAD = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
_BASE64 = string.ascii_letters + string.digits + "+/"
_DATA = re.compile(_DATA_HEAD.pattern + "[A-Za-z0-9+/]+={0,2}", re.IGNORECASE)
_PERCENT = re.compile(r"(?:[1-9][0-9]?|100)%")
_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", re.ASCII)


def check_key(text: str) -> str:
    if len(text) > MAX_KEY:
        raise ValueError(f"{quoted(text)} has {len(text)} characters; a job key has at most {MAX_KEY}")
    if not _KEY.fullmatch(text):
        raise ValueError(f"{quoted(text)} cannot be a job key; expected {KEY_RULE}")
    if _FILE_LIKE.search(text):
        raise ValueError(f"{quoted(text)} would put clips below a folder that is named like a file of ours")
    return text


def is_key(text: str) -> bool:
    return len(text) <= MAX_KEY and _KEY.fullmatch(text) is not None


def are_keys(texts: Sequence[str]) -> bool:
    """Whether `check_key` passes every one of them."""
    if max(map(len, texts)) > MAX_KEY or not all(map(_KEY.fullmatch, texts)):
        return False
    return not _FILE_LIKE.search("\n".join(texts))


def check_batch(text: str) -> str:
    """The name of a folder, once `${date}` in it is a day."""
    name = batch_of(text, _SOME_DAY)
    if len(name) > MAX_KEY or not _BATCH.fullmatch(name):
        raise ValueError(f"{quoted(text)} cannot be the name of a folder; expected {BATCH_RULE}")
    return text


def can_be_batch(stem: str) -> bool:
    """Whether a batch may be called like its manifest's file, without its ending."""
    return bool(stem.strip(".")) and stem.casefold() != REHEARSALS


def check_prompt(text: str) -> str:
    """Any text with something in it. Line breaks and tabs stay."""
    if not text.strip():
        raise ValueError("expected a description of the clip, got empty text")
    _refuse_control(text, _CONTROL)
    return text


def are_prompts(texts: Sequence[str]) -> bool:
    """Whether `check_prompt` passes every one of them."""
    return all(map(str.strip, texts)) and not _CONTROL.search("\n".join(texts))


def check_line(text: str) -> str:
    """Names and labels: one line, not empty."""
    if not text.strip():
        raise ValueError("expected text, got empty text")
    _refuse_control(text, _LINE_CONTROL)
    return text


def is_link(image: str) -> bool:
    """Whether an image is a URL of any kind, not a path. `C:/desk.png` and `12:30.png` are paths."""
    return _SCHEME.match(image) is not None


def check_image(text: str) -> str:
    """A path as written, an https URL, or a data URI. Whether there is a picture is for others to see."""
    if not text.strip():
        raise ValueError("expected a path, an https URL or a data URI, got empty text")
    _refuse_control(text, _LINE_CONTROL)
    if not is_link(text):
        return text
    scheme = text.split(":")[0].lower()
    if scheme == "file":
        raise ValueError('"file:" URLs are not read; write the path alone')
    if scheme != "data":
        return check_url(text)
    if not _DATA.fullmatch(text):
        if head := _DATA_HEAD.match(text):
            data = text[head.end() :].lstrip(_BASE64)
            raise ValueError(f'what follows "base64," is not base64: {quoted(data, 40)}')
        raise ValueError(f'expected "data:image/png;base64,..." or the like, got {quoted(text, 40)}')
    return text


def check_source(text: str) -> str:
    """The key of a job, or an https URL. A key never holds a colon."""
    if ":" in text:
        return check_url(text)
    if len(text) > MAX_KEY or not _KEY.fullmatch(text):
        raise ValueError(f"expected the id of another job or an https URL, got {quoted(text)}")
    return text


def check_url(text: str) -> str:
    """https to anywhere, http to this machine only."""
    _refuse_control(text, _LINE_CONTROL)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port  # asking for the port checks it
        if "[" in parts.netloc.rpartition("@")[2][1:]:  # `x:[::1]` is taken for the host ::1
            raise ValueError("a bracket inside the host")
    except ValueError as exc:
        raise ValueError(f"{quoted(text)} is not a usable URL (host or port is malformed)") from exc
    if parts.scheme == "http" and _is_loopback(host):
        return text
    if parts.scheme != "https":
        raise ValueError(f"expected an https URL (http only for this machine), got {quoted(text)}")
    if " " in text:
        raise ValueError(f"{quoted(text)} holds a space; write %20 for it")
    if not host:
        raise ValueError(f"{quoted(text)} is not a usable URL (no host)")
    if parts.username is not None:
        raise ValueError(
            f"the URL of {host} holds a login, which every log on the way would show; leave it out"
        )
    if "#" in text:
        raise ValueError(f'{quoted(text)} holds a "#", which no server sees; leave it out, or write %23')
    return text


def parse_duration(value: object) -> object:
    """`1h30m` in seconds. What is no duration comes back as it is, for the type check to refuse."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        return value
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def check_brake(text: str) -> str:
    """`off`, or a share such as `30%`."""
    if text != "off" and not _PERCENT.fullmatch(text):
        raise ValueError(f'expected "off", or a share from 1% to 100% such as 30%, got {quoted(text)}')
    return text


def brake_share(text: str) -> float:
    """What `check_brake` passed, as a share; nothing is more than an infinite one."""
    return math.inf if text == "off" else int(text.removesuffix("%")) / 100


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_control(text: str, pattern: re.Pattern[str]) -> None:
    if bad := pattern.search(text):
        what = (
            "line breaks are not allowed here" if bad[0] in "\r\n" else "control characters are not allowed"
        )
        raise ValueError(f"holds the character U+{ord(bad[0]):04X}; {what}")
