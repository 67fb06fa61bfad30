"""`--env-file`: what a file of settings may hold, whose word counts, and that no value ever shows."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest
from support.command import Desk, Sim

from pipeline.cli.env import MAX_BYTES, environment, parsed
from pipeline.errors import UsageError

SECRET = "secret-word"


def written(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "keys.env"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


@pytest.mark.slow
def test_a_key_from_a_file_is_used_and_goes_before_the_environment(desk: Desk, secretive: Sim) -> None:
    """Key and address come from the file, also where the environment has others; neither output nor a
    warning has anything of them."""
    key, url = secretive.key, secretive.base_url
    file = written(desk.folder, f"# for tests\nexport COMETAPI_KEY='{key}'\nCOMETAPI_BASE_URL={url} # here\n")
    others = {"COMETAPI_KEY": SECRET, "COMETAPI_BASE_URL": "https://gateway.example"}

    ended = desk.with_env(**others).run("doctor", "--env-file", file.name).exits(0)

    assert re.search(rf"^ok +gateway cometapi +{url}: answers", ended.out, re.M)
    assert ended.err == ""
    assert SECRET not in ended.text
    assert key not in ended.text


@pytest.mark.slow
def test_a_bad_line_is_named_and_not_shown(desk: Desk) -> None:
    """Exit 2, file and line; what stands there may be a key."""
    file = written(desk.folder, f"# keys\n\nCOMETAPI_KEY: {SECRET}\n")

    ended = desk.run("doctor", "--env-file", file.name).exits(2)

    assert ended.lines == ["error: keys.env:3: expected NAME=value, # and a comment, or an empty line"]


@pytest.mark.slow
def test_a_pipe_will_do(desk: Desk) -> None:
    """A password manager need not leave a file behind: `--env-file <(...)`."""
    pipe = desk.folder / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(
        target=pipe.write_text, args=(f"COMETAPI_KEY={SECRET} {SECRET}\n",), daemon=True
    )
    writer.start()

    ended = desk.run("doctor", "--env-file", pipe.name).exits(3)

    writer.join(10)
    assert "COMETAPI_KEY holds a character no key has" in ended.out
    assert SECRET not in ended.text


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("\n # only a comment\n", {}),
        ("A=1", {"A": "1"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffA=1\n", {"A": "1"}),
        ("export A=1\n", {"A": "1"}),
        ("A = spaces around \n", {"A": "spaces around"}),
        ("A='quo#ted' # not this\n", {"A": "quo#ted"}),
        ('A="two\\nlines"\n', {"A": "two\nlines"}),
        ("A=$HOME/${B}\n", {"A": "$HOME/${B}"}),
        ("A=\n", {"A": ""}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=b=c==\n", {"A": "b=c=="}),
    ],
    ids=repr,
)
def test_what_a_file_may_hold(text: str, values: dict[str, str], tmp_path: Path) -> None:
    """dotenv's form, and a dollar sign is a dollar sign: keys may hold one."""
    assert parsed(text, tmp_path) == values
    assert dict(environment(written(tmp_path, text))) == {**os.environ, **values}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("secret-word", 1),
        ("A=1\nsecret-word\n", 2),
        ("A=1\n\n\n  secret-word\n", 4),
        ("A=1\r\n\r\nsecret: word\r\n", 3),
        ("A=1\n$env:KEY='secret-word'\n", 2),
        ("A='secret-word\nB=2\n", 1),
        ("A=1\n=secret-word\n", 2),
        ("A=1\n{'KEY': 'secret-word'}\n", 2),
        ("A=1\nset KEY=secret-word\n", 2),
        ("A='secret' word\n", 1),
    ],
    ids=repr,
)
def test_a_line_that_sets_nothing_is_refused(text: str, line: int, tmp_path: Path) -> None:
    """Skipped, it would be a key that is silently missing. The line is named and never repeated."""
    file = written(tmp_path, text)

    with pytest.raises(UsageError) as caught:
        environment(file)

    assert str(caught.value).startswith(f"{file}:{line}: expected NAME=value")
    assert "secret" not in str(caught.value).replace(str(file), "")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"A=1\n\0", r"keys\.env:2: a NUL byte"),
        ("A=secret\n".encode("utf-16"), r"keys\.env:1: a NUL byte"),
        (b"A=1\nB=\xff\xfe", r"keys\.env:2: not text in UTF-8$"),
        (b"#" * (MAX_BYTES + 1), "larger than 1 MiB"),
    ],
    ids=["NUL", "UTF-16", "Latin-1", "huge"],
)
def test_what_is_no_list_of_settings_is_refused(content: bytes, complaint: str, tmp_path: Path) -> None:
    file = written(tmp_path, content)

    with pytest.raises(UsageError, match=complaint) as caught:
        environment(file)

    assert caught.value.__cause__ is None  # a decoding error holds the file's bytes


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, a folder, below a file, or without end."""
    for path, complaint in (
        (tmp_path / "gone.env", r"gone\.env not found"),
        (tmp_path, "is a folder: name a file in it"),
        (written(tmp_path, "") / "below", "cannot be read: Not a directory"),
        (Path("/dev/zero"), "larger than"),
    ):
        with pytest.raises(UsageError, match=complaint):
            environment(path)


@pytest.mark.parametrize(
    ("mode", "text", "warned"),
    [
        (0o600, "COMETAPI_KEY=secret-word\n", False),
        (0o400, "COMETAPI_KEY=secret-word\n", False),
        (0o640, "XAI_API_KEY=secret-word\n", True),
        (0o604, "GLOBALAIOPC_KEY=secret-word\n", True),
        (0o644, "COMETAPI_KEY=\nCOMETAPI_BASE_URL=https://gateway.example\n", False),
    ],
)
def test_a_key_that_others_can_read_is_warned_of(
    mode: int, text: str, warned: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning on stderr, no error: shared machines are the user's to judge."""
    file = written(tmp_path, text, mode)

    environment(file)

    out, err = capsys.readouterr()
    expected = f"warning: {file} holds a key, and others on this machine can read it: chmod 600 {file}\n"
    assert (out, err) == ("", expected if warned else "")


def test_without_a_file_it_is_the_environment() -> None:
    assert environment(None) is os.environ
