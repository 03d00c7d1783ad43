"""
Tests for L{txsocketio.bots.web}.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bots.lookkit import Visit, ask, document, status
from conftest import LoggedFailures
from txsocketio.bots import web
from txsocketio.bots.page import CONTENT_SECURITY_POLICY
from txsocketio.bots.states import BotState

DOWN = status("lost", state=BotState.BACKING_OFF)


def site(
    source: Callable[[], Any] = document, clock: Clock | None = None, metrics: bool = True
) -> Any:
    return web.buildSite(source, clock or Clock(), metrics)


def test_thePageIsServedAndNothingElseMayRunInIt() -> None:
    """
    HTML in UTF-8, with the policy that names its style and script only.
    """
    code, headers, body = ask(site(), "/")
    assert code == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "ticker" in body


def test_theDocumentIsServedAsJSON() -> None:
    """
    As the page's script reads it.
    """
    code, headers, body = ask(site(), "/status.json")
    assert (code, headers["content-type"]) == (200, "application/json")
    assert json.loads(body) == document()


def test_theDocumentIsThatOfTheMoment() -> None:
    """
    It is asked for at each request, and nobody is to keep it.
    """
    documents = [document(), document(DOWN)]
    served = site(documents.pop)
    assert json.loads(ask(served, "/status.json")[2])["ready"] is False
    code, headers, body = ask(served, "/status.json")
    assert json.loads(body)["ready"] is True
    assert headers["cache-control"] == "no-store"


def test_healthyIsWhoeverAnswers() -> None:
    """
    The liveness probe does not look at bots: a restart would not help them.
    """
    assert ask(site(lambda: 1 / 0), "/healthz")[::2] == (200, "ok\n")


def test_readyWhenNobodyIsWaitedFor() -> None:
    """
    The readiness probe's good answer.
    """
    assert ask(site(), "/readyz")[::2] == (200, "ready\n")


def test_notReadyNamesTheBots() -> None:
    """
    The readiness probe's bad answer says who is waited for.
    """
    code, _, body = ask(site(lambda: document(status(), DOWN)), "/readyz")
    assert (code, body) == (503, "not ready: waiting for lost\n")


def test_metricsAreServed() -> None:
    """
    In Prometheus' own content type.
    """
    code, headers, body = ask(site(), "/metrics")
    assert (code, headers["content-type"].split(";")[0]) == (200, "text/plain")
    assert 'sioclient_bot_connects_total{bot="ticker"} 2.0' in body


def test_metricsThatCannotBeHadSayHowToHaveThem(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without prometheus_client all else works, and this says what to install.
    """

    def missing(_: Any) -> Any:
        raise ImportError("prometheus_client")

    monkeypatch.setattr(web, "exposition", missing)
    code, _, body = ask(site(), "/metrics")
    assert code == 501
    assert 'python -m pip install "txsocketio[metrics]"' in body


def test_metricsMayBeTurnedOff() -> None:
    """
    Then they are neither there nor linked to.
    """
    served = site(metrics=False)
    assert ask(served, "/metrics")[0] == 404
    assert "metrics" not in ask(served, "/")[2].partition("</main>")[2].partition("<script>")[0]


@pytest.mark.parametrize("path", ["/nothing", "/status.json/more", "/../etc/passwd"])
def test_thereIsNoOtherPage(path: str) -> None:
    """
    And nothing of what was asked for comes back.
    """
    code, _, body = ask(site(), path)
    assert code == 404
    assert "passwd" not in body


def test_headIsAnsweredWithoutABody() -> None:
    """
    Its length is told nevertheless.
    """
    code, headers, body = ask(site(), "/healthz", "HEAD")
    assert (code, headers["content-length"], body) == (200, "3", "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FOO"])
def test_nothingButLookingIsAllowed(method: str) -> None:
    """
    A page of a browser cannot do anything here.
    """
    code, headers, _ = ask(site(), "/", method)
    assert (code, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "header", ["Content-Length: 10000000000", "Content-Length: 13", "Transfer-Encoding: chunked"]
)
def test_aBodyIsRefusedBeforeItComes(header: str) -> None:
    """
    A request that announces one is answered and cut off, and only once, even
    when the body came along.
    """
    visit = Visit(site())
    body = "3\r\nabc\r\n0\r\n\r\n"
    visit.send(f"GET / HTTP/1.1\r\nHost: h\r\n{header}\r\n\r\n".encode())
    answer = visit.send(body.encode())
    assert answer.startswith("HTTP/1.1 413 ")
    assert answer.count("HTTP/1.1") == 1
    assert visit.wire.disconnecting
    visit.leave()


def test_endlessHeadersAreRefused() -> None:
    """
    After 16 KiB.
    """
    visit = Visit(site())
    answer = visit.send(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 4000)
    assert answer.startswith("HTTP/1.1 400 ")
    assert visit.wire.disconnecting
    visit.leave()


def test_aConnectionCarriesOneRequest() -> None:
    """
    What is sent behind the first one is not answered.
    """
    visit = Visit(site())
    answer = visit.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 2)
    assert answer.count("HTTP/1.1 200") == 1
    assert "connection: close" in answer.lower()
    assert visit.wire.disconnecting
    visit.leave()


def test_whoDawdlesIsCutOff() -> None:
    """
    One byte now and then does not keep a connection.
    """
    clock = Clock()
    visit = Visit(site(clock=clock))
    for _ in range(14):
        clock.advance(1)
        visit.send(b"G")
    assert not visit.wire.aborted
    clock.advance(1)
    assert visit.wire.aborted
    visit.leave()


def test_nothingIsLeftOfAConnectionThatEnded() -> None:
    """
    Its deadline goes with it.
    """
    clock = Clock()
    Visit(site(clock=clock)).leave()
    assert clock.getDelayedCalls() == []


def test_thereIsRoomForSoManyConnections(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    One more is closed at once; when one ends there is room again.
    """
    monkeypatch.setattr(web, "MAX_CONNECTIONS", 2)
    served = site()
    first, second = Visit(served), Visit(served)
    assert Visit(served).protocol is None
    first.leave()
    third = Visit(served)
    assert third.protocol is not None
    second.leave()
    third.leave()


def test_aDocumentMayTakeItsTime() -> None:
    """
    A supervisor asks its workers first.
    """
    asked: Deferred[Any] = Deferred()
    visit = Visit(site(lambda: asked))
    assert visit.send(b"GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n") == ""
    asked.callback(document())
    assert visit.wire.value().endswith(b"\r\n\r\nready\n")
    visit.leave()


def test_whoLeftMeanwhileIsNotAnswered() -> None:
    """
    And nobody is troubled by that.
    """
    asked: Deferred[Any] = Deferred()
    visit = Visit(site(lambda: asked))
    visit.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    visit.leave()
    asked.callback(document())
    assert visit.wire.value() == b""


def test_aPageThatCannotBeMadeSaysWhereToLook(failures: LoggedFailures) -> None:
    """
    The log has the reason; whoever asks has none of it.
    """
    code, _, body = ask(site(lambda: 1 / 0), "/")
    assert (code, body) == (500, "this page could not be made; the log says why\n")
    assert len(failures.flush(ZeroDivisionError)) == 1


def test_noAccessLog(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A page that looks every two seconds does not fill the daemon's log.
    """
    served = site()
    served.doStart()
    ask(served, "/")
    served.doStop()
    assert capsys.readouterr().out == ""
