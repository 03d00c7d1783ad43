"""
The client's options as the command line has them.

The library's errors say what helps in the library's words, C{path=}; whoever
has typed a command is told C{--path}.
"""

from __future__ import annotations

import re

__all__ = ["CLIENT_FLAGS", "FLAGS", "NETWORK_FLAGS", "inFlags", "ofOption"]

# flag, its option in a bots file, what --help shows for the value, help
CLIENT_FLAGS = [
    ("--path", "path", "PATH", "the path of all requests (/socket.io)"),
    ("--transports", "transports", "LIST", "polling,websocket, or one of them"),
    ("--parser", "parser", "NAME", "json or msgpack"),
]
NETWORK_FLAGS = [
    ("--proxy", "proxy", "URL", "http://host:port, socks5://host:port, or env; may be secret"),
    ("--endpoint", "endpoint", "STRING", "a client endpoint, as in unix:/run/app.sock"),
    ("--local-address", "localAddress", "IP", "the address to connect from"),
    ("--ca", "ca", "FILES", "PEM files to trust instead of the platform's"),
    ("--cert", "cert", "FILE", "our own certificate"),
    ("--key", "key", "FILE", "its private key"),
    ("--passphrase", "passphrase", "SECRET", "opens the private key"),
    ("--pfx", "pfx", "FILE", "certificate and key in one, PKCS #12"),
    ("--ciphers", "ciphers", "LIST", "as OpenSSL writes it"),
]
FLAGS = CLIENT_FLAGS + NETWORK_FLAGS

_FLAG_OF = {name: flag for flag, name, *_ in FLAGS} | {
    "auth": "--auth",
    "query": "--query",
    "extraHeaders": "--header",
    "namespace": "--namespace",
}
_NAMES = "|".join(_FLAG_OF)

# path=, transports=["websocket"], namespace="/"; but nothing of a URL, nor what
# a server may have said about its own path=x.
_KEYWORD = re.compile(rf"""(?<![\w?&])({_NAMES})=(?:\[?(["'])([^"']*)\2\]?|(?=[\s,;:.)]|$))""")

_PHRASES = {
    "by auth, query or a header": "by --auth, --query or --header",
    "connect from localAddress": "connect from --local-address",
    "rejectUnauthorized=False": "--insecure",
    "transport names or classes": "transport names",
    '"json", "msgpack" or an IParser': '"json" or "msgpack"',
}

_SUBJECT = re.compile(rf"(^|\b(?:and|without) )({_NAMES})(?=[: ]|$)")


def inFlags(text: str) -> str:
    """
    An error of the library, as it is told to whoever has typed a command.
    Secrets are hidden before: translated, nobody would know them again.
    """
    for phrase, ours in _PHRASES.items():
        text = text.replace(phrase, ours)
    return _KEYWORD.sub(lambda found: f"{_FLAG_OF[found[1]]} {found[3] or ''}".rstrip(), text)


def ofOption(error: ValueError) -> str:
    """
    An error that is about options, with their flags where it begins with their names.
    """
    return _SUBJECT.sub(lambda found: found[1] + _FLAG_OF[found[2]], str(error))
