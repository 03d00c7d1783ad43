"""
What is written on the command line: texts with secrets in them, and JSON.

Everybody on a machine can read the command lines of its processes.  So a
secret is written as C{${VAR}} or as C{@file}; what was put in is remembered,
and never shown.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from txsocketio.bots.substitute import Substitution
from txsocketio.errors import excerpt

__all__ = ["Texts", "readJSON"]

MAX_FILE_BYTES = 64 * 1024 * 1024


class Texts:
    """
    Reads the words of one command line.

    @ivar secrets: what was put in.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path | None = None) -> None:
        """
        @param folder: what relative names of files are relative to.
        """
        self._folder = folder or Path()
        self._substitution = Substitution(environ, self._folder)
        self.secrets: set[str] = set()

    def text(self, word: str) -> str:
        """
        Put C{${VAR}} and C{${file:PATH}} into a word; C{@file} is a file's
        content, and C{@@} a literal C{@}.

        @raise ValueError: saying what cannot be had, and never a secret.
        """
        return self._remember(*self.read(word))

    def read(self, word: str) -> tuple[str, tuple[str, ...]]:
        """
        The same, and what was put in, which is not remembered here.
        """
        if word.startswith("@@"):
            word = word[1:]
        elif word.startswith("@"):
            content = self._file(word[1:]).rstrip("\r\n")
            return content, (content,)
        return self.expand(word)

    def expand(self, word: str) -> tuple[str, tuple[str, ...]]:
        """
        The same again, where C{@} means nothing.
        """
        return self._substitution.expand(word)

    def json(self, word: str) -> Any:
        """
        Read a word that is JSON, or C{@file} with JSON in it.  C{${VAR}} is
        put into its texts after it was read, so no value can change its form.
        """
        if not word.startswith("@"):
            return _mapTexts(readJSON(word), lambda text: self._remember(*self.expand(text)))
        content = self._file(word[1:])
        try:
            return _mapTexts(readJSON(content), lambda text: self._remember(text, (text,)))
        except ValueError:
            raise ValueError(f"{self._folder / word[1:]} does not hold JSON") from None

    def _remember(self, text: str, put: Iterable[str]) -> str:
        self.secrets.update(put)
        return text

    def _file(self, name: str) -> str:
        path = self._folder / name
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise ValueError(f"cannot read {path}: {why}") from None
        if len(data) > MAX_FILE_BYTES:
            raise ValueError(f"{path} has more than {MAX_FILE_BYTES} bytes")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not UTF-8 text") from None


def readJSON(text: str | bytes) -> Any:
    """
    Read JSON; an object with nothing but C{"base64"} in it stands for bytes,
    as in what these commands write.

    @raise ValueError: it is not JSON.
    """
    try:
        return json.loads(text, object_hook=_revive, parse_constant=_noNumber)
    except UnicodeDecodeError:
        raise ValueError("this is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{excerpt(text, 40)} is not JSON ({error.msg})") from None
    except RecursionError:
        raise ValueError("this JSON is nested too deeply") from None


def _revive(value: dict[str, Any]) -> Any:
    if value.keys() != {"base64"} or not isinstance(value["base64"], str):
        return value
    try:
        return b64decode(value["base64"], validate=True)
    except ValueError:
        raise ValueError(f"{excerpt(value['base64'], 40)} is not base64") from None


def _noNumber(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _mapTexts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapTexts(each, change) for each in value]
    if isinstance(value, dict):
        return {name: _mapTexts(each, change) for name, each in value.items()}
    return value
