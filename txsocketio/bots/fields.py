"""
What several plugins are told in lines of a bots file: names with values, and
where to send things.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from txsocketio.options import checkHeaders

__all__ = [
    "fieldLines",
    "headerLines",
    "hostOf",
    "secretsOfFields",
    "secretsOfTarget",
    "webURL",
    "withoutUser",
]

SHOWN = 6
"""Words of up to this length, like C{Bearer} or C{hook}, are no secrets by themselves."""


def fieldLines(text: str) -> Mapping[str, str]:
    """
    Lines of the form C{Name: value}.
    """
    fields = {}
    for line in filter(None, map(str.strip, text.split("\n"))):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ValueError("must be lines of the form Name: value")
        fields[name.strip()] = value.strip()
    return fields


def headerLines(text: str) -> Mapping[str, str]:
    """
    Lines of the form C{Name: value} that an HTTP request can carry.
    """
    headers = fieldLines(text)
    checkHeaders(headers)
    return headers


def secretsOfFields(text: str) -> Iterable[str]:
    """
    All values, and the longer words of each: C{Bearer} is none, what comes
    after it is one.
    """
    values = [line.partition(":")[2].strip() for line in text.split("\n")]
    return {*values, *(word for value in values for word in value.split(" ") if len(word) > SHOWN)}


def webURL(text: str) -> str:
    """
    A URL that can be posted to.
    """
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError('must be a URL that can be posted to, as in "https://example.com/hook"')
    return text


def secretsOfTarget(text: str) -> Iterable[str]:
    """
    What must not be shown of such a URL: all but the server, for many services
    know their callers by the path.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        return {text}
    path = parts.path if len(parts.path) > 1 else ""
    userinfo = parts.netloc.rpartition("@")[0]
    words = (*path.split("/"), *(word for _, word in parse_qsl(parts.query)))
    long = {word for word in words if len(word) > SHOWN}
    said = {text, path, parts.query, userinfo, *userinfo.split(":", 1), *long}
    return said | {unquote(each) for each in said}


def hostOf(url: str) -> str:
    """
    The server in a URL, without what is secret: fit to be shown.
    """
    return urlsplit(url).netloc.rpartition("@")[2]


def withoutUser(url: str) -> tuple[str, str]:
    """
    Take user and password out of a URL.

    @return: the URL without them, and C{user:password}, decoded, or nothing.
    """
    parts = urlsplit(url)
    userinfo, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=host, fragment="").geturl(), unquote(userinfo)
