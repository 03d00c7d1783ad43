"""
io(): which manager a socket gets, and what is kept alive.
"""

from __future__ import annotations

import gc
from typing import Any
from weakref import WeakKeyDictionary, ref

import pytest

from clientkit import Bench, benchFixture
from support import runPython
from txsocketio import io
from txsocketio.client import _managers
from txsocketio.socket import Socket

bench = benchFixture


_wires: WeakKeyDictionary[Bench, dict[str, Any]] = WeakKeyDictionary()


def _wire(bench: Bench) -> dict[str, Any]:
    """
    The way to this server, the same at each call.
    """
    return _wires.setdefault(bench, bench.options())


def call(bench: Bench, url: str = "http://memory", **options: Any) -> Socket:
    """
    io() itself, that shares managers.
    """
    socket = io(url, **{**_wire(bench), **options})
    if socket.io not in bench.managers:
        bench.managers.append(socket.io)
    return socket


# what is refused


def test_withoutURL() -> None:
    """
    io() needs a URL, and says so (behaviours E1).
    """
    with pytest.raises(TypeError, match="http://localhost"):
        io()


@pytest.mark.parametrize("url", ["localhost:3000", "//localhost:3000", "ftp://localhost"])
def test_urlsWithoutScheme(url: str) -> None:
    """
    A URL without scheme is refused, with the fix in the message (behaviours
    E3, E4).
    """
    with pytest.raises(ValueError):
        io(url)


def test_unknownOption() -> None:
    """
    An unknown option is a TypeError that names the nearest.
    """
    with pytest.raises(TypeError, match="reconnectionDelay"):
        io("http://localhost", reconectionDelay=1)


def test_badNamespace() -> None:
    """
    A namespace that cannot be one is refused before anything is made.
    """
    before = len(_managers)
    with pytest.raises(ValueError):
        io("http://localhost", namespace="/a,b", autoConnect=False)
    assert len(_managers) == before


def test_protocolVersion() -> None:
    """
    The version of the protocol can be asked.
    """
    assert io.protocol == 5  # type: ignore[attr-defined]


# namespaces


@pytest.mark.parametrize(
    ("url", "namespace", "expected"),
    [
        ("http://memory", None, "/"),
        ("http://memory/", None, "/"),
        ("http://memory/foo", None, "/foo"),
        ("http://memory/foo", "/bar", "/bar"),
        ("http://memory/foo", "/", "/"),
        ("http://memory/foo?a=b", None, "/foo"),
    ],
)
def test_namespace(bench: Bench, url: str, namespace: str | None, expected: str) -> None:
    """
    The URL's path is the namespace; the argument wins (behaviours E6).
    """
    socket = io(url, namespace=namespace, **bench.options(autoConnect=False))
    assert socket.nsp == expected


def test_theReactorIsTheGlobalOneByDefault() -> None:
    """
    Nobody must pass the reactor.
    """
    from twisted.internet import reactor

    assert io("http://localhost", autoConnect=False).io.reactor is reactor


# sharing


def test_sameNamespaceTwice(bench: Bench) -> None:
    """
    The second io() for a namespace has a manager of its own (behaviours A3).
    """
    first, second = call(bench), call(bench)
    assert first.io is not second.io
    bench.flush()
    assert first.connected and second.connected


def test_twoNamespacesShare(bench: Bench) -> None:
    """
    Two namespaces of one server share a manager; the options given are not
    changed (behaviours A6).
    """
    options = bench.options(query={"a": "b"})
    before = dict(options)
    first, second = io("http://memory/foo", **options), io("http://memory/bar", **options)
    bench.managers.append(first.io)
    assert first.io is second.io and options == before


def test_differentQuery(bench: Bench) -> None:
    """
    Another query is another manager (behaviours A4).
    """
    first, second = call(bench, "http://memory/?woot"), call(bench, "http://memory/")
    third = call(bench, "http://memory/x?other=1")
    assert len({first.io, second.io, third.io}) == 3


def test_sameQueryOrNone(bench: Bench) -> None:
    """
    The same query, or none, shares the manager.
    """
    first = call(bench, "http://memory/a?token=1")
    assert call(bench, "http://memory/b?token=1").io is first.io
    assert call(bench, "http://memory/c").io is first.io


def test_differentPath(bench: Bench) -> None:
    """
    Another path of the requests is another manager (behaviours A5).
    """
    first, second = call(bench, path="/foo"), call(bench, "http://memory/b", path="/bar")
    assert first.io is not second.io


def test_differentOptions(bench: Bench) -> None:
    """
    A manager is shared only if the options given are its own.
    """
    first = call(bench, "http://memory/a", timeout=7)
    assert call(bench, "http://memory/b").io is first.io
    assert call(bench, "http://memory/c", timeout=7).io is first.io
    assert call(bench, "http://memory/d", timeout=8).io is not first.io
    assert call(bench, "http://memory/e", timeout=None).io is first.io


def test_differentServerOrReactor(bench: Bench) -> None:
    """
    Another port, scheme or reactor is another manager (behaviours E5).
    """
    first = call(bench, "http://memory/a")
    other = Bench()
    assert call(bench, "http://memory:81/b").io is not first.io
    assert call(bench, "http://memory:80/c").io is first.io
    assert call(bench, "ws://memory/d").io is first.io
    assert call(other, "http://memory/e").io is not first.io
    other.end()


@pytest.mark.parametrize("options", [{"forceNew": True}, {"multiplex": False}])
def test_notShared(bench: Bench, options: Any) -> None:
    """
    forceNew and multiplex=False give a manager of one's own, that nobody
    else gets (behaviours Q37).
    """
    own = call(bench, "http://memory/a", **options)
    shared = call(bench, "http://memory/b")
    again = call(bench, "http://memory/c", **options)
    assert len({own.io, shared.io, again.io}) == 3


def test_aClosedManagerIsReused(bench: Bench) -> None:
    """
    A manager that closed is opened again for another namespace (behaviours
    Q36).
    """
    bench.of("/b")
    first = call(bench)
    bench.flush()
    first.disconnect()
    bench.flush()
    second = call(bench, "http://memory/b")
    assert second.io is first.io
    bench.flush()
    assert second.connected


def test_socketOptionsAreTheSockets(bench: Bench) -> None:
    """
    Socket options of two io() calls that share do not mix.
    """
    bench.of("/b")
    call(bench, auth={"n": 1})
    call(bench, "http://memory/b", auth={"n": 2})
    bench.flush()
    assert bench.texts == ['0{"n":1}', '0/b,{"n":2}']


# what is kept alive


def test_anIdleManagerIsCollected(bench: Bench) -> None:
    """
    The cache does not keep a manager that has nothing to do.
    """
    weak = ref(io("http://memory", **bench.options(autoConnect=False)).io)
    gc.collect()
    assert weak() is None


def test_aDisconnectedManagerIsCollected(bench: Bench) -> None:
    """
    Nor one that has left.
    """
    socket = io("http://memory", **bench.options())
    bench.flush()
    socket.disconnect()
    bench.flush()
    weak = ref(socket.io)
    del socket, bench.connections[:]
    gc.collect()
    assert weak() is None


@pytest.mark.parametrize("state", ["opening", "open", "waiting"])
def test_aManagerAtWorkIsKept(bench: Bench, state: str) -> None:
    """
    io(url).on(...) without keeping the result lives on, in each state.
    """
    told: list[str] = []
    if state == "waiting":
        bench.refuse()
    weak = ref(io("http://memory", **bench.options()).on("x", lambda: told.append("x")).io)
    if state != "opening":
        bench.flush()
    gc.collect()
    manager = weak()
    assert manager is not None and manager.state == state
    bench.managers.append(manager)
    del manager
    gc.collect()
    bench.advance(2)
    bench.emit("x")
    bench.flush()
    assert told == ["x"]


CHURN = """
import gc, sys
sys.path.insert(0, "tests")
from twisted.internet.task import Clock
from twisted.logger import globalLogBeginner
from txsocketio import Manager, Socket, io
from txsocketio.client import _managers
from txsocketio.testing import MemoryServer

# Unstarted, Twisted's logging keeps the last 65,536 events and their sources.
globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
server = MemoryServer(Clock())
options = server.options()
for namespace in "ab":
    server.of("/" + namespace)

def cycle():
    sockets = [io("http://memory/" + namespace, **options) for namespace in "ab"]
    server.advance(1)
    for socket in sockets:
        socket.disconnect()
    server.advance(1)
    del server.connections[:], server.attempts[:]

for _ in range(200):
    cycle()
gc.collect()
left = [each for each in gc.get_objects() if isinstance(each, (Manager, Socket))]
print(len(left), len(_managers), len(server.clock.getDelayedCalls()))
"""


def test_churn() -> None:
    """
    Connecting and disconnecting many times leaves no manager, no socket, no
    entry in the cache and no timer.
    """
    done = runPython("-c", CHURN)
    assert (done.stdout.split(), done.stderr) == (["0", "0", "0"], "")
