"""
Tests for L{txsocketio.bots.config}.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from txsocketio.bots.config import parseConfig, readConfig
from txsocketio.bots.descriptions import BotDescription, DaemonDescription
from txsocketio.bots.keys import DAEMON_KEYS, Key
from txsocketio.bots.mistakes import ConfigError, PluginError
from txsocketio.bots.schema import PluginOption, integer, listOf, schemaOf
from txsocketio.bots.substitute import Substitution

PLUGINS = {
    "log": schemaOf(
        PluginOption("events", "which events", listOf, ()), PluginOption("count", "", integer, 5)
    ),
    "hook": schemaOf(
        PluginOption("target", "where to", required=True),
        PluginOption("pin", "the key to the target", int, secret=True),
        PluginOption("odd", "", lambda text: {}[text]),
    ),
    "clash": schemaOf(PluginOption("timeout"), PluginOption("auth")),
}
ENVIRON = {"TOKEN": "hunter22", "HOST": "example.com", "BAD": "no-number"}


def find(name: str) -> Any:
    if name not in PLUGINS:
        raise PluginError(f'there is no plugin "{name}"')
    return SimpleNamespace(name=name, schema=PLUGINS[name])


def parse(text: str, environ: Mapping[str, str] = ENVIRON) -> DaemonDescription:
    return parseConfig(text, "bots.ini", find, Substitution(environ, Path()))


def one(lines: str) -> BotDescription:
    (bot,) = parse(f"[bot:a]\nurl = http://h\nplugin = log\n{lines}").bots
    return bot


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value).split("\n")


def mistake(lines: str, plugin: str = "log") -> str:
    """
    The one mistake that these lines make in an otherwise good section.
    """
    (text,) = mistakes(f"[bot:a]\nurl = http://h\nplugin = {plugin}\n{lines}")
    return text


# what a good file gives


def test_aSectionBecomesADescription() -> None:
    """
    Values are typed: the daemon's, the client's, the plugin's.
    """
    bot = one("namespace = /x\ndrainTimeout = 2\nreconnectionDelay = 3\ntransports = websocket")
    assert (bot.name, bot.url, bot.plugin) == ("a", "http://h", "log")
    assert (bot.namespace, bot.drainTimeout) == ("/x", 2.0)
    assert bot.options["reconnectionDelay"] == 3.0
    assert bot.options["transports"] == ("websocket",)


def test_mappingsAreBuiltOfTheirKeys() -> None:
    """
    C{query.}, C{auth.} and C{header.} lines become the client's options.
    """
    bot = one("query.a = 1\nauth.token = ${TOKEN}\nheader.X-Key = k%41")
    assert bot.options["query"] == {"a": "1"}
    assert bot.options["auth"] == {"token": "hunter22"}
    assert bot.options["extraHeaders"] == {"X-Key": "k%41"}


def test_aDaemonRetriesWhereTheLibraryStops() -> None:
    """
    Refused credentials are tried again, unless the file says no.
    """
    assert one("").options["retryOnConnectError"] is True
    assert one("").options["retryOnServerDisconnect"] is True
    assert one("retryOnConnectError = no").options["retryOnConnectError"] is False


def test_aPluginIsGivenAllItsOptions() -> None:
    """
    What the file does not say has its default.
    """
    assert one("events = tick, trade").config == {"events": ("tick", "trade"), "count": 5}


def test_defaultsHoldForTheBotsThatKnowThem() -> None:
    """
    A plugin's option under C{[DEFAULT]} concerns the bots of that plugin; a
    section's own line wins.
    """
    text = """
[DEFAULT]
url = http://${HOST}
count = 7
reconnectionDelay = 2
[bot:a]
plugin = log
[bot:b]
plugin = log
count = 8
[bot:c]
plugin = hook
target = t
"""
    a, b, c = parse(text).bots
    assert (a.url, a.config["count"], a.options["reconnectionDelay"]) == (
        "http://example.com",
        7,
        2,
    )
    assert b.config["count"] == 8
    assert "count" not in c.config


def test_secretsAreKnownWhicheverWayTheyCame() -> None:
    """
    What was put in, what authenticates, and what a plugin calls secret.
    """
    (bot,) = parse(
        "[bot:a]\nurl = http://h/${TOKEN}\nplugin = hook\ntarget = t\npin = 4711\n"
        "path = /${HOST}\nauth.pass = open sesame\nheader.X-Key = xyzzy\nquery.k = plugh\n"
    ).bots
    assert bot.secrets == {"hunter22", "4711", "open sesame", "xyzzy", "plugh"}


def test_whatAnErrorMustTellIsNoSecret() -> None:
    """
    Which proxy, and which file: only what opens them is hidden.
    """
    redact = one("proxy = http://me:hunter22@px.example:3128\nkey = /etc/bot.pem").redact
    assert redact("px.example:3128, /etc/bot.pem") == "px.example:3128, /etc/bot.pem"
    assert redact("me:hunter22") == "(hidden)"


def test_equalFilesGiveEqualDescriptions() -> None:
    """
    A reload can tell which bots changed.
    """
    assert one("count = 1") == one("count = 1")
    assert one("count = 1") != one("count = 2")


def test_theDaemonsOwnSectionIsRead(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Its keys are typed as all others.
    """
    monkeypatch.setitem(DAEMON_KEYS, "limit", Key("limit", "daemon", integer, ""))  # type: ignore[arg-type]
    text = "[bot:a]\nurl = http://h\nplugin = log\n[daemon]\nlimit = "
    assert parse(text + "3").settings == {"limit": 3}
    assert mistakes(text + "x") == ["bots.ini:5: [daemon] limit: must be a whole number, 0 or more"]


# what a bad file is told


MANY = """\
stray = 1
[daemon]
prot = 1
[DEFAULT]
reconnection_delay = 3
drainTimeout = soon
[bot:a]
url = example.com
plugin = log
evnts = tick
[bot:b]
url = http://h
plugin = lgo
[bot:b]
[bot:c]
plugin = hook
tokn = ${NOWHERE}
[bots]
[deamon]
[bot:a b]
url = http://h
plugin = log
"""

MANY_SAID = """\
bots.ini:1: this stands before the first section, e.g. "[bot:ticker]"
bots.ini:3: [daemon] prot: unknown key
bots.ini:5: [DEFAULT] reconnection_delay: no bot knows this key; did you mean "reconnectionDelay"?
bots.ini:6: [DEFAULT] drainTimeout: must be a number of seconds, 0 or more
bots.ini:8: [bot:a] url: the URL 'example.com' has no scheme; write "http://example.com" or \
"https://example.com"
bots.ini:10: [bot:a] evnts: unknown key; did you mean "events"?
bots.ini:13: [bot:b] plugin: there is no plugin "lgo"
bots.ini:14: [bot:b]: this section is already there, in line 11
bots.ini:15: [bot:c]: "target" is missing
bots.ini:15: [bot:c]: "url" is missing
bots.ini:17: [bot:c] tokn: unknown key
bots.ini:18: [bots]: unknown section; a bot is [bot:NAME]
bots.ini:19: [deamon]: unknown section; did you mean "daemon"?
bots.ini:20: [bot:a b]: a bot's name is at most 64 letters, digits, hyphens, dots"""


def test_everyMistakeIsReportedAtOnce() -> None:
    """
    Each with file, line, section, key, and what was probably meant.
    """
    assert mistakes(MANY) == MANY_SAID.split("\n")


def test_anEmptyFileIsToldWhatToWrite() -> None:
    """
    A file without a bot would run nothing.
    """
    assert mistakes("") == ["bots.ini: describes no bot; begin a section with [bot:NAME]"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("recconect = 1", 'recconect: unknown key; did you mean "reconnection"?'),
        ("reconnection = maybe", "reconnection: must be True or False, not 'maybe'"),
        ("auth = x", "auth: write auth.KEY = value, one line for each"),
        ("forceNew = yes", "forceNew: each bot has a connection of its own; leave this out"),
        ("autoConnect = no", "autoConnect: a bot connects when it starts; leave this out"),
        ("count = ${NO}", "count: the environment variable NO is not set"),
        ("header.X = \u20ac", "header.X: must be what HTTP allows: a name without blanks"),
    ],
)
def test_aMistakeNamesKeyAndRule(lines: str, said: str) -> None:
    """
    The sentence is one a newcomer can act on.
    """
    assert mistake(lines).startswith(f"bots.ini:4: [bot:a] {said}")


@pytest.mark.parametrize(
    "lines", ["count = ${BAD}", "proxy = hunter22", "header.a = hunter22\u20ac"]
)
def test_aBadSecretIsNotShown(lines: str) -> None:
    """
    What came from the environment, or authenticates, stands in no message.
    """
    said = mistake(lines)
    assert "(its value is not shown)" in said
    assert "hunter22" not in said and "no-number" not in said


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[bot:a]\nurl = http://h\nplugin = ${TOKEN}", "bots.ini:3: [bot:a] plugin"),
        (
            "[bot:a]\nurl = http://h\nplugin = log\n[daemon]\nready = ${TOKEN}",
            "bots.ini:5: [daemon] ready",
        ),
    ],
)
def test_aSecretThatIsTakenForANameIsNotShown(text: str, where: str) -> None:
    """
    Somebody gave the wrong variable.
    """
    (said,) = mistakes(text)
    assert said.startswith(where) and said.endswith(" (its value is not shown)")
    assert "hunter22" not in said


def test_aPluginsOwnReaderMayRaiseAnything() -> None:
    """
    A plugin's bug is a mistake at the line that met it.
    """
    assert mistake("target = t\nodd = x", "hook") == "bots.ini:5: [bot:a] odd: KeyError: 'x'"


def test_aPluginsSecretThatDoesNotFitIsNotShown() -> None:
    """
    The reader's own message would show it.
    """
    said = mistake("target = t\npin = hunter22", "hook")
    assert said == (
        "bots.ini:5: [bot:a] pin: does not fit: the key to the target (its value is not shown)"
    )


def test_aPluginMayNotReuseTheClientsNames() -> None:
    """
    One name means one thing in a section.
    """
    said = mistakes("[bot:a]\nurl = http://h\nplugin = clash")
    assert [line.split('"')[1] for line in said] == ["auth", "timeout"]
    assert all(line.startswith("bots.ini:3: [bot:a] plugin: the plugin calls") for line in said)


def test_optionsThatExcludeEachOtherAreTold() -> None:
    """
    What the client would refuse as a whole is refused here.
    """
    said = mistake("endpoint = tcp:h:1\nlocalAddress = 127.0.0.1")
    assert said == "bots.ini:1: [bot:a]: endpoint and localAddress exclude each other"


def test_aDefaultThatNoBotKnowsIsAMistake() -> None:
    """
    It would silently do nothing.
    """
    said = mistakes("[DEFAULT]\nevnts = x\n[bot:a]\nurl = http://h\nplugin = log")
    assert said == ['bots.ini:2: [DEFAULT] evnts: no bot knows this key; did you mean "events"?']


def test_aDefaultThatIsSaidDifferentlyIsToldOnce() -> None:
    """
    C{auth} under C{[DEFAULT]} is one mistake, however many bots there are.
    """
    bots = "".join(f"[bot:{name}]\nurl = http://h\nplugin = log\n" for name in "ab")
    said = mistakes(f"[DEFAULT]\nauth = x\n{bots}")
    assert said == ["bots.ini:2: [DEFAULT] auth: write auth.KEY = value, one line for each"]


def test_nothingIsSaidOfTheKeysOfAPluginThatIsNotThere() -> None:
    """
    Its options are not known, so none can be wrong.
    """
    said = mistakes("[DEFAULT]\nmine = 1\n[bot:a]\nurl = http://h\nplugin = gone\nother = 2")
    assert said == ['bots.ini:5: [bot:a] plugin: there is no plugin "gone"']


def test_aPlainSlipIsToldWithoutThePlugin() -> None:
    """
    What can hardly be the plugin's own key does not hide behind its absence.
    """
    said = mistakes("[DEFAULT]\nTIMEOUT = 1\n[bot:a]\nurl = http://h\nplugin = gone\nUpgrade = 2")
    assert said == [
        'bots.ini:2: [DEFAULT] TIMEOUT: no bot knows this key; did you mean "timeout"?',
        'bots.ini:5: [bot:a] plugin: there is no plugin "gone"',
        'bots.ini:6: [bot:a] Upgrade: unknown key; did you mean "upgrade"?',
    ]


def test_aBotWithoutAPluginIsAMistake() -> None:
    """
    There is no plugin by default.
    """
    assert mistakes("[bot:a]\nurl = http://h") == ['bots.ini:1: [bot:a]: "plugin" is missing']


def test_aPluginsNameThatCannotBeHadIsToldOnce() -> None:
    """
    C{plugin} is read twice, and wrong once.
    """
    said = mistakes("[bot:a]\nurl = http://h\nplugin = ${NO}")
    assert len(said) == 1 and "variable NO is not set" in said[0]


# reading a file


def write(folder: Path, data: bytes) -> str:
    file = folder / "bots.ini"
    file.write_bytes(data)
    return str(file)


TWO = b"\xef\xbb\xbf[DEFAULT]\nurl=http://h\nplugin=log\n[bot:a]\nauth.t=${file:t}\n[bot:b]\n"


def test_filesAreRelativeToTheBotsFile(tmp_path: Path) -> None:
    """
    A bots file and its secrets can be moved together; a byte order mark does
    not matter.
    """
    (tmp_path / "t").write_text("hunter22\n")
    described = readConfig(write(tmp_path, TWO), find)
    assert described.bots[0].options["auth"] == {"t": "hunter22"}
    assert Path(described.file).is_absolute()


def test_onlyTheBotsNamedAreRun(tmp_path: Path) -> None:
    """
    C{--bot b} leaves out the others.
    """
    (tmp_path / "t").write_text("x")
    described = readConfig(write(tmp_path, TWO), find, only=["b"])
    assert [bot.name for bot in described.bots] == ["b"]


def test_onlyTheBotsOfAllSharesAreRun(tmp_path: Path) -> None:
    """
    A machine has a share, and each of its workers a share of that.
    """
    (tmp_path / "t").write_text("x")
    file = write(tmp_path, TWO)
    names = [
        [bot.name for bot in readConfig(file, find, shares=shares).bots]
        for shares in ([{"a", "b"}], [{"a", "b"}, {"b"}], [{"a"}, {"b"}])
    ]
    assert names == [["a", "b"], ["b"], []]


def test_aBotThatIsNotThereCannotBeRun(tmp_path: Path) -> None:
    """
    The nearest name is suggested.
    """
    (tmp_path / "t").write_text("x")
    file = write(tmp_path, TWO.replace(b"bot:b", b"bot:ticker"))
    with pytest.raises(ConfigError, match=r'\[bot:tickr\]: .* did you mean "ticker"'):
        readConfig(file, find, only=["tickr"])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[s]\n\n\xff", ":3: this line is not UTF-8 text"),
        (b"x" * (4 * 1024 * 1024 + 1), ": has more than 4194304 bytes"),
    ],
)
def test_aFileThatIsNoTextIsRefused(tmp_path: Path, data: bytes, said: str) -> None:
    """
    A wrong file named by accident gives one sentence, not a thousand.
    """
    file = write(tmp_path, data)
    with pytest.raises(ConfigError) as caught:
        readConfig(file, find)
    assert str(caught.value) == file + said


@pytest.mark.parametrize(("file", "why"), [("none.ini", "No such file"), ("a\0b", "null byte")])
def test_aFileThatCannotBeReadIsNamed(tmp_path: Path, file: str, why: str) -> None:
    """
    The message says which file, and why.
    """
    with pytest.raises(ConfigError, match=f"cannot be read: .*{why}"):
        readConfig(str(tmp_path / file), find)


def test_onlyBotsOfTheFileCanBeWaitedFor() -> None:
    """
    A slip in C{ready} would mean never ready.
    """
    bot = "[bot:ticker]\nurl = http://h\nplugin = log\n"
    assert mistakes(bot + "[daemon]\nready = ticker, tikcer") == [
        'bots.ini:5: [daemon] ready: there is no bot "tikcer"; did you mean "ticker"?'
    ]
    assert parse(bot + "[daemon]\nready = ticker").settings["ready"].names == ("ticker",)
