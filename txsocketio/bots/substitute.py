"""
C{${VAR}}, C{${VAR:-default}} and C{${file:PATH}} inside a value.

This is how secrets stay out of a bots file, so what was put in is told apart
from what was written, and no error here shows it.  A C{$} before anything but
a brace is an ordinary character; C{$$} before a brace is a literal C{$}.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Substitution", "onlyRefers", "written"]

MAX_FILE_BYTES = 65536

_PLACE = re.compile(r"\$(\$\{)|\$\{([^}]*)\}|(\$\{)")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)

_REFERENCES = re.compile(r"(\$\{(file:[^}]*|[A-Za-z_][A-Za-z0-9_]*)\})+")


def onlyRefers(text: str) -> bool:
    """
    Whether a value is made of references alone: what they stand for may be a
    secret, the text itself is none.  A C{${VAR:-default}} may hold one.
    """
    return _REFERENCES.fullmatch(text) is not None


def written(value: str) -> str:
    """
    How to write a value so that nothing in it is taken for a reference.
    """
    return value.replace("${", "$${")


class Substitution:
    """
    Puts the environment and files into values.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        """
        @param folder: what a relative C{${file:PATH}} is relative to.
        """
        self._environ = environ
        self._folder = folder

    def expand(self, text: str) -> tuple[str, tuple[str, ...]]:
        """
        Expand one value.

        @return: the value, and what was put in: the secrets in it.
        @raise ValueError: saying what cannot be had, and never the value.
        """
        secrets: list[str] = []

        def place(match: re.Match[str]) -> str:
            literal, inside, unclosed = match.groups()
            if literal:
                return "${"
            if unclosed:
                raise ValueError('"${" without "}"; write $${ for a literal ${')
            secrets.append(self._lookUp(inside))
            return secrets[-1]

        return _PLACE.sub(place, text), tuple(secrets)

    def _lookUp(self, inside: str) -> str:
        isFile = inside.startswith("file:")
        return self._file(inside[5:]) if isFile else self._variable(inside)

    def _variable(self, inside: str) -> str:
        match = _NAME.fullmatch(inside)
        if match is None:
            raise ValueError("${...} wants the name of an environment variable, or file:PATH")
        name, default = match.groups()
        value = self._environ.get(name)
        if default is not None:
            return value or default
        if value is None:
            raise ValueError(
                f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}"
            )
        return value

    def _file(self, name: str) -> str:
        path = self._folder / name.strip()
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            raise ValueError(f"cannot read {path}: {_why(error)}") from None
        if len(data) > MAX_FILE_BYTES:
            raise ValueError(f"{path} has more than {MAX_FILE_BYTES} bytes")
        try:
            return data.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not UTF-8 text") from None


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
