"""
Tests for L{txsocketio.commands.target}.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from txsocketio.commands.exits import Ended
from txsocketio.commands.target import BadURL, TargetReader, pair
from txsocketio.commands.texts import Texts

URL = "http://localhost:3000/chat"


def reader(tmp_path: Path | None = None, **environ: str) -> TargetReader:
    return TargetReader(Texts(environ, tmp_path))


def complaint(caught: pytest.ExceptionInfo[Ended]) -> str:
    assert caught.value.status == 2
    return str(caught.value)


def test_optionsByTheirNames() -> None:
    """
    Options are written and typed as in a bots file.
    """
    target = reader()
    target.take("transports", "websocket")
    target.take("header.X-A", "b")
    target.take("header.X-B", "c")
    target.take("auth.token", "t")
    described = target.describe(URL)
    assert described.options == {
        "transports": ("websocket",),
        "extraHeaders": {"X-A": "b", "X-B": "c"},
        "auth": {"token": "t"},
    }
    assert (described.url, described.namespace) == (URL, None)


def test_namespace() -> None:
    """
    The namespace may be given beside the URL, and is checked.
    """
    assert reader().describe(URL, "/admin").namespace == "/admin"
    with pytest.raises(Ended) as caught:
        reader().describe(URL, "admin")
    assert "--namespace: must begin" in complaint(caught)


def test_secrets() -> None:
    """
    Credentials are secrets however they were written, and so is all that was
    put in.
    """
    target = reader(TOKEN="t0ken", HOME_PATH="p4th")
    target.take("auth.token", "plain-one")
    target.take("query.key", "${TOKEN}")
    target.auth('{"deep": [{"pin": "1234567"}, 5]}')
    target.take("path", "/${HOME_PATH}")
    described = target.describe("http://me:pass@localhost/?k=inquery")
    assert described.secrets >= {
        "plain-one", "t0ken", "1234567", "p4th", "me", "pass", "inquery",
    }  # fmt: skip
    assert "pass" not in described.server


@pytest.mark.parametrize("word", ["socks5://10.0.0.1:1080", "${PROXY}"])
def test_theAddressOfAProxyIsNoSecret(word: str) -> None:
    """
    Who must mend it needs to know which one it is.
    """
    target = reader(PROXY="socks5://10.0.0.1:1080")
    target.take("proxy", word)
    assert target.describe(URL).redact("[socks5://10.0.0.1:1080]") == "[socks5://10.0.0.1:1080]"


def test_thePasswordOfAProxyIsOne() -> None:
    """
    With its user, or alone.
    """
    target = reader(PW="hunter22")
    target.take("proxy", "socks5://joe:${PW}@10.0.0.1:1080")
    assert target.describe(URL).redact("joe:hunter22, hunter22") == "(hidden), (hidden)"


def test_theServerIsNoSecret() -> None:
    """
    Not even when the environment says where it is.
    """
    described = reader(URL=URL).describe("${URL}")
    assert described.redact(f"polling {URL}/socket.io/") == f"polling {URL}/socket.io/"


def test_theNameOfAKeyFileIsNoSecret() -> None:
    """
    What is in it is one, however it comes.
    """
    pem = "-----BEGIN PRIVATE KEY-----"
    target = reader(PEM=pem)
    target.take("key", "/etc/key.pem")
    assert target.describe(URL).redact("/etc/key.pem") == "/etc/key.pem"
    target.take("key", "${PEM}")
    assert target.describe(URL).redact(pem) == "(hidden)"


@pytest.mark.parametrize("name", ["key", "pfx"])
def test_whatIsPutForAKeyIsASecret(name: str) -> None:
    """
    Also without armour, when the library takes it for the name of a file.
    """
    target = reader(KEY="MIIEvQIBADAN")
    target.take(name, "${KEY}")
    assert target.describe(URL).redact("cannot read 'MIIEvQIBADAN'") == "cannot read '(hidden)'"


def test_authTogether() -> None:
    """
    C{--auth} wins over the same name in C{--auth-json}.
    """
    target = reader()
    target.take("auth.a", "1")
    target.auth('{"a": 2, "b": 3}')
    assert target.describe(URL).options["auth"] == {"a": "1", "b": 3}


@pytest.mark.parametrize(
    ("word", "said"), [("[]", "must be a JSON object"), ("nix", "'nix' is not JSON")]
)
def test_badAuth(word: str, said: str) -> None:
    """
    What CONNECT carries is an object.
    """
    with pytest.raises(Ended) as caught:
        reader().auth(word)
    assert said in complaint(caught)


def test_putAsItIs() -> None:
    """
    A command may set options itself; the command line wins.
    """
    target = reader()
    target.put("reconnection", False)
    target.take("reconnection", "yes")
    assert target.describe(URL).options == {"reconnection": True}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("transport", 'there is no such option; did you mean "transports"?'),
        ("plugin", "there is no such option"),
        ("forceNew", "a command decides that itself"),
        ("autoConnect", "a command decides that itself"),
        ("auth", "say --auth NAME=VALUE"),
        ("extraHeaders", "say --header NAME=VALUE"),
    ],
)
def test_noSuchOption(name: str, said: str) -> None:
    """
    An unknown option is told with the nearest known one; what belongs to the
    daemon, or to us, is none.
    """
    with pytest.raises(Ended) as caught:
        reader().take(name, "1")
    assert f"--option {name}: {said}" in complaint(caught)


def test_badValue() -> None:
    """
    A bad value is shown, with the rule it breaks.
    """
    with pytest.raises(Ended) as caught:
        reader().take("reconnectionDelay", "soon", "--option reconnectionDelay")
    text = complaint(caught)
    assert text.startswith("--option reconnectionDelay: must be a number of seconds")
    assert "'soon'" in text


def test_badSecretIsNotShown() -> None:
    """
    A bad value that is or holds a secret is not shown.
    """
    with pytest.raises(Ended) as caught:
        reader(P="hush").take("reconnectionDelay", "${P}")
    assert complaint(caught).endswith("(its value is not shown)")
    twice = reader(P="hush")
    twice.take("auth.a", "${P}")
    with pytest.raises(Ended) as caught:
        twice.take("reconnectionDelay", "${P}")
    assert "hush" not in complaint(caught)
    with pytest.raises(Ended) as caught:
        reader().take("proxy", "hush", "--proxy")
    assert "hush" not in complaint(caught)


def test_unsetVariable() -> None:
    """
    A variable that is not set is a mistake, not an empty text.
    """
    with pytest.raises(Ended) as caught:
        reader().take("auth.a", "${NIX}", "--auth a")
    assert "--auth a: the environment variable NIX is not set" in complaint(caught)


def test_badURL() -> None:
    """
    A bad URL is told apart from other mistakes.
    """
    with pytest.raises(BadURL) as caught:
        reader().describe("localhost:3000")
    assert complaint(caught).startswith("the URL: 'localhost:3000' has no scheme")


def test_urlFromTheEnvironment() -> None:
    """
    A password in the URL may come from the environment; C{@} means nothing
    there.
    """
    described = reader(PW="hush").describe("http://me:${PW}@localhost")
    assert described.url == "http://me:hush@localhost"
    assert "hush" in described.secrets


def test_checkedTogether() -> None:
    """
    Options that exclude each other are a mistake.
    """
    target = reader()
    target.take("endpoint", "unix:/x")
    target.take("localAddress", "127.0.0.1")
    with pytest.raises(Ended) as caught:
        target.describe(URL)
    assert "exclude each other" in complaint(caught)


@pytest.mark.parametrize(
    ("word", "flag", "expected"),
    [
        ("a=b=c", "--auth", ("a", "b=c")),
        ("X-A: b=c", "--header", ("X-A", "b=c")),
        ("X-A=b: c", "--header", ("X-A", "b: c")),
        ("a:b=c", "--query", ("a:b", "c")),
        ("a=", "--query", ("a", "")),
    ],
)
def test_pair(word: str, flag: str, expected: tuple[str, str]) -> None:
    """
    A name ends at the first C{=}, a header's also at the first colon.
    """
    assert pair(word, flag) == expected


@pytest.mark.parametrize("word", ["hush", "=hush"])
def test_noPair(word: str) -> None:
    """
    What is no pair may be a secret, and is not shown.
    """
    with pytest.raises(Ended) as caught:
        pair(word, "--auth")
    assert complaint(caught) == "--auth wants NAME=VALUE"
