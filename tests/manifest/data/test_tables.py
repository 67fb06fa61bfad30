"""Tables, sound and broken, each with all that is read and said."""

from __future__ import annotations

import pytest
from manifest.data.reading import Case, said

HEADER = b"sku,title\n"
BOM = b"\xef\xbb\xbf"

SOUND: dict[str, Case] = {
    "plain": Case(
        HEADER + b"a1,Lamp\na2,Desk\n",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
            (2, 3, {"sku": "a2", "title": "Desk"}),
        ],
    ),
    "byte order mark": Case(
        BOM + HEADER + b"a1,Lamp\n",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
        ],
    ),
    "CRLF": Case(
        b"sku,title\r\na1,Lamp\r\n",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
        ],
    ),
    "CR": Case(
        b"sku,title\ra1,Lamp\ra2,Desk",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
            (2, 3, {"sku": "a2", "title": "Desk"}),
        ],
    ),
    "mixed line ends": Case(
        b"sku,title\ra1,Lamp\r\na2,Desk\n\ra3,Bed",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
            (2, 3, {"sku": "a2", "title": "Desk"}),
            (3, 5, {"sku": "a3", "title": "Bed"}),
        ],
    ),
    "no line end at the end": Case(
        HEADER + b"a1,Lamp",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
        ],
    ),
    "blank lines": Case(
        b"\n\r\n" + HEADER + b"\na1,Lamp\n  \n\na2,Desk\n\n",
        [
            (1, 5, {"sku": "a1", "title": "Lamp"}),
            (2, 8, {"sku": "a2", "title": "Desk"}),
        ],
    ),
    "rows of empty cells": Case(
        HEADER + b'a1,Lamp\n,\n,,,\n , \n"",\na2,Desk\n,\n',
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
            (2, 7, {"sku": "a2", "title": "Desk"}),
        ],
    ),
    "text as written": Case(
        HEADER + b' 007 ,no\n16:9,=HYPERLINK("x")\n2024-01-01,~\n',
        [
            (1, 2, {"sku": " 007 ", "title": "no"}),
            (2, 3, {"sku": "16:9", "title": '=HYPERLINK("x")'}),
            (3, 4, {"sku": "2024-01-01", "title": "~"}),
        ],
    ),
    "quoted cells": Case(
        HEADER + b'"a,1","Lamp ""big"""\na2,"two\nlines"\na3,"two\r\nlines"\na4,x\n',
        [
            (1, 2, {"sku": "a,1", "title": 'Lamp "big"'}),
            (2, 3, {"sku": "a2", "title": "two\nlines"}),
            (3, 5, {"sku": "a3", "title": "two\r\nlines"}),
            (4, 7, {"sku": "a4", "title": "x"}),
        ],
    ),
    "a quote in the middle": Case(
        HEADER + b'a1,27" screen\na2,x"y"z\n',
        [
            (1, 2, {"sku": "a1", "title": '27" screen'}),
            (2, 3, {"sku": "a2", "title": 'x"y"z'}),
        ],
    ),
    "empty quotes": Case(
        HEADER + b'"a1",""\n',
        [
            (1, 2, {"sku": "a1", "title": ""}),
        ],
    ),
    "blanks around names": Case(
        b" sku ,\ttitle\t\na1,Lamp\n",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
        ],
    ),
    "case of names": Case(
        b"SKU,sku\nA,a\n",
        [
            (1, 2, {"SKU": "A", "sku": "a"}),
        ],
    ),
    "header only": Case(HEADER, []),
    "header without line end": Case(b"sku,title", []),
    "a single column": Case(
        b'prompt\nA fox\n\n \n""\nA dog\n',
        [
            (1, 2, {"prompt": "A fox"}),
            (2, 6, {"prompt": "A dog"}),
        ],
    ),
    "trailing columns without name": Case(
        b"sku,title,, \na1,Lamp,,\na2,Desk\na3,Bed,\na4,Box,,,,\n",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
            (2, 3, {"sku": "a2", "title": "Desk"}),
            (3, 4, {"sku": "a3", "title": "Bed"}),
            (4, 5, {"sku": "a4", "title": "Box"}),
        ],
    ),
    "a column without name in the middle": Case(
        b"sku,,title\na1,,Lamp\na2, ,Desk\n",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
            (2, 3, {"sku": "a2", "title": "Desk"}),
        ],
    ),
    "separator line": Case(
        b"sep=;\r\nsku;title\r\na1;Lamp, big\r\n",
        [
            (1, 3, {"sku": "a1", "title": "Lamp, big"}),
        ],
    ),
    "separator line in quotes": Case(
        b'"sep=|"\nsku|title\na1|Lamp\n',
        [
            (1, 3, {"sku": "a1", "title": "Lamp"}),
        ],
    ),
    "separator line and tab": Case(
        b"SEP=\t\nsku\ttitle\na1\tLamp\n",
        [
            (1, 3, {"sku": "a1", "title": "Lamp"}),
        ],
    ),
    "separator line alone": Case(
        b"sep=;",
        [
            "! 1:1: the file is empty; expected the names of the columns on its first line",
        ],
    ),
    "separator is a letter": Case(
        b"sep=x\na\n",
        [
            (1, 2, {"sep=x": "a"}),
        ],
    ),
    "line separator in a cell": Case(
        HEADER + "a1,La\u2028mp\u2029\na2,x\n".encode(),
        [
            (1, 2, {"sku": "a1", "title": "La\u2028mp\u2029"}),
            (2, 3, {"sku": "a2", "title": "x"}),
        ],
    ),
    "tsv": Case(
        b'sku\ttitle\na1\tLamp, "big"\n',
        [
            (1, 2, {"sku": "a1", "title": 'Lamp, "big"'}),
        ],
        kind="tsv",
    ),
}

BROKEN: dict[str, Case] = {
    "empty": Case(
        b"",
        [
            "! 1:1: the file is empty; expected the names of the columns on its first line",
        ],
    ),
    "a byte order mark alone": Case(
        BOM,
        [
            "! 1:1: the file is empty; expected the names of the columns on its first line",
        ],
    ),
    "blank lines alone": Case(
        b"\n \r\n,,,\n",
        [
            "! 1:1: the file is empty; expected the names of the columns on its first line",
        ],
    ),
    "too many cells": Case(
        HEADER + b"a1,Lamp, big\na2,Desk\n",
        [
            '2:9: row 1: 3 cells, expected 2 as in the header; put a cell with a "," in it in quotes',
            (2, 3, {"sku": "a2", "title": "Desk"}),
        ],
    ),
    "too many cells, with a blank before the quote": Case(
        HEADER + b'a1, "Lamp, big"\n',
        [
            (
                "2:11: row 1: 3 cells, expected 2 as in the header; a quote counts only as the first "
                "character of a cell"
            ),
        ],
    ),
    "too few cells": Case(
        HEADER + b"a1\na2,Desk\na3\n",
        [
            '2:1: row 1: 1 cell, expected 2 as in the header; an empty cell needs its "," too',
            (2, 3, {"sku": "a2", "title": "Desk"}),
            '4:1: row 3: 1 cell, expected 2 as in the header; an empty cell needs its "," too',
        ],
    ),
    "one cell too few of three": Case(
        b"a,b,c\n1,2\n",
        [
            '2:1: row 1: 2 cells, expected 3 as in the header; an empty cell needs its "," too',
        ],
    ),
    "too many cells after a broken line": Case(
        HEADER + b'a1,"Lamp\nbig",red\na2,x\n',
        [
            (
                "3:6: row 1 (lines 2 to 3; is a quote missing?): 3 cells, expected 2 as in the header; "
                'put a cell with a "," in it in quotes'
            ),
            (2, 4, {"sku": "a2", "title": "x"}),
        ],
    ),
    "too few cells over lines": Case(
        HEADER + b'"a1,Lamp\na2,Desk"\na3,Bed\n',
        [
            (
                "2:1: row 1 (lines 2 to 3; is a quote missing?): 1 cell, expected 2 as in the header; an "
                'empty cell needs its "," too'
            ),
            (2, 4, {"sku": "a3", "title": "Bed"}),
        ],
    ),
    "numbers go on behind a flaw": Case(
        HEADER + b"a1\n\na2,x,y\na3,Bed\n",
        [
            '2:1: row 1: 1 cell, expected 2 as in the header; an empty cell needs its "," too',
            '4:6: row 2: 3 cells, expected 2 as in the header; put a cell with a "," in it in quotes',
            (3, 5, {"sku": "a3", "title": "Bed"}),
        ],
    ),
    "text under a column without name": Case(
        b"sku,title,\na1,Lamp,big\na2,Desk,\n",
        [
            '2:9: row 1: "big" in column 3, which has no name in the header; name the column, or empty it',
            (2, 3, {"sku": "a2", "title": "Desk"}),
        ],
    ),
    "text under a column without name in the middle": Case(
        b"sku,,title\na1,big,Lamp\n",
        [
            '2:4: row 1: "big" in column 2, which has no name in the header; name the column, or empty it',
        ],
    ),
    "a column twice": Case(
        b"sku,title, sku\na1,Lamp,x\n",
        [
            '! 1:11: the column "sku" is there twice, as column 1 and column 3; rename one of them',
        ],
    ),
    "a column twice, further down": Case(
        b'\n\n"two\nlines",sku,sku\n',
        [
            '! 4:12: the column "sku" is there twice, as column 2 and column 3; rename one of them',
        ],
    ),
    "too many columns": Case(
        ",".join(f"c{i}" for i in range(1001)).encode(),
        [
            "! 1:1: 1,001 columns, at most 1,000 are allowed; is this the header?",
        ],
    ),
    "a thousand columns": Case(",".join(f"c{i}" for i in range(1000)).encode() + b"," * 5000 + b"\n", []),
    "an unclosed quote": Case(
        HEADER + b'a1,"Lamp\na2,Desk\na3,Bed\n',
        [
            (
                "! 2:4: a quote is opened here and never closed; close it where the cell ends; a quote "
                'inside a quoted cell is written twice ("")'
            ),
        ],
    ),
    "an unclosed quote at the end": Case(
        HEADER + b'a1,Lamp\na2,"',
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
            (
                "! 3:4: a quote is opened here and never closed; close it where the cell ends; a quote "
                'inside a quoted cell is written twice ("")'
            ),
        ],
    ),
    "an unclosed quote in the header": Case(
        b'sku,"title\na1,Lamp\n',
        [
            (
                "! 1:5: a quote is opened here and never closed; close it where the cell ends; a quote "
                'inside a quoted cell is written twice ("")'
            ),
        ],
    ),
    "text behind a quote": Case(
        HEADER + b'a1,"Lamp"big\na2,Desk\n',
        [
            (
                '2:10: row 1: "big" behind a closing quote, where the cell should end; a quote inside a '
                'quoted cell is written twice ("")'
            ),
            (2, 3, {"sku": "a2", "title": "Desk"}),
        ],
    ),
    "text behind a quote, many": Case(
        HEADER + b'a1,"Lamp"big\n"a"2,Desk\na3,x\n',
        [
            (
                '2:10: row 1: "big" behind a closing quote, where the cell should end; a quote inside a '
                'quoted cell is written twice ("")'
            ),
            (
                '3:4: row 2: "2,Desk" behind a closing quote, where the cell should end; a quote inside '
                'a quoted cell is written twice ("")'
            ),
            (3, 4, {"sku": "a3", "title": "x"}),
        ],
    ),
    "a quote within quotes": Case(
        HEADER + b'a1,"The "big" lamp"\na2,Desk\n',
        [
            (
                '2:10: row 1: "big" lamp"" behind a closing quote, where the cell should end; a quote '
                'inside a quoted cell is written twice ("")'
            ),
            (2, 3, {"sku": "a2", "title": "Desk"}),
        ],
    ),
    "a blank behind a quote": Case(
        HEADER + b'"a1" ,Lamp\n',
        [
            "2:5: row 1: a blank between a closing quote and the end of its cell; remove it",
        ],
    ),
    "a blank behind a quote at the end": Case(
        HEADER + b'a1,"Lamp" \na2,"Desk"\t\n',
        [
            "2:10: row 1: a blank between a closing quote and the end of its cell; remove it",
            "3:10: row 2: a blank between a closing quote and the end of its cell; remove it",
        ],
    ),
    "text behind a quote, further quotes": Case(
        HEADER + b'"a1"x,"Lamp\n",Desk\n',
        [
            (
                '! 2:5: "x,"Lamp" behind a closing quote, where the cell should end; a quote inside a '
                'quoted cell is written twice ("")'
            ),
        ],
    ),
    "text behind a quote in the header": Case(
        b'"sku"x,title\na1,Lamp\n',
        [
            (
                '! 1:6: "x,title" behind a closing quote, where the cell should end; a quote inside a '
                'quoted cell is written twice ("")'
            ),
        ],
    ),
    "a quote closed by a later one": Case(
        HEADER + b'a1,"Lamp\na2,Desk\na3,"Bed"\na4,x\n',
        [
            (
                '! 2:4: the quote that is opened here is closed on line 4, with "Bed"" behind it; close '
                'it where the cell ends; a quote inside a quoted cell is written twice ("")'
            ),
        ],
    ),
    "a cell too long": Case(
        HEADER + b"a1,Lamp\na2," + b"x" * (2**20 + 1) + b"\na3,x\n",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
            "! 3:4: a cell of more than 1 MiB; is a quote missing?",
        ],
    ),
    "a quoted cell too long": Case(
        HEADER + b'a1,"' + b"x" * (2**20 + 1) + b'"\n',
        [
            "! 2:4: a cell of more than 1 MiB; is a quote missing?",
        ],
    ),
    "an unclosed quote before a long rest": Case(
        HEADER + b'a1,"Lamp\n' + b"a2,Desk\n" * 200000,
        [
            (
                "! 2:4: a quote is opened here and not closed within 1 MiB; a quote inside a quoted cell "
                'is written twice ("")'
            ),
        ],
    ),
    "a row too long": Case(
        b",".join(b"%d" % i for i in range(10)) + b"\n" + b",".join([b"x" * 900000] * 10),
        [
            "! 2:1: what begins here goes on for more than 4 MiB",
        ],
    ),
    "latin-1": Case(
        HEADER + b"a1,caf\xe9\n",
        [
            (
                "! 2:7: not text in UTF-8 (the byte 0xe9 here); save the file as UTF-8, or name its "
                "encoding beside `from`, such as `encoding: cp1252`"
            ),
        ],
    ),
    "latin-1 in the second line": Case(
        HEADER + b"a1,Lamp\r\na2,x\xe9\n",
        [
            (1, 2, {"sku": "a1", "title": "Lamp"}),
            (
                "! 3:5: not text in UTF-8 (the byte 0xe9 here); save the file as UTF-8, or name its "
                "encoding beside `from`, such as `encoding: cp1252`"
            ),
        ],
    ),
    "not cp1252 either": Case(
        HEADER + b"a1,\x81\n",
        [
            "! 2:4: not text in UTF-8 (the byte 0x81 here); save the file as UTF-8",
        ],
    ),
    "mixed encodings": Case(
        HEADER + "a1,café\na2,x".encode() + b"\xe9\n",
        [
            (1, 2, {"sku": "a1", "title": "café"}),
            (
                "! 3:5: not text in UTF-8 (the byte 0xe9 here), although the text before it is; save the "
                "file as UTF-8"
            ),
        ],
    ),
    "cut within a character": Case(
        HEADER + "a1,é\na2,é".encode()[:-1],
        [
            (1, 2, {"sku": "a1", "title": "é"}),
            "! 3:4: the file ends in the middle of a character; was it cut short?",
        ],
    ),
    "latin-1 at the very end": Case(
        HEADER + b"a1,caf\xe9",
        [
            (
                "! 2:7: not text in UTF-8 (the byte 0xe9 here); save the file as UTF-8, or name its "
                "encoding beside `from`, such as `encoding: cp1252`"
            ),
        ],
    ),
    "NUL": Case(
        HEADER + b"a1,La\x00mp\n",
        [
            "! 2:6: a NUL byte: this is not a text file, or not one in UTF-8; save the file as UTF-8",
        ],
    ),
    "bell": Case(
        HEADER + b"a1,La\x07mp\n",
        [
            "! 2:6: the control character U+0007 is not allowed; remove it",
        ],
    ),
    "bell in quotes": Case(
        HEADER + b'a1,"La\n\x07mp"\n',
        [
            "! 3:1: the control character U+0007 is not allowed; remove it",
        ],
    ),
    "DEL": Case(
        HEADER + b"a1,\x7f\n",
        [
            "! 2:4: the control character U+007F is not allowed; remove it",
        ],
    ),
    "C1": Case(
        HEADER + b"a1,\xc2\x93x\xc2\x94\n",
        [
            "! 2:4: the control character U+0093 is not allowed; remove it",
        ],
    ),
    "vertical tab": Case(
        HEADER + b"a1,two\x0blines\n",
        [
            "! 2:7: the control character U+000B is not allowed; remove it",
        ],
    ),
    "end of file mark": Case(
        HEADER + b"a1,x\n\x1a",
        [
            (1, 2, {"sku": "a1", "title": "x"}),
            "! 3:1: the control character U+001A is not allowed; remove it",
        ],
    ),
    "two files joined": Case(
        BOM + HEADER + b"a1,x\n" + BOM + HEADER,
        [
            (1, 2, {"sku": "a1", "title": "x"}),
            "! 3:1: a byte order mark in the middle of the file; remove it (were two files joined?)",
        ],
    ),
    "rows before a bad byte": Case(
        HEADER + b"a1,x\na2\na3,y\xff",
        [
            (1, 2, {"sku": "a1", "title": "x"}),
            '3:1: row 2: 1 cell, expected 2 as in the header; an empty cell needs its "," too',
            (
                "! 4:5: not text in UTF-8 (the byte 0xff here); save the file as UTF-8, or name its "
                "encoding beside `from`, such as `encoding: cp1252`"
            ),
        ],
    ),
    "tsv: too many": Case(
        b"a\tb\n1\t2\t3\n",
        [
            "2:5: row 1: 3 cells, expected 2 as in the header; put a cell with a tab in it in quotes",
        ],
        kind="tsv",
    ),
    "tsv: too few": Case(
        b"a\tb\n1\n",
        [
            "2:1: row 1: 1 cell, expected 2 as in the header; an empty cell needs its tab too",
        ],
        kind="tsv",
    ),
    "tsv: text behind": Case(
        b'a\tb\n"1"x\t2\n',
        [
            (
                '2:4: row 1: "x\\t2" behind a closing quote, where the cell should end; a quote inside a '
                'quoted cell is written twice ("")'
            ),
        ],
        kind="tsv",
    ),
}


@pytest.mark.parametrize("case", SOUND.values(), ids=SOUND.keys())
def test_what_is_read(case: Case) -> None:
    """Odd is not wrong: nothing is said where it is plain what was meant."""
    assert said(case.content, case.kind, case.encoding, case.delimiter) == case.said


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_said(case: Case) -> None:
    """Each at its place; the rows that are sound are read all the same, up to where nothing is sure."""
    assert said(case.content, case.kind, case.encoding, case.delimiter) == case.said
