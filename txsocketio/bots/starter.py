"""
C{--init}: a bots file to begin with.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

__all__ = ["STARTER", "TEXT", "writeStarter"]

STARTER = "bots.ini"
"""What the file is called when nobody says."""

TEXT = """\
; A file for "twistd sioclient".  Check it, run it in the foreground:
;
;     twistd sioclient --check --config {file}
;     twistd --nodaemon sioclient --config {file}
;
; A comment stands on a line of its own.  Durations are seconds.  "%" is an
; ordinary character.  ${{VAR}} is the environment's VAR, ${{VAR:-default}} has a
; default, and ${{file:/run/secrets/token}} is what a file holds: so passwords
; need not stand here.

; What concerns all bots together.
[daemon]

; What each section below has unless it says something else.
[DEFAULT]
; The longest pause between two attempts to connect.
reconnectionDelayMax = 30

; One section for each bot; its name is free: letters, digits, "-", "_", ".".
[bot:recorder]
; The server.  A path, as in https://example.com/prices, is the namespace.
url = ${{SIO_URL:-http://127.0.0.1:3000}}

; What the bot does: a plugin of "twistd sioclient --list-plugins", or a class
; of your own as package.module:Class.  "log" writes events as lines of JSON.
plugin = log
; Only these events; without this line, all.
; events = tick, trade
; Where to; without this line, to the standard output.
; file = events.jsonl

; What the server is to know.  header.NAME and query.NAME work alike.
; auth.token = ${{SIO_TOKEN}}

; How to connect.  "twistd sioclient --show-config --config {file}" shows every
; option there is, and its value.
; transports = websocket
; path = /socket.io
; proxy = http://proxy.example.com:3128
; ca = /etc/ssl/our-authority.pem
"""

NEXT = """\
{file} is written.  Read it, then:
    twistd sioclient --check --config {file}
    twistd --nodaemon sioclient --config {file}"""


def writeStarter(file: str) -> str:
    """
    Write the file.

    @return: what to tell whoever asked for it.
    @raise OSError: it cannot be written, or is there already: nothing is
        ever overwritten.
    """
    with open(file, "x", encoding="utf-8") as stream:
        stream.write(TEXT.format(file=file))
    return NEXT.format(file=file)
