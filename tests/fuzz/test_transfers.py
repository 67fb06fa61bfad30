"""Heads of files in every spelling: what is kept is one whole file, or the try is over with a reason."""

from __future__ import annotations

from fuzz.transfers import transfer_holds
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.providers.base import Answer

BODY = b"1234567890"
NUMBERS = st.sampled_from(
    ["0", "5", "10", "00", "4", "+5", "-5", "5.0", "\N{ARABIC-INDIC DIGIT FIVE}", "9" * 30, "", "*"]
)
RANGES = st.builds(
    "{}{}-{}/{}".format, st.sampled_from(["bytes ", "Bytes ", "bytes", ""]), NUMBERS, NUMBERS, NUMBERS
)
TAGS = st.sampled_from(['"a"', '"b"', 'W/"a"', "a", "", '"\udcff"', '"a"\x00', '"a\r\nx: y"'])
DATES = st.sampled_from(["Tue, 14 Nov 2023 22:14:20 GMT", "soon", "\udcff", ""])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-range": RANGES | st.text(max_size=20),
        "content-length": NUMBERS | st.text(max_size=20),
        "etag": TAGS | st.text(max_size=20),
        "last-modified": DATES,
        "content-encoding": st.sampled_from(
            ["identity", "Identity", "gzip", "br, identity", "aws-chunked", "", "\udcff"]
        ),
        "content-type": st.sampled_from(["video/mp4", "text/html", "", "\udcff"]),
        "retry-after": NUMBERS | DATES,
    },
)
STATUSES = st.sampled_from([200, 206, 206, 206, 416, 403, 503, 302, 204, 99])


@settings(steady, max_examples=400)
@given(
    status=STATUSES,
    headers=HEADERS,
    body=st.integers(0, 10).map(lambda size: BODY[:size]),
    begun=st.sampled_from([b"", b"12345", BODY]),
    validator=st.sampled_from([None, '"a"', "Tue, 14 Nov 2023 22:14:20 GMT"]),
    total=st.sampled_from([None, 5, 10]),
)
@example(206, {"content-range": "bytes 0-4/10"}, b"12345", b"", None, None)
@example(206, {"content-range": "bytes 0-4/10", "content-length": "5"}, b"12345", b"12345", '"a"', None)
@example(206, {"content-range": "bytes 5"}, b"67890", b"12345", '"a"', None)
@example(206, {"content-range": "bytes 5-8/10", "content-length": "4"}, b"6789", b"12345", '"a"', None)
def test_no_byte_is_kept_that_does_not_belong(
    status: int, headers: dict[str, str], body: bytes, begun: bytes, validator: str | None, total: int | None
) -> None:
    transfer_holds(Answer(status=status, headers=headers, body=body), begun, validator, total)


def test_a_whole_answer_and_a_fitting_rest_are_loaded() -> None:
    """Else the promises above would hold for want of any download."""
    rest = {"content-range": "bytes 5-9/10", "etag": '"a"'}

    assert transfer_holds(Answer(status=200, body=BODY), b"", None)
    assert transfer_holds(Answer(status=206, headers=rest, body=BODY[5:]), BODY[:5], '"a"', 10)
