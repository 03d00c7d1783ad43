"""
Tests for L{txsocketio.bots.target}.
"""

from __future__ import annotations

from typing import Any

import pytest

from txsocketio.bots.schema import schemaOf
from txsocketio.bots.target import TARGET, clientOptions, optionLines, secretsOfOptions

SCHEMA = schemaOf(*TARGET)


def options(**config: Any) -> dict[str, Any]:
    return clientOptions({name: each.default for name, each in SCHEMA.items()} | config)


def test_theClientIsPatient() -> None:
    """
    It goes on where the library stops and tells.
    """
    assert options() == {
        "retryOnConnectError": True,
        "retryOnServerDisconnect": True,
        "reconnectionDelayMax": 30.0,
        "namespace": None,
    }


def test_credentialsHeadersAndOptionsAreHandedOn() -> None:
    """
    Each under the client's own name; the file's word counts.
    """
    given = options(
        targetNamespace="/b",
        targetAuth={"token": "x"},
        targetHeaders={"A": "b"},
        targetOptions={"reconnectionDelayMax": 5.0},
    )
    assert given["auth"] == {"token": "x"} and given["extraHeaders"] == {"A": "b"}
    assert given["namespace"] == "/b" and given["reconnectionDelayMax"] == 5.0


def test_optionsAreTypedAsTheClientsOwn() -> None:
    """
    One a line.
    """
    assert optionLines("transports: websocket\ntimeout: 7") == {
        "transports": ("websocket",),
        "timeout": 7.0,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("transport: websocket", 'did you mean "transports"'),
        ("auth: x", '"auth" cannot be said here'),
        ("timeout: soon", "timeout"),
        ("reconnectionDelay: -1", "reconnectionDelay"),
    ],
)
def test_mistakesInOptionsAreToldWhenTheFileIsRead(text: str, said: str) -> None:
    """
    Not when the bot starts.
    """
    with pytest.raises(ValueError, match=said):
        optionLines(text)


def test_secretsOfTheURLAndOfOptions() -> None:
    """
    User, password and query of the one; what the client hides of the others.
    """
    secret: Any = SCHEMA["target"].secret
    assert {"pw", "t0ken"} <= set(secret("https://me:pw@example.com/ns?key=t0ken"))
    text = "timeout: 7\nproxy: http://me:pw@proxy:3128\nodd: x"
    assert secretsOfOptions(text) == {"me:pw", "pw"}


def test_theURLIsChecked() -> None:
    """
    As the bot's own.
    """
    with pytest.raises(ValueError):
        SCHEMA["target"].parse("example.com")
    assert SCHEMA["target"].parse("wss://example.com") == "wss://example.com"


def test_withoutAURLThereIsNoTarget() -> None:
    """
    It is the one thing that must be said.
    """
    assert [name for name, option in SCHEMA.items() if option.required] == ["target"]
