"""What rules.py wants of a text, as far as JSON Schema can say it: patterns that pass what rules.py passes.

Without flags and in the syntax that Python and JavaScript share, because editors read them too. Texts may
also be numbers or booleans here: the program reads `id: 2024` as it is written, an editor does not.
`patternErrorMessage` is what editors say instead of the pattern; validators ignore it.
"""

from __future__ import annotations

from typing import Any

from pipeline.manifest import rules

_CONTROL = r"\x00-\x1f\x7f"
_CONTROL_BUT_BREAKS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
_LINE = rf"[ ]*[^{_CONTROL} ][^{_CONTROL}]*"
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def _any_case(word: str) -> str:
    return "".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in word)


_OURS = "|".join(_any_case(ending) for ending in ("mp4", "json", "part", "rejected", "tmp"))
_KEY = rf"(?!.*\.\.){_PART}(?:/{_PART})*"
_HTTP, _DATA, _FILE = _any_case("http"), _any_case("data"), _any_case("file")
_URL = (
    rf"{_HTTP}[sS]://[^/?#:@{_CONTROL} ][^/?#@{_CONTROL} ]*(?:[/?][^#{_CONTROL} ]*)?"
    rf"|[ ]*{_HTTP}://(?:[^/?#]*@)?(?:{_any_case('localhost')}|127\.|\[)[^{_CONTROL}]*"
)
_LINK = rf"(?:{_DATA}|{_FILE}|{_HTTP}[sS]?):|[A-Za-z][A-Za-z0-9+.-]+://"
_DATA_URI = rf"{_DATA}:{_any_case('image')}/[A-Za-z0-9.+-]+;{_any_case('base64')},[A-Za-z0-9+/]+={{0,2}}"

_NO_TEXT = {
    "if": {"type": ["object", "array", "null"]},
    "then": {"type": "string", "errorMessage": "expected text"},
}
"""Text, a number or a boolean. Said by what it is not: else editors would offer `true` and `false`."""


def _text(pattern: str, message: str, **more: Any) -> dict[str, Any]:
    return {**_NO_TEXT, "pattern": f"^(?:{pattern})$", "patternErrorMessage": message, **more}


LINE = _text(_LINE, "expected text in one line")
PROMPT = _text(
    rf"[ \t\r\n]*[^{_CONTROL_BUT_BREAKS} \t\r\n][^{_CONTROL_BUT_BREAKS}]*",
    "expected a description of the clip, without control characters",
)
# A key or a folder never starts with a minus, so no number below 0 can be one.
KEY = _text(rf"(?!.*\.(?:{_OURS})/){_KEY}", f"expected {rules.KEY_RULE}", maxLength=rules.MAX_KEY, minimum=0)
_DATE = r"\$\{date\}"
BATCH = _text(
    rf"(?!.*\.\.)(?:[A-Za-z0-9]|{_DATE})(?:[A-Za-z0-9._-]|{_DATE})*",
    f"expected {rules.BATCH_RULE}; or with ${{date}} for the day",
    maxLength=rules.MAX_KEY,
    minimum=0,
)
PICTURE = _text(
    rf"(?!{_LINK}){_LINE}|{_DATA_URI}|{_URL}",
    'expected a path, an https URL (http only for this machine), or "data:image/png;base64,..."',
)
VIDEO = _text(
    rf"{_KEY}|{_URL}",
    "expected the id of another job, or an https URL (http only for this machine)",
    minimum=0,
)
BRAKE = _text(r"off|(?:[1-9][0-9]?|100)%", 'expected "off", or a share such as 30%')
LINK = {
    "type": "string",
    "pattern": r"^http|\$",
    "patternErrorMessage": 'expected an https URL beside "image_id"; a file is known by its content',
}


def as_second(schema: dict[str, Any]) -> None:
    """One price, or a mapping of them."""
    price = {"type": "number", "minimum": 0, "maximum": 1_000_000}
    for word in [word for word in schema if word not in ("description", "examples")]:
        del schema[word]
    schema["anyOf"] = [price, {"type": "object", "additionalProperties": price}]


def as_duration(schema: dict[str, Any]) -> None:
    """The bounds hold for a number; those of a text such as `90s` no pattern can say."""
    del schema["anyOf"]
    schema |= {
        "type": ["string", "number"],
        "minimum": schema.pop("ge"),
        "maximum": schema.pop("le"),
        "pattern": "^(?=.)(?:[0-9]{1,6}h)?(?:[0-9]{1,6}m)?(?:[0-9]{1,8}s)?$",
        "patternErrorMessage": 'expected "30m", "90s", "1h30m" or the like, or a number of seconds',
    }


def as_matrix(schema: dict[str, Any]) -> None:
    """Lists by name: of values, and of mappings for the two special names."""
    for word in [word for word in schema if word not in ("description", "examples")]:
        del schema[word]
    value = {"type": ["string", "number", "boolean", "object"], "minProperties": 1}
    values = {"type": "array", "minItems": 1, "items": value}
    schema |= {"type": "object", "minProperties": 1, "additionalProperties": values}
