"""Lines of JSON, sound and broken, each with all that is read and said."""

from __future__ import annotations

import pytest
from manifest.data.reading import Case, said

HEADER = b"sku,title\n"
BOM = b"\xef\xbb\xbf"

LINES: dict[str, Case] = {
    "plain": Case(
        b'{"sku": "a1", "n": 3, "x": 1.5, "ok": true, "none": null, "tags": ["a", 1, null]}\n{}\n',
        [
            (1, 1, {"sku": "a1", "n": 3, "x": 1.5, "ok": True, "none": None, "tags": ["a", 1, None]}),
            (2, 2, {}),
        ],
        kind="jsonl",
    ),
    "mark, blanks, CRLF": Case(
        BOM + b'\r\n {"a": 1} \r\n\n\t\n{"a": 2}',
        [
            (1, 2, {"a": 1}),
            (2, 5, {"a": 2}),
        ],
        kind="jsonl",
    ),
    "big number": Case(
        b'{"a": ' + b"9" * 100 + b"}\n",
        [
            (1, 1, {"a": 10**100 - 1}),
        ],
        kind="jsonl",
    ),
    "escapes": Case(
        b'{"a": "\\ud83e\\udd8a \\u00e9 \\n\\t\\/"}',
        [
            (1, 1, {"a": "🦊 é \n\t/"}),
        ],
        kind="jsonl",
    ),
    "nothing": Case(b"", [], kind="jsonl"),
    "not JSON": Case(
        b'{"a": 1}\nfox\n{"a": 2}\n',
        [
            (1, 1, {"a": 1}),
            '2:1: row 2: expected an object such as {"name": "value"}, got "fox"',
            (3, 3, {"a": 2}),
        ],
        kind="jsonl",
    ),
    "CSV": Case(
        HEADER + b"a1,Lamp\n",
        [
            '1:1: row 1: expected an object such as {"name": "value"}, got "sku,title"',
            '2:1: row 2: expected an object such as {"name": "value"}, got "a1,Lamp"',
        ],
        kind="jsonl",
    ),
    "a number": Case(
        b'{"a": 1}\n12\n"x"\nnull\ntrue\n[1]\n',
        [
            (1, 1, {"a": 1}),
            '2:1: row 2: expected an object such as {"name": "value"}, got the number 12',
            '3:1: row 3: expected an object such as {"name": "value"}, got the text "x"',
            '4:1: row 4: expected an object such as {"name": "value"}, got null',
            '5:1: row 5: expected an object such as {"name": "value"}, got true',
            '6:1: row 6: expected an object such as {"name": "value"}, got a list',
        ],
        kind="jsonl",
    ),
    "text first": Case(
        b'"x"\n',
        [
            '1:1: row 1: expected an object such as {"name": "value"}, got the text "x"',
        ],
        kind="jsonl",
    ),
    "an array over lines": Case(
        b'[\n  {"a": 1},\n  {"a": 2}\n]\n',
        [
            (
                "! 1:1: a JSON array starts here; JSON Lines is one object on each line, without [ ] and "
                "commas around"
            ),
        ],
        kind="jsonl",
    ),
    "an array on a line": Case(
        b' [{"a": 1}, {"a": 2}]\n',
        [
            (
                "! 1:2: a JSON array starts here; JSON Lines is one object on each line, without [ ] and "
                "commas around"
            ),
        ],
        kind="jsonl",
    ),
    "an object over lines": Case(
        b'{\n  "a": 1\n}\n',
        [
            (
                "! 1:2: an object that goes over several lines; JSON Lines wants each object on one line "
                "of its own"
            ),
        ],
        kind="jsonl",
    ),
    "an object over lines, values first": Case(
        b'{"a": 1,\n  "b": 2}\n',
        [
            (
                "! 1:9: an object that goes over several lines; JSON Lines wants each object on one line "
                "of its own"
            ),
        ],
        kind="jsonl",
    ),
    "an object over lines later": Case(
        b'{"a": 1}\n{\n"a": 1\n}\n',
        [
            (1, 1, {"a": 1}),
            "2:2: row 2: not JSON: expected a name in double quotes, but the line ends here",
            '3:1: row 3: expected an object such as {"name": "value"}, got the text "a"',
            '4:1: row 4: expected an object such as {"name": "value"}, got "}"',
        ],
        kind="jsonl",
    ),
    "a name twice": Case(
        b'{"a": 1, "b": 2, "a": 3}\n',
        [
            '1:18: row 1: the name "a" is there twice in one object; remove one of them',
        ],
        kind="jsonl",
    ),
    "an inner name twice": Case(
        b'{"a": {"b": 2, "b": 3}}\n',
        [
            '1:7: row 1: a nested mapping in "a"; flatten it, with one name for each value',
        ],
        kind="jsonl",
    ),
    "NaN": Case(
        b'{"a": NaN}\n{"a": [1, -Infinity]}\n',
        [
            "1:7: row 1: NaN is no number in JSON; write null, or put it in quotes",
            "2:11: row 2: -Infinity is no number in JSON; write null, or put it in quotes",
        ],
        kind="jsonl",
    ),
    "too large": Case(
        b'{"a": 1e999}\n{"a": -1e999}',
        [
            '1:7: row 1: the number "1e999" is too large; put it in quotes if it is meant as text',
            '2:7: row 2: the number "-1e999" is too large; put it in quotes if it is meant as text',
        ],
        kind="jsonl",
    ),
    "many digits": Case(
        b'{"a": ' + b"9" * 101 + b'}\n{"a": -' + b"9" * 5000 + b"}\n",
        [
            "1:7: row 1: a number of 101 digits; put it in quotes if it is meant as text",
            "2:7: row 2: a number of 5,000 digits; put it in quotes if it is meant as text",
        ],
        kind="jsonl",
    ),
    "nested": Case(
        b'{"a": 1, "meta": {"b": 1}}\n{"a": [1, {"b": 1}]}\n{"a": [1, [2]]}\n',
        [
            '1:18: row 1: a nested mapping in "meta"; flatten it, with one name for each value',
            '2:11: row 2: a nested mapping in "a"; flatten it, with one name for each value',
            '3:11: row 3: a list within a list in "a"; a list holds plain values alone',
        ],
        kind="jsonl",
    ),
    "very deep": Case(
        b'{"a": ' + b"[" * 5000 + b"\n",
        [
            '1:8: row 1: a list within a list in "a"; a list holds plain values alone',
        ],
        kind="jsonl",
    ),
    "very deep objects": Case(
        b'{"a": ' * 5000 + b"\n",
        [
            '1:7: row 1: a nested mapping in "a"; flatten it, with one name for each value',
        ],
        kind="jsonl",
    ),
    "half a character": Case(
        b'{"a": "\\ud800x"}\n{"\\udc00": 1}\n{"a": ["\\ud83e"]}\n',
        [
            (
                '1:7: row 1: half of a character ("\\ud800" without its other half); write the character '
                "itself"
            ),
            (
                '2:2: row 2: half of a character ("\\udc00" without its other half); write the character '
                "itself"
            ),
            (
                '3:8: row 3: half of a character ("\\ud83e" without its other half); write the character '
                "itself"
            ),
        ],
        kind="jsonl",
    ),
    "control": Case(
        b'{"a": "x\\u0000"}\n{"a": "\\b"}\n{"a\\u001b": 1}',
        [
            "1:7: row 1: the control character U+0000 is not allowed; remove it",
            "2:7: row 2: the control character U+0008 is not allowed; remove it",
            "3:2: row 3: the control character U+001B is not allowed; remove it",
        ],
        kind="jsonl",
    ),
    "empty name": Case(
        b'{"": 1}\n',
        [
            '1:2: row 1: the name "" is empty; name every value',
        ],
        kind="jsonl",
    ),
    "many names": Case(
        ("{" + ", ".join((f'"c{i}": {i}' for i in range(1001))) + "}\n").encode(),
        [
            "1:12782: row 1: more than 1,000 names in one object",
        ],
        kind="jsonl",
    ),
    "single quotes": Case(
        b"{'a': 1}\n{\"a\": 'x'}\n",
        [
            (
                "1:2: row 1: not JSON: expected a name in double quotes, got \"'a'\"; JSON wants double "
                'quotes (")'
            ),
            '2:7: row 2: not JSON: expected a value, got "\'x\'"; JSON wants double quotes (")',
        ],
        kind="jsonl",
    ),
    "Python words": Case(
        b'{"a": True}\n{"a": None}\n',
        [
            '1:7: row 1: not JSON: expected a value, got "True"; write true',
            '2:7: row 2: not JSON: expected a value, got "None"; write null',
        ],
        kind="jsonl",
    ),
    "a trailing comma": Case(
        b'{"a": 1,}\n{"a": [1, 2 , ]}\n',
        [
            "1:8: row 1: a comma with nothing behind it; remove it",
            "2:13: row 2: a comma with nothing behind it; remove it",
        ],
        kind="jsonl",
    ),
    "a comma behind": Case(
        b'{"a": 1},\n{"a": 2},\n',
        [
            "1:9: row 1: a comma behind the object; JSON Lines has none between its lines",
            "2:9: row 2: a comma behind the object; JSON Lines has none between its lines",
        ],
        kind="jsonl",
    ),
    "two objects": Case(
        b'{"a": 1} {"a": 2}\n',
        [
            "1:10: row 1: a second object on one line; write each object on a line of its own",
        ],
        kind="jsonl",
    ),
    "something behind": Case(
        b'{"a": 1} // x\n',
        [
            '1:10: row 1: not JSON: expected the end of the line, got "// x"',
        ],
        kind="jsonl",
    ),
    "no colon": Case(
        b'{"a" 1}\n{"a"}\n',
        [
            '1:6: row 1: not JSON: expected ":" behind the name, got "1"',
            '2:5: row 2: not JSON: expected ":" behind the name, got "}"',
        ],
        kind="jsonl",
    ),
    "no comma": Case(
        b'{"a": 1 "b": 2}\n{"a": [1 2]}\n',
        [
            '1:9: row 1: not JSON: expected "," or a closing "}", got ""b""',
            '2:10: row 2: not JSON: expected "," or a closing "]", got "2"',
        ],
        kind="jsonl",
    ),
    "no value": Case(
        b'{"a": }\n{"a": 1}\n{"a":',
        [
            '1:7: row 1: not JSON: expected a value, got "}"',
            (2, 2, {"a": 1}),
            "3:6: row 3: not JSON: expected a value, but the line ends here",
        ],
        kind="jsonl",
    ),
    "unclosed": Case(
        b'{"a": "x}\n{"b": 1}\n',
        [
            "1:7: row 1: a quote is opened here and not closed on this line",
            (2, 2, {"b": 1}),
        ],
        kind="jsonl",
    ),
    "tab": Case(
        b'{"a": "x\ty"}\n',
        [
            "1:9: row 1: a tab within quotes; write it as \\t",
        ],
        kind="jsonl",
    ),
    "backslash": Case(
        b'{"a": "C:\\photos"}\n{"a": "\\u12"}\n',
        [
            "1:10: row 1: a backslash that escapes nothing; write it twice (\\\\)",
            "2:9: row 2: four hexadecimal digits belong behind \\u",
        ],
        kind="jsonl",
    ),
    "cut": Case(
        b'{"a": 1}\n{"a": 1, "b',
        [
            (1, 1, {"a": 1}),
            "2:10: row 2: a quote is opened here and not closed on this line",
        ],
        kind="jsonl",
    ),
    "long line": Case(
        b'{"a": 1}\n{"a": "' + b"x" * 2**20 + b'"}\n',
        [
            (1, 1, {"a": 1}),
            "! 2:1: a line of more than 1 MiB; is all of the file on one line?",
        ],
        kind="jsonl",
    ),
    "endless line": Case(
        b'{"a": "' + b"x" * 2**21,
        [
            "! 1:1: a line of more than 1 MiB; is all of the file on one line?",
        ],
        kind="jsonl",
    ),
    "latin-1": Case(
        b'{"a": 1}\n{"a": "caf\xe9"}\n',
        [
            (1, 1, {"a": 1}),
            (
                "! 2:11: not text in UTF-8 (the byte 0xe9 here); save the file as UTF-8, or name its "
                "encoding beside `from`, such as `encoding: cp1252`"
            ),
        ],
        kind="jsonl",
    ),
    "NUL": Case(
        b'{"a": "\x00"}',
        [
            "! 1:8: a NUL byte: this is not a text file, or not one in UTF-8; save the file as UTF-8",
        ],
        kind="jsonl",
    ),
    "xlsx": Case(
        b"PK\x03\x04\x14\x00\x06\x00",
        [
            (
                "! 1:1: this is an Excel workbook (.xlsx) or another zip file, not JSON Lines; export it "
                "with one JSON object on each line"
            ),
        ],
        kind="jsonl",
    ),
    "web page": Case(
        b"<html>",
        [
            "! 1:1: this is a web page, not JSON Lines; was it a page to sign in that was downloaded?",
        ],
        kind="jsonl",
    ),
    "UTF-16": Case(
        '{"a": 1}\n'.encode("utf-16"),
        [
            (
                "! 1:1: this file is saved as UTF-16; save it as UTF-8, or say `encoding: utf-16` beside "
                "`from`"
            ),
        ],
        kind="jsonl",
    ),
}


@pytest.mark.parametrize("case", LINES.values(), ids=LINES.keys())
def test_what_is_read_and_said(case: Case) -> None:
    """A line that is wrong does not hold up the next."""
    assert said(case.content, case.kind, case.encoding, case.delimiter) == case.said
