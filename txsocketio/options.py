"""
Every option once: its name, default, unit, meaning, rule, and how it is
written in a file.

The names are the JavaScript client's; durations are B{seconds}.  This module
is ground floor: it knows no Twisted, so what it cannot look into (endpoints,
parsers, TLS contexts) it checks by what they can do.
"""

from __future__ import annotations

import copy
import difflib
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = [
    "OPTIONS",
    "EngineOptions",
    "IOOptions",
    "ManagerOptions",
    "Option",
    "SocketOptions",
    "checkHeaders",
    "checkQuery",
    "readOptions",
    "warnIfMilliseconds",
]

MEBIBYTE = 1024 * 1024

DEFLATE_THRESHOLD = 1024
"""Messages shorter than this many bytes are not worth compressing."""

SUSPICIOUS_SECONDS = 300
"""From here on a duration was probably meant in milliseconds."""

RETRY_ACK_TIMEOUT = 10.0
"""How many seconds a retried emit waits for its answer when nobody said."""


# kinds of values


class _Explained(ValueError):
    """
    A text that shows no secret.
    """


class _Kind(NamedTuple):
    """
    What an option may be.

    @ivar rule: completes the sentence "X must be ...".
    @ivar read: gives the value to keep, or raises L{ValueError}, with a text
        when the rule alone does not explain it.
    @ivar parse: makes a value for C{read} out of a line of a file.
    @ivar unit: C{"s"}, C{"bytes"}, or nothing.
    """

    rule: str
    read: Callable[[Any], Any]
    parse: Callable[[str], Any] = str
    unit: str = ""


_WORDS = {"true": True, "yes": True, "on": True, "1": True} | {
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def _word(text: str) -> bool:
    try:
        return _WORDS[text.lower()]
    except KeyError:
        raise ValueError from None


def _bool(value: Any) -> bool:
    _demand(isinstance(value, bool))
    return bool(value)


def _demand(good: bool, why: str = "") -> None:
    if not good:
        raise _Explained(why)


def _number(value: Any) -> float:
    _demand(isinstance(value, (int, float)) and not isinstance(value, bool))
    number = float(value)
    _demand(not math.isnan(number) and number >= 0)
    return number


def _finite(value: Any) -> float:
    number = _number(value)
    _demand(math.isfinite(number))
    return number


def _integer(value: Any) -> int:
    _demand(isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    return int(value)


def _positive(value: Any) -> int:
    _demand(_integer(value) > 0)
    return int(value)


def _factor(value: Any) -> float:
    _demand(_number(value) <= 1)
    return float(value)


def _attempts(value: Any) -> float:
    return math.inf if value == math.inf and not isinstance(value, str) else _integer(value)


def _parseInteger(text: str) -> int:
    _demand(text.isascii() and text.isdigit() and len(text) < 20)
    return int(text)


def _parseAttempts(text: str) -> float:
    return math.inf if text.lower() in ("inf", "infinity", "unlimited") else _parseInteger(text)


def _parseSeconds(text: str) -> float:
    _demand(re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", text) is not None)
    return float(text)


def _secondsOrFalse(value: Any) -> float | bool:
    return False if value is False else _finite(value)


def _parseSecondsOrFalse(text: str) -> float | bool:
    return False if text.lower() in ("false", "no", "off", "none") else _parseSeconds(text)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _someNames(text: str) -> tuple[str, ...]:
    names = _list(text)
    _demand(bool(names))
    return names


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _text(value: Any) -> str:
    _demand(isinstance(value, str) and bool(value) and not _CONTROL.search(value))
    return str(value)


def _path(value: Any) -> str:
    _demand(not re.search(r"[?#\s]", _text(value)))
    return str(value)


def _parameter(value: Any) -> str:
    _demand(not _SURROGATE.search(_text(value)))
    return str(value)


_NAMES = ("polling", "websocket")


def _transports(value: Any) -> tuple[Any, ...]:
    _demand(not isinstance(value, str), f'transports must be a list: write ["{value}"]')
    _demand(isinstance(value, Iterable))
    transports = tuple(value)
    for transport in transports:
        known = transport in _NAMES if isinstance(transport, str) else _isTransport(transport)
        _demand(known, f"there is no transport {transport!r:.80}; known are {', '.join(_NAMES)}")
    return transports


def _isTransport(value: Any) -> bool:
    return callable(value) and isinstance(getattr(value, "name", None), str)


def _protocols(value: Any) -> tuple[str, ...]:
    _demand(isinstance(value, Iterable))
    protocols = (value,) if isinstance(value, str) else tuple(value)
    _demand(all(isinstance(name, str) and _TOKEN.fullmatch(name) for name in protocols))
    return protocols


def _deflate(value: Any) -> int | None:
    if isinstance(value, bool):
        return DEFLATE_THRESHOLD if value else None
    if isinstance(value, Mapping):
        _demand(set(value) <= {"threshold"})
        value = value.get("threshold", DEFLATE_THRESHOLD)
    return _integer(value)


def _query(value: Any) -> Any:
    return value if callable(value) else checkQuery(value)


def _headers(value: Any) -> Any:
    return value if callable(value) else checkHeaders(value)


def _auth(value: Any) -> Any:
    if callable(value):
        return value
    _demand(isinstance(value, Mapping))
    for key in value:
        _demand(isinstance(key, str), f"a key is of type {type(key).__name__}")
    return copy.deepcopy(dict(value))


def _transportOptions(value: Any) -> dict[str, dict[str, Any]]:
    _demand(isinstance(value, Mapping))
    return {name: _optionsOfTransport(name, given) for name, given in value.items()}


def _optionsOfTransport(name: Any, given: Any) -> dict[str, Any]:
    _demand(
        isinstance(name, str) and isinstance(given, Mapping),
        f"{name!r:.80}: a mapping is needed, not something of type {type(given).__name__}",
    )
    known = {each.name for each in fields(EngineOptions)} - {"transportOptions", "transports"}
    for option in given:
        _demand(option in known, f"transportOptions: a transport has no option {option!r:.80}")
    return {option: OPTIONS[option].read(each) for option, each in given.items()}


def _able(*verbs: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        _demand(all(callable(getattr(value, verb, None)) for verb in verbs))
        return value

    return read


def _endpoint(value: Any) -> Any:
    return _text(value) if isinstance(value, str) else _able("connect")(value)


def _proxy(value: Any) -> str:
    form = r"(http|socks5)://[^/?#\s]+/?"
    _demand(_text(value) == "env" or re.fullmatch(form, value) is not None)
    return str(value)


def _localAddress(value: Any) -> str:
    return str(ip_address(_text(value).strip("[]")))


def _pem(value: Any) -> str | bytes:
    _demand(isinstance(value, (str, bytes)) and bool(value))
    return value  # type: ignore[no-any-return]


def _pems(value: Any) -> tuple[str | bytes, ...]:
    if isinstance(value, (str, bytes)):
        return (_pem(value),)
    _demand(isinstance(value, Iterable))
    pems = tuple(_pem(each) for each in value)
    _demand(bool(pems))
    return pems


def _contextFactory(value: Any) -> Any:
    _demand(not isinstance(value, (str, bytes, bool, int, float)))
    return value


def _policy(value: Any) -> Any:
    _demand(isinstance(value, bool) or callable(value))
    return value


def _parser(value: Any) -> Any:
    if isinstance(value, str):
        _demand(value in ("json", "msgpack"))
        return value
    return _able("encode", "buildDecoder")(value)


def _limits(value: Any) -> tuple[int | None, int | None]:
    _demand(isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2)
    packets, size = (None if each is None else _integer(each) for each in value)
    return packets, size


def _parseLimits(text: str) -> tuple[int | None, ...]:
    return tuple(None if part.lower() == "none" else _parseInteger(part) for part in _list(text))


def _notInAFile(text: str) -> Any:
    raise ValueError("this option cannot be written on one line of a file")


_BOOL = _Kind("True or False", _bool, _word)
_SECONDS = _Kind("a number of seconds, 0 or more", _finite, _parseSeconds, "s")
_SECONDS_OR_FALSE = _Kind(
    "a number of seconds, 0 or more, or False for none", _secondsOrFalse, _parseSecondsOrFalse, "s"
)
_COUNT = _Kind("a whole number, 0 or more", _integer, _parseInteger)
_BYTES = _Kind("a whole number of bytes, 1 or more", _positive, _parseInteger, "bytes")
_PATH = _Kind("a path without query, fragment or blanks", _path)
_QUERY = _Kind("a mapping of texts, or a callable that gives one", _query, _notInAFile)
_HEADERS = _Kind("a mapping of texts, or a callable that gives one", _headers, _notInAFile)
_AUTH = _Kind("a mapping with str keys, or a callable that gives one", _auth, _notInAFile)
_PEM = _Kind("the name of a PEM file, or its content", _pem)
_POLICY = _Kind("True, False, or a callable that decides", _policy, _word)


# options


@dataclass(frozen=True, slots=True)
class Option:
    """
    One option, for those who read options from elsewhere, and for the manual.

    @ivar kind: the row of the manual's table: C{io}, C{engine}, C{limits},
        C{wire}, C{tls}, C{manager} or C{socket}.
    @ivar default: the value that L{None} stands for.
    @ivar unit: C{"s"}, C{"bytes"} or nothing.
    @ivar meaning: a sentence for the manual.
    @ivar rule: what it may be; completes "X must be ...".
    @ivar secret: the value is never to be shown.
    """

    name: str
    kind: str
    default: Any
    unit: str
    meaning: str
    rule: str
    secret: bool
    _kind: _Kind = field(repr=False)

    def read(self, value: object) -> Any:
        """
        Check a value, and give the one to keep, which shares nothing mutable.

        @raise ValueError: it breaks the rule.
        """
        try:
            return self._kind.read(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise _Explained(self._complaint(value, error)) from None

    def parseText(self, text: str) -> Any:
        """
        Read the option as a file says it.

        @raise ValueError: it breaks the rule, or cannot be said in one line.
        """
        try:
            return self._kind.read(self._kind.parse(text.strip()))
        except ValueError as error:
            raise ValueError(self._complaint(text.strip(), error)) from None

    def _complaint(self, value: object, error: Exception) -> str:
        text = f"{self.name} must be {self.rule}"
        if not self.secret:
            return f"{text}, not {value!r:.80}" + (f" ({error})" if str(error) else "")
        if isinstance(error, _Explained) and str(error):
            return f"{text}: {error}"
        return f"{text}, not something of type {type(value).__name__}"


def _option(kind: _Kind, default: Any, group: str, meaning: str, secret: bool = False) -> Any:
    """
    Declare an option as a field of its dataclass.
    """
    return field(
        default=default,
        repr=not secret,
        metadata={"kind": kind, "group": group, "meaning": meaning, "secret": secret},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IOOptions:
    """
    What concerns L{io} alone.
    """

    forceNew: bool = _option(_BOOL, False, "io", "Make a manager of its own.")
    multiplex: bool = _option(_BOOL, True, "io", "Share a manager with other namespaces.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """
    How one Engine.IO connection is made.  L{None} means "not said".

    C{query} and C{extraHeaders} are pairs as L{checkQuery} and
    L{checkHeaders} give them, or callables whose result must still go there.
    C{perMessageDeflate} is a threshold in bytes, or L{None} for off.
    """

    path: str = _option(_PATH, "/socket.io", "engine", "The path of all requests.")
    addTrailingSlash: bool = _option(_BOOL, True, "engine", "End the path with a slash.")
    query: tuple[tuple[str, str], ...] | Callable[[], Any] = _option(
        _QUERY, (), "engine", "Added to the query of each request.", secret=True
    )
    extraHeaders: tuple[tuple[str, str], ...] | Callable[[], Any] = _option(
        _HEADERS, (), "engine", "Added to the headers of each request.", secret=True
    )
    transports: tuple[Any, ...] = _option(
        _Kind("a list of transport names or classes", _transports, _someNames),
        _NAMES,
        "engine",
        "Transports to use, the first one first.",
    )
    upgrade: bool = _option(_BOOL, True, "engine", "Change to a better transport when offered.")
    rememberUpgrade: bool = _option(
        _BOOL, False, "engine", "Begin with WebSocket when it worked before."
    )
    tryAllTransports: bool = _option(
        _BOOL, False, "engine", "Try the next transport when one cannot connect."
    )
    forceBase64: bool = _option(_BOOL, False, "engine", "Send bytes as text on WebSocket, too.")
    timestampRequests: bool | None = _option(
        _BOOL, None, "engine", "Add a unique token to each request (by default: polling only)."
    )
    timestampParam: str = _option(
        _Kind("a non-empty text", _parameter), "t", "engine", "The name of that token."
    )
    transportOptions: dict[str, dict[str, Any]] | None = _option(
        _Kind("a mapping of transport names to mappings", _transportOptions, _notInAFile),
        None,
        "engine",
        "Options that hold for one transport only.",
        secret=True,
    )
    protocols: tuple[str, ...] = _option(
        _Kind("a list of WebSocket subprotocols", _protocols, _list),
        (),
        "engine",
        "WebSocket subprotocols to offer.",
    )
    perMessageDeflate: int | None = _option(
        _Kind('True, False or {"threshold": bytes}', _deflate, _word),
        None,
        "engine",
        "Compress WebSocket messages above a threshold (1024 bytes).",
    )
    requestTimeout: float | None = _option(
        _SECONDS, None, "engine", "For POST requests and the handshake."
    )
    withCredentials: bool = _option(_BOOL, True, "engine", "Keep cookies, and send them back.")

    maxMessageBytes: int = _option(
        _BYTES, 64 * MEBIBYTE, "limits", "One message received, with its attachments."
    )
    maxAttachments: int = _option(_COUNT, 10, "limits", "Attachments of one packet received.")
    maxHeaderBytes: int = _option(_BYTES, 64 * 1024, "limits", "All headers of one response.")
    maxReceiveBufferBytes: int = _option(
        _BYTES, 8 * MEBIBYTE, "limits", "Events held back until a session is ready."
    )

    endpoint: Any = _option(
        _Kind("a client endpoint, or the string of one", _endpoint),
        None,
        "wire",
        "Connect through this instead of the URL's host and port.",
    )
    endpointFactory: Any = _option(
        _Kind("an IAgentEndpointFactory", _able("endpointForURI"), _notInAFile),
        None,
        "wire",
        "Makes the endpoint of each connection.",
    )
    proxy: str | None = _option(
        _Kind('"http://host:port", "socks5://host:port" or "env"', _proxy),
        None,
        "wire",
        "A proxy for both transports.",
        secret=True,
    )
    localAddress: str | None = _option(
        _Kind("an IP address of this machine", _localAddress),
        None,
        "wire",
        "The address to connect from.",
    )

    ca: tuple[str | bytes, ...] | None = _option(
        _Kind("one or several PEM files, or their content", _pems, _list),
        None,
        "tls",
        "Authorities to trust instead of the platform's.",
    )
    cert: str | bytes | None = _option(_PEM, None, "tls", "Our own certificate.")
    key: str | bytes | None = _option(_PEM, None, "tls", "Its private key.", secret=True)
    passphrase: str | bytes | None = _option(
        _Kind("a text", _pem), None, "tls", "Opens the private key.", secret=True
    )
    pfx: str | bytes | None = _option(
        _Kind("the name of a PKCS #12 file, or its content", _pem),
        None,
        "tls",
        "Certificate and key in one.",
        secret=True,
    )
    ciphers: str | None = _option(
        _Kind("a cipher list as OpenSSL writes it", _text), None, "tls", "Ciphers to offer."
    )
    rejectUnauthorized: bool = _option(
        _BOOL, True, "tls", "Verify the server's certificate; False is dangerous."
    )
    contextFactory: Any = _option(
        _Kind("a TLS policy of Twisted", _contextFactory, _notInAFile),
        None,
        "tls",
        "Decides all of TLS; excludes the other options of TLS.",
    )

    def __post_init__(self) -> None:
        _exclude(self, "endpoint", ("endpointFactory", "proxy", "localAddress"))
        _exclude(self, "endpointFactory", ("proxy", "localAddress"))
        _exclude(self, "contextFactory", ("ca", "cert", "key", "passphrase", "pfx", "ciphers"))
        _exclude(self, "pfx", ("cert", "key"))
        if self.contextFactory is not None and not self.rejectUnauthorized:
            raise ValueError("contextFactory and rejectUnauthorized=False exclude each other")

    def forTransport(self, name: str) -> EngineOptions:
        """
        These options as they hold for one transport (C{transportOptions}).
        """
        own = (self.transportOptions or {}).get(name)
        return replace(self, **own) if own else self


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerOptions:
    """
    How a manager connects and reconnects.

    C{parser} is L{None} or C{"json"}, C{"msgpack"}, or an
    L{IParser <txsocketio.interfaces.IParser>}.
    """

    autoConnect: bool = _option(_BOOL, True, "manager", "Connect as soon as made.")
    reconnection: bool = _option(_BOOL, True, "manager", "Reconnect after a loss.")
    reconnectionAttempts: float = _option(
        _Kind("a whole number, 0 or more, or math.inf", _attempts, _parseAttempts),
        math.inf,
        "manager",
        "How many attempts before giving up.",
    )
    reconnectionDelay: float = _option(
        _SECONDS, 1.0, "manager", "The first delay; each further one is twice as long."
    )
    reconnectionDelayMax: float = _option(
        _SECONDS, 5.0, "manager", "The longest delay, before the jitter."
    )
    randomizationFactor: float = _option(
        _Kind("a number from 0 to 1", _factor, _parseSeconds),
        0.5,
        "manager",
        "The jitter: delays are this part shorter or longer by chance.",
    )
    timeout: float | bool = _option(
        _SECONDS_OR_FALSE, 20.0, "manager", "For the engine to open; False for none."
    )
    connectTimeout: float = _option(
        _SECONDS, 20.0, "manager", "For a session: auth, the answer to CONNECT, session listeners."
    )
    retryOnConnectError: bool | Callable[..., Any] = _option(
        _POLICY, False, "manager", "Try again when the server refused a namespace."
    )
    retryOnServerDisconnect: bool | Callable[..., Any] = _option(
        _POLICY, False, "manager", "Connect again when the server disconnected a namespace."
    )
    parser: Any = _option(
        _Kind('"json", "msgpack" or an IParser', _parser), None, "manager", "How packets look."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOptions:
    """
    What holds for one namespace.
    """

    auth: dict[str, Any] | Callable[[], Any] | None = _option(
        _AUTH, None, "socket", "Sent with CONNECT: the user's credentials.", secret=True
    )
    retries: int = _option(_COUNT, 0, "socket", "How often an unanswered emit is sent again.")
    ackTimeout: float | None = _option(
        _SECONDS, None, "socket", "How long to wait for an answer (10 when retries is given)."
    )
    sendBufferLimit: tuple[int | None, int | None] = _option(
        _Kind("a pair of whole numbers or None (packets, bytes)", _limits, _parseLimits),
        (10000, 64 * MEBIBYTE),
        "socket",
        "Packets waiting offline, and bytes not yet taken by the network.",
    )

    def __post_init__(self) -> None:
        if self.retries and self.ackTimeout is None:
            object.__setattr__(self, "ackTimeout", RETRY_ACK_TIMEOUT)


def _exclude(options: EngineOptions, name: str, others: Iterable[str]) -> None:
    for other in others:
        if getattr(options, name) is not None and getattr(options, other) is not None:
            raise ValueError(f"{name} and {other} exclude each other")


def _describe(kind: type) -> dict[str, Option]:
    return {
        each.name: Option(
            name=each.name,
            kind=each.metadata["group"],
            default=each.default,
            unit=each.metadata["kind"].unit,
            meaning=each.metadata["meaning"],
            rule=each.metadata["kind"].rule,
            secret=each.metadata["secret"],
            _kind=each.metadata["kind"],
        )
        for each in fields(kind)
    }


OPTIONS: Mapping[str, Option] = MappingProxyType(
    _describe(IOOptions)
    | _describe(EngineOptions)
    | _describe(ManagerOptions)
    | _describe(SocketOptions)
)


# reading them

_BY_URL = "say it by the URL"
_ELSEWHERE = {
    "host": f"{_BY_URL}, as in https://example.com:8443",
    "hostname": f"{_BY_URL}, as in https://example.com:8443",
    "port": f"{_BY_URL}, as in https://example.com:8443",
    "secure": f"{_BY_URL}: https or wss is secure, http or ws is not",
    "family": "give an endpoint= instead, as in tcp:::1:3000, or an address in the URL",
    "origin": 'send it by extraHeaders={"Origin": ...}',
    "closeOnBeforeunload": "it concerns browsers; call disconnect() when you end",
    "autoUnref": "it concerns Node; the reactor runs until you stop it",
    "useNativeTimers": "it concerns JavaScript; give a reactor= with the clock you want",
    "agent": "give an endpoint=, endpointFactory= or proxy= instead",
    "force new connection": "it is called forceNew",
}


def readOptions(
    given: Mapping[str, object], *kinds: type[Any], stacklevel: int = 3
) -> tuple[Any, ...]:
    """
    Check the keyword arguments of a call, and sort them by kind.

    L{None} means the default.  What is given is neither changed nor kept
    where it could change later.

    @param kinds: which of L{IOOptions}, L{EngineOptions}, L{ManagerOptions}
        and L{SocketOptions} the call takes.
    @param stacklevel: whose line a warning shows; 3 is the caller's caller.
    @return: one instance a kind, in this order.
    @raise TypeError: an option is not known, or not taken here.
    @raise ValueError: a value breaks the option's rule.
    """
    for name in given:
        if _KIND_OF.get(name) not in kinds:
            raise TypeError(_unknown(name, [each for kind in kinds for each in _namesOf(kind)]))
    values: dict[type[Any], dict[str, Any]] = {kind: {} for kind in kinds}
    for name, value in given.items():
        if value is not None:
            values[_KIND_OF[name]][name] = _readOption(name, value, stacklevel + 1)
    return tuple(kind(**own) if own else _DEFAULTS[kind] for kind, own in values.items())


def _namesOf(kind: type[Any]) -> list[str]:
    return [each.name for each in fields(kind)]


_KINDS: tuple[type[Any], ...] = (IOOptions, EngineOptions, ManagerOptions, SocketOptions)
_KIND_OF = {name: kind for kind in _KINDS for name in _namesOf(kind)}
_DEFAULTS = {kind: kind() for kind in _KINDS}
# Nobody can change an instance, so one of each is enough for all.


def _readOption(name: str, value: object, stacklevel: int) -> Any:
    option = OPTIONS[name]
    try:
        result = option.read(value)
    except _Explained as error:
        raise ValueError(str(error)) from None
    if option.unit == "s":
        warnIfMilliseconds(name, result, stacklevel + 1)
    return result


def _unknown(name: str, taken: Sequence[str]) -> str:
    if name in _ELSEWHERE:
        return f"{name!r} is not an option of txsocketio: {_ELSEWHERE[name]}"
    if name in OPTIONS:
        return f"{name!r} is an option of the {OPTIONS[name].kind}, and cannot be given here"
    close = difflib.get_close_matches(str(name), taken, 1) or difflib.get_close_matches(
        str(name).lower(), [each.lower() for each in taken], 1
    )
    near = next((each for each in taken if close and each.lower() == close[0].lower()), None)
    return f"there is no option {name!r:.80}" + (f"; did you mean {near!r}?" if near else "")


def warnIfMilliseconds(name: str, seconds: float, stacklevel: int = 2) -> None:
    """
    Warn whoever gives a duration so long that it must be JavaScript's.

    @param stacklevel: as L{warnings.warn} takes it; 2 is the caller.
    """
    if seconds >= SUSPICIOUS_SECONDS:
        warnings.warn(
            f"{name}: {seconds:.15g} s is {_spoken(seconds)}; "
            "txsocketio counts seconds, not milliseconds",
            UserWarning,
            stacklevel,
        )


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    # Two words are enough: nobody wants the seconds of a day.
    return " ".join([f"{number} {unit}" for number, unit in parts if number][:2])


# what goes into requests

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


def checkHeaders(headers: Any) -> tuple[tuple[str, str], ...]:
    """
    Make pairs of headers, safe to be written into a request.

    @param headers: a mapping of texts, or pairs as this function gives.
    @raise ValueError: a name is no token, or a value could end the line.
    """
    pairs = _pairs(headers)
    for name, value in pairs:
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise _Explained(f"{name!r:.80} is not the name of a header")
        if not isinstance(value, str) or _NOT_IN_VALUE.search(value):
            raise _Explained(
                f"the value of the header {name} must be a text of Latin-1 characters "
                "without control characters"
            )
    return pairs


def checkQuery(query: Any) -> tuple[tuple[str, str], ...]:
    """
    Make pairs of a query; they are still to be percent-encoded.

    @param query: a mapping of texts, numbers and bools, or pairs.
    @raise ValueError: a name or value is anything else.
    """
    return tuple((_queryText(name, name), _queryText(name, value)) for name, value in _pairs(query))


def _queryText(name: object, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str) and not _SURROGATE.search(value):
        return value
    raise _Explained(f"the query's {name!r:.80} must be a text, a number or a bool")


_SURROGATE = re.compile(r"[\ud800-\udfff]")


def _pairs(given: Any) -> tuple[tuple[Any, Any], ...]:
    if isinstance(given, Mapping):
        return tuple(given.items())
    if not isinstance(given, (tuple, list)):
        raise _Explained(f"a mapping is needed, not something of type {type(given).__name__}")
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in given):
        raise _Explained("a mapping is needed, or pairs of name and value")
    return tuple((name, value) for name, value in given)
