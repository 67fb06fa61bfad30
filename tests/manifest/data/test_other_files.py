"""Files that are something else than their name says, and files in other encodings."""

from __future__ import annotations

import pytest
from manifest.data.reading import Case, said

HEADER = b"sku,title\n"
BOM = b"\xef\xbb\xbf"

OTHERS: dict[str, Case] = {
    "semicolons": Case(
        b"sku;title;image\r\na1;Lamp;x.png\r\n",
        [
            (
                '! 1:1: the line of column names has no ",", but ";"; say `delimiter: ";"` beside `from`'
                '; if "sku;title;image" is the name of one column, put it in quotes in the file'
            ),
        ],
    ),
    "semicolons in quotes": Case(
        b'"sku";"title, long"\n"a1";"Lamp"\n',
        [
            ('! 1:1: the line of column names has no ",", but ";"; say `delimiter: ";"` beside `from`'),
        ],
    ),
    "tabs": Case(
        b"sku\ttitle\na1\tLamp\n",
        [
            (
                '! 1:1: the line of column names has no ",", but a tab; say `delimiter: "\\t"` beside `from`'
                '; if "sku\\ttitle" is the name of one column, put it in quotes in the file'
            ),
        ],
    ),
    "bars": Case(
        b"\n \nsku|title\na1|Lamp\n",
        [
            (
                '! 3:1: the line of column names has no ",", but "|"; say `delimiter: "|"` beside `from`'
                '; if "sku|title" is the name of one column, put it in quotes in the file'
            ),
        ],
    ),
    "a single name with a semicolon": Case(
        b'"a;b"\nx\n',
        [
            (1, 2, {"a;b": "x"}),
        ],
    ),
    "UTF-16": Case(
        "sku,title\na1,Lamp\n".encode("utf-16"),
        [
            (
                "! 1:1: this file is saved as UTF-16; save it as UTF-8, or say `encoding: utf-16` beside "
                "`from`"
            ),
        ],
    ),
    "UTF-16 big": Case(
        b"\xfe\xff" + "sku,title\n".encode("utf-16-be"),
        [
            (
                "! 1:1: this file is saved as UTF-16; save it as UTF-8, or say `encoding: utf-16` beside "
                "`from`"
            ),
        ],
    ),
    "UTF-16 without mark": Case(
        "sku,title\na1,Lamp\n".encode("utf-16-le"),
        [
            (
                "! 1:1: this file is saved as UTF-16; save it as UTF-8, or say `encoding: utf-16-le` "
                "beside `from`"
            ),
        ],
    ),
    "UTF-16 big without mark": Case(
        "sku,title\na1,Lamp\n".encode("utf-16-be"),
        [
            (
                "! 1:1: this file is saved as UTF-16; save it as UTF-8, or say `encoding: utf-16-be` "
                "beside `from`"
            ),
        ],
    ),
    "UTF-32": Case(
        "sku,title\n".encode("utf-32"),
        [
            (
                "! 1:1: this file is saved as UTF-32; save it as UTF-8, or say `encoding: utf-32` beside "
                "`from`"
            ),
        ],
    ),
    "xlsx": Case(
        b"PK\x03\x04\x14\x00\x06\x00",
        [
            (
                "! 1:1: this is an Excel workbook (.xlsx) or another zip file, not a CSV file; open it "
                'and save it as "CSV UTF-8"'
            ),
        ],
    ),
    "an empty zip": Case(
        b"PK\x05\x06" + b"\x00" * 18,
        [
            '! 1:1: this is an empty zip file, not a CSV file; open it and save it as "CSV UTF-8"',
        ],
    ),
    "xls": Case(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00",
        [
            (
                "! 1:1: this is an old Excel workbook (.xls), not a CSV file; open it and save it as "
                '"CSV UTF-8"'
            ),
        ],
    ),
    "PDF": Case(
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        [
            '! 1:1: this is a PDF file, not a CSV file; open it and save it as "CSV UTF-8"',
        ],
    ),
    "gzip": Case(
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        [
            "! 1:1: this file is packed with gzip; unpack it first",
        ],
    ),
    "zstd": Case(
        b"(\xb5/\xfd\x00",
        [
            "! 1:1: this file is packed with zstd; unpack it first",
        ],
    ),
    "SQLite": Case(
        b"SQLite format 3\x00\x10\x00",
        [
            '! 1:1: this is an SQLite database, not a CSV file; open it and save it as "CSV UTF-8"',
        ],
    ),
    "Parquet": Case(
        b"PAR1\x15\x04",
        [
            '! 1:1: this is a Parquet file, not a CSV file; open it and save it as "CSV UTF-8"',
        ],
    ),
    "PNG": Case(
        b"\x89PNG\r\n\x1a\n\x00",
        [
            "! 1:1: this is a picture, not a CSV file; expected a table whose cells name the pictures",
        ],
    ),
    "RTF": Case(
        b"{\\rtf1\\ansi",
        [
            (
                "! 1:1: this is a document in Rich Text Format, not a CSV file; open it and save it as "
                '"CSV UTF-8"'
            ),
        ],
    ),
    "web page": Case(
        b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>",
        [
            "! 1:1: this is a web page, not a CSV file; was it a page to sign in that was downloaded?",
        ],
    ),
    "table of a page": Case(
        BOM + b"<html><table>",
        [
            "! 1:1: this is a web page, not a CSV file; was it a page to sign in that was downloaded?",
        ],
    ),
    "XML": Case(
        b'<?xml version="1.0"?><Workbook>',
        [
            '! 1:1: this is XML, not a CSV file; save it as "CSV UTF-8" with the program that wrote it',
        ],
    ),
    "JSON": Case(
        b'[\n  {"sku": "a1"}\n]\n',
        [
            "! 1:1: this is JSON, not a table; with one object on each line, let the name end in .jsonl",
        ],
    ),
    "JSON Lines": Case(
        b'{"sku": "a1"}\n{"sku": "a2"}\n',
        [
            "! 1:1: this is JSON, not a table; with one object on each line, let the name end in .jsonl",
        ],
    ),
    "tsv: commas": Case(
        HEADER + b"a1,Lamp\n",
        [
            (
                '! 1:1: the line of column names has no tab, but ","; say `delimiter: ","` beside `from`'
                '; if "sku,title" is the name of one column, put it in quotes in the file'
            ),
        ],
        kind="tsv",
    ),
    "tsv: xlsx": Case(
        b"PK\x03\x04\x14\x00\x06\x00",
        [
            (
                "! 1:1: this is an Excel workbook (.xlsx) or another zip file, not a TSV file; open it "
                "and save it as text with tabs, in UTF-8"
            ),
        ],
        kind="tsv",
    ),
}

SETTINGS: dict[str, Case] = {
    "delimiter": Case(
        b"sku;title\na1;Lamp, big\n",
        [
            (1, 2, {"sku": "a1", "title": "Lamp, big"}),
        ],
        delimiter=";",
    ),
    "tab": Case(
        b"sku\ttitle\na1\tLamp, big\n",
        [
            (1, 2, {"sku": "a1", "title": "Lamp, big"}),
        ],
        delimiter="\t",
    ),
    "delimiter and sep": Case(
        b"sep=;\nsku|title\na1|Lamp\n",
        [
            (1, 3, {"sku": "a1", "title": "Lamp"}),
        ],
        delimiter="|",
    ),
    "wrong delimiter": Case(
        HEADER + b"a1,Lamp\n",
        [
            ('! 1:1: the line of column names has no ";", but ","; leave `delimiter` out'),
        ],
        delimiter=";",
    ),
    "long delimiter": Case(
        HEADER,
        [
            ('! 1:1: expected one character such as ";" or a tab ("\\t"), got "::"'),
        ],
        delimiter="::",
    ),
    "no delimiter": Case(
        HEADER,
        [
            '! 1:1: expected one character such as ";" or a tab ("\\t"), got ""',
        ],
        delimiter="",
    ),
    "a letter": Case(
        HEADER,
        [
            ('! 1:1: expected one character such as ";" or a tab ("\\t"), got "x"'),
        ],
        delimiter="x",
    ),
    "a quote": Case(
        HEADER,
        [
            ('! 1:1: expected one character such as ";" or a tab ("\\t"), got """'),
        ],
        delimiter='"',
    ),
    "cp1252": Case(
        HEADER + b"a1,caf\xe9 \x80\n",
        [
            (1, 2, {"sku": "a1", "title": "café €"}),
        ],
        encoding="cp1252",
    ),
    "windows-1252": Case(
        HEADER + b"a1,caf\xe9\n",
        [
            (1, 2, {"sku": "a1", "title": "café"}),
        ],
        encoding="Windows-1252",
    ),
    "utf-16": Case(
        "sku,title\na1,café\n".encode("utf-16"),
        [
            (1, 2, {"sku": "a1", "title": "café"}),
        ],
        encoding="utf-16",
    ),
    "utf-16-le with mark": Case(
        "\ufeffsku,title\na1,x\n".encode("utf-16-le"),
        [
            (1, 2, {"sku": "a1", "title": "x"}),
        ],
        encoding="utf-16-le",
    ),
    "shift_jis": Case(
        "sku,title\na1,机\n".encode("shift_jis"),
        [
            (1, 2, {"sku": "a1", "title": "机"}),
        ],
        encoding="shift_jis",
    ),
    "delimiter for lines": Case(
        b"{}",
        [
            "! 1:1: is for .csv and .tsv; JSON Lines has none, leave it out",
        ],
        kind="jsonl",
        delimiter=",",
    ),
    "utf-8-sig": Case(
        BOM + HEADER + b"a1,x\n",
        [
            (1, 2, {"sku": "a1", "title": "x"}),
        ],
        encoding="utf-8-sig",
    ),
    "not shift_jis": Case(
        HEADER + b"a1,\x82",
        [
            (
                "! 2:4: not text in shift_jis (the byte 0x82 here), as `encoding` says; correct it, or "
                "save the file as UTF-8 and leave it out"
            ),
        ],
        encoding="shift_jis",
    ),
    "not ascii": Case(
        HEADER + "a1,é\n".encode(),
        [
            (
                "! 2:4: not text in ascii (the byte 0xc3 here), as `encoding` says; correct it, or save "
                "the file as UTF-8 and leave it out"
            ),
        ],
        encoding="ascii",
    ),
    "utf-8 declared": Case(
        HEADER + b"a1,\xe9\n",
        [
            (
                "! 2:4: not text in UTF-8 (the byte 0xe9 here); save the file as UTF-8, or name its "
                "encoding beside `from`, such as `encoding: cp1252`"
            ),
        ],
        encoding="UTF8",
    ),
    "not cp1252": Case(
        HEADER + b"a1,\x81\n",
        [
            (
                "! 2:4: not text in cp1252 (the byte 0x81 here), as `encoding` says; correct it, or save "
                "the file as UTF-8 and leave it out"
            ),
        ],
        encoding="cp1252",
    ),
    "C1 in latin-1": Case(
        HEADER + b"a1,\x93Lamp\x94\n",
        [
            (
                "! 2:4: the control character U+0093 is not allowed; is the file in cp1252? Then say "
                "`encoding: cp1252` beside `from`"
            ),
        ],
        encoding="latin-1",
    ),
    "utf-8 mark and cp1252": Case(
        BOM + HEADER,
        [
            "! 1:1: this file is saved as UTF-8, and `encoding` says cp1252; leave `encoding` out",
        ],
        encoding="cp1252",
    ),
    "utf-16 declared only": Case(
        HEADER + b"a1,x\n",
        [
            "! 1:1: this file is not saved as UTF-16; leave `encoding` out",
        ],
        encoding="utf-16",
    ),
    "cp1252 declared only": Case(
        "sku,title\n".encode("utf-16"),
        [
            (
                "! 1:1: this file is saved as UTF-16; save it as UTF-8, or say `encoding: utf-16` beside "
                "`from`"
            ),
        ],
        encoding="cp1252",
    ),
    "cut utf-16": Case(
        "sku,title\na1,x".encode("utf-16") + b"\x00",
        [
            "! 2:5: the file ends in the middle of a character; was it cut short?",
        ],
        encoding="utf-16",
    ),
    "half a character": Case(
        "sku,title\na1,".encode("utf-16-le") + b"\x00\xd8a\x00",
        [
            (
                "! 2:4: not text in utf-16-le (the byte 0x00 here), as `encoding` says; correct it, or "
                "save the file as UTF-8 and leave it out"
            ),
        ],
        encoding="utf-16-le",
    ),
    "utf-7 surrogate": Case(
        b"sku,title\na1,+2AA-\n",
        [
            "! 2:4: half of a character (U+D800); save the file as UTF-8",
        ],
        encoding="utf-7",
    ),
    "unknown": Case(
        HEADER,
        [
            '! 1:1: "utf-9" is not known; did you mean "utf-8"?',
        ],
        encoding="utf-9",
    ),
    "ANSI": Case(
        HEADER,
        [
            '! 1:1: "ANSI" is not known; did you mean "cp1252"?',
        ],
        encoding="ANSI",
    ),
    "far from any": Case(
        HEADER,
        [
            ('! 1:1: "qqqqqqqqqq" is not known; known are, among others, utf-8, cp1252, latin-1, utf-16'),
        ],
        encoding="qqqqqqqqqq",
    ),
    "no text": Case(
        HEADER,
        [
            ('! 1:1: "hex" is not known; known are, among others, utf-8, cp1252, latin-1, utf-16'),
        ],
        encoding="hex",
    ),
    "not for files": Case(
        HEADER,
        [
            ('! 1:1: "idna" is not known; known are, among others, utf-8, cp1252, latin-1, utf-16'),
        ],
        encoding="idna",
    ),
    "strange": Case(
        HEADER,
        [
            ('! 1:1: "a\\x00b" is not known; known are, among others, utf-8, cp1252, latin-1, utf-16'),
        ],
        encoding="a\x00b",
    ),
    "empty name": Case(
        HEADER,
        [
            ('! 1:1: "" is not known; known are, among others, utf-8, cp1252, latin-1, utf-16'),
        ],
        encoding="",
    ),
    "NUL in latin-1": Case(
        HEADER + b"a\x00,x",
        [
            "! 2:2: a NUL byte: this is not a text file, or not one in iso8859-1; save the file as UTF-8",
        ],
        encoding="latin-1",
    ),
}


@pytest.mark.parametrize("case", OTHERS.values(), ids=OTHERS.keys())
def test_what_it_really_is_is_said(case: Case) -> None:
    """One message, not one for each line."""
    assert said(case.content, case.kind, case.encoding, case.delimiter) == case.said


@pytest.mark.parametrize("case", SETTINGS.values(), ids=SETTINGS.keys())
def test_declared_encodings_and_delimiters(case: Case) -> None:
    """What is declared counts, and is doubted where the file shows that it is wrong."""
    assert said(case.content, case.kind, case.encoding, case.delimiter) == case.said
