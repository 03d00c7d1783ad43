"""
Every option once: what may be given, and what is said to who errs.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsocketio.options import (
    OPTIONS,
    EngineOptions,
    IOOptions,
    ManagerOptions,
    SocketOptions,
    checkHeaders,
    checkQuery,
    readOptions,
    warnIfMilliseconds,
)


def read(**given: Any) -> dict[str, Any]:
    """
    The options of C{io()}, all in one mapping.
    """
    kinds = readOptions(given, IOOptions, EngineOptions, ManagerOptions, SocketOptions)
    return {
        field.name: getattr(options, field.name)
        for options in kinds
        for field in dataclasses.fields(options)
    }


def refused(name: str, value: Any) -> str:
    """
    What is said of a bad value.
    """
    with pytest.raises(ValueError) as raised:
        read(**{name: value})
    assert str(raised.value).startswith(f"{name} must be ")
    return str(raised.value)


class Endpoint:
    def connect(self, factory: Any) -> Any:
        raise NotImplementedError


class EndpointFactory:
    def endpointForURI(self, uri: Any) -> Any:
        raise NotImplementedError


class Parser:
    def encode(self) -> None:
        raise NotImplementedError

    def buildDecoder(self) -> None:
        raise NotImplementedError


class Transport:
    name = "carrier pigeon"


# defaults


def test_manual() -> None:
    """
    The defaults are those of the manual.

    behaviours A2, J13
    """
    found = read()
    assert found["path"] == "/socket.io"
    assert found["transports"] == ("polling", "websocket")
    assert found["withCredentials"] is True
    assert found["rejectUnauthorized"] is True
    assert found["perMessageDeflate"] is None
    assert found["maxMessageBytes"] == 64 * 1024 * 1024
    assert (found["reconnectionDelay"], found["reconnectionDelayMax"]) == (1.0, 5.0)
    assert found["reconnectionAttempts"] == math.inf
    assert (found["timeout"], found["connectTimeout"]) == (20.0, 20.0)
    assert found["sendBufferLimit"] == (10000, 64 * 1024 * 1024)
    assert found["retryOnConnectError"] is found["retryOnServerDisconnect"] is False


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_noneMeansDefault(name: str) -> None:
    """
    Whatever the option, L{None} is as if nothing was given.
    """
    assert read(**{name: None}) == read()


def test_registry() -> None:
    """
    The registry knows every option, with all that a manual needs.
    """
    assert set(OPTIONS) == set(read())
    kinds = {"io", "engine", "limits", "wire", "tls", "manager", "socket"}
    assert {option.kind for option in OPTIONS.values()} == kinds
    for name, option in OPTIONS.items():
        assert option.name == name
        assert option.default == read()[name]
        assert option.meaning.endswith(".")
        assert option.rule
        assert option.unit in ("", "s", "bytes")


def test_registryCannotBeChanged() -> None:
    """
    Nobody adds options behind our back.
    """
    with pytest.raises(TypeError):
        OPTIONS["x"] = OPTIONS["path"]  # type: ignore[index]


# names


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("reconnectionDelaymax", "reconnectionDelayMax"),
        ("reconnection_delay", "reconnectionDelay"),
        ("headers", "extraHeaders"),
        ("Transports", "transports"),
        ("AUTOCONNECT", "autoConnect"),
        ("retry", "retries"),
    ],
)
def test_nearestName(name: str, near: str) -> None:
    """
    Who misspells an option is told the one they meant.
    """
    with pytest.raises(TypeError, match=f"no option '{name}'; did you mean '{near}'"):
        read(**{name: 1})


def test_unknownName() -> None:
    """
    A name like no other is refused without a guess.
    """
    with pytest.raises(TypeError, match="^there is no option 'xyzzy'$"):
        read(xyzzy=1)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("host", "URL"),
        ("hostname", "URL"),
        ("port", "URL"),
        ("secure", "https"),
        ("family", "endpoint="),
        ("origin", "extraHeaders"),
        ("agent", "endpoint="),
        ("autoUnref", "reactor"),
        ("useNativeTimers", "reactor="),
        ("closeOnBeforeunload", "disconnect()"),
        ("force new connection", "forceNew"),
    ],
)
def test_elsewhere(name: str, instead: str) -> None:
    """
    For an option of the JavaScript client that makes no sense here, the
    message says what to use.

    behaviours H6, H7, H11, H12, H13, H14, J12
    """
    with pytest.raises(TypeError) as raised:
        read(**{name: 1})
    assert instead in str(raised.value)


def test_notTakenHere() -> None:
    """
    A socket takes no option of its manager, and says whose it is.
    """
    with pytest.raises(TypeError, match="'reconnection' is an option of the manager"):
        readOptions({"reconnection": False}, SocketOptions)


def test_unknownEvenIfNone() -> None:
    """
    A misspelled name is a mistake even if its value says nothing.
    """
    with pytest.raises(TypeError):
        read(reconect=None)


# values


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("forceNew", True, True),
        ("path", "/x", "/x"),
        ("path", "x/", "x/"),
        ("transports", ["websocket"], ("websocket",)),
        ("transports", (Transport, "polling"), (Transport, "polling")),
        ("transports", [], ()),
        ("timestampRequests", False, False),
        ("timestampParam", "woot", "woot"),
        ("protocols", "chat", ("chat",)),
        ("protocols", ["a", "b"], ("a", "b")),
        ("perMessageDeflate", True, 1024),
        ("perMessageDeflate", False, None),
        ("perMessageDeflate", {"threshold": 0}, 0),
        ("perMessageDeflate", {}, 1024),
        ("perMessageDeflate", 512, 512),
        ("requestTimeout", 5, 5.0),
        ("maxAttachments", 0, 0),
        ("maxMessageBytes", 1, 1),
        ("query", {"a": 1, "b": True, "c": "x", "d": 0.5}, (
            ("a", "1"), ("b", "true"), ("c", "x"), ("d", "0.5"),
        )),
        ("query", (("a", "1"), ("a", "2")), (("a", "1"), ("a", "2"))),
        ("query", dict, dict),
        ("extraHeaders", {"X-A": "b"}, (("X-A", "b"),)),
        ("extraHeaders", dict, dict),
        ("endpoint", "unix:/run/app.sock", "unix:/run/app.sock"),
        ("proxy", "env", "env"),
        ("proxy", "http://user:pass@host:3128", "http://user:pass@host:3128"),
        ("proxy", "socks5://127.0.0.1:9050", "socks5://127.0.0.1:9050"),
        ("localAddress", "127.0.0.1", "127.0.0.1"),
        ("localAddress", "[::1]", "::1"),
        ("ca", "ca.pem", ("ca.pem",)),
        ("ca", ["a.pem", b"-----BEGIN"], ("a.pem", b"-----BEGIN")),
        ("cert", b"-----BEGIN", b"-----BEGIN"),
        ("passphrase", "x", "x"),
        ("ciphers", "ECDHE+AESGCM", "ECDHE+AESGCM"),
        ("rejectUnauthorized", False, False),
        ("reconnectionAttempts", 0, 0),
        ("reconnectionAttempts", math.inf, math.inf),
        ("reconnectionDelay", 0, 0.0),
        ("randomizationFactor", 0, 0.0),
        ("randomizationFactor", 1, 1.0),
        ("timeout", False, False),
        ("timeout", 0, 0.0),
        ("retryOnConnectError", True, True),
        ("retryOnServerDisconnect", callable, callable),
        ("parser", "msgpack", "msgpack"),
        ("auth", {"token": "x"}, {"token": "x"}),
        ("auth", dict, dict),
        ("auth", {}, {}),
        ("retries", 0, 0),
        ("ackTimeout", 2, 2.0),
        ("sendBufferLimit", [5, None], (5, None)),
        ("sendBufferLimit", (None, 0), (None, 0)),
    ],
)  # fmt: skip
def test_good(name: str, value: Any, kept: Any) -> None:
    """
    What may be given is kept in one form; 0 means 0.

    behaviours Q18, Q24, Q35
    """
    found = read(**{name: value})[name]
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize("value", [Endpoint(), "tcp:host:80"])
def test_endpoint(value: Any) -> None:
    """
    An endpoint is what can connect, or its description.

    behaviours J12
    """
    assert read(endpoint=value)["endpoint"] is value


def test_objects() -> None:
    """
    Objects of Twisted are recognized by what they can do, and kept.
    """
    factory, parser, context = EndpointFactory(), Parser(), object()
    assert read(endpointFactory=factory)["endpointFactory"] is factory
    assert read(parser=parser)["parser"] is parser
    assert read(contextFactory=context)["contextFactory"] is context


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("forceNew", 1),
        ("forceNew", "true"),
        ("upgrade", []),
        ("path", ""),
        ("path", "/a?b"),
        ("path", "/a b"),
        ("path", "/a\r\n"),
        ("path", 5),
        ("transports", "websocket"),
        ("transports", ["webtransport"]),
        ("transports", ["polling", "flash"]),
        ("transports", [object]),
        ("transports", 5),
        ("timestampParam", ""),
        ("timestampParam", "\ud800"),
        ("protocols", ["a b"]),
        ("protocols", [""]),
        ("protocols", [5]),
        ("protocols", 5),
        ("perMessageDeflate", "yes"),
        ("perMessageDeflate", -1),
        ("perMessageDeflate", {"level": 1}),
        ("perMessageDeflate", {"threshold": "1"}),
        ("requestTimeout", -1),
        ("requestTimeout", "5"),
        ("requestTimeout", True),
        ("requestTimeout", math.nan),
        ("requestTimeout", math.inf),
        ("requestTimeout", 10**400),
        ("maxMessageBytes", 0),
        ("maxMessageBytes", 1.5),
        ("maxMessageBytes", True),
        ("maxAttachments", -1),
        ("query", "a=b"),
        ("query", {"a": None}),
        ("query", {"a": ["b"]}),
        ("query", {"a": "\ud800"}),
        ("query", {None: "a"}),
        ("query", [("a",)]),
        ("query", ["ab"]),
        ("extraHeaders", {"X": 5}),
        ("extraHeaders", {"X": "a\r\nY: b"}),
        ("extraHeaders", {"X": "a\x00"}),
        ("extraHeaders", {"X": "☃"}),
        ("extraHeaders", {"X Y": "a"}),
        ("extraHeaders", {"X:": "a"}),
        ("extraHeaders", {"": "a"}),
        ("extraHeaders", {5: "a"}),
        ("extraHeaders", "X: a"),
        ("endpoint", ""),
        ("endpoint", 5),
        ("endpointFactory", object()),
        ("endpointFactory", "tcp:a"),
        ("proxy", "host:3128"),
        ("proxy", "ftp://host"),
        ("proxy", "http://host/path"),
        ("proxy", 5),
        ("localAddress", "localhost"),
        ("localAddress", 5),
        ("ca", []),
        ("ca", ""),
        ("ca", [5]),
        ("ca", 5),
        ("cert", 5),
        ("key", b""),
        ("ciphers", ""),
        ("rejectUnauthorized", 0),
        ("rejectUnauthorized", ""),
        ("rejectUnauthorized", "false"),
        ("contextFactory", True),
        ("reconnectionAttempts", -1),
        ("reconnectionAttempts", 1.5),
        ("reconnectionAttempts", "inf"),
        ("reconnectionDelay", -0.1),
        ("randomizationFactor", 1.1),
        ("timeout", True),
        ("timeout", "20"),
        ("connectTimeout", False),
        ("retryOnConnectError", "yes"),
        ("parser", "xml"),
        ("parser", object()),
        ("auth", "token"),
        ("auth", {1: 2}),
        ("retries", -1),
        ("retries", 1.0),
        ("ackTimeout", False),
        ("sendBufferLimit", 5),
        ("sendBufferLimit", (1,)),
        ("sendBufferLimit", (1, -1)),
        ("sendBufferLimit", ("1", 2)),
        ("sendBufferLimit", "12"),
    ],
)
def test_bad(name: str, value: Any) -> None:
    """
    A bad value is refused with the option's name and rule; only a literal
    False turns verification off.

    behaviours P1; faults F109
    """
    assert OPTIONS[name].rule in refused(name, value)


def test_badValueIsShown() -> None:
    """
    The message shows what was given.
    """
    assert refused("timeout", "20") == (
        "timeout must be a number of seconds, 0 or more, or False for none, not '20'"
    )


def test_transportsAsText() -> None:
    """
    The commonest mistake has its own hint.
    """
    assert 'write ["websocket"]' in refused("transports", "websocket")


def test_webtransport() -> None:
    """
    A transport we do not have is named, with those we have.

    behaviours K10, P1
    """
    said = refused("transports", ["polling", "webtransport"])
    assert "no transport 'webtransport'; known are polling, websocket" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auth", "hunter2"),
        ("auth", {1: "hunter2"}),
        ("passphrase", ["hunter2"]),
        ("key", ["hunter2"]),
        ("proxy", "user:hunter2@host"),
        ("extraHeaders", {"Authorization": "hunter2\n"}),
        ("extraHeaders", [("Authorization", b"hunter2")]),
        ("query", {"token": [b"hunter2"]}),
        ("transportOptions", {"polling": {"extraHeaders": {"Cookie": "hunter2\n"}}}),
        ("transportOptions", {"polling": {"proxy": "user:hunter2@host"}}),
    ],
)
def test_secretsAreNotShown(name: str, value: Any) -> None:
    """
    What may be a secret never stands in an error message.
    """
    assert "hunter2" not in refused(name, value)


def test_secretsAreNotInTheRepr() -> None:
    """
    Nor does it stand in the repr of the options.
    """
    found = readOptions(
        {
            "auth": {"token": "hunter2"},
            "query": {"token": "hunter2"},
            "extraHeaders": {"A": "hunter2"},
            "proxy": "http://u:hunter2@h",
            "key": "hunter2",
            "passphrase": "hunter2",
            "transportOptions": {"polling": {"query": {"a": "hunter2"}}},
        },
        EngineOptions,
        SocketOptions,
    )
    assert "hunter2" not in repr(found)


def test_whichHeader() -> None:
    """
    A bad header is named, its value not.
    """
    assert "the header X-Token" in refused("extraHeaders", {"X-Token": "a\n"})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("extraHeaders", {"a": 1}, "the value of the header a must be a text"),
        ("query", {"a": None}, "the query's 'a' must be a text"),
        ("auth", {1: "x"}, "a key is of type int"),
        ("transportOptions", {"polling": 5}, "'polling': a mapping is needed, not something of"),
    ],
)
def test_aMappingIsNotBlamedForWhatIsInIt(name: str, value: Any, says: str) -> None:
    """
    What must be a mapping, and is one, is not called something of type dict.
    """
    text = refused(name, value)
    assert says in text and "type dict" not in text


@given(st.sampled_from(sorted(OPTIONS)), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=4,
))  # fmt: skip
def test_onlyValueErrors(name: str, value: Any) -> None:
    """
    No value whatever makes another exception, and what was kept may be given
    again.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            kept = read(**{name: value})[name]
        except ValueError as error:
            assert name in str(error)
            return
        assert read(**{name: kept})[name] == kept or value is None


# what belongs together


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"endpoint": "tcp:a:1"}, {"endpointFactory": EndpointFactory()}),
        ({"endpoint": "tcp:a:1"}, {"proxy": "env"}),
        ({"endpoint": "tcp:a:1"}, {"localAddress": "::1"}),
        ({"endpointFactory": EndpointFactory()}, {"proxy": "env"}),
        ({"contextFactory": object()}, {"ca": "x"}),
        ({"contextFactory": object()}, {"rejectUnauthorized": False}),
        ({"pfx": "x"}, {"cert": "y"}),
    ],
)
def test_exclude(one: dict[str, Any], other: dict[str, Any]) -> None:
    """
    Two options of which one would silently lose are refused together.
    """
    read(**one)
    read(**other)
    with pytest.raises(ValueError, match="exclude each other"):
        read(**one, **other)


def test_retriesNeedATimeout() -> None:
    """
    With retries an answer is waited for, 10 s if nobody says otherwise.
    """
    assert read(retries=3)["ackTimeout"] == 10.0
    assert read(retries=3, ackTimeout=0)["ackTimeout"] == 0.0
    assert read(retries=0)["ackTimeout"] is None


# transportOptions


def test_forTransport() -> None:
    """
    Options may hold for one transport only.

    behaviours J16
    """
    (options,) = readOptions(
        {
            "extraHeaders": {"X": "all"},
            "transportOptions": {"polling": {"extraHeaders": {"X": "polling"}}},
        },
        EngineOptions,
    )
    assert options.forTransport("polling").extraHeaders == (("X", "polling"),)
    assert options.forTransport("websocket") is options


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "mapping"),
        ({"polling": 5}, "mapping"),
        ({5: {}}, "mapping"),
        ({"polling": {"pathh": "/x"}}, "no option 'pathh'"),
        ({"polling": {"reconnection": True}}, "no option 'reconnection'"),
        ({"polling": {"transports": ["polling"]}}, "no option 'transports'"),
        ({"polling": {"path": 5}}, "path must be"),
    ],
)
def test_badTransportOptions(value: Any, says: str) -> None:
    """
    They are checked as all others are.
    """
    assert says in refused("transportOptions", value)


# the caller's objects


def test_nothingIsShared() -> None:
    """
    What the caller changes later changes nothing here, nor the reverse.

    behaviours A2
    """
    auth = {"user": {"name": "a"}}
    given: dict[str, Any] = {
        "auth": auth,
        "query": {"a": "1"},
        "extraHeaders": {"X": "1"},
        "transports": ["polling"],
        "transportOptions": {"polling": {"query": {"b": "2"}}},
        "sendBufferLimit": [1, 2],
        "protocols": ["a"],
        "ca": ["a"],
    }
    found = read(**given)
    again = read(**given)
    auth["user"]["name"] = "b"
    for value in given.values():
        value.clear()
    assert found == again
    assert found["auth"] == {"user": {"name": "a"}}
    found["auth"]["x"] = 1
    assert "x" not in again["auth"]


def test_frozen() -> None:
    """
    Options do not change once read.
    """
    (options,) = readOptions({}, ManagerOptions)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.timeout = 5


def test_equality() -> None:
    """
    Equal options are equal, however they were written: managers are shared by
    it.
    """
    given: list[Mapping[str, object]] = [
        {"query": {"a": 1}, "transports": ["polling"], "requestTimeout": 5},
        {"query": [("a", "1")], "transports": ("polling",), "requestTimeout": 5.0, "path": None},
    ]
    first, second = (readOptions(each, EngineOptions, ManagerOptions) for each in given)
    assert first == second
    assert first != readOptions({"path": "/x"}, EngineOptions, ManagerOptions)


def test_order() -> None:
    """
    One instance a kind comes back, in the order asked for.
    """
    kinds = [type(each) for each in readOptions({}, SocketOptions, IOOptions)]
    assert kinds == [SocketOptions, IOOptions]


# milliseconds


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [
        (300, "300 s is 5 min"),
        (5000, "5000 s is 1 h 23 min"),
        (20000, "20000 s is 5 h 33 min"),
        (3600, "3600 s is 1 h"),
        (86400.5, "86400.5 s is 1 d"),
        (301, "301 s is 5 min 1 s"),
    ],
)
def test_milliseconds(seconds: float, spoken: str) -> None:
    """
    Who gives milliseconds, as in JavaScript, is told what that means.
    """
    with pytest.warns(UserWarning) as caught:
        assert read(timeout=seconds)["timeout"] == seconds
    (warning,) = caught
    assert str(warning.message) == (
        f"timeout: {spoken}; txsocketio counts seconds, not milliseconds"
    )


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option.unit == "s"])
def test_everyDurationWarns(name: str) -> None:
    """
    Every option that is a duration warns.
    """
    with pytest.warns(UserWarning, match=f"^{name}: 5000 s"):
        read(**{name: 5000})


def test_noWarning() -> None:
    """
    Ordinary durations, and numbers that are no durations, do not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(timeout=299.9, maxAttachments=5000, reconnectionAttempts=5000)
        warnIfMilliseconds("timeout", 299)


def test_warningShowsTheCall() -> None:
    """
    The warning points to the line that gave the number.
    """

    def io(**given: Any) -> None:
        readOptions(given, ManagerOptions)

    def setter(value: float) -> None:
        warnIfMilliseconds("timeout", value, stacklevel=3)

    with pytest.warns(UserWarning) as caught:
        io(timeout=5000)
        setter(5000)
        warnIfMilliseconds("timeout", 5000)
    lines = [warning.lineno for warning in caught]
    first = test_warningShowsTheCall.__code__.co_firstlineno
    assert [warning.filename for warning in caught] == [__file__] * 3
    assert lines == [lines[0], lines[0] + 1, lines[0] + 2]
    assert lines[0] > first + 10


# files


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("forceNew", "yes", True),
        ("forceNew", " Off ", False),
        ("rejectUnauthorized", "false", False),
        ("path", "/chat", "/chat"),
        ("transports", "websocket, polling", ("websocket", "polling")),
        ("protocols", "a,b", ("a", "b")),
        ("perMessageDeflate", "on", 1024),
        ("perMessageDeflate", "off", None),
        ("requestTimeout", "2.5", 2.5),
        ("maxAttachments", "20", 20),
        ("reconnectionAttempts", "inf", math.inf),
        ("reconnectionAttempts", "unlimited", math.inf),
        ("reconnectionAttempts", "5", 5),
        ("reconnectionDelay", "0", 0.0),
        ("randomizationFactor", "0.25", 0.25),
        ("timeout", "none", False),
        ("timeout", "30", 30.0),
        ("retryOnConnectError", "yes", True),
        ("parser", "msgpack", "msgpack"),
        ("endpoint", "unix:/run/app.sock", "unix:/run/app.sock"),
        ("proxy", "env", "env"),
        ("localAddress", "::1", "::1"),
        ("ca", "a.pem, b.pem", ("a.pem", "b.pem")),
        ("cert", "cert.pem", "cert.pem"),
        ("passphrase", "x", "x"),
        ("retries", "3", 3),
        ("sendBufferLimit", "100, none", (100, None)),
    ],
)
def test_text(name: str, text: str, value: Any) -> None:
    """
    A file says options as text; the daemon reads them so.
    """
    found = OPTIONS[name].parseText(text)
    assert found == value
    assert read(**{name: found})[name] == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("forceNew", "maybe"),
        ("forceNew", ""),
        ("requestTimeout", "5s"),
        ("requestTimeout", "-1"),
        ("requestTimeout", "inf"),
        ("requestTimeout", "1e3"),
        ("requestTimeout", "٣"),
        ("maxAttachments", "1_0"),
        ("maxAttachments", "²"),
        ("maxAttachments", "9" * 5000),
        ("maxMessageBytes", "0"),
        ("reconnectionAttempts", "-1"),
        ("randomizationFactor", "2"),
        ("timeout", "soon"),
        ("transports", "websocket, pigeon"),
        ("transports", ""),
        ("sendBufferLimit", "1"),
        ("sendBufferLimit", "1, 2, 3"),
        ("parser", "xml"),
        ("proxy", "host:1"),
        ("localAddress", "localhost"),
        ("cert", ""),
        ("auth", "{}"),
        ("query", "a=b"),
        ("extraHeaders", "X: a"),
        ("transportOptions", "{}"),
        ("endpointFactory", "x"),
        ("contextFactory", "x"),
    ],
)
def test_badText(name: str, text: str) -> None:
    """
    What the file cannot mean is refused with the rule.
    """
    with pytest.raises(ValueError) as raised:
        OPTIONS[name].parseText(text)
    assert str(raised.value).startswith(f"{name} must be {OPTIONS[name].rule}")


def test_notOnOneLine() -> None:
    """
    Options that no line can say are refused as such.
    """
    with pytest.raises(ValueError, match="cannot be written on one line"):
        OPTIONS["endpointFactory"].parseText("x")


# what goes into requests


def test_headersAgain() -> None:
    """
    Checked headers may be checked again, and repeated names are kept.
    """
    pairs = (("Cookie", "a=b"), ("X-Ünused".encode("ascii", "ignore").decode(), "é\t"))
    assert checkHeaders(checkHeaders(pairs)) == pairs
    assert checkHeaders([["a", "1"], ("a", "2")]) == (("a", "1"), ("a", "2"))


@given(st.dictionaries(st.text(), st.text()))
def test_headersAreSafe(headers: dict[str, str]) -> None:
    """
    No header that passes could end its line or the request.
    """
    try:
        pairs = checkHeaders(headers)
    except ValueError:
        return
    block = "".join(f"{name}: {value}\r\n" for name, value in pairs).encode("latin-1")
    assert block.count(b"\r") == block.count(b"\n") == len(headers)
    assert b"\0" not in block


def test_queryOfACallable() -> None:
    """
    The result of a callable is checked by the same rule.
    """
    assert checkQuery({"a": False, 5: "x"}) == (("a", "false"), ("5", "x"))
    with pytest.raises(ValueError, match="a mapping is needed"):
        checkQuery(None)
