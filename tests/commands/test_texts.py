"""
Tests for L{txsocketio.commands.texts}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from txsocketio.commands import texts
from txsocketio.commands.texts import Texts, readJSON


@pytest.fixture
def words(tmp_path: Path) -> Texts:
    (tmp_path / "token").write_text("s3cret\n")
    (tmp_path / "auth.json").write_text('{"token": ["deep", 1]}')
    (tmp_path / "bad.json").write_text("password: s3cret")
    (tmp_path / "latin").write_bytes(b"\xe9")
    return Texts({"TOKEN": "from-env"}, tmp_path)


def test_variable(words: Texts) -> None:
    """
    C{${VAR}} comes from the environment, and is remembered as a secret.
    """
    assert words.text("Bearer ${TOKEN}") == "Bearer from-env"
    assert words.secrets == {"from-env"}


def test_file(words: Texts) -> None:
    """
    C{@file} is the file's content without its line end, and a secret.
    """
    assert words.text("@token") == "s3cret"
    assert words.secrets == {"s3cret"}


def test_literalAt(words: Texts) -> None:
    """
    C{@@} is a literal C{@}.
    """
    assert words.text("@@home") == "@home"
    assert not words.secrets


def test_plainAt(words: Texts) -> None:
    """
    Where files mean nothing, neither does C{@}.
    """
    assert words.expand("@token") == ("@token", ())


def test_missingFile(words: Texts) -> None:
    """
    A file that is not there is named.
    """
    with pytest.raises(ValueError, match=r"cannot read .*nix: No such file"):
        words.text("@nix")


def test_impossibleName(words: Texts) -> None:
    """
    A name that no file can have is a mistake like others.
    """
    with pytest.raises(ValueError, match="cannot read .*null"):
        words.text("@a\0b")


def test_notUTF8(words: Texts) -> None:
    """
    A file must be text.
    """
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        words.text("@latin")


def test_hugeFile(words: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A file is not read without limit.
    """
    monkeypatch.setattr(texts, "MAX_FILE_BYTES", 3)
    with pytest.raises(ValueError, match="has more than 3 bytes"):
        words.text("@token")


def test_json(words: Texts) -> None:
    """
    C{${VAR}} is put into the texts of JSON, wherever they are, after it was
    read.
    """
    assert words.json('{"a": ["${TOKEN}", 1, null]}') == {"a": ["from-env", 1, None]}


def test_valueCannotChangeTheForm(tmp_path: Path) -> None:
    """
    Quotes in a secret stay in the text they were put into.
    """
    words = Texts({"EVIL": '","admin":"yes'}, tmp_path)
    assert words.json('{"a": "${EVIL}"}') == {"a": '","admin":"yes'}


def test_jsonFile(words: Texts) -> None:
    """
    C{@file} may hold JSON; all texts in it are secrets.
    """
    assert words.json("@auth.json") == {"token": ["deep", 1]}
    assert words.secrets == {"deep"}


def test_badJSONFileIsNotShown(words: Texts) -> None:
    """
    A file that is not JSON is named, and its content not shown.
    """
    with pytest.raises(ValueError, match="does not hold JSON") as caught:
        words.json("@bad.json")
    assert "s3cret" not in str(caught.value)


def test_bytes() -> None:
    """
    An object with nothing but C{"base64"} stands for bytes.
    """
    assert readJSON('[{"base64": "AP8="}, {"base64": 1}, {"base64": "x", "y": 1}]') == [
        b"\x00\xff",
        {"base64": 1},
        {"base64": "x", "y": 1},
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("hello", "'hello' is not JSON"),
        ("NaN", "NaN is not JSON"),
        (b"\xff\xfe\xff", "this is not UTF-8 text"),
        ('{"base64": "?"}', r"'\?' is not base64"),
        ("[" * 100_000, "nested too deeply"),
    ],
    ids=["word", "NaN", "latin", "base64", "deep"],
)
def test_notJSON(text: Any, complaint: str) -> None:
    """
    What is not JSON is told as a mistake, whatever it is.
    """
    with pytest.raises(ValueError, match=complaint):
        readJSON(text)
