"""
One cookie jar a manager, for both transports.

Sticky sessions live by cookies, so what a polling response sets must be sent
with the WebSocket's handshake and after a reconnection.  The policy (domain,
path, secure, expiry) is that of L{http.cookiejar}; the bounds are ours, since
a server may send anything (faults F45).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from email.message import Message
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from urllib.request import Request

from twisted.logger import Logger

__all__ = ["MAX_COOKIES", "MAX_COOKIE_BYTES", "BoundedJar", "mergeCookies"]

MAX_COOKIES = 50
"""How many cookies a jar keeps; the oldest goes first."""

MAX_COOKIE_BYTES = 4096
"""The longest C{Set-Cookie} header that is looked at."""

# Anything but visible ASCII, space and tab: what is sent back later must not
# be able to end a header line, nor depend on anyone's idea of an encoding.
_UNSAFE = re.compile(r"[^\t\x20-\x7e]")


class _AnyPortPolicy(DefaultCookiePolicy):
    """
    The standard policy, but ports do not matter (as in RFC 6265).
    """

    def set_ok_port(self, cookie: Cookie, request: Request) -> bool:
        return True

    def return_ok_port(self, cookie: Cookie, request: Request) -> bool:
        return True


class _CountedJar(CookieJar):
    """
    A jar of at most L{MAX_COOKIES}.
    """

    def __init__(self) -> None:
        super().__init__(_AnyPortPolicy())
        self._ages: dict[tuple[str, str, str], None] = {}

    def set_cookie(self, cookie: Cookie) -> None:
        key = cookie.domain, cookie.path, cookie.name
        self._ages.pop(key, None)
        self._ages[key] = None
        super().set_cookie(cookie)
        while len(self._ages) > MAX_COOKIES:
            oldest = next(iter(self._ages))
            del self._ages[oldest]
            # It may have expired meanwhile.
            with suppress(KeyError):
                self.clear(*oldest)


class BoundedJar:
    """
    Remembers the cookies of a server, within bounds.
    """

    __slots__ = ("_changing", "_jar", "_known")

    _log = Logger()

    def __init__(self) -> None:
        self._jar: _CountedJar | None = None  # most servers set none
        # What was sent last to each URL, as long as that cannot change: asking
        # the jar costs a tenth of a polling request.
        self._known: dict[str, list[str]] = {}
        self._changing = False

    def cookiesFor(self, url: str) -> list[str]:
        """
        The cookies to send with a request.

        @param url: the request's URL; C{ws} counts as C{http}, C{wss} as
            C{https}.
        @return: texts of the form C{name=value}.
        """
        if self._jar is None:
            return []
        url = url.partition("?")[0]
        cookies = self._known.get(url)
        if cookies is None:
            cookies = _ask(self._jar, url)
            if not self._changing:
                self._known[url] = cookies
        return cookies.copy()

    def store(self, url: str, headers: Iterable[tuple[str, str]]) -> None:
        """
        Keep what a response sets.

        @param url: the request's URL.
        @param headers: all of the response's headers, each C{Set-Cookie} a
            pair of its own.
        """
        offered = [value for name, value in headers if name.lower() == "set-cookie"]
        accepted = [value for value in offered if _acceptable(value)]
        if len(accepted) < len(offered):
            self._log.warn(
                "ignored {count} malformed or oversized cookies of {url}",
                count=len(offered) - len(accepted),
                url=url.partition("?")[0],
            )
        if accepted:
            if self._jar is None:
                self._jar = _CountedJar()
            response = _Response(accepted[-MAX_COOKIES:])
            # The two types are what the jar uses of them, and no more.
            self._jar.extract_cookies(response, Request(_httpURL(url)))  # type: ignore[arg-type]
            self._known.clear()
            self._changing = any(cookie.expires is not None for cookie in self._jar)

    def __len__(self) -> int:
        return 0 if self._jar is None else len(self._jar)


def _ask(jar: CookieJar, url: str) -> list[str]:
    request = Request(_httpURL(url))
    jar.add_cookie_header(request)
    return _splitCookies(request.get_header("Cookie", ""))


def mergeCookies(given: str, stored: Sequence[str]) -> str:
    """
    Make one C{Cookie} header of the user's and the jar's; the jar wins.
    """
    names = {cookie.partition("=")[0] for cookie in stored}
    kept = [cookie for cookie in _splitCookies(given) if cookie.partition("=")[0] not in names]
    return "; ".join([*kept, *stored])


class _Response:
    """
    As much of a response as a jar looks at.
    """

    def __init__(self, cookies: Sequence[str]) -> None:
        self._message = Message()
        for cookie in cookies:
            self._message["Set-Cookie"] = cookie

    def info(self) -> Message:
        return self._message


def _acceptable(cookie: str) -> bool:
    return len(cookie) <= MAX_COOKIE_BYTES and _UNSAFE.search(cookie) is None


def _splitCookies(header: str) -> list[str]:
    return [cookie for part in header.split(";") if (cookie := part.strip())]


def _httpURL(url: str) -> str:
    return f"http{url[2:]}" if url.startswith("ws") else url
