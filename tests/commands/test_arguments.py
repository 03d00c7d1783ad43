"""
Tests for L{txsocketio.commands.arguments}.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from txsocketio.bots.descriptions import BotDescription
from txsocketio.commands.arguments import COMMANDS, OVERVIEW, parserFor, readItem, targetOf
from txsocketio.commands.exits import Ended
from txsocketio.commands.texts import Texts

URL = "http://localhost:3000"


def parse(command: str, *words: str) -> Namespace:
    return parserFor(command).parse_intermixed_args(words)


def target(*words: str, **options: Any) -> BotDescription:
    return targetOf(parse("listen", URL, *words), Texts({"T": "token"}), **options)


def item(*words: str) -> Any:
    return readItem(parse("emit", URL, *words), Texts({"T": "token"}, Path("/nowhere")))


def complaint(command: str, *words: str) -> str:
    with pytest.raises(Ended) as caught:
        parse(command, *words)
    assert caught.value.status == 2
    return str(caught.value)


@pytest.mark.parametrize("command", [each for each in COMMANDS if each != "ctl"])
def test_helpSaysWhyAndHow(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    The help of each command explains exit codes, shows examples, and says how
    and why secrets are written otherwise.
    """
    with pytest.raises(SystemExit):
        parse(command, "--help")
    shown = capsys.readouterr().out
    for words in ("exit status:", f"sioclient {command} http", "@FILE", "ps shows them", "143"):
        assert words in shown


def test_overview() -> None:
    """
    The overview names every command.
    """
    assert all(f"\n  {command}" in OVERVIEW for command in COMMANDS)


def test_anyOrder() -> None:
    """
    Options may stand between and after the words.
    """
    given = parse("call", "--timeout", "3", URL, "add", "-v", "1", "-2", "--count", "2")
    assert (given.url, given.event, given.args) == (URL, "add", ["1", "-2"])
    assert (given.timeout, given.verbose, given.count) == (3.0, True, 2)


def test_unknownOption() -> None:
    """
    A mistake tells where help is.
    """
    text = complaint("listen", URL, "--nix")
    assert "unrecognized arguments: --nix" in text
    assert "sioclient listen --help" in text


@pytest.mark.parametrize("word", ["0", "-1", "x", "1.5"])
def test_badCount(word: str) -> None:
    """
    A count is a whole number above 0.
    """
    said = f"argument --count/-c: must be a whole number, 1 or more, not {word!r}"
    assert said in complaint("listen", URL, f"--count={word}")


@pytest.mark.parametrize("word", ["-1", "nan", "inf", "soon"])
def test_badSeconds(word: str) -> None:
    """
    Durations are numbers of seconds, not negative nor without end.
    """
    said = f"argument --timeout: must be a number of seconds, 0 or more, not {word!r}"
    assert said in complaint("listen", URL, f"--timeout={word}")


def test_misspeltOption() -> None:
    """
    The one that was probably meant is told.
    """
    assert '; did you mean "--event"?' in complaint("listen", URL, "--evnt", "tick")
    assert "did you mean" not in complaint("listen", URL, "more")


def test_allOptions() -> None:
    """
    Each option reaches the client under its own name.
    """
    described = target(
        "-a", "token=${T}", "-H", "X-A: 1", "-q", "k=v", "--auth-json", '{"n": 1}',
        "--path", "/io", "--transports", "websocket", "--parser", "msgpack",
        "--proxy", "socks5://p:1", "--ca", "a.pem,b.pem", "--cert", "c", "--key", "k",
        "--passphrase", "p", "--ciphers", "HIGH", "--insecure", "--option", "upgrade=no",
        "--local-address", "127.0.0.1", "-n", "/admin",
    )  # fmt: skip
    assert described.namespace == "/admin"
    assert described.options == {
        "auth": {"token": "token", "n": 1},
        "extraHeaders": {"X-A": "1"},
        "query": {"k": "v"},
        "path": "/io",
        "transports": ("websocket",),
        "parser": "msgpack",
        "proxy": "socks5://p:1",
        "localAddress": "127.0.0.1",
        "ca": ("a.pem", "b.pem"),
        "cert": "c",
        "key": "k",
        "passphrase": "p",
        "ciphers": "HIGH",
        "rejectUnauthorized": False,
        "upgrade": False,
    }


def test_theOthers() -> None:
    """
    An endpoint takes the place of the URL's host; a PKCS #12 file that of
    certificate and key.
    """
    described = target("--endpoint", "unix:/x", "--pfx", "f.pfx", reconnection=False)
    assert described.options == {"endpoint": "unix:/x", "pfx": "f.pfx", "reconnection": False}


def test_item() -> None:
    """
    Arguments are JSON.
    """
    assert item("chat", '"hello"', "42", '{"a": ["${T}"]}') == (
        "chat", "hello", 42, {"a": ["token"]},
    )  # fmt: skip


def test_textItem() -> None:
    """
    With C{--text} they are texts, even if they look like something else.
    """
    assert item("chat", "--text", "42", "${T}", "@@x") == ("chat", "42", "token", "@x")


def test_textThatBeginsWithAHyphen() -> None:
    """
    After C{--} nothing is an option.
    """
    assert item("--text", "chat", "--", "-x") == ("chat", "-x")


def test_wordIsNotJSON() -> None:
    """
    A bare word is a mistake, and the message says what to write.
    """
    with pytest.raises(Ended, match=r"ARG: 'hello' is not JSON .*--text"):
        item("chat", "hello")


@pytest.mark.parametrize("words", [("--text", "@nix"), ("@nix",)])
def test_noSuchFile(words: tuple[str, ...]) -> None:
    """
    The hint about texts would not help.
    """
    with pytest.raises(Ended) as caught:
        item("chat", *words)
    assert str(caught.value).endswith("No such file or directory")


def test_lines() -> None:
    """
    With C{--lines} there is no event on the command line.
    """
    assert item("--lines") is None
    with pytest.raises(Ended, match="from the standard input"):
        item("chat", "--lines")


def test_noEvent() -> None:
    """
    Without C{--lines} an event must be named.
    """
    with pytest.raises(Ended, match="say which EVENT"):
        item()
