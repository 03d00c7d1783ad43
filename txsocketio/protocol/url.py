"""
URLs: what a user writes, and what is requested of the server.

A user's URL says where the server is and, by its path, which namespace is
meant; the path of the requests is an option of its own.  Follows RFC 3986 in
what it accepts.
"""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv6Address
from itertools import count
from typing import NamedTuple
from urllib.parse import quote, unquote

__all__ = ["EngineAddress", "ServerURL", "enginePath", "parseURL", "uniqueTokens"]

MAX_LENGTH = 8000
"""How many characters of URL we look at."""

_SCHEMES = {"http": False, "ws": False, "https": True, "wss": True}
_DEFAULT_PORTS = {False: 80, True: 443}

_FORM = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?")
# A backslash is a slash to some: "http://evil.com\@good.com" has two readings.
_BLANK = re.compile(r"[\x00-\x20\\\x7f-\xa0\u2028\u2029\ud800-\udfff]")
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]+(%[0-9A-Za-z_.-]+)?")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?")


class ServerURL(NamedTuple):
    """
    What a user's URL says.

    @ivar secure: whether TLS is used.
    @ivar host: lower-case ASCII name or address, without brackets.
    @ivar port: the scheme's own when the URL names none.
    @ivar namespace: the path; C{"/"} when there is none.
    @ivar query: the decoded pairs.
    @ivar userinfo: decoded C{user:password}, or L{None}.
    """

    secure: bool
    host: str
    port: int
    namespace: str
    query: tuple[tuple[str, str], ...]
    userinfo: str | None

    @property
    def id(self) -> str:
        """
        The server's name among all servers: scheme, host and port.
        """
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{_bracketed(self.host)}:{self.port}"


class EngineAddress(NamedTuple):
    """
    Where the requests of one engine go.

    @ivar path: as L{enginePath} makes it.
    """

    secure: bool
    host: str
    port: int
    path: str
    userinfo: str | None = None

    @property
    def hostHeader(self) -> str:
        """
        The value of C{Host}; the scheme's own port is left out.
        """
        # A zone ("fe80::1%eth0") means something on this machine only.
        host = _bracketed(self.host.partition("%")[0])
        return host if self.port == _DEFAULT_PORTS[self.secure] else f"{host}:{self.port}"

    def requestURL(self, webSocket: bool, query: Iterable[tuple[str, str]]) -> str:
        """
        The URL to request; a server reads the query back as it was given.

        The userinfo is not part of it: it travels as a header.
        """
        scheme = ("wss" if self.secure else "ws") if webSocket else self._http()
        encoded = "&".join([f"{_encoded(name)}={_encoded(value)}" for name, value in query])
        url = f"{scheme}://{self.hostHeader}{self.path}"
        return f"{url}?{encoded}" if encoded else url

    def _http(self) -> str:
        return "https" if self.secure else "http"


def _encoded(text: str) -> str:
    return text if text.isalnum() and text.isascii() else quote(text, safe="")


def enginePath(path: str, addTrailingSlash: bool) -> str:
    """
    Make the path of all requests out of the option C{path}.

    @raise ValueError: the path holds a query, a fragment or control characters.
    """
    if "?" in path or "#" in path or _BLANK.search(path):
        raise ValueError(f"path {path!r} must not hold '?', '#', blanks or control characters")
    whole = path if path.startswith("/") else f"/{path}"
    quoted = quote(whole.removesuffix("/"), safe="/%:@!$&'()*+,;=~-._")
    return f"{quoted}/" if addTrailingSlash or not quoted else quoted


def uniqueTokens(randomBytes: Callable[[int], bytes] = os.urandom) -> Iterator[str]:
    """
    Tokens against caches, all different: of this process by counting, of all
    others by chance.
    """
    start = urlsafe_b64encode(randomBytes(6)).decode("ascii")
    return (f"{start}{number:x}" for number in count())


# reading a user's URL


def parseURL(url: str) -> ServerURL:
    """
    Read the URL a user gave to C{io()} or C{Manager()}.

    @raise TypeError: it is not a C{str}.
    @raise ValueError: the message says what to write instead.
    """
    if not isinstance(url, str):
        raise TypeError(f'the URL must be a str such as "http://localhost:3000", not {url!r:.80}')
    return _parseURL(url)


@lru_cache(16)
def _parseURL(url: str) -> ServerURL:
    # Once for io() and for its manager, and for all clients of one server.
    scheme, authority, path, query = _split(url)
    secure = _secure(scheme)
    userinfo, at, hostAndPort = authority.rpartition("@")
    host, port = _hostAndPort(hostAndPort, url)
    return ServerURL(
        secure=secure,
        host=host,
        port=_DEFAULT_PORTS[secure] if port is None else port,
        namespace=path or "/",
        query=_pairs(query),
        userinfo=unquote(userinfo) if at else None,
    )


def _split(url: str) -> tuple[str, str, str, str]:
    if len(url) > MAX_LENGTH:
        raise ValueError(f"the URL has {len(url)} characters; at most {MAX_LENGTH} are allowed")
    blank = _BLANK.search(url)
    if blank:
        raise ValueError(
            f"the URL {url!r:.80} holds {blank[0]!r} at position {blank.start()}; "
            "remove it or percent-encode it"
        )
    match = _FORM.match(url)
    if match is None:
        raise ValueError(_withoutScheme(url))
    return match[1], match[2], match[3], match[4] or ""


def _withoutScheme(url: str) -> str:
    rest = url.lstrip(":/") or "localhost:3000"
    return f'the URL {url!r:.80} has no scheme; write "http://{rest:.80}" or "https://{rest:.80}"'


def _secure(scheme: str) -> bool:
    try:
        return _SCHEMES[scheme.lower()]
    except KeyError:
        hint = '; a Unix socket is said by endpoint="unix:/path"' if "unix" in scheme else ""
        raise ValueError(
            f'the scheme "{scheme:.80}" is not supported; use http, https, ws or wss{hint}'
        ) from None


def _pairs(query: str) -> tuple[tuple[str, str], ...]:
    """
    Decode a query as the reference does: a plus sign is a plus sign.
    """
    halves = (part.partition("=") for part in query.split("&") if part)
    return tuple((unquote(name), unquote(value)) for name, _, value in halves)


def _hostAndPort(text: str, url: str) -> tuple[str, int | None]:
    if text.startswith("["):
        address, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError(f"the brackets round the IPv6 address in {url!r:.80} do not match")
        return _address(address, url), _port(rest[1:], url)
    if text.count(":") > 1:
        raise ValueError(
            f'write the IPv6 address in {url!r:.80} in brackets, as in "http://[::1]:3000"'
        )
    host, _, port = text.partition(":")
    return _name(host, url), _port(port, url)


def _address(text: str, url: str) -> str:
    address = unquote(text)
    try:
        if _ADDRESS.fullmatch(address):
            return str(IPv6Address(address))
    except ValueError:
        pass
    raise ValueError(f"{text!r:.80} in {url!r:.80} is not an IPv6 address")


def _port(text: str, url: str) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 65535:
        return int(text)
    raise ValueError(f"the port {text!r:.80} in {url!r:.80} is not a number from 1 to 65535")


def _name(host: str, url: str) -> str:
    if not host:
        raise ValueError(f'the URL {url!r:.80} has no host; write "http://localhost:3000"')
    ascii = host if host.isascii() else _toASCII(host)
    if len(ascii) > 253 or not _HOST.fullmatch(ascii):
        raise ValueError(f"{host!r:.80} in {url!r:.80} is not a host name")
    return ascii.lower()


def _toASCII(host: str) -> str:
    # Its tables are large, and few hosts need them.
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"{host!r:.80} is not a host name: {error}") from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
