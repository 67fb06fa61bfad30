"""Names of encodings: which of Python's are for files of text, and what somebody may have meant."""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Callable

from pipeline.manifest.data.rows import SettingError
from pipeline.manifest.scalars import quoted

UTF_8 = "utf-8"
BESIDE = "beside `from`"

# In the usual spelling; what is known is up to Python, this is for suggestions alone.
_USUAL = (
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii", "latin-1", "cp1252", "windows-1252"),
    *("iso-8859-1", "iso-8859-2", "iso-8859-15", "cp1250", "cp1251", "cp437", "cp850", "koi8-r", "mac-roman"),
    *("shift_jis", "cp932", "euc-jp", "iso2022_jp", "gbk", "gb2312", "gb18030", "big5", "euc-kr", "cp949"),
)
_MEANT = {
    **dict.fromkeys(("ansi", "windows", "western", "western european", "excel"), "cp1252"),
    **dict.fromkeys(("unicode", "unicode text", "ucs-2"), "utf-16"),
    **dict.fromkeys(("utf-8 bom", "utf-8-bom", "utf8bom", "utf8-bom"), "utf-8"),
    **dict.fromkeys(("macintosh", "mac"), "mac-roman"),
}
_NO_FILE = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "charmap"}


def decoder_of(name: str) -> tuple[str, codecs.IncrementalDecoder]:
    """Python's own name for an encoding, and what decodes it piece by piece."""
    try:
        "".encode(name)  # unlike codecs.lookup, knows that hex, rot13 and bz2 are no text
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        raise _unknown(name) from None
    make: Callable[[], codecs.IncrementalDecoder] | None = info.incrementaldecoder
    if make is None or info.name.replace("_", "-") in _NO_FILE:
        raise _unknown(name)
    return info.name, make()


def _unknown(name: str) -> SettingError:
    asked = name.strip().lower()
    near = difflib.get_close_matches(asked, _USUAL, n=1) if len(asked) <= 100 else []
    meant = _MEANT.get(asked) or (near[0] if near else None)
    hint = f'did you mean "{meant}"?' if meant else "known are, among others, utf-8, cp1252, latin-1, utf-16"
    return SettingError("encoding", f"{quoted(name)} is not known; {hint}")
