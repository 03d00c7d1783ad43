"""
Hides secrets in texts, in whatever dress they come.

A secret travels as it is, but also percent-encoded in a query, escaped in
JSON, as base64 in an C{Authorization} header; a server may echo any of these,
and an error may quote it.  So each is looked for in all its forms.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from urllib.parse import quote, quote_plus, unquote, urlsplit

__all__ = ["HIDDEN", "Redactor", "credentialsOf", "redactorOf"]

HIDDEN = "(hidden)"

SHORTEST_SECRET = 4
"""Shorter ones are not looked for in texts: everything would be hidden."""

_CUT = re.compile(r"(['\"]\.\.\. \(\d+ in all\))")
"""How L{excerpt <txsocketio.errors.excerpt>} tells that it cut something."""


class Redactor:
    """
    Hides some secrets; called with a text, it gives one that may be shown.

    @ivar longest: how many characters the longest form of a secret has.
    """

    __slots__ = ("_byStart", "_forms", "longest")

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = {form for secret in secrets for form in _formsOf(secret)}
        self._byStart: dict[str, list[str]] = {}
        for form in self._forms:
            self._byStart.setdefault(form[:SHORTEST_SECRET], []).append(form)
        self.longest = max(map(len, self._forms), default=0)

    def __call__(self, text: str) -> str:
        # A thousand bots have many secrets, a packet may be long.
        few = len(self._forms) < len(text)
        found = {form for form in self._forms if form in text} if few else self._foundIn(text)
        if found:
            # In one pass, the longest first: what was put in is not looked at again.
            longestFirst = sorted(found, key=len, reverse=True)
            text = re.sub("|".join(map(re.escape, longestFirst)), HIDDEN, text)
        parts = _CUT.split(text)
        parts[:-1:2] = map(self._withoutHalf, parts[:-1:2])
        return "".join(parts)

    def _withoutHalf(self, head: str) -> str:
        """
        The end of an excerpt may be the first half of a secret.
        """
        for start in range(max(0, len(head) - self.longest), len(head) - SHORTEST_SECRET + 1):
            half = head[start:]
            if any(form.startswith(half) for form in self._byStart.get(half[:SHORTEST_SECRET], ())):
                return head[:start] + HIDDEN
        return head

    def _foundIn(self, text: str) -> set[str]:
        """
        The same in a time that does not grow with the number of secrets.
        """
        known = self._byStart
        starts = (text[i : i + SHORTEST_SECRET] for i in range(len(text) - SHORTEST_SECRET + 1))
        return {form for start in starts if start in known for form in known[start] if form in text}


@lru_cache(maxsize=1024)
def redactorOf(secrets: frozenset[str]) -> Redactor:
    """
    A L{Redactor}; made once for the same secrets.
    """
    return Redactor(secrets)


def _formsOf(secret: str) -> Iterator[str]:
    for text in (secret, *credentialsOf(secret)):
        if len(text) >= SHORTEST_SECRET:
            for each in {text, _misread(text)}:
                yield from (form for form in _dresses(each) if len(form) >= SHORTEST_SECRET)


def credentialsOf(url: str) -> Iterator[str]:
    """
    What is secret in a proxy's URL: user and password together, and the
    password alone; but not where the proxy is.

    @param url: maybe no URL at all, which has none.
    """
    try:
        userinfo, found, _ = urlsplit(url).netloc.rpartition("@")
    except ValueError:
        return
    if found:
        password = userinfo.partition(":")[2]
        yield from (userinfo, unquote(userinfo), password, unquote(password))


def _misread(text: str) -> str:
    """
    A header's text as those take it who read UTF-8 for Latin-1, as Node does.
    """
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _dresses(text: str) -> Iterator[str]:
    data = text.encode("utf-8", "surrogatepass")
    yield text
    for safe in ("", "/", "!$&'()*+,;=:@/?"):
        yield quote(data, safe=safe)
    yield quote_plus(data)
    for asciiOnly in (True, False):
        yield json.dumps(text, ensure_ascii=asciiOnly)[1:-1]
    yield json.dumps(text)[1:-1].replace("/", "\\/")  # PHP's
    yield repr(text)[1:-1]
    yield ascii(text)[1:-1]  # as excerpts of errors show it, the next one if it was bytes
    yield ascii(data)[2:-1]
    yield escape(text)
    for encode in (b64encode, urlsafe_b64encode):
        yield encode(data).decode("ascii").rstrip("=")
